"""Items that arrive together are dealt with together, and each succeeds or fails alone."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from domain.errors import InvalidValueError, StoreBusyError, StoreError
from domain.events import Event, EventKind
from services.store import Store
from services.store.database import Database
from services.store.examples import Bench, bench, example_spec
from services.store.group_commit import GroupCommit
from services.store.joint import Joint


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    with bench(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as opened:
        opened.store.campaigns.create(example_spec())
        yield opened


def database_of(store: Store) -> Database:
    return store._database


def notes(store: Store) -> list[str]:
    (campaign,) = store.campaigns.list()
    kept = [record.event for record in store.events.list(campaign.id)]
    return [event.message for event in kept if event.kind is EventKind.STAGE_NOTE]


def note(store: Store, message: str) -> str:
    if "bad" in message:
        raise InvalidValueError(f"'{message}' is refused.", remedy="Give another.")
    store.events.append(Event(EventKind.STAGE_NOTE, "example", message))
    return f"{message} alone"


def hold(store: Store) -> Callable[[], None]:
    """Keeps the writer busy until it is called."""
    is_blocked, go_on = threading.Event(), threading.Event()
    store.submit(lambda: (is_blocked.set(), go_on.wait()))
    is_blocked.wait()
    return go_on.set


def handed_in(
    store: Store, many: Callable[[Sequence[str]], Sequence[str | None]], items: Sequence[str]
) -> list[Future[str]]:
    joint = store.joint(many=many, one=lambda item: note(store, item))
    let_go = hold(store)
    promises = [joint.submit(item) for item in items]
    let_go()
    return promises


def test_what_is_left_alone_is_dealt_with_alone(desk: Bench) -> None:
    calls = []

    def many(items: Sequence[str]) -> list[str | None]:
        calls.append(list(items))
        return [f"{item} together" if note(desk.store, item) and item != "odd" else None for item in items]

    promises = handed_in(desk.store, many, ["first", "second", "odd"])
    assert [promise.result() for promise in promises] == ["first together", "second together", "odd alone"]
    assert calls == [["first", "second", "odd"]]


@pytest.mark.parametrize("error", [InvalidValueError("No.", remedy="Give another."), ZeroDivisionError("No.")])
def test_where_all_together_fail_each_is_tried_alone(desk: Bench, error: Exception) -> None:
    def many(items: Sequence[str]) -> list[str | None]:
        note(desk.store, "half done")
        raise error

    first, bad, last = handed_in(desk.store, many, ["first", "bad", "last"])
    assert (first.result(), last.result()) == ("first alone", "last alone")
    with pytest.raises(InvalidValueError, match="'bad' is refused"):
        bad.result()
    assert notes(desk.store) == ["first", "last"]


def test_nobody_is_told_before_the_commit(desk: Bench) -> None:
    def lose_the_transaction(items: Sequence[str]) -> list[str | None]:
        with desk.store.writing() as connection:
            connection.exec_driver_sql("ROLLBACK")
        return list(items)

    for promise in handed_in(desk.store, lose_the_transaction, ["first", "second"]):
        with pytest.raises(StoreError, match=r"gave the transaction up|no such savepoint"):
            promise.result()
    assert notes(desk.store) == []


def test_a_cancelled_item_is_not_dealt_with(desk: Bench) -> None:
    joint = desk.store.joint(many=lambda items: [None] * len(items), one=lambda item: note(desk.store, item))
    let_go = hold(desk.store)
    unwanted, wanted = joint.submit("unwanted"), joint.submit("wanted")
    assert unwanted.cancel()
    let_go()
    assert wanted.result() == "wanted alone"
    assert notes(desk.store) == ["wanted"]


def test_too_many_items_are_refused(desk: Bench) -> None:
    writer = GroupCommit(database_of(desk.store))
    joint = Joint(writer, many=list, one=lambda item: item, largest_queue=2)
    is_blocked, go_on = threading.Event(), threading.Event()
    writer.submit(lambda: (is_blocked.set(), go_on.wait()))
    is_blocked.wait()
    accepted = [joint.submit("first"), joint.submit("second")]
    with pytest.raises(StoreBusyError, match="2 results wait to be written"):
        joint.submit("third")
    go_on.set()
    assert [promise.result() for promise in accepted] == ["first", "second"]
    assert joint.submit("again").result() == "again"
    writer.close()
    with pytest.raises(StoreError, match="takes no more work"):
        joint.submit("late")
