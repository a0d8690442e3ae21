"""Outlasts a store that is away for a while: what was computed is worth waiting for."""

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from domain.errors import StoreCorruptError, StoreError, StoreVersionError

T = TypeVar("T")

PATIENCE_S: Final = 900.0
"""How long a store may be away before what waits for it is given up."""
TRIES_EVERY_S: Final = 1.0


def outlast(work: Callable[[], T], stop: threading.Event) -> T:
    """Does what can be repeated, again and again while the store does not answer.

    Args:
        work: What is done with the store; a second time it must be harmless.
        stop: Ends the patience.

    Raises:
        StoreError: If the store is away for too long, or cannot be used at all.
    """
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return work()
        except (StoreCorruptError, StoreVersionError):
            raise
        except StoreError:
            if stop.is_set() or time.monotonic() >= end:
                raise
        stop.wait(TRIES_EVERY_S)
