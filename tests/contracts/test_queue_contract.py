"""Claims, approval, pauses, priorities and wishes to be woken, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from domain.campaign import CampaignSpec
from domain.errors import ConflictError, InvalidValueError, NotFoundError
from domain.events import EventKind
from domain.fidelity import AnsweredBy, Capability
from domain.measurement import FailureKind
from domain.states import CampaignState, QueryState
from services.intake import record_measurement
from services.intake.testing import example_measurement
from services.store import open_store
from services.store.examples import Bench, example_pick, example_spec, open_round
from services.store.records import CampaignRecord, QueryRecord
from services.store.tables import campaigns

POTENTIAL = Capability("potential")
ASE = Capability("ase")


def machine_spec(name: str = "example", *, max_concurrent: int | None = None, **budget: float) -> CampaignSpec:
    spec = example_spec(name)
    static, dft, lab = spec.ladder
    machines = {"answered_by": AnsweredBy.MACHINES, "max_concurrent": max_concurrent}
    ladder = (replace(static, **machines), replace(dft, **machines, settings={"calculator": "emt"}), lab)
    return replace(spec, ladder=ladder, budget=replace(spec.budget, **budget))


def opened(bench: Bench, spec: CampaignSpec, *picks) -> tuple[CampaignRecord, tuple[QueryRecord, ...]]:
    campaign = bench.store.campaigns.create(spec)
    open_round(bench.store, campaign.id, 0, picks)
    return campaign, bench.store.queries.list(campaign.id)


def claim_next(bench: Bench, worker: str, *oracles: Capability, campaign_ids=None) -> QueryRecord | None:
    return bench.store.queries.claim_next(
        worker=worker, lease_s=60, oracles=oracles or (POTENTIAL,), campaign_ids=campaign_ids
    )


def kinds(bench: Bench, campaign: CampaignRecord) -> list[EventKind]:
    return [record.event.kind for record in bench.store.events.list(campaign.id)]


def test_machines_get_the_oldest_query_that_they_can_answer(store_bench: Bench) -> None:
    _, queries = opened(store_bench, machine_spec(), example_pick(1, "dft"), example_pick(2), example_pick(3, "lab"))
    assert claim_next(store_bench, "none", Capability("density")) is None
    assert claim_next(store_bench, "lab", Capability("laboratory")) is None
    assert claim_next(store_bench, "other", Capability("ase", "0" * 64)) is None
    digest = machine_spec().ladder[1].settings_digest
    assert claim_next(store_bench, "exact", Capability("ase", digest)).id == queries[0].id
    claimed = claim_next(store_bench, "any", ASE, POTENTIAL)
    assert (claimed.id, claimed.fence, claimed.attempts, claimed.worker) == (queries[1].id, 1, 1, "any")
    assert claim_next(store_bench, "late", ASE, POTENTIAL) is None


def test_queries_of_the_runner_are_not_handed_to_machines(store_bench: Bench) -> None:
    opened(store_bench, example_spec(), example_pick(1))
    assert claim_next(store_bench, "m") is None


def test_urgent_campaigns_come_first_and_foreign_ones_never(store_bench: Bench) -> None:
    idle, (slow,) = opened(store_bench, machine_spec("idle"), example_pick(1))
    urgent, (fast, second) = opened(store_bench, machine_spec("urgent"), example_pick(1), example_pick(2))
    assert store_bench.store.campaigns.set_priority(urgent.id, 5).priority == 5
    assert claim_next(store_bench, "a").id == fast.id
    assert claim_next(store_bench, "b", campaign_ids=[idle.id]).id == slow.id
    assert claim_next(store_bench, "c", campaign_ids=[]) is None
    assert claim_next(store_bench, "d").id == second.id


def test_a_worker_that_died_gets_its_own_query_again(store_bench: Bench) -> None:
    _, (first, second) = opened(store_bench, machine_spec(), example_pick(1), example_pick(2))
    assert claim_next(store_bench, "m1").id == first.id
    store_bench.clock.advance(59)
    missed = claim_next(store_bench, "m1")
    assert (missed.id, missed.attempts) == (first.id, 1), "it may have missed the answer, and has not begun to look"
    store_bench.clock.advance(61)
    again = claim_next(store_bench, "m1")
    assert (again.id, again.fence, again.attempts) == (first.id, 1, 2)
    assert again.lease_until == store_bench.clock() + timedelta(seconds=60)
    assert claim_next(store_bench, "m2").id == second.id


def test_a_look_that_always_takes_its_worker_down_is_given_up(store_bench: Bench) -> None:
    store = store_bench.store
    campaign, (deadly, next_one) = opened(store_bench, machine_spec(), example_pick(1), example_pick(2))
    store.campaigns.set_state(campaign.id, CampaignState.RUNNING)
    for _ in range(2):
        assert claim_next(store_bench, "m1").id == deadly.id
        store_bench.clock.advance(61)
    store.campaigns.take_wake(campaign.id, store.campaigns.get("example").wake_at or store.now())
    assert claim_next(store_bench, "m1").id == next_one.id
    assert store.queries.get(deadly.id).state is QueryState.FAILED
    (failed,) = store.failures.list(campaign.id)
    assert (failed.is_final, failed.failure.kind) == (True, FailureKind.TRANSIENT)
    assert failed.failure.reason == "Its worker was lost 2 times, the last one was m1."
    assert store.campaigns.get("example").wake_at == store.now(), "nobody waits for it any more"


def test_what_lapsed_goes_to_the_next_and_the_late_heartbeat_is_refused(store_bench: Bench) -> None:
    _, (query,) = opened(store_bench, machine_spec(), example_pick(1))
    late = claim_next(store_bench, "m1")
    store_bench.clock.advance(61)
    taken = claim_next(store_bench, "m2")
    assert (taken.id, taken.fence, taken.attempts) == (query.id, 2, 2)
    assert not store_bench.store.queries.heartbeat(query.id, late.fence, 60)
    assert not store_bench.store.queries.release(query.id, late.fence)
    assert store_bench.store.queries.heartbeat(query.id, taken.fence, 60)
    evidence = record_measurement(store_bench.store, query.id, fence=late.fence, measurement=example_measurement())
    assert evidence.is_evidence
    assert claim_next(store_bench, "m1") is None


@pytest.mark.parametrize("halted", [CampaignState.PAUSED, CampaignState.STOPPED])
def test_nothing_is_claimed_while_a_campaign_rests_but_answers_count(store_bench: Bench, halted: CampaignState) -> None:
    store = store_bench.store
    campaign, (first, second, third) = opened(store_bench, machine_spec(), *map(example_pick, range(3)))
    claimed = claim_next(store_bench, "m1")
    store.campaigns.set_state(campaign.id, halted)
    assert claim_next(store_bench, "m2") is None
    assert store.queries.claim(second.id, worker="m2", lease_s=60) is None
    assert claim_next(store_bench, "m1").id == first.id
    assert store.queries.heartbeat(first.id, claimed.fence, 60)
    answer = record_measurement(store, first.id, fence=claimed.fence, measurement=example_measurement())
    assert not answer.is_evidence
    assert store.queries.claim(third.id, worker="lab", lease_s=60, is_answered=True) is not None
    assert store.campaigns.resume(campaign.id).state is CampaignState.RUNNING
    assert claim_next(store_bench, "m2").id == second.id


def test_an_oracle_bears_no_more_looks_than_its_limit(store_bench: Bench) -> None:
    store = store_bench.store
    _, (first, second, _) = opened(store_bench, machine_spec(max_concurrent=2), *map(example_pick, range(3)))
    _, (other,) = opened(store_bench, machine_spec("other"), example_pick(1))
    assert claim_next(store_bench, "m1").id == first.id
    assert claim_next(store_bench, "m2").id == second.id
    assert store.queries.claim(first.id + 2, worker="m3", lease_s=60) is None
    assert claim_next(store_bench, "m3").id == other.id, "its own campaign sets no limit"
    assert claim_next(store_bench, "m4") is None
    store.queries.release(first.id, 1)
    assert claim_next(store_bench, "m4") is None, "the other campaign's look counts too"
    store.queries.release(other.id, 1)
    assert claim_next(store_bench, "m4", campaign_ids=[first.campaign_id]).id == first.id


def test_a_worker_that_missed_the_reply_claims_its_query_again(store_bench: Bench) -> None:
    queries = store_bench.store.queries
    _, (first, second) = opened(store_bench, machine_spec(max_concurrent=1), *map(example_pick, range(2)))
    missed = queries.claim(first.id, worker="m1", lease_s=60)
    store_bench.clock.advance(5)
    again = queries.claim(first.id, worker="m1", lease_s=60)
    assert (again.fence, again.attempts) == (missed.fence, 1), "its own look does not keep it away"
    assert again.lease_until == store_bench.clock() + timedelta(seconds=60)
    assert queries.claim(second.id, worker="m1", lease_s=60) is None
    assert queries.claim(first.id, worker="m2", lease_s=60) is None


def test_thousands_of_campaigns_are_as_good_as_one(store_bench: Bench) -> None:
    store, n_campaigns = store_bench.store, 2000
    _, (query,) = opened(store_bench, machine_spec(max_concurrent=1), example_pick(1))
    with store.writing() as connection:
        alike = dict(connection.execute(select(*(c for c in campaigns.c if c.name != "id"))).mappings().one())
        others = [{**alike, "name": f"other-{n}"} for n in range(1, n_campaigns)]
        connection.execute(insert(campaigns), others)
    ids = store.campaigns.ids(None)
    assert len(ids) == n_campaigns
    claimed = claim_next(store_bench, "m1")
    assert claimed.id == query.id
    assert claim_next(store_bench, "m2") is None
    record_measurement(store, query.id, fence=claimed.fence, measurement=example_measurement())
    assert [found.query_id for found in store.machines.measurements("potential", ids, limit=5)] == [query.id]
    assert store.machines.failures("potential", ids, limit=5) == ()


def test_threads_race_for_the_queue(store_bench: Bench) -> None:
    _, queries = opened(store_bench, machine_spec(), *map(example_pick, range(8)))
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: claim_next(store_bench, f"m{n}"), range(8)))
    assert sorted(query.id for query in won if query) == sorted({query.id for query in won if query})
    # A loser may find every row locked for a moment; it asks again.
    rest = [query for n in range(8) if won[n] is None and (query := claim_next(store_bench, f"m{n}"))]
    assert {query.id for query in [*won, *rest] if query} == {query.id for query in queries}


def test_threads_race_for_a_limited_oracle(store_bench: Bench) -> None:
    opened(store_bench, machine_spec(max_concurrent=3), *map(example_pick, range(8)))
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: claim_next(store_bench, f"m{n}"), range(8)))
    assert sum(query is not None for query in won) == 3


def test_costly_looks_wait_for_approval(store_bench: Bench) -> None:
    store = store_bench.store
    spec = machine_spec(approval_above=50)
    campaign, (cheap, costly, dear) = opened(
        store_bench, spec, example_pick(1), example_pick(1, "dft"), example_pick(2, "dft")
    )
    assert [query.state for query in (cheap, costly, dear)] == [
        QueryState.QUEUED, QueryState.AWAITING_APPROVAL, QueryState.AWAITING_APPROVAL
    ]  # fmt: skip
    assert store.ledger.balance(campaign.id).reserved == pytest.approx(101.7)
    assert EventKind.APPROVAL_WANTED in kinds(store_bench, campaign)
    assert claim_next(store_bench, "m", ASE) is None
    assert store.queries.claim(costly.id, worker="m", lease_s=60) is None
    assert store.approval.waiting(campaign.id) == store.approval.waiting() == (costly, dear)
    assert store.approval.waiting(after_id=costly.id, campaign_ids=[campaign.id]) == (dear,)
    assert store.approval.waiting(campaign_ids=[]) == ()

    approved = store.approval.approve(costly.id, "ada", "worth it")
    assert (approved.state, approved.judged_by, approved.judgement) == (QueryState.QUEUED, "ada", "worth it")
    assert approved.judged_at == store_bench.clock()
    assert store.campaigns.by_id(campaign.id).wake_at == store_bench.clock()
    assert claim_next(store_bench, "m", ASE).id == costly.id
    with pytest.raises(InvalidValueError, match="needs a reason"):
        store.approval.deny(dear.id, "ada", " ")
    denied = store.approval.deny(dear.id, "ada", "too dear")
    assert (denied.state, denied.judgement) == (QueryState.CANCELLED, "too dear")
    assert store.ledger.balance(campaign.id).reserved == pytest.approx(51.4)
    assert kinds(store_bench, campaign)[-1] is EventKind.QUERY_DENIED

    assert store.approval.deny(dear.id, "bob", "again").judged_by == "ada"
    assert store.approval.approve(costly.id, "bob").judged_by == "ada"
    with pytest.raises(ConflictError, match="cancelled and was judged by ada"):
        store.approval.approve(dear.id, "bob")
    with pytest.raises(ConflictError, match="waits for nobody's approval"):
        store.approval.deny(cheap.id, "bob", "too dear")
    with pytest.raises(NotFoundError, match="number 99"):
        store.approval.approve(99, "bob")


def test_judgement_of_many_is_all_or_nothing(store_bench: Bench) -> None:
    store = store_bench.store
    campaign, (cheap, *costly) = opened(
        store_bench, machine_spec(approval_above=2), *(example_pick(n, "dft" if n else "static") for n in range(3))
    )
    ids = [query.id for query in costly]
    with pytest.raises(ConflictError, match="waits for nobody's approval"):
        store.approval.deny_many([*ids, cheap.id], "ada", "no money")
    assert len(store.approval.waiting(campaign.id)) == 2
    assert [query.state for query in store.approval.approve_many(ids, "ada")] == [QueryState.QUEUED] * 2


def test_of_two_who_judge_at_once_one_is_heard(store_bench: Bench) -> None:
    store = store_bench.store
    _, (query,) = opened(store_bench, machine_spec(approval_above=2), example_pick(1, "dft"))

    def judge(says_yes: bool) -> bool:
        try:
            (store.approval.approve if says_yes else store.approval.deny)(query.id, str(says_yes), "heard")
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        heard = list(pool.map(judge, [True, False]))
    assert heard.count(True) == 1
    kept = store.queries.get(query.id)
    assert (kept.state is QueryState.QUEUED) is heard[0]
    assert len([row for row in store.ledger.rows(query.campaign_id) if row.kind.value == "release"]) == heard[1]


def test_wishes_to_be_woken(store_bench: Bench) -> None:
    campaigns, now = store_bench.store.campaigns, store_bench.clock()
    first, second, third = (campaigns.create(example_spec(name)) for name in ("first", "second", "third"))
    assert campaigns.waking(now) == ()
    campaigns.wake(first.id)
    campaigns.wake(second.id, now - timedelta(seconds=5))
    campaigns.wake(third.id, now + timedelta(seconds=5))
    assert [record.name for record in campaigns.waking(now)] == ["second", "first"]
    campaigns.set_priority(first.id, 1)
    assert [record.name for record in campaigns.waking(now)] == ["first", "second"]
    campaigns.wake(second.id)
    seen = campaigns.by_id(second.id).wake_at
    assert seen == now - timedelta(seconds=5), "an earlier wish stands"
    assert not campaigns.take_wake(second.id, now)
    assert campaigns.take_wake(second.id, seen)
    assert not campaigns.take_wake(second.id, seen)
    campaigns.set_state(first.id, CampaignState.PAUSED)
    assert campaigns.waking(now) == ()
    store_bench.clock.advance(5)
    assert [record.name for record in campaigns.waking(store_bench.clock())] == ["third"]
    assert campaigns.resume(first.id, reason="back").wake_at == now
    with open_store(store_bench.url) as other, ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda n: (campaigns, other.campaigns)[n % 2].take_wake(first.id, now), range(8)))
    assert sum(taken) == 1


def test_campaigns_page_by_page(store_bench: Bench) -> None:
    campaigns = store_bench.store.campaigns
    first, second, third = (campaigns.create(example_spec(name)) for name in ("first", "second", "third"))
    assert campaigns.list_page(None, limit=2) == (first, second)
    assert campaigns.list_page(None, after_id=second.id) == (third,)
    assert campaigns.list_page([1]) == campaigns.list_page([]) == ()
    assert campaigns.ids(None) == {first.id, second.id, third.id}
    assert campaigns.ids([]) == frozenset()
    campaigns.set_state(second.id, CampaignState.PAUSED)
    assert [c.name for c in campaigns.list_page(None, states=[CampaignState.PAUSED])] == ["second"]
    with pytest.raises(NotFoundError, match="number 99"):
        campaigns.set_priority(99, 1)
