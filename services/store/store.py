"""The store: the system of record."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection

from services.store.approval import Approval
from services.store.archive import Archive
from services.store.artifacts import Artifacts
from services.store.audit import Audit
from services.store.campaigns import Campaigns
from services.store.candidates import Candidates, Realizations
from services.store.crystals import Crystals
from services.store.cursors import Cursors
from services.store.curves import Curves
from services.store.database import Database
from services.store.events import Events
from services.store.group_commit import GroupCommit
from services.store.halting import Halting
from services.store.idempotency import IdempotencyKeys
from services.store.identities import Identities, OidcAttempts
from services.store.joint import Joint
from services.store.laboratory import Laboratory
from services.store.ledger import Ledger
from services.store.locks import lock_audit_log
from services.store.look_progress import LookProgresses
from services.store.machines import Machines
from services.store.material_values import MaterialValues
from services.store.materials import Materials
from services.store.neighbours import Neighbours
from services.store.outcomes import Outcomes
from services.store.pages import Pages
from services.store.password_links import PasswordLinks
from services.store.people import People
from services.store.phases import Phases
from services.store.queries import Queries
from services.store.references import References
from services.store.results import Failures, Measurements
from services.store.rounds import Rounds
from services.store.schedules import Schedules
from services.store.series import SeriesPoints
from services.store.sessions import Invitations, LoginFailures, Sessions
from services.store.standings import Standings
from services.store.structures import Structures
from services.store.tokens import Tokens
from services.store.uploads import Uploads

Item = TypeVar("Item")
T = TypeVar("T")


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
        self._writer = GroupCommit(database)
        self.campaigns = Campaigns(database)
        self.archive = Archive(database)
        self.halting = Halting(database)
        self.rounds = Rounds(database)
        self.candidates = Candidates(database)
        self.realizations = Realizations(database)
        self.crystals = Crystals(database)
        self.queries = Queries(database)
        self.look_progress = LookProgresses(database)
        self.approval = Approval(database)
        self.measurements = Measurements(database)
        self.series = SeriesPoints(database)
        self.failures = Failures(database)
        self.references = References(database)
        self.material_values = MaterialValues(database)
        self.idempotency_keys = IdempotencyKeys(database)
        self.ledger = Ledger(database)
        self.standings = Standings(database)
        self.pages = Pages(database)
        self.outcomes = Outcomes(database)
        self.curves = Curves(database)
        self.laboratory = Laboratory(database)
        self.machines = Machines(database)
        self.events = Events(database)
        self.people = People(database)
        self.tokens = Tokens(database)
        self.sessions = Sessions(database)
        self.invitations = Invitations(database)
        self.password_links = PasswordLinks(database)
        self.login_failures = LoginFailures(database)
        self.identities = Identities(database)
        self.oidc_attempts = OidcAttempts(database)
        self.audit = Audit(database)
        self.schedules = Schedules(database)
        self.cursors = Cursors(database)
        self.materials = Materials(database)
        self.neighbours = Neighbours(database)
        self.phases = Phases(database)
        self.structures = Structures(database)
        self.artifacts = Artifacts(database)
        self.uploads = Uploads(database)

    @property
    def address(self) -> str:
        """Where the store lives, without a password."""
        return self._database.url.render_as_string(hide_password=True)

    def now(self) -> datetime:
        """The time by which leases lapse, UTC-aware."""
        return self._database.now()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction over several steps: whatever this thread does to the store inside takes effect together.

        At any time there is one such transaction, of all threads and processes.
        """
        with self._database.write() as connection:
            lock_audit_log(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction for several reads of this thread, at the cost of one. Inside, nothing may be written."""
        with self._database.read_together() as connection:
            yield connection

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Hands work to the store's one writer, which makes it durable together with what arrives at the same time.

        Far cheaper than a transaction for each, where many threads have something to record. What the work does to
        the store takes effect as a whole or not at all; the promise is kept, or broken with the work's own error, once
        that is certain.

        Raises:
            StoreBusyError: If too much work waits.
            StoreError: If the store is closed.
        """
        return self._writer.submit(work)

    def joint(
        self, *, many: Callable[[Sequence[Item]], Sequence[T | None]], one: Callable[[Item], T]
    ) -> Joint[Item, T]:
        """Makes a desk of the store's one writer for items of one kind, which it deals with together.

        Args:
            many: Deals with items together; None for each that it has left alone.
            one: Deals with one that was left alone, or with each where all together failed.
        """
        return Joint(self._writer, many=many, one=one)

    def close(self) -> None:
        """Finishes the work that was submitted, and closes every connection."""
        self._writer.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
