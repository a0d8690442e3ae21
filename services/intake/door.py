"""Recording an answer: its unit, its range, the query's state, the money and the trail, in one transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from domain.blueprint import Realization
from domain.digest import content_digest
from domain.errors import ConflictError, InvalidValueError
from domain.events import EventKind
from domain.json_value import JsonValue
from domain.measurement import Failure, FailureKind, Measurement
from domain.parsing import parse, to_json_value
from domain.states import QueryState, require_query_step
from services.intake.units import convert
from services.store import Store
from services.store.campaigns import read_campaign
from services.store.candidates import has_realization, write_realizations
from services.store.database import storable
from services.store.events import write_events
from services.store.ledger import book, release
from services.store.queries import describe_query, lock_query, move_query, read_query
from services.store.records import MeasurementRecord, QueryRecord
from services.store.results import append_failure, append_measurement, find_failure_digests, find_measurement


def record_measurement(
    store: Store,
    query_id: int,
    *,
    fence: int,
    measurement: Measurement,
    realizations: Sequence[Realization] = (),
) -> MeasurementRecord:
    """Records the answer to a query and books its declared cost.

    The same payload again is harmless. What comes after the claim was lost is kept as evidence: never charged, never
    learned from.

    Args:
        store: The store.
        query_id: The query.
        fence: From the claim under which the look was made.
        measurement: In any unit of the campaign's quantity.
        realizations: Sites that were found on the way.

    Raises:
        NotFoundError: If there is no such query.
        InvalidValueError: If the unit or the value is refused, or the sites are not this crystal's.
        ConflictError: If the query was answered otherwise under this claim, or the fence was never handed out.
    """
    measurement = parse(Measurement, storable(to_json_value(measurement)), what="The measurement")
    digest = content_digest(to_json_value(measurement))
    now = store.now()
    with store.writing() as connection:
        query = lock_query(connection, query_id)
        known = find_measurement(connection, query_id, fence, digest)
        if known is not None:
            return known
        _require_answerable(query, fence)
        campaign = read_campaign(connection, query.campaign_id)
        converted = convert(measurement, campaign.spec.objective.measured)
        write_realizations(connection, query.candidate_id, realizations, at=now)
        _require_traceable(connection, query, measurement)
        is_evidence = _is_late(query, fence)
        record = append_measurement(
            connection,
            query,
            converted,
            reported=measurement,
            key=(fence, digest),
            is_evidence=is_evidence,
            at=now,
        )
        if is_evidence:
            _note_late(connection, query, measurement.provenance.worker, now)
        else:
            _finish(connection, query, converted, now)
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
    failure = parse(Failure, storable(to_json_value(failure)), what="The failure")
    digest = content_digest(to_json_value(failure))
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
            _fail(connection, query, failure, is_final=is_final, now=now)
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


def _require_traceable(connection: Connection, query: QueryRecord, measurement: Measurement) -> None:
    digest = measurement.provenance.realization_digest
    if digest is not None and not has_realization(connection, query.candidate_id, digest):
        raise InvalidValueError(
            f"The measurement of query {query.id} names sites {digest[:12]} that nobody handed in.",
            remedy="Hand the realization in with the measurement.",
        )


def _finish(connection: Connection, query: QueryRecord, measurement: Measurement, now: datetime) -> None:
    require_query_step(query.state, QueryState.DONE)
    move_query(connection, query, QueryState.DONE, at=now)
    book(connection, query, measurement.cost, at=now)
    core_seconds = measurement.cost.core_seconds
    took = "" if core_seconds is None else f", took {core_seconds:.1f} core-seconds"
    message = (
        f"ask: {describe_query(connection, query)}: {measurement.censoring.value.strip('=')}{measurement.value:.4g} "
        f"{measurement.unit} ({query.declared.amount:g} charged{took})"
    )
    payload: dict[str, JsonValue] = {
        "query_id": query.id,
        "value": measurement.value,
        "declared": query.declared.amount,
        "core_seconds": measurement.cost.core_seconds,
    }
    write_events(connection, query.campaign_id, [(EventKind.QUERY_DONE, message, payload)], at=now)


def _fail(connection: Connection, query: QueryRecord, failure: Failure, *, is_final: bool, now: datetime) -> None:
    require_query_step(query.state, QueryState.FAILED)
    if is_final:
        move_query(connection, query, QueryState.FAILED, at=now)
        if failure.kind is FailureKind.REJECTED:
            release(connection, query, at=now)  # nobody looked, so nobody is paid
        else:
            book(connection, query, failure.cost, at=now)
    else:
        require_query_step(QueryState.FAILED, QueryState.QUEUED)
        move_query(connection, query, QueryState.QUEUED, at=now)
    outcome = "failed" if is_final else "failed, and will be tried again"
    message = f"ask: {describe_query(connection, query)} {outcome}: {failure.reason}"
    payload: dict[str, JsonValue] = {
        "query_id": query.id,
        "kind": failure.kind.value,
        "attempt": query.attempts,
        "is_final": is_final,
        "core_seconds": failure.cost.core_seconds,
    }
    write_events(connection, query.campaign_id, [(EventKind.QUERY_FAILED, message, payload)], at=now)


def _note_late(connection: Connection, query: QueryRecord, worker: str, now: datetime) -> None:
    message = f"ask: {describe_query(connection, query)}: {worker} answered too late; the answer is kept as evidence"
    payload: dict[str, JsonValue] = {"query_id": query.id, "worker": worker}
    write_events(connection, query.campaign_id, [(EventKind.STAGE_NOTE, message, payload)], at=now)
