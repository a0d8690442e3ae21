"""Event streams that are open in this process: so many and no more, and one look at the store for all of them."""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from starlette.concurrency import run_in_threadpool

from domain.errors import PetaliteError
from services.api.errors import TooManyRequestsError
from services.store import Store

LOOK_S: Final = 0.5
"""How often the store is asked whether something has happened in the campaigns that are followed."""
RETRY_AFTER_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How many streams one process holds open."""

    per_caller: int = 12
    in_all: int = 400


@dataclass(eq=False, slots=True)
class Stream:
    """One caller who follows one campaign."""

    user_id: int | None
    campaign_id: int
    after_id: int
    """Number of the last event that was sent."""
    is_waiting: bool = False
    """Whether everything up to now was sent."""
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class Streams:
    """The open streams of a process. Used on its event loop alone.

    Args:
        store: Gives the open store.
        is_over: Tells whether the process is to stop, so that streams end.
        limits: How many there may be.
    """

    def __init__(
        self, store: Callable[[], Store], is_over: Callable[[], bool], *, limits: StreamLimits | None = None
    ) -> None:
        self._store = store
        self._is_over = is_over
        self.limits = limits or StreamLimits()
        self._open: set[Stream] = set()
        self._looking: asyncio.Task[None] | None = None

    def enter(self, user_id: int | None, campaign_id: int, *, after_id: int) -> Stream:
        """Opens a stream; whoever opens it closes it with `leave`.

        Raises:
            TooManyRequestsError: If the caller, or this process, has too many open already.
        """
        n_own = Counter(stream.user_id for stream in self._open)[user_id]
        if n_own >= self.limits.per_caller:
            raise TooManyRequestsError(
                f"You follow {n_own} campaigns at the same time already, which is the most for one user.",
                remedy="Close a stream, or read `events` page by page.",
                retry_after_s=RETRY_AFTER_S,
            )
        if len(self._open) >= self.limits.in_all:
            raise TooManyRequestsError(
                f"{len(self._open)} streams are open here already, which is the most.",
                remedy="Come back as soon as Retry-After says, or read `events` page by page.",
                retry_after_s=RETRY_AFTER_S,
            )
        stream = Stream(user_id, campaign_id, after_id)
        self._open.add(stream)
        return stream

    def leave(self, stream: Stream) -> None:
        """Closes a stream. Closed already: nothing happens."""
        self._open.discard(stream)

    async def wait(self, stream: Stream, *, longest_s: float) -> None:
        """Waits until something happens in the stream's campaign, the process is to stop, or the time is over."""
        stream.woken.clear()
        stream.is_waiting = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_on(), name="event-streams")
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stream.woken.wait(), longest_s)
        finally:
            stream.is_waiting = False

    async def _look_on(self) -> None:
        """Looks for news as long as anybody waits for them."""
        while self._open:
            await asyncio.sleep(LOOK_S)
            waiting = [stream for stream in self._open if stream.is_waiting]
            news = {stream.campaign_id for stream in waiting}
            if not self._is_over():
                try:
                    news = await run_in_threadpool(self._campaigns_with_news, _last_sent(waiting))
                except PetaliteError:
                    continue  # a store that is away comes back
            for stream in waiting:
                if stream.campaign_id in news:
                    stream.woken.set()

    def _campaigns_with_news(self, last_sent: dict[int, int]) -> set[int]:
        events = self._store().events
        return {campaign for campaign, after in last_sent.items() if events.list(campaign, after_id=after, limit=1)}


def _last_sent(waiting: list[Stream]) -> dict[int, int]:
    """By campaign, the last event that every stream which waits has sent."""
    sent: defaultdict[int, list[int]] = defaultdict(list)
    for stream in waiting:
        sent[stream.campaign_id].append(stream.after_id)
    return {campaign_id: min(numbers) for campaign_id, numbers in sent.items()}
