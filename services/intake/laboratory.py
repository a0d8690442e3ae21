"""Results that people hand in."""

from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import version
from typing import Final

from domain.blueprint import Blueprint
from domain.cost import Cost
from domain.errors import ConflictError, InvalidValueError
from domain.fidelity import Fidelity
from domain.measurement import Failure, FailureKind, Measurement, Provenance
from domain.quantity import Quantity
from domain.states import QueryState
from services.intake.corrections import amend_material_value, record_amendment, replace_withdrawn
from services.intake.door import record_failure, record_measurement
from services.intake.handed_in import read_measurement
from services.intake.readings import Changes, Reading
from services.intake.remarks import Remark, remark_on_elements, remarks_on, require_confirmed
from services.intake.units import convert
from services.intake.unsolicited import UnsolicitedRecord, record_unsolicited
from services.store import Store
from services.store.material_values import MaterialMeasurementRecord
from services.store.records import CampaignRecord, MeasurementRecord, QueryRecord
from services.store.results import newest_answer

LEASE_DAYS: Final = 60
"""Laboratories have no heartbeat."""
LEASE_S: Final = LEASE_DAYS * 86_400.0


def claim_laboratory_query(store: Store, query_id: int, *, worker: str, is_answered: bool = False) -> QueryRecord:
    """Claims a query for somebody in a laboratory; their own claim again is harmless.

    Args:
        store: The store.
        query_id: The query.
        worker: Who claims it.
        is_answered: Whether they have its answer already, so that a pause of the campaign is not in their way.

    Raises:
        NotFoundError: If there is no such query.
        ConflictError: If it is no laboratory's, somebody else holds it, or it is over.
    """
    _laboratory_fidelity(store, store.queries.get(query_id))
    return _claim(store, query_id, worker, is_answered=is_answered)


def release_laboratory_query(store: Store, query_id: int, *, worker: str) -> None:
    """Gives a claimed query back to the queue.

    Raises:
        NotFoundError: If there is no such query.
        ConflictError: If it is no laboratory's, or this worker does not hold it.
    """
    query = store.queries.get(query_id)
    _laboratory_fidelity(store, query)
    if query.worker != worker or not store.queries.release(query_id, query.fence):
        raise _not_yours(query)


def record_laboratory_result(
    store: Store, query_id: int, *, worker: str, reading: Reading, confirmed: bool = False
) -> MeasurementRecord:
    """Records what somebody measured; claims the query first where it is still queued.

    Handing the same result in again, even later, returns what is stored.

    Args:
        store: The store.
        query_id: The query.
        worker: Who measured.
        reading: What.
        confirmed: Whether what looks like a mistake is meant as it stands.

    Raises:
        NotFoundError: If there is no such query.
        InvalidValueError: If the unit or the value is refused.
        UnconfirmedValueError: If something looks like a mistake and is not confirmed.
        ConflictError: If somebody else holds the query, or it was answered otherwise.
    """
    query = store.queries.get(query_id)
    fidelity = _laboratory_fidelity(store, query)
    quantity = _quantity(store, query.campaign_id)
    measurement = reading.as_measurement(_provenance(fidelity, worker), query.declared, now=store.now())
    converted = convert(measurement, quantity)
    if query.state is not QueryState.DONE:
        # Refused before the claim, so that a typing error leaves the query in the queue.
        require_confirmed(remarks_on(converted, quantity), is_confirmed=confirmed)
    with store.writing():
        query = store.queries.get(query_id)
        if query.state is QueryState.DONE:
            return _after_answer(store, query, measurement, reading, confirmed=confirmed)
        claimed = _claim(store, query_id, worker, is_answered=True)
        return record_measurement(store, query_id, fence=claimed.fence, measurement=measurement)


def record_laboratory_failure(
    store: Store, query_id: int, *, worker: str, kind: FailureKind, reason: str
) -> QueryRecord:
    """Records that somebody could not make or measure a crystal; claims the query first where it is still queued.

    Raises:
        NotFoundError: If there is no such query.
        InvalidValueError: If there is no reason.
        ConflictError: If it is no laboratory's, somebody else holds it, or it is over.
    """
    query = store.queries.get(query_id)
    _laboratory_fidelity(store, query)
    failure = Failure(kind, reason.strip(), worker, query.declared, store.now())
    with store.writing():
        claimed = _claim(store, query_id, worker, is_answered=True)
        return record_failure(store, query_id, fence=claimed.fence, failure=failure)


def amend_laboratory_result(
    store: Store, measurement_id: int, *, worker: str, changes: Changes, reason: str, confirmed: bool = False
) -> MeasurementRecord:
    """Puts another reading in the place of a laboratory's measurement. What the changes do not say stays as it was.

    What was computed is only ever taken back: a person's number would stand there under the name of an oracle that
    never gave it.

    Raises:
        NotFoundError: If there is no such measurement.
        InvalidValueError: If the unit or the value is refused, or there is no reason.
        UnconfirmedValueError: If something looks like a mistake and is not confirmed.
        ConflictError: If it is no laboratory's, was corrected otherwise before, or counts for nothing.
    """
    wrong = store.measurements.get(measurement_id)
    query = store.queries.get(wrong.query_id)
    _laboratory_fidelity(store, query)
    quantity = _quantity(store, query.campaign_id)
    measurement = changes.applied(wrong.measurement, quantity, worker=worker)
    require_confirmed(remarks_on(convert(measurement, quantity), quantity), is_confirmed=confirmed)
    return record_amendment(store, measurement_id, measurement=measurement, reason=reason, worker=worker)


def amend_reported_value(
    store: Store, number: int, *, worker: str, changes: Changes, reason: str, confirmed: bool = False
) -> MaterialMeasurementRecord:
    """The same as `amend_laboratory_result` for a measurement of a known material.

    Raises:
        NotFoundError: If there is no such measurement.
        InvalidValueError: If the unit or the value is refused, or there is no reason.
        UnconfirmedValueError: If something looks like a mistake and is not confirmed.
        ConflictError: If it was corrected otherwise before.
    """
    wrong = store.material_values.get(number)
    quantity = _quantity(store, wrong.campaign_id)
    measurement = changes.applied(wrong.measurement, quantity, worker=worker)
    require_confirmed(remarks_on(convert(measurement, quantity), quantity), is_confirmed=confirmed)
    return amend_material_value(store, number, measurement=measurement, reason=reason, worker=worker)


def report_laboratory_result(
    store: Store,
    campaign: str,
    crystal: Blueprint | int,
    *,
    fidelity: str,
    worker: str,
    reading: Reading,
    confirmed: bool = False,
) -> UnsolicitedRecord:
    """Records what somebody measured without being asked.

    Args:
        store: The store.
        campaign: Name of the campaign that learns from it.
        crystal: What was measured: a blueprint, or the number of a known material.
        fidelity: The laboratory's fidelity of the campaign's ladder at which was measured.
        worker: Who measured.
        reading: What.
        confirmed: Whether what looks like a mistake is meant as it stands.

    Raises:
        NotFoundError: If there is no such campaign or material.
        InvalidValueError: If the ladder has no such fidelity, it is no laboratory's, or the unit or the value is
            refused.
        UnconfirmedValueError: If something looks like a mistake and is not confirmed.
    """
    record = store.campaigns.get(campaign)
    quantity = record.spec.objective.measured
    rung = record.spec.fidelities.fidelity(fidelity)
    if not rung.is_laboratory:
        raise InvalidValueError(
            f"Fidelity '{fidelity}' of campaign '{campaign}' is computed; nobody measures at it.",
            remedy="Name a fidelity of the campaign's ladder whose oracle is the laboratory.",
        )
    provenance = _provenance(rung, worker)
    measurement = reading.as_measurement(provenance, Cost(0.0), now=store.now())
    remarks = remarks_on(convert(measurement, quantity), quantity)
    require_confirmed((*remarks, *_remarks_on_crystal(store, record, crystal)), is_confirmed=confirmed)
    return record_unsolicited(
        store,
        record.id,
        fidelity=fidelity,
        measurement=measurement,
        about=crystal,
        is_dated=reading.measured_at is not None,
    )


def _remarks_on_crystal(store: Store, campaign: CampaignRecord, crystal: Blueprint | int) -> tuple[Remark, ...]:
    symbols: Iterable[str]
    if isinstance(crystal, Blueprint):
        symbols = (found.symbol for found in crystal.composition.elements)
    else:
        # What is not the campaign's to see has no elements here: it is refused further on.
        found = store.materials.get_all([crystal])
        symbols = (s for m in found.values() if m.group_id in (None, campaign.group_id) for s in m.material.elements)
    remark = remark_on_elements(symbols, campaign.spec.space)
    return () if remark is None else (remark,)


def _claim(store: Store, query_id: int, worker: str, *, is_answered: bool = False) -> QueryRecord:
    store.queries.requeue_lapsed(store.now())
    claimed = store.queries.claim(query_id, worker=worker, lease_s=LEASE_S, is_answered=is_answered)
    if claimed is None:
        raise _not_yours(store.queries.get(query_id))
    return claimed


def _laboratory_fidelity(store: Store, query: QueryRecord) -> Fidelity:
    fidelity = store.campaigns.by_id(query.campaign_id).spec.fidelities.fidelity(query.fidelity)
    if not fidelity.is_laboratory:
        raise ConflictError(
            f"Query {query.id} is computed at '{query.fidelity}'; no laboratory is asked.",
            remedy="See `petalite lab list` for what a laboratory is asked; a computed value can be taken back.",
        )
    return fidelity


def _quantity(store: Store, campaign_id: int) -> Quantity:
    return store.campaigns.by_id(campaign_id).spec.objective.measured


def _provenance(fidelity: Fidelity, worker: str) -> Provenance:
    return Provenance(
        oracle=fidelity.oracle,
        oracle_version=f"petalite {version('petalite')}",
        settings_digest=fidelity.settings_digest,
        worker=worker,
    )


def _after_answer(
    store: Store, query: QueryRecord, measurement: Measurement, reading: Reading, *, confirmed: bool
) -> MeasurementRecord:
    """The stored answer where it is the same, or a new one where the stored one was taken back."""
    quantity = _quantity(store, query.campaign_id)
    converted = convert(measurement, quantity)
    known = store.measurements.of_query(query.id)
    withdrawn = {record.supersedes for record in known if record.is_retracted}
    for record in known:
        told_at = reading.measured_at or record.measurement.measured_at
        if replace(converted, measured_at=told_at) != record.measurement:
            continue
        if record.id in withdrawn:
            raise ConflictError(
                f"This result was taken back before, as measurement {record.id} of query {query.id}.",
                remedy="If it is right after all, amend the measurement that took it back.",
            )
        return record
    handed_in = read_measurement(measurement, now=store.now(), is_dated=reading.measured_at is not None)
    with store.writing() as connection:
        newest = newest_answer(connection, query.id)
        if newest is not None and newest[0].is_retracted:
            require_confirmed(remarks_on(converted, quantity), is_confirmed=confirmed)
        replaced = replace_withdrawn(connection, query, handed_in, now=store.now())
    if replaced is not None:
        return replaced
    raise ConflictError(
        f"Query {query.id} was answered by {query.worker} with another result.",
        remedy="Read the stored answer; correct it with an amendment where it is wrong.",
    )


def _not_yours(query: QueryRecord) -> ConflictError:
    if query.state is QueryState.CLAIMED:
        return ConflictError(
            f"Query {query.id} is held by {query.worker}.",
            remedy="Choose another one. They can give it back, on its page or by petalite lab release.",
        )
    if query.state is QueryState.QUEUED:
        return ConflictError(
            f"Query {query.id} is not handed out: its campaign is paused or stopped, or its oracle is busy.",
            remedy="Try again later; what was measured already can be submitted.",
        )
    return ConflictError(f"Query {query.id} is {query.state.value}.", remedy="Choose one that is queued.")
