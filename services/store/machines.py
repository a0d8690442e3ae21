"""What machines and laboratories do at the moment, and what oracles have answered lately."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, func, select

from domain.events import EventKind
from domain.fidelity import Fidelity
from domain.measurement import FailureKind
from domain.states import QueryState
from services.store.database import Database
from services.store.queue import Ladders, of_fidelities
from services.store.records import EventRecord, FailureRecord, MeasurementRecord
from services.store.rows import event_record, failure_record, measurement_record
from services.store.tables import campaigns, events, failures, measurements, queries

MOST_HOLDERS: Final = 500
_EVENTS_SEARCHED: Final = 20_000
_LOOKS_SEARCHED: Final = 2_000


@dataclass(frozen=True, slots=True)
class Holder:
    """A worker, a machine or somebody of a laboratory with queries in hand."""

    name: str
    n_claimed: int
    claimed_at: datetime
    """When the newest claim was made."""
    lease_until: datetime | None
    """When the first of the claims lapses unless it is renewed."""


@dataclass(frozen=True, slots=True)
class FidelityUse:
    """What looks of an oracle at one fidelity of one campaign have cost, beside what was declared."""

    campaign: str
    fidelity: str
    n_measurements: int
    declared: float
    """What a look is declared to cost, in the campaign's own unit."""
    unit: str
    n_timed: int
    """Looks of which the core-seconds were measured."""
    core_seconds: float | None
    """Mean of those; None where none was measured."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one look ended, and by whom."""

    worker: str
    oracle: str
    at: datetime
    failure: str | None
    """Its kind; None for an answer."""


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

    def last_failed(self, oracle: str, campaign_ids: Collection[int], *, limit: int) -> tuple[bool, ...]:
        """Whether each of an oracle's last looks failed, the newest first; what it rejected is no failure."""
        tried = failures.c.kind != FailureKind.REJECTED.value
        is_first = (measurements.c.is_evidence.is_(False), measurements.c.supersedes.is_(None))
        ended = [
            *((row["recorded_at"], True) for row in self._newest(failures, oracle, campaign_ids, limit, tried)),
            *(
                (row["recorded_at"], False)
                for row in self._newest(measurements, oracle, campaign_ids, limit, *is_first)
            ),
        ]
        return tuple(has_failed for _, has_failed in sorted(ended, reverse=True)[:limit])

    def ended_lately(self, campaign_ids: Collection[int]) -> tuple[Ended, ...]:
        """How looks of these campaigns ended, among the newest answers and failures of all."""
        looks, failed = measurements.c, failures.c
        answered = select(
            looks.provenance["worker"].as_string(), looks.provenance["oracle"].as_string(), looks.recorded_at
        ).where(
            looks.id > select(func.max(looks.id)).scalar_subquery() - _LOOKS_SEARCHED,
            looks.campaign_id.in_(campaign_ids),
            looks.supersedes.is_(None),
        )
        refused = select(failed.worker, failed.recorded_at, failed.kind, failed.campaign_id, failed.fidelity).where(
            failed.id > select(func.max(failed.id)).scalar_subquery() - _LOOKS_SEARCHED,
            failed.campaign_id.in_(campaign_ids),
        )
        with self._database.read() as connection:
            ended = [Ended(worker, oracle, at, None) for worker, oracle, at in connection.execute(answered)]
            for worker, at, kind, campaign_id, fidelity in connection.execute(refused):
                oracle = self._ladders.of(connection, campaign_id).fidelity(fidelity).oracle
                ended.append(Ended(worker, oracle, at, kind))
        return tuple(ended)

    def fidelities(self, oracle: str, campaign_ids: Collection[int]) -> tuple[FidelityUse, ...]:
        """What an oracle's looks have cost, campaign by campaign, the newest first, in the order of their ladders."""
        looks = measurements.c
        with self._database.read() as connection:
            asked = self._asked(connection, oracle, campaign_ids)
            pairs = ((number, rung.name) for number, rung in asked)
            statement = (
                select(
                    looks.campaign_id,
                    looks.fidelity,
                    func.count().label("n"),
                    func.count(looks.core_seconds).label("n_timed"),
                    func.avg(looks.core_seconds).label("core_seconds"),
                )
                .where(of_fidelities(measurements, pairs), looks.is_evidence.is_(False), looks.supersedes.is_(None))
                .group_by(looks.campaign_id, looks.fidelity)
            )
            found = {(row.campaign_id, row.fidelity): row for row in connection.execute(statement)}
            named = select(campaigns.c.id, campaigns.c.name, campaigns.c.spec["budget"]["unit"].as_string())
            of_id = {
                number: (name, unit)
                for number, name, unit in connection.execute(named.where(campaigns.c.id.in_({n for n, _ in asked})))
            }
        uses = []
        for number, rung in asked:
            row = found.get((number, rung.name))
            name, unit = of_id[number]
            counted = (0, 0, None) if row is None else (row.n, row.n_timed, row.core_seconds)
            uses.append(FidelityUse(name, rung.name, counted[0], rung.cost, unit, counted[1], counted[2]))
        return tuple(uses)

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
            asked = self._asked(connection, oracle, campaign_ids)
            is_wanted = (of_fidelities(table, ((number, rung.name) for number, rung in asked)), *conditions)
            statement = select(table).where(*is_wanted).order_by(table.c.id.desc()).limit(limit)
            return connection.execute(statement).mappings().all()

    def _asked(
        self, connection: Connection, oracle: str, campaign_ids: Collection[int]
    ) -> Sequence[tuple[int, Fidelity]]:
        """The fidelities that an oracle answers, with their campaigns' numbers, the newest campaign first."""
        ladders = self._ladders.all(connection)
        return [
            (number, rung)
            for number in sorted(campaign_ids, reverse=True)
            for rung in ladders[number].fidelities
            if rung.oracle == oracle
        ]
