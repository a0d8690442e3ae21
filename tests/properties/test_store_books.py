"""Whatever happens in whatever order: the books balance, states follow their machine, nothing is paid twice."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
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

from domain.errors import BudgetTooSmallError, ConflictError, IllegalTransitionError
from domain.measurement import FailureKind
from domain.states import QUERY_TRANSITIONS, QueryState
from services.intake import record_failure, record_measurement
from services.intake.testing import example_failure, example_measurement
from services.store.examples import Bench, bench, example_pick, example_spec, open_round
from services.store.records import LedgerKind

TOTAL = 160.0
COST = {"static": 1.1, "dft": 50.3}
MAX_ATTEMPTS = {"static": 2, "dft": 3}
LEASE_S = 60.0

numbers = st.integers(0, 2)
workers = st.sampled_from(["ann", "bob"])
values = st.sampled_from([-1.0, -2.0])
kinds = st.sampled_from([FailureKind.TRANSIENT, FailureKind.TRANSIENT, FailureKind.PERMANENT, FailureKind.REJECTED])
fence_offsets = st.sampled_from([0, -1, -1, 1])
"""The newest fence, a lost one, or one that was never handed out."""


@dataclass
class Expected:
    """What a query should look like, kept without any database."""

    fidelity: str
    state: QueryState = QueryState.QUEUED
    attempts: int = 0
    fence: int = 0
    worker: str | None = None
    lapses_at: float = 0.0
    is_booked: bool = False


class Books(RuleBasedStateMachine):
    """One campaign, driven at random beside a model of it."""

    def __init__(self, at: Bench, name: str) -> None:
        super().__init__()
        self.bench, self.store = at, at.store
        self.campaign_id = self.store.campaigns.create(example_spec(name, total=TOTAL)).id
        self.expected: dict[int, Expected] = {}
        self.seconds = 0.0
        self.next_round = 0
        self.next_crystal = 0
        self.seen_states: dict[int, QueryState] = {}

    @initialize()
    def begin(self) -> None:
        self.open_round(["static", "dft"])

    def pick_query(self, number: int, state: QueryState | None = None) -> tuple[int, Expected]:
        ids = sorted(query_id for query_id, query in self.expected.items() if state in (None, query.state))
        query_id = ids[number % len(ids)]
        return query_id, self.expected[query_id]

    def has(self, state: QueryState) -> bool:
        return any(query.state is state for query in self.expected.values())

    @rule(fidelities=st.lists(st.sampled_from(["static", "static", "dft"]), max_size=3))
    def open_round(self, fidelities: list[str]) -> None:
        picks = [example_pick(self.next_crystal + n, fidelity) for n, fidelity in enumerate(fidelities)]
        price = sum(COST[fidelity] for fidelity in fidelities)
        if price > TOTAL - self.reserved() - self.booked() + 1e-6:
            with pytest.raises(BudgetTooSmallError, match="would cost"):
                open_round(self.store, self.campaign_id, self.next_round, picks)
            return
        for _ in range(2):
            open_round(self.store, self.campaign_id, self.next_round, picks)
        for query in self.store.queries.list(self.campaign_id, round_index=self.next_round):
            self.expected[query.id] = Expected(query.fidelity)
        self.next_round += 1
        self.next_crystal += len(picks)

    @precondition(lambda self: self.has(QueryState.QUEUED))
    @rule(number=numbers, worker=workers)
    def claim_waiting(self, number: int, worker: str) -> None:
        self.claim(*self.pick_query(number, QueryState.QUEUED), worker)

    @precondition(lambda self: self.expected)
    @rule(number=numbers, worker=workers)
    def claim_any(self, number: int, worker: str) -> None:
        self.claim(*self.pick_query(number), worker)

    def claim(self, query_id: int, query: Expected, worker: str) -> None:
        claimed = self.store.queries.claim(query_id, worker=worker, lease_s=LEASE_S)
        if query.state is QueryState.QUEUED:
            query.state, query.worker = QueryState.CLAIMED, worker
            query.attempts, query.fence = query.attempts + 1, query.fence + 1
        elif query.state is not QueryState.CLAIMED or query.worker != worker:
            assert claimed is None
            return
        query.lapses_at = self.seconds + LEASE_S
        assert claimed is not None
        assert claimed.fence == query.fence

    @precondition(lambda self: self.expected)
    @rule(number=numbers, offset=fence_offsets)
    def heartbeat(self, number: int, offset: int) -> None:
        query_id, query = self.pick_query(number)
        fence = max(1, query.fence + offset)
        holds = query.state is QueryState.CLAIMED and fence == query.fence
        assert self.store.queries.heartbeat(query_id, fence, LEASE_S) == holds
        if holds:
            query.lapses_at = self.seconds + LEASE_S

    @precondition(lambda self: self.expected)
    @rule(number=numbers, offset=fence_offsets)
    def release(self, number: int, offset: int) -> None:
        query_id, query = self.pick_query(number)
        fence = max(1, query.fence + offset)
        holds = query.state is QueryState.CLAIMED and fence == query.fence
        assert self.store.queries.release(query_id, fence) == holds
        if holds:
            query.state, query.worker, query.attempts = QueryState.QUEUED, None, query.attempts - 1

    @rule(seconds=st.sampled_from([20.0, 70.0]))
    def lapse(self, seconds: float) -> None:
        self.bench.clock.advance(seconds)
        self.seconds += seconds
        lapsed = [
            query
            for query in self.expected.values()
            if query.state is QueryState.CLAIMED and query.lapses_at <= self.seconds
        ]
        assert self.store.queries.requeue_lapsed(self.bench.clock()) == len(lapsed)
        for query in lapsed:
            if query.attempts < MAX_ATTEMPTS[query.fidelity]:
                query.state, query.worker = QueryState.QUEUED, None
            else:
                query.state, query.is_booked, query.fence = QueryState.FAILED, True, query.fence + 1

    @precondition(lambda self: self.expected)
    @rule(number=numbers, is_meant=st.integers(0, 3).map(lambda number: number == 0))
    def cancel(self, number: int, is_meant: bool) -> None:
        if not is_meant:
            return
        query_id, query = self.pick_query(number)
        if query.state in {QueryState.DONE, QueryState.FAILED}:
            with pytest.raises(IllegalTransitionError, match="cannot become cancelled"):
                self.store.queries.cancel(query_id)
            return
        self.store.queries.cancel(query_id)
        query.state = QueryState.CANCELLED

    @precondition(lambda self: self.has(QueryState.CLAIMED))
    @rule(number=numbers, value=values)
    def record_held(self, number: int, value: float) -> None:
        query_id, query = self.pick_query(number, QueryState.CLAIMED)
        self.record(query_id, query, query.fence, value)

    @precondition(lambda self: self.has(QueryState.CLAIMED))
    @rule(number=numbers, kind=kinds)
    def fail_held(self, number: int, kind: FailureKind) -> None:
        query_id, query = self.pick_query(number, QueryState.CLAIMED)
        self.fail(query_id, query, query.fence, kind)

    @precondition(lambda self: any(q.state is QueryState.CLAIMED and q.fence > 1 for q in self.expected.values()))
    @rule(value=values, kind=kinds)
    def answer_too_late(self, value: float, kind: FailureKind) -> None:
        for query_id, query in self.expected.items():
            if query.state is QueryState.CLAIMED and query.fence > 1:
                self.record(query_id, query, query.fence - 1, value)
                self.fail(query_id, query, query.fence - 1, kind)

    @precondition(lambda self: self.expected)
    @rule(number=numbers, offset=fence_offsets, value=values)
    def record_any(self, number: int, offset: int, value: float) -> None:
        query_id, query = self.pick_query(number)
        self.record(query_id, query, max(1, query.fence + offset), value)

    @precondition(lambda self: self.expected)
    @rule(number=numbers, offset=fence_offsets, kind=kinds)
    def fail_any(self, number: int, offset: int, kind: FailureKind) -> None:
        query_id, query = self.pick_query(number)
        self.fail(query_id, query, max(1, query.fence + offset), kind)

    def record(self, query_id: int, query: Expected, fence: int, value: float) -> None:
        measurement = replace(example_measurement(value), measured_at=self.bench.clock())
        self.answer(
            query,
            fence,
            lambda: record_measurement(self.store, query_id, fence=fence, measurement=measurement),
            final_state=QueryState.DONE,
        )

    def fail(self, query_id: int, query: Expected, fence: int, kind: FailureKind) -> None:
        failure = replace(example_failure(kind), failed_at=self.bench.clock())
        is_final = kind is not FailureKind.TRANSIENT or query.attempts >= MAX_ATTEMPTS[query.fidelity]
        self.answer(
            query,
            fence,
            lambda: record_failure(self.store, query_id, fence=fence, failure=failure),
            final_state=QueryState.FAILED if is_final else QueryState.QUEUED,
            is_charged=kind is not FailureKind.REJECTED,
        )

    def answer(
        self,
        query: Expected,
        fence: int,
        hand_in: Callable[[], object],
        *,
        final_state: QueryState,
        is_charged: bool = True,
    ) -> None:
        if query.state is QueryState.CLAIMED and fence == query.fence:
            hand_in()
            query.state = final_state
            if final_state is QueryState.QUEUED:
                query.worker = None
            else:
                query.is_booked = is_charged
            hand_in()
            return
        if fence > query.fence:
            with pytest.raises(ConflictError, match="never handed out"):
                hand_in()
            return
        # Kept as evidence or refused as a contradiction; it changes nothing, as the invariants tell.
        with suppress(ConflictError):
            hand_in()

    def reserved(self) -> float:
        over = (QueryState.DONE, QueryState.FAILED, QueryState.CANCELLED)
        return sum(COST[query.fidelity] for query in self.expected.values() if query.state not in over)

    def booked(self) -> float:
        return sum(COST[query.fidelity] for query in self.expected.values() if query.is_booked)

    def teardown(self) -> None:
        # The next example shares the store, whose claims lapse together.
        for query_id, query in self.expected.items():
            if query.state is QueryState.CLAIMED:
                self.store.queries.cancel(query_id)

    @invariant()
    def states_are_as_expected(self) -> None:
        for query in self.store.queries.list(self.campaign_id):
            expected = self.expected[query.id]
            assert (query.state, query.attempts, query.fence) == (expected.state, expected.attempts, expected.fence)
            before = self.seen_states.get(query.id, query.state)
            # A transient failure passes through FAILED, a claim may come and go between two looks of ours.
            assert query.state is before or query.state in reachable(before)
            self.seen_states[query.id] = query.state

    @invariant()
    def books_balance(self) -> None:
        rows = self.store.ledger.rows(self.campaign_id)
        assert len({(row.query_id, row.kind) for row in rows}) == len(rows)
        balance = self.store.ledger.balance(self.campaign_id)
        total = {kind: sum(row.amount for row in rows if row.kind is kind) for kind in LedgerKind}
        assert balance.reserved == pytest.approx(total[LedgerKind.RESERVE] - total[LedgerKind.RELEASE], abs=1e-9)
        assert balance.booked == pytest.approx(total[LedgerKind.BOOK], abs=1e-9)
        assert balance.reserved == pytest.approx(self.reserved(), abs=1e-9)
        assert balance.booked == pytest.approx(self.booked(), abs=1e-9)
        assert min(balance.reserved, balance.booked, balance.left) >= 0
        assert balance.reserved + balance.booked <= TOTAL * (1 + 1e-9)

    @invariant()
    def only_answers_teach(self) -> None:
        done = [query for query in self.expected.values() if query.state is QueryState.DONE]
        assert len(self.store.measurements.observations(self.campaign_id)) == len(done)


def reachable(state: QueryState) -> set[QueryState]:
    found = {state}
    frontier = [state]
    while frontier:
        fresh = QUERY_TRANSITIONS[frontier.pop()] - found
        found |= fresh
        frontier += fresh
    return found


@pytest.mark.slow
def test_books_balance_whatever_happens(tmp_path: Path) -> None:
    names = (f"books-{number}" for number in count())
    with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
        run_state_machine_as_test(
            lambda: Books(opened, next(names)), settings=settings(max_examples=50, stateful_step_count=30)
        )
