"""Whatever is claimed, answered, corrected, reported or approved: nothing is paid twice, and nothing is lost."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from os import environ
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.errors import ConflictError
from domain.measurement import FailureKind
from domain.states import QueryState
from services.intake import (
    UnsolicitedOutcome,
    record_amendment,
    record_failure,
    record_measurement,
    record_unsolicited,
    retract,
)
from services.intake.testing import example_failure, example_measurement
from services.store.examples import Bench, bench, example_pick, example_spec, fresh_postgres, open_round
from services.store.records import LedgerKind, MeasurementRecord

COST = {"static": 1.1, "dft": 50.3}
MAX_ATTEMPTS = {"static": 2, "dft": 3}
LEASE_S = 60.0
CRYSTALS = (1, 100, 200)
"""Far enough apart to be no one else's; the last one is no candidate."""

numbers = st.integers(0, 5)
values = st.sampled_from([-1.0, -2.0, -3.0])
fidelities = st.sampled_from(sorted(COST))


@dataclass
class Expected:
    """A query as it should stand, and every answer that was acknowledged."""

    fidelity: str
    is_free: bool = False
    state: QueryState = QueryState.QUEUED
    is_booked: bool = False
    standing: float | None = None
    newest: int | None = None
    """Number of the measurement that may be corrected."""


@dataclass
class Model:
    """What a store should hold, kept without any database."""

    queries: dict[int, Expected] = field(default_factory=dict)
    materials: dict[tuple[int, str, float], float] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)


class Intake(RuleBasedStateMachine):
    """One campaign, driven at random beside a model of it."""

    def __init__(self, at: Bench, name: str) -> None:
        super().__init__()
        self.bench, self.store = at, at.store
        spec = example_spec(name)
        spec = replace(spec, budget=replace(spec.budget, approval_above=10.0))
        self.campaign_id = self.store.campaigns.create(spec).id
        self.model = Model()
        self.seconds = count(1)

    @initialize()
    def begin(self) -> None:
        picks = [example_pick(number, fidelity) for number in CRYSTALS[:2] for fidelity in ("static", "dft")]
        open_round(self.store, self.campaign_id, 0, picks[:3])
        for query in self.store.queries.list(self.campaign_id):
            self.model.queries[query.id] = Expected(query.fidelity, state=query.state)
        states = {query.fidelity: query.state for query in self.model.queries.values()}
        assert states == {"static": QueryState.QUEUED, "dft": QueryState.AWAITING_APPROVAL}

    def pick(self, number: int) -> tuple[int, Expected]:
        return sorted(self.model.queries.items())[number % len(self.model.queries)]

    def measurement(self, value: float):
        # Each is measured at a time of its own, so that none is taken for another handed in again.
        self.bench.clock.advance(0.001)
        return replace(example_measurement(value), measured_at=self.bench.clock())

    def keep(self, query: Expected, record: MeasurementRecord, value: float | None) -> None:
        query.standing, query.newest = value, record.id
        self.model.acknowledged.add(record.id)

    @rule(number=numbers, value=values)
    def answer(self, number: int, value: float) -> None:
        query_id, query = self.pick(number)
        claimed = self.store.queries.claim(query_id, worker="host/1", lease_s=LEASE_S)
        assert (claimed is not None) == (query.state in (QueryState.QUEUED, QueryState.CLAIMED))
        fence = claimed.fence if claimed else self.store.queries.get(query_id).fence
        measurement = self.measurement(value)
        try:
            first = self.store.submit(
                lambda: record_measurement(self.store, query_id, fence=fence, measurement=measurement)
            ).result()
        except ConflictError:
            assert claimed is None
            return
        again = record_measurement(self.store, query_id, fence=fence, measurement=measurement)
        assert again == first
        self.model.acknowledged.add(first.id)
        assert first.is_evidence == (claimed is None)
        if claimed is not None:
            query.state, query.is_booked = QueryState.DONE, True
            self.keep(query, first, value)

    @rule(number=numbers)
    def claim(self, number: int) -> None:
        query_id, query = self.pick(number)
        if self.store.queries.claim(query_id, worker="host/1", lease_s=LEASE_S) is not None:
            query.state = QueryState.CLAIMED

    @rule()
    def lapse(self) -> None:
        self.bench.clock.advance(LEASE_S)
        attempts = {query.id: query.attempts for query in self.store.queries.list(self.campaign_id)}
        self.store.queries.requeue_lapsed(self.bench.clock())
        for query_id, query in self.model.queries.items():
            if query.state is QueryState.CLAIMED:
                query.is_booked = attempts[query_id] >= MAX_ATTEMPTS[query.fidelity]
                query.state = QueryState.FAILED if query.is_booked else QueryState.QUEUED

    @rule(number=numbers, kind=st.sampled_from(FailureKind))
    def fail(self, number: int, kind: FailureKind) -> None:
        query_id, query = self.pick(number)
        claimed = self.store.queries.claim(query_id, worker="host/1", lease_s=LEASE_S)
        if claimed is None:
            return
        after = record_failure(self.store, query_id, fence=claimed.fence, failure=example_failure(kind))
        query.state = after.state
        query.is_booked = after.state is QueryState.FAILED and kind is not FailureKind.REJECTED

    @rule(number=numbers, is_meant=st.integers(0, 4).map(lambda n: n == 0))
    def cancel(self, number: int, is_meant: bool) -> None:
        query_id, query = self.pick(number)
        if is_meant and query.state not in {QueryState.DONE, QueryState.FAILED}:
            self.store.queries.cancel(query_id)
            query.state = QueryState.CANCELLED

    @rule(number=numbers, is_approved=st.sampled_from([True, True, False]))
    def judge(self, number: int, is_approved: bool) -> None:
        query_id, query = self.pick(number)
        if query.state is QueryState.AWAITING_APPROVAL:
            judge = self.store.approval.approve if is_approved else self.store.approval.deny
            query.state = judge(query_id, "Eve", "as planned").state

    @precondition(lambda self: any(query.newest for query in self.model.queries.values()))
    @rule(number=numbers, value=values, is_retraction=st.booleans())
    def correct(self, number: int, value: float, is_retraction: bool) -> None:
        answered = [query for _, query in sorted(self.model.queries.items()) if query.newest]
        query = answered[number % len(answered)]
        wrong = query.newest
        assert wrong is not None
        if is_retraction:
            with suppress(ConflictError):  # it is taken back already
                self.keep(query, retract(self.store, wrong, reason="Wrong sample.", worker="Ada"), None)
            return
        measurement = self.measurement(value)
        for _ in range(2):
            record = record_amendment(self.store, wrong, measurement=measurement, reason="Typing.", worker="Ada")
        self.keep(query, record, value)

    @rule(crystal=st.sampled_from(CRYSTALS), fidelity=fidelities, value=values)
    def report(self, crystal: int, fidelity: str, value: float) -> None:
        measurement, blueprint = self.measurement(value), example_pick(crystal).blueprint
        found = [
            record_unsolicited(
                self.store, self.campaign_id, fidelity=fidelity, measurement=measurement, about=blueprint
            )
            for _ in range(2)
        ]
        assert found[0] == found[1]
        record, material = found[0].measurement, found[0].material_value
        if material is not None:
            self.model.materials[material.material_id, fidelity, value] = value
            return
        assert record is not None
        self.model.acknowledged.add(record.id)
        if found[0].outcome is UnsolicitedOutcome.EVIDENCE:
            return
        is_free = found[0].outcome is UnsolicitedOutcome.ADDED
        query = self.model.queries.setdefault(record.query_id, Expected(fidelity, is_free=is_free))
        query.state, query.is_booked = QueryState.DONE, True
        self.keep(query, record, value)

    def teardown(self) -> None:
        # The next example shares the store, whose claims lapse together.
        for query_id, query in self.model.queries.items():
            if query.state is QueryState.CLAIMED:
                self.store.queries.cancel(query_id)

    @invariant()
    def states_are_as_expected(self) -> None:
        states = {query.id: query.state for query in self.store.queries.list(self.campaign_id)}
        assert states == {query_id: query.state for query_id, query in self.model.queries.items()}

    @invariant()
    def the_ledger_is_the_sum_of_its_rows(self) -> None:
        rows = self.store.ledger.rows(self.campaign_id)
        assert len({(row.query_id, row.kind) for row in rows}) == len(rows)
        total = {kind: sum(row.amount for row in rows if row.kind is kind) for kind in LedgerKind}
        balance = self.store.ledger.balance(self.campaign_id)
        assert balance.booked == pytest.approx(total[LedgerKind.BOOK], abs=1e-9)
        assert balance.reserved == pytest.approx(total[LedgerKind.RESERVE] - total[LedgerKind.RELEASE], abs=1e-9)
        charged = sum(COST[q.fidelity] for q in self.model.queries.values() if q.is_booked and not q.is_free)
        assert balance.booked == pytest.approx(charged, abs=1e-9)
        is_open = (QueryState.AWAITING_APPROVAL, QueryState.QUEUED, QueryState.CLAIMED)
        pending = sum(COST[query.fidelity] for query in self.model.queries.values() if query.state in is_open)
        assert balance.reserved == pytest.approx(pending, abs=1e-9)

    @invariant()
    def nothing_that_was_acknowledged_is_lost(self) -> None:
        kept = {record.id for record in self.store.measurements.list(self.campaign_id, with_evidence=True)}
        assert self.model.acknowledged <= kept

    @invariant()
    def what_stands_is_taught(self) -> None:
        standing = [query.standing for query in self.model.queries.values() if query.standing is not None]
        materials = [record.measurement.value for record in self.store.material_values.list(self.campaign_id)]
        taught = [look.value for look in self.store.measurements.observations(self.campaign_id)]
        assert sorted(taught) == sorted([*standing, *materials])
        assert set(self.model.materials.values()) == set(materials)
        assert sorted(record.measurement.value for record in self.store.measurements.standing(self.campaign_id)) == (
            sorted(standing)
        )


@contextmanager
def desk(kind: str, folder: Path) -> Iterator[Bench]:
    if kind == "sqlite":
        with bench(f"sqlite:///{folder}/store.sqlite3") as opened:
            yield opened
        return
    server = environ.get("PETALITE_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("PETALITE_TEST_POSTGRES_URL is not set")
    with fresh_postgres(server) as url, bench(url) as opened:
        yield opened


def drive(at: Bench, *, n_examples: int, n_steps: int) -> None:
    names = (f"intake-{number}" for number in count())
    run_state_machine_as_test(
        lambda: Intake(at, next(names)), settings=settings(max_examples=n_examples, stateful_step_count=n_steps)
    )


def test_books_balance_and_nothing_is_lost(tmp_path: Path) -> None:
    with desk("sqlite", tmp_path) as opened:
        drive(opened, n_examples=4, n_steps=12)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_books_balance_and_nothing_is_lost_for_long(kind: str, tmp_path: Path) -> None:
    with desk(kind, tmp_path) as opened:
        drive(opened, n_examples=40, n_steps=30)
