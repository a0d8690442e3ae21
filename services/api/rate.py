"""How often one caller may come: a bucket that fills steadily and holds a burst."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.api.errors import TooManyRequestsError

_MOST_CALLERS: Final = 10_000
"""Buckets kept; the ones that were not used for the longest time are forgotten, which is generous to them."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A steady rate with bursts."""

    per_s: float
    """Requests a second in the long run."""
    burst: float
    """Requests at once after a pause."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The limits of one process. Generous: they stop loops that ran wild, not work."""

    signed_in: Rate = Rate(per_s=2000.0, burst=4000.0)
    """Of each token or session."""
    anonymous: Rate = Rate(per_s=20.0, burst=200.0)
    """Of each address, for what is public and for secrets that were refused."""


class RateLimit:
    """Counts the requests of each caller in this process."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, caller: str) -> None:
        """Takes one request of a caller into account. Called on the event loop alone.

        Raises:
            TooManyRequestsError: If the caller's bucket is empty.
        """
        now = self._clock()
        left, seen_at = self._buckets.pop(caller, (self._rate.burst, now))
        left = min(self._rate.burst, left + (now - seen_at) * self._rate.per_s)
        is_allowed = left >= 1.0
        self._buckets[caller] = (left - is_allowed, now)
        if len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)
        if not is_allowed:
            raise TooManyRequestsError(
                f"More than {self._rate.per_s:g} requests a second came from this caller.",
                remedy="Wait as long as Retry-After says, then go on more slowly.",
                retry_after_s=(1.0 - left) / self._rate.per_s,
            )
