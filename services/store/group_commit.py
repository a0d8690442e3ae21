"""One writer for many callers: what arrives together is made durable together, and acknowledged only after that."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, Generic, Protocol, TypeVar

from sqlalchemy import Connection

from domain.errors import StoreBusyError, StoreError
from services.store.database import Database, require_transaction
from services.store.locks import lock_audit_log

T = TypeVar("T")

LARGEST_BATCH: Final = 64
"""Pieces of work in one transaction; PostgreSQL keeps 64 savepoints of one in memory, and slows down after that."""
LARGEST_QUEUE: Final = 4096
"""Pieces of work that may wait; more are refused, so that callers slow down instead of waiting for ever."""


class Waiting(Protocol):
    """A piece of work whose caller waits."""

    def begin(self) -> bool:
        """Whether its caller still waits for it."""

    def attempt(self, database: Database, connection: Connection) -> bool:
        """Does the work inside the transaction; whether it succeeded. The caller is told nothing yet.

        Raises:
            StoreError: If the database gave the transaction up.
        """

    def settle(self, failed_commit: BaseException | None) -> None:
        """Tells the caller, now that the transaction is durable or lost."""


class Piece(Generic[T]):
    """A piece of work, its outcome and the promise to its caller."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.promise: Future[T] = Future()
        self._work = work
        self._result: list[T] = []
        self._error: BaseException | None = None

    def begin(self) -> bool:
        """Whether its caller still waits for it."""
        return self.promise.set_running_or_notify_cancel()

    @property
    def result(self) -> T:
        """What came of the work; asked for where it succeeded."""
        return self._result[0]

    def keep(self, result: T) -> None:
        """Takes the outcome of work that was done elsewhere in the transaction."""
        self._result.append(result)

    def attempt(self, database: Database, connection: Connection) -> bool:
        """Does the work; whether it succeeded.

        Raises:
            StoreError: If the database gave the transaction up.
        """
        try:
            with database.write():
                self._result.append(self._work())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
            self._error = error
            require_transaction(connection)
            return False
        return True

    def settle(self, failed_commit: BaseException | None) -> None:
        """Tells the caller."""
        error = self._error or failed_commit
        if error is not None:
            self.promise.set_exception(error)
        else:
            self.promise.set_result(self.result)


class GroupCommit:
    """Runs pieces of work one after another in a thread of its own, many in one transaction.

    Each piece is a savepoint: one that fails leaves no trace and does its neighbours no harm. Callers are told after
    the commit; if that fails, all of them get its error and nothing has happened. Order is kept.
    """

    def __init__(
        self, database: Database, *, largest_batch: int = LARGEST_BATCH, largest_queue: int = LARGEST_QUEUE
    ) -> None:
        self._database = database
        self._largest_batch = largest_batch
        self._largest_queue = largest_queue
        self._waiting: deque[Waiting] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Accepts a piece of work. The promise is kept once its effect on the store is durable.

        The work must not wait for another submitted piece: they share the thread.

        Raises:
            StoreBusyError: If too many pieces wait.
            StoreError: If the writer is closed.
        """
        piece = Piece(work)
        self.enqueue(piece)
        return piece.promise

    def enqueue(self, waiting: Waiting) -> None:
        """Accepts what tells its callers itself.

        Raises:
            StoreBusyError: If too many pieces wait.
            StoreError: If the writer is closed.
        """
        with self._changed:
            if self._is_closed:
                raise StoreError("The store is closed and takes no more work.", remedy="Open it again.")
            if len(self._waiting) >= self._largest_queue:
                raise StoreBusyError(
                    f"{len(self._waiting)} pieces of work wait to be written already.",
                    remedy="Repeat in a few seconds; nothing was written.",
                )
            self._waiting.append(waiting)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="petalite-writer", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Finishes what was accepted, and accepts nothing more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while batch := self._next_batch():
            self._write(batch)

    def _next_batch(self) -> Sequence[Waiting]:
        """Waits for work; empty once the writer is closed and everything is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._largest_batch))]

    def _write(self, batch: Sequence[Waiting]) -> None:
        wanted = [piece for piece in batch if piece.begin()]
        failed_commit: BaseException | None = None
        try:
            with self._database.write() as connection:
                lock_audit_log(connection)
                for piece in wanted:
                    piece.attempt(self._database, connection)
        except BaseException as error:  # noqa: BLE001 - every caller of the batch is told
            failed_commit = error
        for piece in wanted:
            piece.settle(failed_commit)
