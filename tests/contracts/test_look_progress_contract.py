"""Both databases keep how far looks have come."""

import pytest

from domain.errors import NotFoundError
from domain.look import LookProgress
from services.store.examples import Bench, example_pick, open_example
from services.store.look_progress import ToldProgress


def test_progress_is_told_by_whoever_is_at_it(store_bench: Bench) -> None:
    """The newest word counts, from the claim that holds; it is gone with its claim."""
    queries, told = store_bench.store.queries, store_bench.store.look_progress
    _, _, (first, second) = open_example(store_bench.store, [example_pick(1), example_pick(2)])
    both = [first.id, second.id]
    assert not told.tell(first.id, 1, LookProgress(0.1, "not claimed"))
    for query in (first, second):
        queries.claim(query.id, worker=f"ann/{query.id}", lease_s=60)
    assert told.tell(first.id, 1, LookProgress(0.1, "1 of 10 ps"))
    store_bench.clock.advance(5)
    assert told.tell(first.id, 1, LookProgress(0.2, "2 of 10 ps"))
    assert not told.tell(first.id, 2, LookProgress(0.9, "of another claim"))
    assert told.of(both) == {first.id: ToldProgress(first.id, 0.2, "2 of 10 ps", store_bench.clock())}
    queries.release(first.id, 1)
    assert told.of(both) == {}
    queries.claim(first.id, worker="bob", lease_s=60)
    assert told.of(both) == {}, "what the former claim told is not this one's"
    with pytest.raises(NotFoundError, match="query"):
        told.tell(10_000, 1, LookProgress(0.5, "of nothing"))
