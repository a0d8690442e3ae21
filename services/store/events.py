"""The trail of what happened."""

import itertools
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, select

from domain.errors import NotFoundError
from domain.events import Event, EventKind
from domain.json_value import JsonObject
from services.store.database import Database, storable
from services.store.many_rows import ManyRows
from services.store.records import EventRecord
from services.store.rows import event_record
from services.store.settling import announce_appending, oldest_unsettled, settle
from services.store.tables import campaigns, events

_ROWS: Final = ManyRows(events)


class Events:
    """Events of campaigns, in the order in which they were recorded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, event: Event) -> None:
        """Keeps an event.

        Raises:
            NotFoundError: If its campaign does not exist.
        """
        with self._database.write() as connection:
            campaign_id = connection.execute(
                select(campaigns.c.id).where(campaigns.c.name == event.campaign)
            ).scalar_one_or_none()
            if campaign_id is None:
                raise NotFoundError(
                    f"There is no campaign '{event.campaign}' for this event.", remedy="Create the campaign first."
                )
            write_events(connection, campaign_id, [(event.kind, event.message, event.payload)], at=event.at)

    def last_id(self, campaign_id: int) -> int:
        """Number of the newest event; 0 before the first."""
        statement = select(func.max(events.c.id)).where(events.c.campaign_id == campaign_id)
        with self._database.read() as connection:
            return connection.execute(statement).scalar_one() or 0

    def version(self, campaign_id: int) -> int | None:
        """Number of the newest event, where all before it are there: what is read from now on holds all of them.

        Whatever changes a campaign's values, money or rounds tells so by an event. None where an earlier event may
        still appear, because somebody else is writing for longer than is worth waiting for.
        """
        statement = select(func.max(events.c.id)).where(events.c.campaign_id == campaign_id)
        with self._database.read() as connection:
            newest = connection.execute(statement).scalar_one() or 0
            return newest if settle(connection) else None

    def list(self, campaign_id: int, after_id: int = 0, limit: int = 1000) -> tuple[EventRecord, ...]:
        """Reads on from an event. Whoever goes on after the last one that was returned misses none.

        Args:
            campaign_id: Whose events.
            after_id: Number of the last event that is known already.
            limit: Most events to return.
        """
        own = (events.c.campaign_id == campaign_id, events.c.id > after_id)
        with self._database.read() as connection:
            newest = connection.execute(select(func.max(events.c.id)).where(*own)).scalar_one()
            if newest is None:
                return ()
            statement = _selection().where(*own, events.c.id <= newest)
            if not settle(connection):
                statement = statement.where(events.c.at < oldest_unsettled(self._database.now()))
            statement = statement.order_by(events.c.id).limit(limit)
            return tuple(event_record(row, row["name"]) for row in connection.execute(statement).mappings())

    def newest_id(self) -> int:
        """Number of the newest event of any campaign; 0 before the first."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(events.c.id))).scalar_one() or 0

    def since(self, after_id: int, *, until: datetime, limit: int = 500) -> tuple[EventRecord, ...]:
        """Reads on through the events of all campaigns.

        Numbers are given out before a transaction ends, so that a lower one may appear after a higher one. Who must
        miss none reads only what is some seconds old.

        Args:
            after_id: Number of the last event that is known already.
            until: Events that happened later are left for another time.
            limit: Most events to return.
        """
        statement = _selection().where(events.c.id > after_id).order_by(events.c.id).limit(limit)
        with self._database.read() as connection:
            found = tuple(event_record(row, row["name"]) for row in connection.execute(statement).mappings())
        return tuple(itertools.takewhile(lambda record: record.event.at <= until, found))

    def latest(
        self, campaign_id: int, kinds: Collection[EventKind], *, up_to_id: int, limit: int
    ) -> tuple[EventRecord, ...]:
        """The last events of some kinds up to (and with) one of them, the newest first."""
        statement = (
            _selection()
            .where(
                events.c.campaign_id == campaign_id,
                events.c.kind.in_([kind.value for kind in kinds]),
                events.c.id <= up_to_id,
            )
            .order_by(events.c.id.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple(event_record(row, row["name"]) for row in connection.execute(statement).mappings())


def _selection() -> Select[tuple[object, ...]]:
    return select(*events.c, campaigns.c.name).join(campaigns, campaigns.c.id == events.c.campaign_id)


def of_rare_kind(campaign_id: int, kind: EventKind) -> ColumnElement[bool]:
    """Whether an event is of a campaign and of one of the kinds that have an index of their own (`ix_events_rare`)."""
    # Written out, because neither database takes a partial index for a value that it does not know yet.
    return and_(events.c.campaign_id == campaign_id, events.c.kind == literal(kind.value, literal_execute=True))


def write_events(
    connection: Connection,
    campaign_id: int,
    happened: Iterable[tuple[EventKind, str, JsonObject]],
    *,
    at: datetime,
) -> None:
    """Appends events (kind, message, payload) of a campaign inside a transaction."""
    write_events_of_many(connection, ((campaign_id, *event) for event in happened), at=at)


def write_events_of_many(
    connection: Connection, happened: Iterable[tuple[int, EventKind, str, JsonObject]], *, at: datetime
) -> None:
    """Appends events (number of the campaign, kind, message, payload) inside a transaction."""
    rows = [
        {
            "campaign_id": campaign_id,
            "kind": kind.value,
            "message": storable(message),
            "payload": storable(payload),
            "at": at,
        }
        for campaign_id, kind, message, payload in happened
    ]
    announce_appending(connection)
    _ROWS.insert(connection, rows)
