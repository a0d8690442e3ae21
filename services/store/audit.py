"""The audit log: who changed what and when, each row sealed with the hash of the one before."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from domain.digest import content_digest
from domain.errors import InvalidValueError
from domain.json_value import JsonObject
from services.store.access_tables import audit
from services.store.database import Database, known_in_transaction, storable
from services.store.locks import lock_audit_log
from services.store.many_rows import ManyRows

_BEFORE_THE_FIRST: Final = "0" * 64
"""What the first row has in place of a predecessor's hash."""
_HASH: Final = re.compile("[0-9a-f]{64}")
_PAGE: Final = 1000
SEARCHED: Final = 20_000
"""Rows that one search looks through: none of what they say but their numbers is in an index."""
# Put together once, because every change asks for them.
_LAST_HASH: Final = select(audit.c.hash).order_by(audit.c.id.desc()).limit(1)
_ROWS: Final = ManyRows(audit)
_HEAD: Final = "hash of the newest audit row"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be kept of a change."""

    actor: str
    """Who made the change."""
    action: str
    """What was done, such as `user.create`."""
    subject: str
    """To what, such as `user ann`."""
    details: JsonObject
    """What is worth knowing later. Never a secret."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows are looked for. What is empty fits every row."""

    actor: str = ""
    """Who made the change."""
    action: str = ""
    """What was done, or how its name begins: `user.` finds all that was done to users."""
    subject: str = ""
    """To what."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One change that somebody made."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    """What was changed."""
    details: JsonObject
    previous_hash: str
    hash: str
    """SHA-256 of all of the above but the number."""

    @property
    def is_intact(self) -> bool:
        """Whether the row is still what was sealed."""
        return self.hash == _seal(
            self.previous_hash,
            at=self.at,
            actor=self.actor,
            action=self.action,
            subject=self.subject,
            details=self.details,
        )


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Rows that were found, the newest first."""

    items: tuple[AuditRecord, ...]
    next: int | None
    """Number of the row before which the search goes on; None where it has seen every row."""


class Audit:
    """The audit log. Rows are only ever added; whoever changes or removes one breaks the chain of hashes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, actor: str, action: str, subject: str, details: JsonObject) -> None:
        """Records a change, in the transaction that makes it: inside `Store.writing` or work that was submitted.

        Args:
            actor: Who made the change.
            action: What was done, such as `user.create`.
            subject: To what, such as `user ann`.
            details: What is worth knowing later. Never a secret.
        """
        self.append_all([AuditEntry(actor, action, subject, details)])

    def append_all(self, entries: Sequence[AuditEntry]) -> None:
        """Records changes, a row for each, in the transaction that makes them."""
        at = self._database.now().astimezone(UTC)
        with self._database.write() as connection:
            lock_audit_log(connection)
            known = known_in_transaction(connection)
            head = known.get(_HEAD) or _last_hash(connection)
            rows = []
            for entry in entries:
                rows.append(_row(entry, previous_hash=head, at=at))
                head = str(rows[-1]["hash"])
            _ROWS.insert(connection, rows)
            known[_HEAD] = head

    def list(self, *, after: int = 0, limit: int = 100) -> tuple[AuditRecord, ...]:
        """Rows in the order in which they were added, from behind number `after`."""
        statement = select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(limit)
        with self._database.read() as connection:
            return tuple(_audit_record(row) for row in connection.execute(statement).mappings())

    def newest(self, limit: int) -> tuple[AuditRecord, ...]:
        """The last rows, in the order in which they were added."""
        statement = select(audit).order_by(audit.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(statement).mappings().all()
        return tuple(_audit_record(row) for row in reversed(rows))

    def search(self, wanted: AuditFilter, *, before: int | None = None, limit: int = 100) -> AuditPage:
        """Finds rows, the newest first, among at most `SEARCHED` rows at a time, so that no search takes long.

        Args:
            wanted: Which rows.
            before: Number of the row before which to begin; None begins with the newest.
            limit: Most rows to return.
        """
        with self._database.read() as connection:
            newest = connection.execute(select(func.max(audit.c.id))).scalar_one() or 0
            end = newest + 1 if before is None else min(before, newest + 1)
            begin = max(1, end - SEARCHED)
            statement = select(audit).where(audit.c.id >= begin, audit.c.id < end, *_conditions(wanted))
            rows = connection.execute(statement.order_by(audit.c.id.desc()).limit(limit)).mappings().all()
        reached = rows[-1]["id"] if len(rows) == limit else begin
        return AuditPage(tuple(_audit_record(row) for row in rows), reached if reached > 1 else None)

    def last_hash(self) -> str:
        """The seal on everything so far: noted elsewhere, it shows later whether the log's end was cut off."""
        with self._database.read() as connection:
            return _last_hash(connection)

    def has(self, seal: str) -> bool:
        """Whether a row with this hash is in the log.

        Raises:
            InvalidValueError: If it is no hash, such as half of one: that would look like a log that was cut off.
        """
        if not _HASH.fullmatch(seal):
            raise InvalidValueError(
                f"'{seal[:80]}' is no seal: a seal has {len(_BEFORE_THE_FIRST)} characters of 0-9 and a-f.",
                remedy="Copy the whole seal that `petalite audit verify` printed.",
            )
        with self._database.read() as connection:
            return seal == _BEFORE_THE_FIRST or (
                connection.execute(select(audit.c.id).where(audit.c.hash == seal)).first() is not None
            )

    def verify(self) -> AuditRecord | None:
        """Finds the first row that was changed, or whose predecessor was changed, moved or removed.

        Rows cut off at the end leave an intact chain; `last_hash` noted elsewhere shows them.
        """
        previous = _BEFORE_THE_FIRST
        for record in self._all():
            if record.previous_hash != previous or not record.is_intact:
                return record
            previous = record.hash
        return None

    def _all(self) -> Iterator[AuditRecord]:
        after = 0
        while page := self.list(after=after, limit=_PAGE):
            yield from page
            after = page[-1].id


def _conditions(wanted: AuditFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.actor:
        yield audit.c.actor == storable(wanted.actor)
    if wanted.action:
        yield audit.c.action.startswith(storable(wanted.action), autoescape=True)
    if wanted.subject:
        yield audit.c.subject == storable(wanted.subject)


def _last_hash(connection: Connection) -> str:
    return connection.execute(_LAST_HASH).scalar_one_or_none() or _BEFORE_THE_FIRST


def _row(entry: AuditEntry, *, previous_hash: str, at: datetime) -> dict[str, object]:
    actor, subject = str(storable(entry.actor)), str(storable(entry.subject))
    details = {str(storable(key)): storable(value) for key, value in entry.details.items()}
    seal = _seal(previous_hash, at=at, actor=actor, action=entry.action, subject=subject, details=details)
    return {
        "at": at,
        "actor": actor,
        "action": entry.action,
        "subject": subject,
        "details": details,
        "previous_hash": previous_hash,
        "hash": seal,
    }


def _seal(previous_hash: str, *, at: datetime, actor: str, action: str, subject: str, details: JsonObject) -> str:
    return content_digest([previous_hash, at.isoformat(timespec="microseconds"), actor, action, subject, details])


def _audit_record(row: RowMapping) -> AuditRecord:
    return AuditRecord(
        id=row["id"],
        at=row["at"],
        actor=row["actor"],
        action=row["action"],
        subject=row["subject"],
        details=row["details"],
        previous_hash=row["previous_hash"],
        hash=row["hash"],
    )
