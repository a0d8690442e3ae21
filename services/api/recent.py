"""Whom a token belongs to, remembered for a second: machines come back many times in one."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Final
from weakref import WeakValueDictionary

from services.access.principal import Principal

REMEMBERED_S: Final = 1.0
"""So long a token that was revoked, or whose user was demoted, may still be good."""
_MOST_TOKENS: Final = 1000


class RecentTokens:
    """Remembers by digest, never by secret. Called on the event loop alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        self._turns: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    def find(self, token: str) -> Principal | None:
        """Whose token it was a moment ago; None if that must be found out."""
        until, principal = self._known.get(_digest(token), (0.0, None))
        return principal if self._clock() < until else None

    def turn(self, token: str) -> asyncio.Lock:
        """Held by whoever finds a token's owner out, so that nobody else does at the same time."""
        return self._turns.setdefault(_digest(token), asyncio.Lock())

    def keep(self, token: str, principal: Principal) -> None:
        """Remembers whose token it is."""
        digest = _digest(token)
        self._known[digest] = (self._clock() + REMEMBERED_S, principal)
        self._known.move_to_end(digest)
        if len(self._known) > _MOST_TOKENS:
            self._known.popitem(last=False)


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
