"""What machines and laboratories do at the moment, and what oracles have answered lately."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, RowMapping, Table, and_, false, func, or_, select

from domain.events import EventKind
from domain.states import QueryState
from services.store.database import Database
from services.store.queue import Ladders
from services.store.records import EventRecord, FailureRecord, MeasurementRecord
from services.store.rows import event_record, failure_record, measurement_record
from services.store.tables import campaigns, events, failures, measurements, queries

MOST_HOLDERS: Final = 500
_EVENTS_SEARCHED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Holder:
    """A worker, a machine or somebody of a laboratory with queries in hand."""

    name: str
    n_claimed: int
    claimed_at: datetime
    """When the newest claim was made."""
    lease_until: datetime | None
    """When the first of the claims lapses unless it is renewed."""


class Machines:
    """Who holds queries, and what an oracle has answered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ladders = Ladders()

    def holders(self, campaign_ids: Collection[int]) -> tuple[Holder, ...]:
        """Everybody who holds queries of these campaigns, whoever claimed last first; `MOST_HOLDERS` at most."""
        newest = func.max(queries.c.claimed_at)
        statement = (
            select(
                queries.c.worker.label("name"),
                func.count().label("n_claimed"),
                newest.label("claimed_at"),
                func.min(queries.c.lease_until).label("lease_until"),
            )
            .where(queries.c.state == QueryState.CLAIMED.value, queries.c.campaign_id.in_(campaign_ids))
            .group_by(queries.c.worker)
            .order_by(newest.desc())
            .limit(MOST_HOLDERS)
        )
        with self._database.read() as connection:
            return tuple(Holder(**row) for row in connection.execute(statement).mappings())

    def measurements(self, oracle: str, campaign_ids: Collection[int], *, limit: int) -> tuple[MeasurementRecord, ...]:
        """What an oracle was charged for and measured last, the newest first; no corrections, no evidence."""
        is_first = (measurements.c.is_evidence.is_(False), measurements.c.supersedes.is_(None))
        return tuple(
            measurement_record(row) for row in self._newest(measurements, oracle, campaign_ids, limit, *is_first)
        )

    def failures(self, oracle: str, campaign_ids: Collection[int], *, limit: int) -> tuple[FailureRecord, ...]:
        """At what an oracle failed last, the newest first."""
        return tuple(failure_record(row) for row in self._newest(failures, oracle, campaign_ids, limit))

    def unavailable(self, campaign_ids: Collection[int], *, limit: int) -> tuple[EventRecord, ...]:
        """What campaigns left out because its software was missing, the newest first, among the newest events."""
        newest = select(func.max(events.c.id)).scalar_subquery()
        statement = (
            select(*events.c, campaigns.c.name)
            .join(campaigns, campaigns.c.id == events.c.campaign_id)
            .where(
                events.c.id > newest - _EVENTS_SEARCHED,
                events.c.kind == EventKind.ORACLE_UNAVAILABLE.value,
                events.c.campaign_id.in_(campaign_ids),
            )
            .order_by(events.c.id.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple(event_record(row, row["name"]) for row in connection.execute(statement).mappings())

    def _newest(
        self, table: Table, oracle: str, campaign_ids: Collection[int], limit: int, *conditions: ColumnElement[bool]
    ) -> Sequence[RowMapping]:
        with self._database.read() as connection:
            ladders = self._ladders.all(connection)
            asked = [
                and_(table.c.campaign_id == campaign_id, table.c.fidelity.in_(names))
                for campaign_id in campaign_ids
                if (names := [rung.name for rung in ladders[campaign_id].fidelities if rung.oracle == oracle])
            ]
            statement = select(table).where(or_(false(), *asked), *conditions).order_by(table.c.id.desc()).limit(limit)
            return connection.execute(statement).mappings().all()
