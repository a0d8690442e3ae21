"""What came back: measurements and failures, only ever appended, and what the surrogate learns from."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, insert, select

from domain.blueprint import Blueprint
from domain.measurement import Failure, Measurement
from domain.parsing import to_json_value
from domain.training import Observation, PendingLook
from services.store.database import Database
from services.store.records import FailureRecord, MeasurementRecord, QueryRecord
from services.store.rounds import OPEN_STATES
from services.store.rows import failure_record, measurement_record, stored
from services.store.tables import candidates, failures, measurements, queries


class Measurements:
    """Measurements of campaigns. They enter through `services.intake`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, campaign_id: int, *, with_evidence: bool = False) -> tuple[MeasurementRecord, ...]:
        """A campaign's measurements in the order in which they came, superseded ones among them.

        Args:
            campaign_id: The campaign.
            with_evidence: Whether to add those that came too late to count.
        """
        statement = select(measurements).where(measurements.c.campaign_id == campaign_id).order_by(measurements.c.id)
        if not with_evidence:
            statement = statement.where(measurements.c.is_evidence.is_(False))
        with self._database.read() as connection:
            return tuple(measurement_record(row) for row in connection.execute(statement).mappings())

    def observations(self, campaign_id: int) -> tuple[Observation, ...]:
        """What the surrogate learns from, by blueprint digest and fidelity: the same whatever came first."""
        newer = measurements.alias()
        statement = (
            select(measurements, candidates.c.blueprint, candidates.c.digest)
            .join(candidates, candidates.c.id == measurements.c.candidate_id)
            .where(
                measurements.c.campaign_id == campaign_id,
                measurements.c.is_evidence.is_(False),
                ~select(newer.c.id).where(newer.c.supersedes == measurements.c.id).exists(),
            )
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).mappings().all()
        found = [(row["digest"], stored(Blueprint, row["blueprint"]), measurement_record(row)) for row in rows]
        # Sorted here, because databases disagree on the order of text.
        return tuple(
            Observation(
                blueprint=blueprint,
                fidelity=record.fidelity,
                value=record.measurement.value,
                sigma=record.measurement.sigma,
                censoring=record.measurement.censoring,
                temperature_K=record.measurement.temperature_K,
            )
            for _, blueprint, record in sorted(found, key=lambda item: (item[0], item[2].fidelity))
        )

    def pending(self, campaign_id: int) -> tuple[PendingLook, ...]:
        """Looks whose answer may still come, by blueprint digest and fidelity."""
        statement = (
            select(candidates.c.digest, queries.c.fidelity, candidates.c.blueprint)
            .join(candidates, candidates.c.id == queries.c.candidate_id)
            .where(queries.c.campaign_id == campaign_id, queries.c.state.in_([state.value for state in OPEN_STATES]))
        )
        with self._database.read() as connection:
            rows = sorted(connection.execute(statement).all(), key=lambda row: (row.digest, row.fidelity))
        return tuple(PendingLook(stored(Blueprint, row.blueprint), row.fidelity) for row in rows)


class Failures:
    """Failures of campaigns. They enter through `services.intake`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, campaign_id: int) -> tuple[FailureRecord, ...]:
        """A campaign's failures in the order in which they came, late ones among them."""
        statement = select(failures).where(failures.c.campaign_id == campaign_id).order_by(failures.c.id)
        with self._database.read() as connection:
            return tuple(failure_record(row) for row in connection.execute(statement).mappings())


def find_measurement(
    connection: Connection, query_id: int, fence: int, payload_digest: str
) -> MeasurementRecord | None:
    """Finds a measurement that was handed in before, inside a transaction."""
    return _one_measurement(
        connection,
        (measurements.c.query_id == query_id)
        & (measurements.c.fence == fence)
        & (measurements.c.payload_digest == payload_digest),
    )


def find_failure_digests(connection: Connection, query_id: int, fence: int) -> frozenset[str]:
    """Payload digests of the failures that were handed in under a claim, inside a transaction."""
    statement = select(failures.c.payload_digest).where(failures.c.query_id == query_id, failures.c.fence == fence)
    return frozenset(connection.execute(statement).scalars())


def append_measurement(
    connection: Connection,
    query: QueryRecord,
    measurement: Measurement,
    *,
    reported: Measurement,
    key: tuple[int, str],
    is_evidence: bool,
    at: datetime,
) -> MeasurementRecord:
    """Appends a measurement inside a transaction.

    Args:
        connection: The transaction.
        query: What it answers.
        measurement: In the quantity's unit.
        reported: As it was handed in.
        key: Fence under which it was handed in, and digest of its payload.
        is_evidence: Whether it came too late to count.
        at: Now.
    """
    row = {
        "campaign_id": query.campaign_id,
        "query_id": query.id,
        "candidate_id": query.candidate_id,
        "fidelity": query.fidelity,
        "fence": key[0],
        "payload_digest": key[1],
        "value": measurement.value,
        "unit": measurement.unit,
        "sigma": measurement.sigma,
        "censoring": measurement.censoring.value,
        "temperature_K": measurement.temperature_K,
        "reported_value": reported.value,
        "reported_unit": reported.unit,
        "provenance": to_json_value(measurement.provenance),
        "amount": measurement.cost.amount,
        "core_seconds": measurement.cost.core_seconds,
        "money": measurement.cost.money,
        "details": dict(measurement.details),
        "measured_at": measurement.measured_at,
        "recorded_at": at,
        "is_evidence": is_evidence,
    }
    stored_row = connection.execute(insert(measurements).values(row).returning(measurements)).mappings().one()
    return measurement_record(stored_row)


def append_failure(
    connection: Connection,
    query: QueryRecord,
    failure: Failure,
    *,
    key: tuple[int, str],
    is_final: bool,
    is_evidence: bool,
    at: datetime,
) -> None:
    """Appends a failure inside a transaction.

    Args:
        connection: The transaction.
        query: What it answers.
        failure: What happened.
        key: Fence under which it was handed in, and digest of its payload.
        is_final: Whether the query is given up with it.
        is_evidence: Whether it came too late to matter.
        at: Now.
    """
    row = {
        "campaign_id": query.campaign_id,
        "query_id": query.id,
        "candidate_id": query.candidate_id,
        "fidelity": query.fidelity,
        "attempt": query.attempts,
        "fence": key[0],
        "payload_digest": key[1],
        "kind": failure.kind.value,
        "reason": failure.reason,
        "worker": failure.worker,
        "amount": failure.cost.amount,
        "core_seconds": failure.cost.core_seconds,
        "money": failure.cost.money,
        "details": dict(failure.details),
        "failed_at": failure.failed_at,
        "recorded_at": at,
        "is_final": is_final,
        "is_evidence": is_evidence,
    }
    connection.execute(insert(failures), [row])


def _one_measurement(connection: Connection, condition: ColumnElement[bool]) -> MeasurementRecord | None:
    row = connection.execute(select(measurements).where(condition)).mappings().one_or_none()
    return None if row is None else measurement_record(row)
