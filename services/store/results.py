"""What came back: measurements and failures, only ever appended, and what the surrogate learns from."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from sqlalchemy import BindParameter, ColumnElement, Connection, RowMapping, bindparam, func, insert, select

from domain.blueprint import Blueprint
from domain.errors import NotFoundError
from domain.measurement import Censoring, Failure, Measurement
from domain.parsing import to_json_value
from domain.training import Observation, PendingLook
from services.store.database import Database
from services.store.many_rows import ManyRows
from services.store.material_values import count_material_values, known_material_values
from services.store.prepared import Prepared
from services.store.records import FailureRecord, MeasurementRecord, QueryRecord
from services.store.rounds import OPEN_STATES
from services.store.rows import failure_record, measurement_record, stored
from services.store.tables import candidates, failures, measurements, queries

_NEWER = measurements.alias()
STANDING: Final = (
    measurements.c.is_evidence.is_(False),
    measurements.c.is_retracted.is_(False),
    ~select(_NEWER.c.id).where(_NEWER.c.supersedes == measurements.c.id).exists(),
)
"""Conditions on what counts: neither late, nor taken back, nor corrected."""
_VALUES: Final[dict[str, BindParameter[object]]] = {
    column.name: bindparam(column.name) for column in measurements.c if column.name != "id"
}
_INSERT: Final = Prepared(
    insert(measurements).values(_VALUES).returning(measurements.c.id), returning=[measurements.c.id.type]
)
_ROWS: Final = ManyRows(measurements, returning=("id", "query_id", "fence", "payload_digest"))


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

    def get(self, measurement_id: int) -> MeasurementRecord:
        """Finds a measurement by number.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            return read_stored_measurement(connection, measurement_id)

    def of_query(self, query_id: int) -> tuple[MeasurementRecord, ...]:
        """A query's measurements in the order in which they came, evidence and superseded ones among them."""
        statement = select(measurements).where(measurements.c.query_id == query_id).order_by(measurements.c.id)
        with self._database.read() as connection:
            return tuple(measurement_record(row) for row in connection.execute(statement).mappings())

    def standing(self, campaign_id: int) -> tuple[MeasurementRecord, ...]:
        """What counts: neither corrected nor taken back, in the order of the queries that it answers."""
        statement = (
            select(measurements)
            .where(measurements.c.campaign_id == campaign_id, *STANDING)
            .order_by(measurements.c.query_id)
        )
        with self._database.read() as connection:
            return tuple(measurement_record(row) for row in connection.execute(statement).mappings())

    def observations(self, campaign_id: int) -> tuple[Observation, ...]:
        """What the surrogate learns from, by blueprint digest and fidelity: the same whatever came first.

        Known materials that were measured for the campaign are among it, where their elements are in its search space.
        """
        answers = (
            select(measurements, candidates.c.blueprint, candidates.c.digest)
            .join(candidates, candidates.c.id == measurements.c.candidate_id)
            .where(measurements.c.campaign_id == campaign_id, *STANDING)
        )
        with self._database.read() as connection:
            found = [_taught(row) for row in connection.execute(answers).mappings()]
            found += [_taught(row) for row in known_material_values(connection, campaign_id)]
        # Sorted here, because databases disagree on the order of text.
        return tuple(look for _, look in sorted(found, key=_rank))

    def counts(self, campaign_id: int) -> Counter[str]:
        """How many values have come at each fidelity: corrections, retractions and those of known materials count too.

        It only ever grows, and grows whenever `observations` may have changed: numbers of rows would not tell, since
        what has the smaller one may be committed later.
        """
        statement = (
            select(measurements.c.fidelity, func.count())
            .where(measurements.c.campaign_id == campaign_id, measurements.c.is_evidence.is_(False))
            .group_by(measurements.c.fidelity)
        )
        with self._database.read() as connection:
            answers: Counter[str] = Counter(dict(connection.execute(statement).all()))
            return answers + count_material_values(connection, campaign_id)

    def n_answers(self, campaign_id: int) -> Counter[str]:
        """How many looks have been answered at each fidelity, asked for or not; corrections of answers are none."""
        statement = (
            select(measurements.c.fidelity, func.count())
            .where(
                measurements.c.campaign_id == campaign_id,
                measurements.c.is_evidence.is_(False),
                measurements.c.supersedes.is_(None),
            )
            .group_by(measurements.c.fidelity)
        )
        with self._database.read() as connection:
            answers: Counter[str] = Counter(dict(connection.execute(statement).all()))
            return answers + count_material_values(connection, campaign_id, with_corrections=False)

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


@dataclass(frozen=True, slots=True)
class NewMeasurement:
    """A measurement that is about to be kept."""

    campaign_id: int
    query_id: int
    candidate_id: int
    fidelity: str
    fence: int
    """Of the claim under which it was handed in."""
    payload_digest: str
    """Names what was handed in."""
    measurement: Measurement
    """In the quantity's unit."""
    reported_value: float
    """As it was handed in."""
    reported_unit: str
    is_evidence: bool = False
    """Whether it came too late to count."""
    supersedes: int | None = None
    is_retracted: bool = False


def read_stored_measurement(connection: Connection, measurement_id: int) -> MeasurementRecord:
    """Reads a measurement inside a transaction.

    Raises:
        NotFoundError: If there is none.
    """
    record = _one_measurement(connection, measurements.c.id == measurement_id)
    if record is None:
        raise NotFoundError(
            f"There is no measurement number {measurement_id}.", remedy="List the campaign's measurements."
        )
    return record


def find_correction(connection: Connection, measurement_id: int) -> tuple[MeasurementRecord, str] | None:
    """Finds what supersedes a measurement, with the digest of its payload, inside a transaction."""
    statement = select(measurements).where(measurements.c.supersedes == measurement_id)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else (measurement_record(row), row["payload_digest"])


def newest_answer(connection: Connection, query_id: int) -> tuple[MeasurementRecord, str] | None:
    """A query's answer, its last correction or the withdrawal of it, with the payload's digest; None before the first.

    Inside a transaction.
    """
    is_corrected = select(_NEWER.c.id).where(_NEWER.c.supersedes == measurements.c.id).exists()
    statement = select(measurements).where(
        measurements.c.query_id == query_id, measurements.c.is_evidence.is_(False), ~is_corrected
    )
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else (measurement_record(row), row["payload_digest"])


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


def append_measurement(connection: Connection, new: NewMeasurement, *, at: datetime) -> MeasurementRecord:
    """Appends a measurement inside a transaction."""
    (number,) = cast(tuple[int], _INSERT.execute(connection, _row(new, at)))
    return _recorded(number, new, at)


def append_measurements(
    connection: Connection, new: Sequence[NewMeasurement], *, at: datetime
) -> tuple[MeasurementRecord, ...]:
    """Appends measurements of as many queries inside a transaction."""
    rows = cast(Sequence[tuple[int, int, int, str]], _ROWS.insert(connection, [_row(one, at) for one in new]))
    numbers = {(query_id, fence, digest): number for number, query_id, fence, digest in rows}
    return tuple(_recorded(numbers[one.query_id, one.fence, one.payload_digest], one, at) for one in new)


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


def _row(new: NewMeasurement, at: datetime) -> dict[str, object]:
    measurement = new.measurement
    return {
        "campaign_id": new.campaign_id,
        "query_id": new.query_id,
        "candidate_id": new.candidate_id,
        "fidelity": new.fidelity,
        "fence": new.fence,
        "payload_digest": new.payload_digest,
        "value": measurement.value,
        "unit": measurement.unit,
        "sigma": measurement.sigma,
        "censoring": measurement.censoring.value,
        "temperature_K": measurement.temperature_K,
        "reported_value": new.reported_value,
        "reported_unit": new.reported_unit,
        "provenance": to_json_value(measurement.provenance),
        "amount": measurement.cost.amount,
        "core_seconds": measurement.cost.core_seconds,
        "money": measurement.cost.money,
        "details": dict(measurement.details),
        "measured_at": measurement.measured_at,
        "recorded_at": at,
        "is_evidence": new.is_evidence,
        "supersedes": new.supersedes,
        "is_retracted": new.is_retracted,
    }


def _recorded(number: int, new: NewMeasurement, at: datetime) -> MeasurementRecord:
    return MeasurementRecord(
        id=number,
        query_id=new.query_id,
        candidate_id=new.candidate_id,
        fidelity=new.fidelity,
        measurement=new.measurement,
        recorded_at=at,
        supersedes=new.supersedes,
        is_retracted=new.is_retracted,
        is_evidence=new.is_evidence,
        reported_value=new.reported_value,
        reported_unit=new.reported_unit,
    )


def _taught(row: RowMapping) -> tuple[str, Observation]:
    observation = Observation(
        blueprint=stored(Blueprint, row["blueprint"]),
        fidelity=row["fidelity"],
        value=row["value"],
        sigma=row["sigma"],
        censoring=Censoring(row["censoring"]),
        temperature_K=row["temperature_K"],
    )
    return row["digest"], observation


def _rank(taught: tuple[str, Observation]) -> tuple[object, ...]:
    """Puts observations in an order that does not depend on which of them came first."""
    digest, look = taught
    unknown = -1.0
    sigma = unknown if look.sigma is None else look.sigma
    temperature_K = unknown if look.temperature_K is None else look.temperature_K
    lattice = look.blueprint.lattice.parameters
    return digest, look.fidelity, look.value, look.censoring.value, sigma, temperature_K, lattice


def _one_measurement(connection: Connection, condition: ColumnElement[bool]) -> MeasurementRecord | None:
    row = connection.execute(select(measurements).where(condition)).mappings().one_or_none()
    return None if row is None else measurement_record(row)
