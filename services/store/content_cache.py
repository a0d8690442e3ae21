"""Values that were read before, by the digest of their content: the same digest is the same value for ever."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class ContentCache(Generic[T]):
    """Keeps a bounded number of values, those that were wanted last. Threads may share it."""

    def __init__(self, largest_size: int) -> None:
        self._largest_size = largest_size
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str, read: Callable[[], T]) -> T:
        """The value of a digest; read where it is not known."""
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        value = read()
        with self._lock:
            self._kept[digest] = value
            if len(self._kept) > self._largest_size:
                self._kept.popitem(last=False)
        return value
