"""What laboratories are asked and what they have answered, over all campaigns."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, func, or_, select

from domain.states import QueryState
from services.store.database import Database
from services.store.queue import of_fidelities
from services.store.records import CandidateRecord, FailureRecord, MeasurementRecord, QueryRecord
from services.store.results import STANDING
from services.store.rows import candidate_record, failure_record, measurement_record, query_record
from services.store.tables import campaigns, candidates, failures, measurements, queries

Asked = Collection[tuple[int, str]]
"""Fidelities of laboratories, each as (campaign, name)."""
_URGENCY: Final = campaigns.alias()


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which of what laboratories are asked is wanted."""

    states: Collection[QueryState] = (QueryState.QUEUED, QueryState.CLAIMED)
    worker: str | None = None
    """Only what this one holds."""


class Laboratory:
    """Lists that are short however many looks machines have made: each begins at an index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def queue(
        self, asked: Asked, only: QueueFilter, *, after: int = 0, limit: int = 100
    ) -> tuple[tuple[QueryRecord, CandidateRecord], ...]:
        """What laboratories are asked: of the most urgent campaign first, and there the oldest first.

        Args:
            asked: Where to look.
            only: Which to return.
            after: Number of the last query that is known already; 0 for none.
            limit: Most to return.
        """
        conditions = [of_fidelities(queries, asked), queries.c.state.in_([state.value for state in only.states])]
        if only.worker is not None:
            conditions.append(queries.c.worker == only.worker)
        if after:
            last = queries.alias()
            reached = (
                select(_URGENCY.c.priority)
                .join(last, _URGENCY.c.id == last.c.campaign_id)
                .where(last.c.id == after)
                .scalar_subquery()
            )
            is_later = and_(campaigns.c.priority == reached, queries.c.id > after)
            conditions.append(or_(campaigns.c.priority < reached, is_later))
        statement = (
            select(queries.c.id, queries.c.candidate_id)
            .join(campaigns, campaigns.c.id == queries.c.campaign_id)
            .where(*conditions)
            .order_by(campaigns.c.priority.desc(), queries.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            found = connection.execute(statement).all()
            numbers, crystals = [row.id for row in found], [row.candidate_id for row in found]
            asked_now = connection.execute(select(queries).where(queries.c.id.in_(numbers))).mappings()
            looks = {row["id"]: query_record(row) for row in asked_now}
            chosen = connection.execute(select(candidates).where(candidates.c.id.in_(crystals))).mappings()
            known = {row["id"]: candidate_record(row) for row in chosen}
        return tuple((looks[row.id], known[row.candidate_id]) for row in found)

    def count(self, asked: Asked) -> Mapping[QueryState, int]:
        """How many of a laboratory's queries are in each state that any has."""
        statement = select(queries.c.state, func.count()).where(of_fidelities(queries, asked)).group_by(queries.c.state)
        with self._database.read() as connection:
            return {QueryState(state): n for state, n in connection.execute(statement)}

    def looks(self, crystals: Collection[tuple[int, int]]) -> Mapping[int, tuple[MeasurementRecord, ...]]:
        """What counts of what is known of some crystals, by candidate, in the order in which it came.

        Args:
            crystals: The crystals as (campaign, candidate), because that is how queries are indexed.
        """
        campaign_ids = {campaign for campaign, _ in crystals}
        numbers = {candidate for _, candidate in crystals}
        statement = (
            select(measurements)
            .join(queries, queries.c.id == measurements.c.query_id)
            .where(queries.c.campaign_id.in_(campaign_ids), queries.c.candidate_id.in_(numbers), *STANDING)
            .order_by(measurements.c.id)
        )
        found: dict[int, list[MeasurementRecord]] = {}
        with self._database.read() as connection:
            for row in connection.execute(statement).mappings():
                found.setdefault(row["candidate_id"], []).append(measurement_record(row))
        return {candidate: tuple(records) for candidate, records in found.items()}

    def answers(
        self, asked: Asked, *, worker: str | None = None, before: int | None = None, limit: int = 100
    ) -> tuple[MeasurementRecord, ...]:
        """What laboratories measured, the newest first, corrections and what came too late among it.

        Args:
            asked: Where to look.
            worker: Only what this one handed in.
            before: Number of the last measurement that is known already.
            limit: Most to return.
        """
        statement = select(measurements).where(of_fidelities(measurements, asked))
        if worker is not None:
            statement = statement.where(measurements.c.provenance["worker"].as_string() == worker)
        if before is not None:
            statement = statement.where(measurements.c.id < before)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(measurements.c.id.desc()).limit(limit)).mappings()
            return tuple(measurement_record(row) for row in rows)

    def failures(
        self, asked: Asked, *, worker: str | None = None, before: int | None = None, limit: int = 100
    ) -> tuple[FailureRecord, ...]:
        """What laboratories could not make or measure, the newest first."""
        statement = select(failures).where(of_fidelities(failures, asked))
        if worker is not None:
            statement = statement.where(failures.c.worker == worker)
        if before is not None:
            statement = statement.where(failures.c.id < before)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(failures.c.id.desc()).limit(limit)).mappings()
            return tuple(failure_record(row) for row in rows)
