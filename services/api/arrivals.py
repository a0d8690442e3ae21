"""From the store's writer back to the event loop: what is durable at the same time is told with one call."""

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Arrivals(Generic[T]):
    """Lets coroutines of one event loop wait for promises that another thread keeps many at a time."""

    def __init__(self) -> None:
        self._kept: deque[tuple[asyncio.Future[T], Future[T]]] = deque()
        self._is_called = False

    async def wait(self, promise: Future[T]) -> T:
        """Waits until a promise is kept.

        Raises:
            BaseException: With which the promise was broken.
        """
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()

        def arrive(kept: Future[T]) -> None:
            self._kept.append((waiting, kept))
            # Set back before what has arrived is handed out: nothing is left lying, at worst a call finds nothing.
            if not self._is_called:
                self._is_called = True
                loop.call_soon_threadsafe(self._hand_out)

        promise.add_done_callback(arrive)
        return await waiting

    def _hand_out(self) -> None:
        self._is_called = False
        while self._kept:
            waiting, kept = self._kept.popleft()
            if waiting.done():
                continue  # its caller has gone
            error = kept.exception()
            if error is None:
                waiting.set_result(kept.result())
            else:
                waiting.set_exception(error)
