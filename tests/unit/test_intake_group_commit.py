"""Many callers, one writer: told only after the commit, alone in their failure, in order."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import event

from domain.errors import InvalidValueError, NotFoundError, StoreBusyError, StoreError
from domain.events import Event, EventKind
from services.store import Store
from services.store.database import Database
from services.store.examples import Bench, bench, example_spec
from services.store.group_commit import GroupCommit


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    with bench(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as opened:
        opened.store.campaigns.create(example_spec())
        yield opened


def note(store: Store, message: str) -> None:
    store.events.append(Event(EventKind.STAGE_NOTE, "example", message))


def notes(store: Store) -> list[str]:
    (campaign,) = store.campaigns.list()
    kept = [record.event for record in store.events.list(campaign.id)]
    return [event.message for event in kept if event.kind is EventKind.STAGE_NOTE]


def database_of(store: Store) -> Database:
    return store._database


def test_work_that_arrives_together_is_committed_together_and_in_order(desk: Bench) -> None:
    commits = []
    event.listen(database_of(desk.store).engine, "commit", commits.append)
    is_blocked, go_on = threading.Event(), threading.Event()

    def block() -> None:
        is_blocked.set()
        go_on.wait()

    first = desk.store.submit(block)
    is_blocked.wait()
    promises = [desk.store.submit(lambda number=number: note(desk.store, str(number))) for number in range(20)]
    go_on.set()
    for promise in promises:
        promise.result()
    assert first.result() is None
    assert notes(desk.store) == [str(number) for number in range(20)]
    assert len(commits) == 2 + 2  # two batches, and what this test has read


def test_bad_work_fails_alone(desk: Bench) -> None:
    def half_done() -> None:
        note(desk.store, "half")
        raise InvalidValueError("It is refused.", remedy="Give another.")

    def refused_inside() -> None:
        note(desk.store, "before")
        with suppress(NotFoundError), desk.store.writing():
            note(desk.store, "undone")
            desk.store.campaigns.by_id(99)
        note(desk.store, "after")

    is_blocked, go_on = threading.Event(), threading.Event()
    desk.store.submit(lambda: (is_blocked.set(), go_on.wait()))
    is_blocked.wait()
    good, bad, odd, last = (
        desk.store.submit(lambda: note(desk.store, "good")),
        desk.store.submit(half_done),
        desk.store.submit(refused_inside),
        desk.store.submit(lambda: note(desk.store, "last")),
    )
    go_on.set()
    with pytest.raises(InvalidValueError, match="It is refused"):
        bad.result()
    for promise in (good, odd, last):
        promise.result()
    assert notes(desk.store) == ["good", "before", "after", "last"]


def test_nobody_is_told_of_a_commit_that_failed(desk: Bench) -> None:
    def refuse(connection: object) -> None:
        raise StoreError("The disk is full.", remedy="Make room.")

    engine = database_of(desk.store).engine
    event.listen(engine, "commit", refuse)
    promises = [desk.store.submit(lambda number=number: note(desk.store, str(number))) for number in range(3)]
    for promise in promises:
        with pytest.raises(StoreError, match="The disk is full"):
            promise.result()
    event.remove(engine, "commit", refuse)
    assert notes(desk.store) == []
    desk.store.submit(lambda: note(desk.store, "again")).result()
    assert notes(desk.store) == ["again"]


def test_a_transaction_that_the_database_gave_up_is_acknowledged_to_nobody(desk: Bench) -> None:
    def lose_the_transaction() -> None:
        with desk.store.writing() as connection:
            connection.exec_driver_sql("ROLLBACK")

    is_blocked, go_on = threading.Event(), threading.Event()
    desk.store.submit(lambda: (is_blocked.set(), go_on.wait()))
    is_blocked.wait()
    promises = [
        desk.store.submit(lambda: note(desk.store, "lost")),
        desk.store.submit(lose_the_transaction),
        desk.store.submit(lambda: note(desk.store, "never done")),
    ]
    go_on.set()
    for promise in promises:
        with pytest.raises(StoreError, match=r"gave the transaction up|no such savepoint"):
            promise.result()
    assert notes(desk.store) == []


def test_a_cancelled_promise_is_not_worked_on(desk: Bench) -> None:
    is_blocked, go_on = threading.Event(), threading.Event()
    desk.store.submit(lambda: (is_blocked.set(), go_on.wait()))
    is_blocked.wait()
    unwanted = desk.store.submit(lambda: note(desk.store, "unwanted"))
    assert unwanted.cancel()
    wanted = desk.store.submit(lambda: note(desk.store, "wanted"))
    go_on.set()
    wanted.result()
    assert notes(desk.store) == ["wanted"]


def test_closing_finishes_what_was_accepted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'petalite.sqlite3'}"
    with bench(url) as opened:
        opened.store.campaigns.create(example_spec())
        promises = [opened.store.submit(lambda number=number: note(opened.store, str(number))) for number in range(9)]
    assert all(promise.done() for promise in promises)
    with bench(url) as opened:
        assert notes(opened.store) == [str(number) for number in range(9)]
    with pytest.raises(StoreError, match="is closed and takes no more work"):
        opened.store.submit(lambda: None)


def test_too_much_work_is_refused(desk: Bench) -> None:
    writer = GroupCommit(database_of(desk.store), largest_queue=2)
    is_blocked, go_on = threading.Event(), threading.Event()
    writer.submit(lambda: (is_blocked.set(), go_on.wait()))
    is_blocked.wait()
    accepted = [writer.submit(lambda: note(desk.store, "accepted")) for _ in range(2)]
    with pytest.raises(StoreBusyError, match="2 pieces of work wait"):
        writer.submit(lambda: note(desk.store, "refused"))
    go_on.set()
    writer.close()
    assert [promise.result() for promise in accepted] == [None, None]
    assert notes(desk.store) == ["accepted", "accepted"]
