"""Recording an answer: its unit, its range, the query's state, the money and the trail, in one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from domain.blueprint import Realization
from domain.campaign import CampaignSpec
from domain.errors import ConflictError, InvalidValueError
from domain.events import EventKind
from domain.json_value import JsonObject, JsonValue
from domain.measurement import Failure, FailureKind, Measurement
from domain.states import QueryState
from services.intake.findings import NOTHING, Findings, keep_findings, with_missing_points
from services.intake.handed_in import HandedInMeasurement, read_failure, read_measurement
from services.intake.remarks import REMARKS, remarks_on
from services.intake.units import convert
from services.store import Store
from services.store.answers import Answered, book_answered, end_claimed, read_spec, title_of
from services.store.campaigns import read_campaign
from services.store.candidates import has_realization, write_realizations
from services.store.events import write_events
from services.store.query_steps import describe_query, fail_query, lock_query, read_query
from services.store.records import MeasurementRecord, QueryRecord
from services.store.results import (
    NewMeasurement,
    append_failure,
    append_measurement,
    find_failure_digests,
    find_measurement,
)
from services.store.waking import bring_news


def record_measurement(
    store: Store,
    query_id: int,
    *,
    fence: int,
    measurement: Measurement,
    found: Findings = NOTHING,
    is_dated: bool = True,
) -> MeasurementRecord:
    """Records the answer to a query and books its declared cost.

    The same payload again is harmless. What comes after the claim was lost is kept as evidence: never charged, never
    learned from.

    Args:
        store: The store.
        query_id: The query.
        fence: From the claim under which the look was made.
        measurement: In any unit of the campaign's quantity.
        found: What the look gave beside its value.
        is_dated: Whether it was said when it was measured; else the same at another time is the same again.

    Raises:
        NotFoundError: If there is no such query, or a file is none of its campaign's.
        InvalidValueError: If the unit or a value is refused, or the sites are not this crystal's.
        ConflictError: If the query was answered otherwise under this claim, or the fence was never handed out.
    """
    now = store.now()
    handed_in = read_measurement(measurement, now=now, is_dated=is_dated, found=found)
    with store.writing() as connection:
        query = end_claimed(connection, query_id, fence, at=now)
        if query is None:
            return _keep_late(connection, query_id, fence, handed_in, found=found, now=now)
        spec = read_spec(connection, query.campaign_id, query.spec_digest)
        quantity = spec.objective.measured
        learned = as_learned(handed_in.measurement, spec, query.fidelity)
        converted = with_missing_points(learned, found, handed_in.measurement.unit, quantity)
        _keep_sites(connection, query, handed_in.measurement, found.realizations, now)
        record = append_measurement(connection, answer_of(query, fence, handed_in, converted), at=now)
        keep_findings(connection, query.campaign_id, record.id, found, handed_in.measurement, quantity)
        book_answered(connection, [(query, converted.cost)], at=now)
        write_events(connection, query.campaign_id, [done_event(query, converted)], at=now)
        bring_news(connection, query.campaign_id, at=now)
        return record


def record_failure(store: Store, query_id: int, *, fence: int, failure: Failure) -> QueryRecord:
    """Records that a look gave no number.

    A transient failure sends the query back to the queue while attempts are left and costs the budget nothing;
    otherwise the query has failed for good and its declared cost is booked. The same payload again is harmless. What
    comes after the claim was lost is kept without consequence.

    Args:
        store: The store.
        query_id: The query.
        fence: From the claim under which the look was made.
        failure: What happened.

    Returns:
        The query as it stands now.

    Raises:
        NotFoundError: If there is no such query.
        ConflictError: If the query was answered otherwise under this claim, or the fence was never handed out.
    """
    failure, digest = read_failure(failure)
    now = store.now()
    with store.writing() as connection:
        query = lock_query(connection, query_id)
        known = find_failure_digests(connection, query_id, fence)
        if digest in known:
            return query
        _require_answerable(query, fence)
        is_evidence = _is_late(query, fence)
        if is_evidence and known:
            raise _answered_otherwise(query)
        campaign = read_campaign(connection, query.campaign_id)
        attempts_left = campaign.spec.fidelities.fidelity(query.fidelity).max_attempts - query.attempts
        is_final = failure.kind is not FailureKind.TRANSIENT or attempts_left < 1
        append_failure(
            connection,
            query,
            failure,
            key=(fence, digest),
            is_final=is_final and not is_evidence,
            is_evidence=is_evidence,
            at=now,
        )
        if is_evidence:
            _note_late(connection, query, failure.worker, now)
        else:
            fail_query(connection, query, failure, is_final=is_final, at=now)
        return read_query(connection, query_id)


def _require_answerable(query: QueryRecord, fence: int) -> None:
    if not 1 <= fence <= query.fence:
        raise ConflictError(
            f"Query {query.id} never handed out fence {fence}; its newest is {query.fence}.",
            remedy="Claim the query and answer with the fence of that claim.",
        )
    if query.state is QueryState.DONE and fence == query.fence:
        raise _answered_otherwise(query)


def _answered_otherwise(query: QueryRecord) -> ConflictError:
    return ConflictError(
        f"Query {query.id} was answered with another payload under the same claim.",
        remedy="Read the answer that is stored.",
    )


def _is_late(query: QueryRecord, fence: int) -> bool:
    return query.state is not QueryState.CLAIMED or fence != query.fence


def _keep_late(
    connection: Connection,
    query_id: int,
    fence: int,
    handed_in: HandedInMeasurement,
    *,
    found: Findings,
    now: datetime,
) -> MeasurementRecord:
    """What comes under a fence that does not hold the query: known already, evidence, or a contradiction."""
    query = lock_query(connection, query_id)
    known = find_measurement(connection, query_id, fence, handed_in.digest)
    if known is not None:
        return known
    _require_answerable(query, fence)
    return keep_evidence(connection, query, fence, handed_in, found=found, now=now)


def keep_evidence(
    connection: Connection,
    query: QueryRecord,
    fence: int,
    handed_in: HandedInMeasurement,
    *,
    found: Findings = NOTHING,
    now: datetime,
) -> MeasurementRecord:
    """Keeps a measurement that came too late to count, inside a transaction.

    Raises:
        NotFoundError: If a file is none of its campaign's.
        InvalidValueError: If the unit or a value is refused, or the sites are not this crystal's.
    """
    quantity = read_campaign(connection, query.campaign_id).spec.objective.measured
    unit = handed_in.measurement.unit
    converted = with_missing_points(convert(handed_in.measurement, quantity), found, unit, quantity)
    _keep_sites(connection, query, handed_in.measurement, found.realizations, now)
    new = replace(answer_of(query, fence, handed_in, converted), is_evidence=True)
    record = append_measurement(connection, new, at=now)
    keep_findings(connection, query.campaign_id, record.id, found, handed_in.measurement, quantity)
    _note_late(connection, query, handed_in.measurement.provenance.worker, now)
    return record


def as_learned(measurement: Measurement, spec: CampaignSpec, fidelity: str) -> Measurement:
    """An answer in the unit of the campaign's quantity, with what is unusual about it.

    A machine cannot confirm what looks like a mistake, as people must: its answer counts, and what is unusual stands
    among its details (`remarks`) for people to see.

    Raises:
        InvalidValueError: If the unit or the value is refused.
    """
    quantity = spec.objective.measured
    converted = convert(measurement, quantity)
    if spec.fidelities.fidelity(fidelity).is_laboratory:
        return converted
    remarks = [remark.message for remark in remarks_on(converted, quantity)]
    return replace(converted, details={**converted.details, REMARKS: remarks}) if remarks else converted


def answer_of(
    query: Answered | QueryRecord, fence: int, handed_in: HandedInMeasurement, converted: Measurement
) -> NewMeasurement:
    """The row that an answer becomes."""
    return NewMeasurement(
        campaign_id=query.campaign_id,
        query_id=query.id,
        candidate_id=query.candidate_id,
        fidelity=query.fidelity,
        fence=fence,
        payload_digest=handed_in.digest,
        measurement=converted,
        reported_value=handed_in.measurement.value,
        reported_unit=handed_in.measurement.unit,
    )


def _keep_sites(
    connection: Connection,
    query: Answered | QueryRecord,
    measurement: Measurement,
    realizations: Sequence[Realization],
    now: datetime,
) -> None:
    if realizations:
        write_realizations(connection, query.candidate_id, realizations, at=now)
    digest = measurement.provenance.realization_digest
    if digest is not None and not has_realization(connection, query.candidate_id, digest):
        raise InvalidValueError(
            f"The measurement of query {query.id} names sites {digest[:12]} that nobody handed in.",
            remedy="Hand the realization in with the measurement.",
        )


def done_event(query: Answered, measurement: Measurement) -> tuple[EventKind, str, JsonObject]:
    """What the trail says of an answer."""
    core_seconds = measurement.cost.core_seconds
    took = "" if core_seconds is None else f", took {core_seconds:.1f} core-seconds"
    message = (
        f"ask: {title_of(query)} at {query.fidelity}: {shown(measurement)} ({query.declared.amount:g} charged{took})"
    )
    payload: dict[str, JsonValue] = {
        "query_id": query.id,
        "value": measurement.value,
        "declared": query.declared.amount,
        "core_seconds": core_seconds,
    }
    remarks = measurement.details.get(REMARKS)
    if isinstance(remarks, list):
        message = f"{message}. Unusual: {' '.join(map(str, remarks))}"
        payload[REMARKS] = remarks
    return EventKind.QUERY_DONE, message, payload


def shown(measurement: Measurement) -> str:
    """A measurement as people read it, in one word and its unit."""
    return f"{measurement.censoring.value.strip('=')}{measurement.value:.4g} {measurement.unit}"


def _note_late(connection: Connection, query: QueryRecord, worker: str, now: datetime) -> None:
    message = f"ask: {describe_query(connection, query)}: {worker} answered too late; the answer is kept as evidence"
    payload: JsonObject = {"query_id": query.id, "worker": worker}
    write_events(connection, query.campaign_id, [(EventKind.STAGE_NOTE, message, payload)], at=now)
