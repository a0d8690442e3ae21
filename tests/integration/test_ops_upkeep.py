"""What workers tidy up: claims of machines that never came back, and what nobody asks for any more."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from domain.roles import Role
from domain.states import QueryState
from flows.upkeep import Upkeep
from services.intake.idempotency import Answer, answer_once
from services.store.examples import Bench, bench, example_pick, open_example

HOUR_S = 3600.0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
        yield opened


def test_claims_of_machines_that_never_came_back_are_ended(desk: Bench) -> None:
    _, _, (query,) = open_example(desk.store, [example_pick(1)])
    desk.store.queries.claim(query.id, worker="m1", lease_s=60)
    desk.clock.advance(5 * HOUR_S)
    upkeep = Upkeep(desk.store)
    assert upkeep.tend() == 0, "the service was away itself: m1 may have an answer"
    desk.clock.advance(HOUR_S)
    assert upkeep.tend() == 1
    assert desk.store.queries.get(query.id).state is QueryState.QUEUED

    desk.store.queries.claim(query.id, worker="m2", lease_s=60)
    desk.clock.advance(HOUR_S)
    assert upkeep.tend() == 0, "it lapsed less than an hour ago"


def test_one_worker_a_day_forgets_what_is_over(desk: Bench) -> None:
    store = desk.store
    user = store.people.create("ada", role=Role.SCIENTIST, password_hash=None)
    upkeeps = [Upkeep(store), Upkeep(store)]

    def fill() -> None:
        over = store.now() + timedelta(minutes=1)
        secret = store.now().isoformat()
        store.sessions.create(user.id, secret_hash=secret, expires_at=over)
        store.invitations.create(secret_hash=secret, role=Role.VIEWER, group_id=None, expires_at=over)
        store.login_failures.append("ada")
        answer_once(store, actor="ada", key=secret, payload={}, work=lambda: Answer(200, {}))

    def tend() -> tuple[int, int, int]:
        for upkeep in upkeeps:
            upkeep.tend()
        beginning = store.now() - timedelta(days=365)
        return store.sessions.sweep(), store.invitations.sweep(), len(store.login_failures.since("ada", beginning))

    fill()
    desk.clock.advance(31 * 24 * HOUR_S)
    assert tend() == (0, 0, 0)
    assert store.idempotency_keys.forget_before(store.now()) == 0
    fill()
    desk.clock.advance(2 * HOUR_S)
    assert tend() == (1, 1, 1), "it is nobody's turn before tomorrow"
