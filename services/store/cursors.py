"""How far readers of the events have come, and which processes have been heard of lately."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, true, update

from services.store.database import Database, insert_if_absent
from services.store.intake_tables import cursors


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign of life."""

    name: str
    """Who gave it."""
    at: datetime


class Cursors:
    """Places in the list of events by reader, and signs of life by process.

    A reader that several processes could be is one of them at a time: who takes a cursor holds it for a while.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, name: str, event_id: int) -> None:
        """Lets a reader that is not known yet begin after an event."""
        with self._database.write() as connection:
            insert_if_absent(connection, cursors, [{"name": name, "event_id": event_id, "at": self._database.now()}])

    def position(self, name: str) -> int | None:
        """Number of the last event that a reader has dealt with; None for an unknown reader."""
        with self._database.read() as connection:
            return connection.execute(select(cursors.c.event_id).where(cursors.c.name == name)).scalar_one_or_none()

    def take(self, name: str, hold_s: float) -> int | None:
        """Makes the caller the reader for some seconds; its place, or None while another process holds it."""
        now = self._database.now()
        statement = (
            update(cursors)
            .where(cursors.c.name == name, cursors.c.at <= now)
            .values(at=now + timedelta(seconds=hold_s))
            .returning(cursors.c.event_id)
        )
        with self._database.write() as connection:
            return connection.execute(statement).scalar_one_or_none()

    def move(self, name: str, event_id: int) -> None:
        """Moves a reader on and lets go of it; nothing happens where another, who took over, is further on already."""
        self._set(name, {"event_id": event_id, "at": self._database.now()}, cursors.c.event_id <= event_id)

    def give_sign(self, name: str) -> None:
        """Says that a process is alive."""
        self.begin(name, 0)
        self._set(name, {"at": self._database.now()}, true())

    def signs(self, prefix: str) -> tuple[Sign, ...]:
        """Signs of life of all processes whose names begin with a prefix, the latest first."""
        statement = select(cursors.c.name, cursors.c.at).where(cursors.c.name.startswith(prefix, autoescape=True))
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(cursors.c.at.desc())).all()
        return tuple(Sign(row.name, row.at) for row in rows)

    def forget(self, name: str) -> None:
        """Forgets a reader or a process that has ended."""
        with self._database.write() as connection:
            connection.execute(delete(cursors).where(cursors.c.name == name))

    def forget_silent(self, prefix: str, *, since: datetime) -> None:
        """Forgets processes whose names begin with a prefix and that have given no sign of life for long."""
        is_silent = cursors.c.name.startswith(prefix, autoescape=True) & (cursors.c.at < since)
        with self._database.write() as connection:
            connection.execute(delete(cursors).where(is_silent))

    def _set(self, name: str, values: Mapping[str, object], condition: ColumnElement[bool]) -> None:
        with self._database.write() as connection:
            connection.execute(update(cursors).where(cursors.c.name == name, condition).values(dict(values)))
