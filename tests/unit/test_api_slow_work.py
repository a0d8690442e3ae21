"""Work that takes its time: a few at once, within their share; whoever waits too long is sent away."""

import asyncio
import threading

import pytest

from services.api.errors import TooManyRequestsError
from services.api.slow_work import SlowWork


def test_whoever_finds_no_place_is_told_when_to_come_back():
    is_over = threading.Event()

    async def two_at_once():
        slow_work = SlowWork(n_at_once=1, patience_s=0.01, share=1.0)
        first = asyncio.ensure_future(slow_work.run(is_over.wait))
        await asyncio.sleep(0)
        try:
            with pytest.raises(TooManyRequestsError, match="Too many files"):
                await slow_work.run(is_over.wait)
        finally:
            is_over.set()
        return await first

    assert asyncio.run(two_at_once())


def test_a_place_is_free_again_even_after_work_that_went_wrong():
    def go_wrong():
        raise ValueError("a bad file")

    async def one_after_the_other():
        slow_work = SlowWork(n_at_once=1, patience_s=60.0, share=0.5)
        for _ in range(3):
            with pytest.raises(ValueError, match="a bad file"):
                await slow_work.run(go_wrong)
        return await slow_work.run(lambda: "read")

    assert asyncio.run(one_after_the_other()) == "read"
