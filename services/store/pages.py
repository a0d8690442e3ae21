"""Lists that are read on from a number, and counts: what the API shows of long tables."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, Table, bindparam, case, func, select

from domain.campaign import CampaignSpec
from domain.errors import NotFoundError
from domain.measurement import FailureKind
from domain.states import QueryState
from services.store.database import Database
from services.store.records import CandidateRecord, FailureRecord, MeasurementRecord
from services.store.rows import candidate_record, failure_record, measurement_record, stored
from services.store.tables import campaigns, candidates, failures, measurements, queries

_CHUNK: Final = 1000
"""Rows that are looked at together where a filter is beyond SQL."""
_QUESTION: Final = (
    select(
        queries.c.id,
        queries.c.campaign_id,
        campaigns.c.group_id,
        queries.c.fidelity,
        queries.c.declared_amount,
        queries.c.state,
        queries.c.worker,
        queries.c.fence,
        queries.c.created_at,
        queries.c.finished_at,
    )
    .join(campaigns, campaigns.c.id == queries.c.campaign_id)
    .where(queries.c.id.in_(bindparam("numbers", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class OracleUse:
    """How an oracle has done."""

    n_measurements: int = 0
    last_answer_at: datetime | None = None
    failures: Mapping[str, int] = field(default_factory=dict)
    """How many of each kind."""
    last_failure_at: datetime | None = None
    """When it last failed at something; what it rejected does not count."""
    declared: float = 0.0
    """Charged for its looks, in the campaigns' own units."""
    core_seconds: float = 0.0
    """Measured for them, where it was measured."""
    n_timed: int = 0
    """Looks of which the core-seconds were measured."""
    declared_of_timed: float = 0.0
    """Charged for those."""
    units: frozenset[str] = frozenset()
    """What the campaigns count their costs in."""

    @property
    def core_seconds_per_unit(self) -> float | None:
        """Core-seconds measured for each unit that was charged; None where no look was timed."""
        return self.core_seconds / self.declared_of_timed if self.declared_of_timed > 0 else None


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A query as far as whoever answers it is concerned."""

    query_id: int
    campaign_id: int
    group_id: int | None
    """Whose the campaign is."""
    fidelity: str
    declared: float
    """What the campaign pays for it, in its own unit."""
    state: QueryState
    worker: str | None
    fence: int
    asked_at: datetime
    """When it was chosen, UTC-aware."""
    finished_at: datetime | None
    """When it ended; None while it is open."""


@dataclass(frozen=True, slots=True)
class LookCount:
    """How many queries of a fidelity are in a state."""

    fidelity: str
    state: QueryState
    n: int


class Pages:
    """Keyset pages, ascending in number. No page costs more than the first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def candidates(
        self,
        campaign_id: int,
        *,
        after_id: int,
        limit: int,
        round_index: int | None = None,
        fits: Callable[[CandidateRecord], bool] | None = None,
    ) -> tuple[CandidateRecord, ...]:
        """A campaign's candidates after a number.

        Args:
            campaign_id: The campaign.
            after_id: Number of the last candidate that is known already.
            limit: Most candidates to return.
            round_index: Only those first chosen in this round.
            fits: Only those for which this is true.
        """
        found: list[CandidateRecord] = []
        while len(found) < limit:
            statement = select(candidates).where(candidates.c.campaign_id == campaign_id, candidates.c.id > after_id)
            if round_index is not None:
                statement = statement.where(candidates.c.round_index == round_index)
            size = limit if fits is None else _CHUNK
            with self._database.read() as connection:
                rows = connection.execute(statement.order_by(candidates.c.id).limit(size)).mappings().all()
            records = [candidate_record(row) for row in rows]
            found += [record for record in records if fits is None or fits(record)]
            if len(rows) < size:
                break
            after_id = rows[-1]["id"]
        return tuple(found[:limit])

    def measurements(
        self, campaign_id: int, *, after_id: int, limit: int, fidelity: str | None = None, query_id: int | None = None
    ) -> tuple[MeasurementRecord, ...]:
        """A campaign's measurements after a number, superseded ones and evidence among them."""
        statement = (
            select(measurements)
            .where(measurements.c.campaign_id == campaign_id, measurements.c.id > after_id)
            .order_by(measurements.c.id)
            .limit(limit)
        )
        if fidelity is not None:
            statement = statement.where(measurements.c.fidelity == fidelity)
        if query_id is not None:
            statement = statement.where(measurements.c.query_id == query_id)
        with self._database.read() as connection:
            return tuple(measurement_record(row) for row in connection.execute(statement).mappings())

    def failures(self, campaign_id: int, *, after_id: int, limit: int) -> tuple[FailureRecord, ...]:
        """A campaign's failures after a number, late ones among them."""
        statement = (
            select(failures)
            .where(failures.c.campaign_id == campaign_id, failures.c.id > after_id)
            .order_by(failures.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple(failure_record(row) for row in connection.execute(statement).mappings())

    def measurement(self, measurement_id: int) -> tuple[int, MeasurementRecord]:
        """Finds a measurement by number, with the number of its campaign.

        Raises:
            NotFoundError: If there is none.
        """
        row = self._row(measurements, measurement_id)
        if row is None:
            raise NotFoundError(f"There is no measurement number {measurement_id}.", remedy="List the measurements.")
        return row["campaign_id"], measurement_record(row)

    def question(self, query_id: int) -> OpenQuestion:
        """Finds a query with no more than its answer needs: this is read for every answer.

        Raises:
            NotFoundError: If there is none.
        """
        found = self.questions([query_id])
        if not found:
            raise NotFoundError(f"There is no query number {query_id}.", remedy="List the queries.")
        return found[query_id]

    def questions(self, query_ids: Collection[int]) -> Mapping[int, OpenQuestion]:
        """Those of the queries that there are, by number, with no more than their answers need."""
        with self._database.read() as connection:
            rows = connection.execute(_QUESTION, {"numbers": list(query_ids)}).all()
        return {
            row.id: OpenQuestion(
                query_id=row.id,
                campaign_id=row.campaign_id,
                group_id=row.group_id,
                fidelity=row.fidelity,
                declared=row.declared_amount,
                state=QueryState(row.state),
                worker=row.worker,
                fence=row.fence,
                asked_at=row.created_at,
                finished_at=row.finished_at,
            )
            for row in rows
        }

    def count_campaigns(self) -> Mapping[str, int]:
        """How many campaigns are in each state that any has."""
        return self._count(campaigns)

    def count_queries(self, campaign_ids: Collection[int] | None = None) -> Mapping[str, int]:
        """How many queries are in each state that any has.

        Args:
            campaign_ids: Only those of these campaigns; None for all.
        """
        return self._count(queries, campaign_ids)

    def count_looks(
        self, campaign_id: int, *, round_index: int | None = None, states: Collection[QueryState] | None = None
    ) -> tuple[LookCount, ...]:
        """How many of a campaign's queries are in which state at which fidelity.

        Args:
            campaign_id: Whose queries.
            round_index: Only those of this round.
            states: Only those in these states.
        """
        columns = (queries.c.fidelity, queries.c.state)
        statement = select(*columns, func.count().label("n")).where(queries.c.campaign_id == campaign_id)
        if states is not None:
            statement = statement.where(queries.c.state.in_([state.value for state in states]))
        if round_index is not None:
            statement = statement.where(queries.c.round_index == round_index)
        with self._database.read() as connection:
            rows = connection.execute(statement.group_by(*columns).order_by(*columns)).all()
        return tuple(LookCount(row.fidelity, QueryState(row.state), row.n) for row in rows)

    def oracle_uses(self, campaign_ids: Collection[int]) -> Mapping[str, OracleUse]:
        """How each oracle that was asked in these campaigns has done, by name."""
        looks, failed = measurements.c, failures.c
        measured = (
            select(
                looks.campaign_id,
                looks.fidelity,
                func.count().label("n"),
                func.max(looks.recorded_at).label("last"),
                func.sum(looks.amount).label("declared"),
                func.sum(looks.core_seconds).label("core_seconds"),
                func.count(looks.core_seconds).label("n_timed"),
                func.sum(case((looks.core_seconds.is_not(None), looks.amount), else_=0.0)).label("declared_of_timed"),
            )
            .where(looks.campaign_id.in_(campaign_ids), looks.is_evidence.is_(False), looks.supersedes.is_(None))
            .group_by(looks.campaign_id, looks.fidelity)
        )
        counted = (
            select(
                failed.campaign_id,
                failed.fidelity,
                failed.kind,
                func.count().label("n"),
                func.max(failed.recorded_at).label("last"),
            )
            .where(failed.campaign_id.in_(campaign_ids))
            .group_by(failed.campaign_id, failed.fidelity, failed.kind)
        )
        with self._database.read() as connection:
            oracles = _oracles(connection, campaign_ids)
            uses: dict[str, OracleUse] = {}
            for row in connection.execute(measured):
                name, unit = oracles[row.campaign_id, row.fidelity]
                before = uses.get(name, OracleUse())
                uses[name] = replace(
                    before,
                    n_measurements=before.n_measurements + row.n,
                    last_answer_at=max(filter(None, (before.last_answer_at, row.last)), default=None),
                    declared=before.declared + row.declared,
                    core_seconds=before.core_seconds + (row.core_seconds or 0.0),
                    n_timed=before.n_timed + row.n_timed,
                    declared_of_timed=before.declared_of_timed + row.declared_of_timed,
                    units=before.units | {unit},
                )
            for row in connection.execute(counted):
                name, _ = oracles[row.campaign_id, row.fidelity]
                before = uses.get(name, OracleUse())
                kinds = {**before.failures, row.kind: before.failures.get(row.kind, 0) + row.n}
                last = before.last_failure_at if row.kind == FailureKind.REJECTED.value else row.last
                latest = max(filter(None, (before.last_failure_at, last)), default=None)
                uses[name] = replace(before, failures=kinds, last_failure_at=latest)
        return uses

    def _count(self, table: Table, campaign_ids: Collection[int] | None = None) -> Mapping[str, int]:
        statement = select(table.c.state, func.count().label("n")).group_by(table.c.state)
        if table is campaigns:
            statement = statement.where(campaigns.c.deleted_at.is_(None))
        if campaign_ids is not None:
            statement = statement.where(table.c.campaign_id.in_(campaign_ids))
        with self._database.read() as connection:
            return {row.state: row.n for row in connection.execute(statement.order_by(table.c.state))}

    def _row(self, table: Table, number: int) -> RowMapping | None:
        with self._database.read() as connection:
            return connection.execute(select(table).where(table.c.id == number)).mappings().one_or_none()


def _oracles(connection: Connection, campaign_ids: Collection[int]) -> Mapping[tuple[int, str], tuple[str, str]]:
    """Names of the oracles, and what their looks are charged in, by (campaign, fidelity)."""
    rows = connection.execute(select(campaigns.c.id, campaigns.c.spec).where(campaigns.c.id.in_(campaign_ids)))
    specs = {row.id: stored(CampaignSpec, row.spec) for row in rows}
    return {
        (number, fidelity.name): (fidelity.oracle, spec.budget.unit)
        for number, spec in specs.items()
        for fidelity in spec.ladder
    }
