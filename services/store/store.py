"""The store: the system of record."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from services.store.campaigns import Campaigns
from services.store.candidates import Candidates, Realizations
from services.store.database import Database
from services.store.events import Events
from services.store.ledger import Ledger
from services.store.queries import Queries
from services.store.references import References
from services.store.results import Failures, Measurements
from services.store.rounds import Rounds


class Store:
    """Every campaign with all that was asked, answered and spent.

    Concurrency: threads may share a store, processes open their own. Each method is one transaction: it takes effect as
    a whole or not at all, whenever the process is killed, and repeating it is harmless. Steps that two parties may take
    at the same time are compare-and-set: exactly one of them wins. A query belongs to whoever claimed it last; the
    fence of that claim must come with the answer. Answers enter through `services.intake` alone.

    Close it, or use it as a context manager.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.campaigns = Campaigns(database)
        self.rounds = Rounds(database)
        self.candidates = Candidates(database)
        self.realizations = Realizations(database)
        self.queries = Queries(database)
        self.measurements = Measurements(database)
        self.failures = Failures(database)
        self.references = References(database)
        self.ledger = Ledger(database)
        self.events = Events(database)

    @property
    def address(self) -> str:
        """Where the store lives, without a password."""
        return self._database.url.render_as_string(hide_password=True)

    def now(self) -> datetime:
        """The time by which leases lapse, UTC-aware."""
        return self._database.now()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction over several steps: whatever this thread does to the store inside takes effect together."""
        with self._database.write() as connection:
            yield connection

    def close(self) -> None:
        """Closes every connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
