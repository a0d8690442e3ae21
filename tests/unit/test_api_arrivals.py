"""Promises that another thread keeps reach the coroutines that wait for them."""

import asyncio
import threading
from concurrent.futures import Future

import pytest

from domain.errors import ConflictError
from services.api.arrivals import Arrivals


def keep(promises: list[Future[int]]) -> None:
    for number, promise in enumerate(promises):
        promise.set_result(number)


async def kept_elsewhere(n_promises: int) -> tuple[list[int], int]:
    """What many waiting coroutines are told, and how often the event loop was called for it."""
    loop, arrivals = asyncio.get_running_loop(), Arrivals[int]()
    promises: list[Future[int]] = [Future() for _ in range(n_promises)]
    waiting = [asyncio.ensure_future(arrivals.wait(promise)) for promise in promises]
    await asyncio.sleep(0)
    calls, call = [], loop.call_soon_threadsafe
    loop.call_soon_threadsafe = lambda *given, **named: calls.append(given) or call(*given, **named)
    keeper = threading.Thread(target=keep, args=(promises,))
    keeper.start()
    keeper.join()  # the loop stands still meanwhile
    return await asyncio.gather(*waiting), len(calls)


def test_what_is_kept_together_is_told_with_one_call() -> None:
    told, n_calls = asyncio.run(kept_elsewhere(50))
    assert told == list(range(50))
    assert n_calls == 1


def test_a_broken_promise_raises_for_its_own_caller_alone() -> None:
    async def wait() -> int:
        arrivals = Arrivals[int]()
        broken, kept = Future[int](), Future[int]()
        waiting = [asyncio.ensure_future(arrivals.wait(promise)) for promise in (broken, kept)]
        await asyncio.sleep(0)
        broken.set_exception(ConflictError("It was answered otherwise.", remedy="Read the answer."))
        kept.set_result(7)
        with pytest.raises(ConflictError, match="answered otherwise"):
            await waiting[0]
        return await waiting[1]

    assert asyncio.run(wait()) == 7


def test_a_caller_who_has_gone_is_left_alone() -> None:
    async def wait() -> int:
        arrivals = Arrivals[int]()
        given_up, kept = Future[int](), Future[int]()
        waiting = [asyncio.ensure_future(arrivals.wait(promise)) for promise in (given_up, kept)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        given_up.set_result(1)
        kept.set_result(2)
        return await waiting[1]

    assert asyncio.run(wait()) == 2
