"""How campaigns stand, for many at once, on both databases: it says what each campaign's own records say."""

from dataclasses import replace

from domain.fidelity import Fidelity
from domain.measurement import Censoring
from domain.quantity import Goal, Objective
from domain.states import CampaignState
from domain.timing import Timing, TimingKind
from services.intake import record_measurement, retract
from services.intake.testing import claim, example_measurement
from services.reports.spending import best_against_spent
from services.store.examples import Bench, example_pick, example_spec, open_round
from services.store.standings import Standing

GROUPLESS = None


def make(bench: Bench, name: str, *, goal: Goal = Goal.MINIMIZE):
    """A campaign whose target is answered by a machine, so that values are plain."""
    spec = example_spec(name)
    ladder = (spec.ladder[0], Fidelity("lab", oracle="laboratory", cost=10.0), replace(spec.ladder[1], cost=2.5))
    spec = replace(spec, ladder=ladder, objective=Objective("formation_energy", goal))
    return bench.store.campaigns.create(spec)


def answer(bench: Bench, query, value: float, censoring: Censoring = Censoring.NONE):
    claimed = claim(bench.store, query)
    measurement = replace(example_measurement(value, at=bench.clock), censoring=censoring)
    return record_measurement(bench.store, query.id, fence=claimed.fence, measurement=measurement)


def answer_round(bench: Bench, campaign, index: int, *values: float):
    first = 100 * index
    open_round(bench.store, campaign.id, index, [example_pick(first + n, "dft") for n in range(len(values))])
    queries = bench.store.queries.list(campaign.id, round_index=index)
    return [answer(bench, query, value) for query, value in zip(queries, values, strict=True)]


def standing_of(bench: Bench, campaign) -> Standing:
    others = bench.store.campaigns.list()
    return bench.store.standings.of(others)[campaign.id]


def test_a_campaign_that_has_not_begun_stands_at_nothing(store_bench: Bench) -> None:
    assert store_bench.store.standings.of([]) == {}
    assert standing_of(store_bench, make(store_bench, "fresh")) == Standing()


def test_a_bound_that_only_says_how_good_at_most_is_never_the_best(store_bench: Bench) -> None:
    campaign = make(store_bench, "bounded", goal=Goal.MAXIMIZE)
    open_round(store_bench.store, campaign.id, 0, [example_pick(n, "dft") for n in range(3)])
    first, second, third = store_bench.store.queries.list(campaign.id)
    answer(store_bench, first, -1.0, censoring=Censoring.BELOW)
    assert standing_of(store_bench, campaign).best is None
    answer(store_bench, second, -2.0)
    answer(store_bench, third, -1.5, censoring=Censoring.ABOVE)
    standing = standing_of(store_bench, campaign)
    assert (standing.best.value, standing.best.censoring) == (-1.5, Censoring.ABOVE)
    assert [point.value for point in standing.progress] == [-1.5]
    curve = best_against_spent(store_bench.store, "bounded")["dft"]
    assert [point.best for point in curve] == [-2.0, -1.5]


def test_the_budget_is_the_ledgers(store_bench: Bench) -> None:
    campaign, other = make(store_bench, "one"), make(store_bench, "two")
    answer_round(store_bench, campaign, 0, -1.0, -2.0)
    answer_round(store_bench, other, 0, -1.0)
    open_round(store_bench.store, campaign.id, 1, [example_pick(900), example_pick(901, "lab")])
    for each in (campaign, other):
        standing, balance = standing_of(store_bench, each), store_bench.store.ledger.balance(each.id)
        assert (standing.booked, standing.reserved) == (balance.booked, balance.reserved)
    standing = standing_of(store_bench, campaign)
    assert standing.looks == {"done": 2, "queued": 2}
    assert (standing.n_rounds, standing.n_for_laboratory, standing.n_awaiting_approval) == (2, 1, 0)
    assert standing.n_for_machines == 0  # the runner answers the rest by itself


def test_the_best_so_far_never_gets_worse(store_bench: Bench) -> None:
    low, high = make(store_bench, "low"), make(store_bench, "high", goal=Goal.MAXIMIZE)
    for campaign in (low, high):
        for index, values in enumerate([(-1.0, -1.5), (-1.2,), (-0.5, -3.0)]):
            answer_round(store_bench, campaign, index, *values)
    assert [point.value for point in standing_of(store_bench, low).progress] == [-1.5, -1.5, -3.0]
    assert [point.value for point in standing_of(store_bench, high).progress] == [-1.0, -1.0, -0.5]
    best = standing_of(store_bench, low).best
    assert best is not None
    assert (best.value, best.sigma) == (-3.0, 0.02)


def test_what_was_taken_back_no_longer_counts(store_bench: Bench) -> None:
    campaign = make(store_bench, "retracted")
    wrong, right = answer_round(store_bench, campaign, 0, -9.0, -1.0)
    retract(store_bench.store, wrong.id, reason="a slip", worker="x")
    standing = standing_of(store_bench, campaign)
    assert standing.best is not None
    assert standing.best.value == right.measurement.value
    assert [point.value for point in standing.progress] == [-1.0]


def test_cheaper_looks_are_not_the_target(store_bench: Bench) -> None:
    campaign = make(store_bench, "cheap")
    open_round(store_bench.store, campaign.id, 0, [example_pick(1)])
    (query,) = store_bench.store.queries.list(campaign.id)
    answer(store_bench, query, -5.0)
    assert standing_of(store_bench, campaign).best is None


def test_the_next_date_is_that_of_the_active_schedules(store_bench: Bench) -> None:
    campaign = make(store_bench, "scheduled")
    late = store_bench.store.schedules.add(campaign.id, Timing(TimingKind.INTERVAL, "2d"), created_by="x")
    soon = store_bench.store.schedules.add(campaign.id, Timing(TimingKind.INTERVAL, "6h"), created_by="x")
    assert standing_of(store_bench, campaign).next_at == soon.next_at
    store_bench.store.schedules.set_active(soon.id, is_active=False)
    assert standing_of(store_bench, campaign).next_at == late.next_at


def test_the_newest_campaigns_come_first_page_by_page_and_by_their_words(store_bench: Bench) -> None:
    campaigns = store_bench.store.campaigns
    spec = replace(example_spec("oxides"), description="100 % of Garnets_1")
    records = [make(store_bench, "sulfides"), campaigns.create(spec), make(store_bench, "chlorides")]
    assert [found.name for found in campaigns.list_newest(GROUPLESS, limit=2)] == ["chlorides", "oxides"]
    older = campaigns.list_newest(GROUPLESS, limit=2, before_id=records[1].id)
    assert [found.name for found in older] == ["sulfides"]
    for text, names in {"IDES": 3, "garnets_1": 1, "0 %": 1, "%": 1, "_": 1, "lazuli": 0, "'": 0}.items():
        assert len(campaigns.list_newest(GROUPLESS, text=text)) == names, text
    assert campaigns.list_newest(frozenset({77})) == ()
    assert campaigns.list_newest(GROUPLESS, states=[CampaignState.RUNNING]) == ()
    assert campaigns.list_newest(GROUPLESS, are_archived=True) == ()
