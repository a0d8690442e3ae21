"""Work that takes its time, a few at once, so that whoever asks for something small never waits for a thread."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from services.api.errors import TooManyRequestsError

Result = TypeVar("Result")


class SlowWork:
    """Lets a few in at once; others wait for a moment, holding no thread, and are then sent away.

    Each place rests after its work for as long as keeps all of them together within their share of this process, which
    answers everybody with one interpreter.

    Args:
        n_at_once: How many are worked on at the same time.
        patience_s: How long others wait for their turn.
        share: Of one processor's time that the work may take in the long run.
    """

    def __init__(self, *, n_at_once: int, patience_s: float, share: float) -> None:
        self._places = asyncio.Semaphore(n_at_once)
        self._patience_s = patience_s
        self._rest_per_s = n_at_once / share - 1

    async def run(self, work: Callable[[], Result]) -> Result:
        """Does the work on a thread.

        Raises:
            TooManyRequestsError: If its turn does not come.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                await self._places.acquire()
        except TimeoutError as error:
            raise TooManyRequestsError(
                "Too many files are being read right now.",
                remedy="Send it again as soon as Retry-After says; nothing was kept.",
                retry_after_s=self._patience_s,
            ) from error
        used_s = 0.0

        def timed() -> Result:
            nonlocal used_s
            began = time.thread_time()
            try:
                return work()
            finally:
                used_s = time.thread_time() - began

        try:
            return await run_in_threadpool(timed)
        finally:
            asyncio.get_running_loop().call_later(used_s * self._rest_per_s, self._places.release)
