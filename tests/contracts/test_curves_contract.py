"""How values got better, and what two fidelities said of the same crystals: what each campaign's own records say."""

from dataclasses import dataclass, replace
from itertools import count, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from domain.measurement import Censoring
from domain.parsing import to_json_value
from domain.quantity import Goal, Objective
from services.intake.testing import example_measurement
from services.reports.campaign_data import CampaignData
from services.reports.spending import best_curves
from services.store.examples import Bench, example_pick, example_spec, open_round
from services.store.records import LedgerKind
from services.store.tables import ledger, measurements

VALUES = st.integers(-4, 3).map(float)


@dataclass(frozen=True)
class Look:
    """A look that was asked, and what came of it."""

    crystal: int
    fidelity: str
    value: float
    censoring: Censoring
    is_paid: bool
    is_measured: bool
    is_late: bool
    corrections: tuple[float, ...]
    is_retracted: bool


LOOKS = st.lists(
    st.builds(
        Look,
        crystal=st.integers(0, 5),
        fidelity=st.sampled_from(["static", "dft", "lab"]),
        value=VALUES,
        censoring=st.sampled_from([Censoring.NONE, Censoring.NONE, Censoring.BELOW, Censoring.ABOVE]),
        is_paid=st.sampled_from([True, True, True, False]),
        is_measured=st.sampled_from([True, True, True, False]),
        is_late=st.sampled_from([False, False, False, True]),
        corrections=st.lists(VALUES, max_size=2).map(tuple),
        is_retracted=st.sampled_from([False, False, False, True]),
    ),
    unique_by=lambda look: (look.crystal, look.fidelity),
    max_size=15,
)


def fill(bench: Bench, name: str, goal: Goal, looks: list[Look], order: list[int]):
    """A campaign with these looks, paid for in that order."""
    store = bench.store
    spec = replace(example_spec(name, total=1e6), objective=Objective("formation_energy", goal))
    campaign = store.campaigns.create(spec)
    open_round(store, campaign.id, 0, [example_pick(look.crystal, look.fidelity) for look in looks])
    queries = store.queries.list(campaign.id)
    with store.writing() as connection:
        for place in order:
            if looks[place].is_paid:
                query = queries[place]
                row = {
                    "campaign_id": campaign.id,
                    "query_id": query.id,
                    "candidate_id": query.candidate_id,
                    "kind": LedgerKind.BOOK.value,
                    "amount": query.declared.amount,
                    "at": store.now(),
                }
                connection.execute(insert(ledger), [row])
                bench.clock.advance(1)
        for query, look in zip(queries, looks, strict=True):
            if look.is_measured:
                write(connection, store, query, look)
    return campaign


def write(connection, store, query, look: Look) -> None:
    """A measurement with its corrections, the last of which may take it back."""
    before = None
    chain = [look.value, *look.corrections]
    for number, value in enumerate(chain):
        row = {
            "campaign_id": query.campaign_id,
            "query_id": query.id,
            "candidate_id": query.candidate_id,
            "fidelity": query.fidelity,
            "fence": number,
            "value": value,
            "unit": "eV/atom",
            "censoring": look.censoring.value,
            "reported_value": value,
            "reported_unit": "eV/atom",
            "provenance": to_json_value(example_measurement(-1.0).provenance),
            "amount": 1.0,
            "details": {},
            "measured_at": store.now(),
            "recorded_at": store.now(),
            "is_evidence": look.is_late,
            "is_retracted": look.is_retracted and number == len(chain) - 1,
            "supersedes": before,
            "payload_digest": f"{number:064}",
        }
        before = connection.execute(insert(measurements).returning(measurements.c.id), [row]).scalar_one()


def plain_curve(store, campaign, fidelity: str, objective: Objective):
    """Payments for looks that have a value, with what was spent and the best value until then."""
    standing = {record.query_id: record for record in store.measurements.standing(campaign.id)}
    spent, best, points = 0.0, None, []
    for row in store.ledger.rows(campaign.id):
        if row.kind is not LedgerKind.BOOK:
            continue
        spent += row.amount
        record = standing.get(row.query_id)
        if record is None or record.fidelity != fidelity:
            continue
        measured = record.measurement
        if objective.can_be_best(measured.censoring) and (
            best is None or objective.is_better(measured.value, than=best)
        ):
            best = measured.value
        if best is not None:
            points.append((spent, best, row.at))
    return points


@pytest.mark.parametrize("goal", Goal)
def test_curves_are_those_of_the_plain_way(store_bench: Bench, goal: Goal) -> None:
    numbers = count()

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(LOOKS, st.randoms(use_true_random=False))
    def agree(looks, random):
        order = list(range(len(looks)))
        random.shuffle(order)
        campaign = fill(store_bench, f"{goal.value}-{next(numbers)}", goal, looks, order)
        data = CampaignData(store_bench.store, campaign)
        for fidelity, curve in best_curves(data).items():
            plain = plain_curve(store_bench.store, campaign, fidelity, campaign.spec.objective)
            changes = [now for before, now in pairwise([None, *plain]) if before is None or before[1] != now[1]]
            expected = changes if not plain or plain[-1] == changes[-1] else [*changes, plain[-1]]
            assert [(point.best, point.at) for point in curve] == [(best, at) for _, best, at in expected]
            assert [point.spent for point in curve] == pytest.approx([spent for spent, _, _ in expected])

    agree()


def test_what_both_saw_is_what_the_records_say(store_bench: Bench) -> None:
    numbers = count()

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(LOOKS)
    def agree(looks):
        campaign = fill(store_bench, f"both-{next(numbers)}", Goal.MINIMIZE, looks, [])
        exact = {
            (record.fidelity, record.candidate_id): record.measurement.value
            for record in store_bench.store.measurements.standing(campaign.id)
            if record.measurement.censoring is Censoring.NONE
        }
        for lower, upper in [("static", "dft"), ("dft", "lab")]:
            seen = sorted({number for _, number in exact})
            expected = [(exact[lower, n], exact[upper, n]) for n in seen if (lower, n) in exact and (upper, n) in exact]
            found = store_bench.store.curves.seen_by_both(campaign.id, lower, upper)
            assert list(found) == expected

    agree()
