"""Work of one kind that costs far less for many at once than for each: callers hand in items, not work."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Generic, TypeVar

from sqlalchemy import Connection

from domain.errors import StoreBusyError
from services.store.database import Database
from services.store.group_commit import LARGEST_BATCH, LARGEST_QUEUE, GroupCommit, Piece

Item = TypeVar("Item")
T = TypeVar("T")


class Joint(Generic[Item, T]):
    """Gathers items that arrive at the same time, and has the store's writer deal with them together.

    Each item succeeds or fails alone, and is acknowledged only once that is durable. Threads may share it.
    """

    def __init__(
        self,
        writer: GroupCommit,
        *,
        many: Callable[[Sequence[Item]], Sequence[T | None]],
        one: Callable[[Item], T],
        largest_queue: int = LARGEST_QUEUE,
    ) -> None:
        """Makes a joint.

        Args:
            writer: The store's writer.
            many: Deals with items together; None for each that it has left alone.
            one: Deals with one that was left alone, or with each where all together failed.
            largest_queue: Items that may wait; more are refused.
        """
        self._writer = writer
        self._many = many
        self._one = one
        self._largest_queue = largest_queue
        self._lock = threading.Lock()
        self._gathering: _Crowd[Item, T] | None = None
        self._n_waiting = 0

    def submit(self, item: Item) -> Future[T]:
        """Accepts an item. The promise is kept once its effect on the store is durable.

        Raises:
            StoreBusyError: If too many wait.
            StoreError: If the writer is closed.
        """
        piece = Piece(partial(self._one, item))
        with self._lock:
            if self._n_waiting >= self._largest_queue:
                raise StoreBusyError(
                    f"{self._n_waiting} results wait to be written already.",
                    remedy="Repeat in a few seconds; nothing was written.",
                )
            if self._gathering is None or len(self._gathering.pieces) >= LARGEST_BATCH:
                crowd = _Crowd(self._many, self._take)
                self._writer.enqueue(crowd)  # it waits for our lock before it begins
                self._gathering = crowd
            self._gathering.items.append(item)
            self._gathering.pieces.append(piece)
            self._n_waiting += 1
        return piece.promise

    def _take(self, crowd: "_Crowd[Item, T]") -> None:
        """Lets nobody join a crowd any more."""
        with self._lock:
            if self._gathering is crowd:
                self._gathering = None
            self._n_waiting -= len(crowd.pieces)


class _Crowd(Generic[Item, T]):
    """Items that are dealt with together."""

    def __init__(
        self, many: Callable[[Sequence[Item]], Sequence[T | None]], close: Callable[["_Crowd[Item, T]"], None]
    ) -> None:
        self.items: list[Item] = []
        self.pieces: list[Piece[T]] = []
        self._many = many
        self._close = close

    def begin(self) -> bool:
        self._close(self)
        wanted = [piece.begin() for piece in self.pieces]
        self.items = [item for item, is_wanted in zip(self.items, wanted, strict=True) if is_wanted]
        self.pieces = [piece for piece, is_wanted in zip(self.pieces, wanted, strict=True) if is_wanted]
        return bool(self.pieces)

    def attempt(self, database: Database, connection: Connection) -> bool:
        results: Sequence[T | None] = [None] * len(self.items)
        together = Piece(partial(self._many, self.items))
        if len(self.items) > 1 and together.attempt(database, connection):
            results = together.result
        is_done = True
        for piece, result in zip(self.pieces, results, strict=True):
            if result is None:
                is_done &= piece.attempt(database, connection)
            else:
                piece.keep(result)
        return is_done

    def settle(self, failed_commit: BaseException | None) -> None:
        for piece in self.pieces:
            piece.settle(failed_commit)
