"""Corrections: a measurement is never edited; another takes its place, or a note beside it takes it back.

Nothing is charged for a correction, and the query stays done. The campaign wakes and learns from what stands.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from domain.digest import content_digest
from domain.errors import ConflictError, InvalidValueError
from domain.events import EventKind
from domain.json_value import JsonObject
from domain.measurement import Measurement
from domain.parsing import to_json_value
from domain.quantity import Quantity
from services.intake.door import answer_of, shown
from services.intake.findings import LINE, NOTHING, Findings, keep_findings, series_told, with_missing_points
from services.intake.handed_in import HandedInMeasurement, read_measurement, storable_object
from services.intake.units import convert
from services.store import Store
from services.store.artifacts import inherit_files
from services.store.campaigns import read_campaign
from services.store.candidates import write_realizations
from services.store.events import write_events
from services.store.material_values import (
    MaterialMeasurementRecord,
    NewMaterialMeasurement,
    append_material_value,
    find_material_correction,
    material_title,
    read_material_value,
)
from services.store.query_steps import describe_query, lock_query
from services.store.records import MeasurementRecord, QueryRecord
from services.store.results import (
    NewMeasurement,
    append_measurement,
    find_correction,
    newest_answer,
    read_stored_measurement,
)
from services.store.series import append_series, inherit_series
from services.store.waking import bring_news


@dataclass(frozen=True, slots=True)
class _Correction:
    """What takes the place of a measurement."""

    measurement: Measurement
    """As it was handed in; the wrong one where that is only taken back."""
    is_retraction: bool
    said: JsonObject
    """By whom, and why; kept among the details."""

    def digest(self, wrong: int) -> str:
        """Names the correction of a measurement by its content."""
        return content_digest([wrong, dict(self.said), to_json_value(self.measurement)])

    def converted(self, quantity: Quantity) -> Measurement:
        """What is kept, in the quantity's unit."""
        kept = convert(self.measurement, quantity)
        return replace(kept, details={**kept.details, "correction": self.said})

    def brings_series(self, wrong: MeasurementRecord | MaterialMeasurementRecord) -> bool:
        """Whether it has a series of its own, or what it corrects left it none."""
        own = self.measurement.details.get(LINE)
        return wrong.is_retracted or own not in (None, wrong.measurement.details.get(LINE))


def record_amendment(
    store: Store, measurement_id: int, *, measurement: Measurement, reason: str, worker: str
) -> MeasurementRecord:
    """Puts a measurement in the place of one that was wrong; both are kept. The same again is harmless.

    Files and series beside the wrong one stand beside the new one too, unless that tells a series of its own.

    Args:
        store: The store.
        measurement_id: The newest of its query's; may be one that takes another back.
        measurement: In any unit of the campaign's quantity. What it says of its cost is kept and charged to nobody.
        reason: What was wrong.
        worker: Who says so.

    Raises:
        NotFoundError: If there is no such measurement.
        InvalidValueError: If the unit or the value is refused, or there is no reason.
        ConflictError: If it was corrected otherwise before, or counts for nothing.
    """
    return _correct(store, measurement_id, _amendment(store, measurement, reason, worker))


def retract(store: Store, measurement_id: int, *, reason: str, worker: str) -> MeasurementRecord:
    """Takes a measurement back: it is kept and no longer learned from. The same again is harmless.

    Args:
        store: The store.
        measurement_id: The newest of its query's.
        reason: Why.
        worker: Who says so.

    Raises:
        NotFoundError: If there is no such measurement.
        InvalidValueError: If there is no reason.
        ConflictError: If it was corrected otherwise before, or counts for nothing.
    """
    wrong = store.measurements.get(measurement_id)
    return _correct(store, measurement_id, _retraction(wrong.measurement, reason, worker))


def amend_material_value(
    store: Store, number: int, *, measurement: Measurement, reason: str, worker: str
) -> MaterialMeasurementRecord:
    """The same as `record_amendment` for a measurement of a known material.

    Raises:
        NotFoundError: If there is no such measurement.
        InvalidValueError: If the unit or the value is refused, or there is no reason.
        ConflictError: If it was corrected otherwise before.
    """
    return _correct_material(store, number, _amendment(store, measurement, reason, worker))


def retract_material_value(store: Store, number: int, *, reason: str, worker: str) -> MaterialMeasurementRecord:
    """The same as `retract` for a measurement of a known material.

    Raises:
        NotFoundError: If there is no such measurement.
        InvalidValueError: If there is no reason.
        ConflictError: If it was corrected otherwise before.
    """
    wrong = store.material_values.get(number)
    return _correct_material(store, number, _retraction(wrong.measurement, reason, worker))


def replace_withdrawn(
    connection: Connection,
    query: QueryRecord,
    handed_in: HandedInMeasurement,
    *,
    found: Findings = NOTHING,
    now: datetime,
) -> MeasurementRecord | None:
    """Puts a measurement in the place of an answer that was taken back, inside a transaction. Nothing is charged.

    The same again is harmless.

    Returns:
        The measurement that counts; None where the query's answer stands and is another one.

    Raises:
        InvalidValueError: If the unit or the value is refused.
    """
    newest = newest_answer(connection, query.id)
    if newest is None:
        return None
    record, digest = newest
    if not record.is_retracted:
        is_known = record.supersedes is not None and digest == _digest_after(record.supersedes, handed_in)
        return record if is_known else None
    campaign = read_campaign(connection, query.campaign_id)
    quantity, unit = campaign.spec.objective.measured, handed_in.measurement.unit
    kept = with_missing_points(convert(handed_in.measurement, quantity), found, unit, quantity)
    worker = kept.provenance.worker
    new = replace(
        answer_of(query, query.fence, handed_in, kept),
        payload_digest=_digest_after(record.id, handed_in),
        supersedes=record.id,
    )
    if found.realizations:
        write_realizations(connection, query.candidate_id, found.realizations, at=now)
    instead = append_measurement(connection, new, at=now)
    keep_findings(connection, campaign.id, instead.id, found, handed_in.measurement, quantity)
    message = (
        f"{describe_query(connection, query)}: {shown(kept)} in place of what was taken back, measured by {worker}"
    )
    payload: JsonObject = {"query_id": query.id, "measurement_id": instead.id, "supersedes": record.id, "by": worker}
    write_events(connection, campaign.id, [(EventKind.MEASUREMENT_AMENDED, message, payload)], at=now)
    bring_news(connection, campaign.id, at=now)
    return instead


def _digest_after(withdrawal: int, handed_in: HandedInMeasurement) -> str:
    return content_digest([withdrawal, handed_in.digest])


def _amendment(store: Store, measurement: Measurement, reason: str, worker: str) -> _Correction:
    handed_in = read_measurement(measurement, now=store.now())
    return _Correction(handed_in.measurement, is_retraction=False, said=_said(reason, worker))


def _retraction(wrong: Measurement, reason: str, worker: str) -> _Correction:
    return _Correction(wrong, is_retraction=True, said=_said(reason, worker))


def _said(reason: str, worker: str) -> JsonObject:
    if not reason.strip():
        raise InvalidValueError("A correction has no reason.", remedy="Say what was wrong.")
    return storable_object({"by": worker, "reason": reason.strip()})


def _correct(store: Store, measurement_id: int, correction: _Correction) -> MeasurementRecord:
    now = store.now()
    digest = correction.digest(measurement_id)
    with store.writing() as connection:
        wrong = read_stored_measurement(connection, measurement_id)
        query = lock_query(connection, wrong.query_id)
        known = find_correction(connection, measurement_id)
        if known is not None and known[1] == digest:
            return known[0]
        _require_newest(measurement_id, known[0].id if known else None)
        _require_counting(wrong, correction)
        campaign = read_campaign(connection, query.campaign_id)
        kept = correction.converted(campaign.spec.objective.measured)
        new = NewMeasurement(
            campaign_id=query.campaign_id,
            query_id=query.id,
            candidate_id=query.candidate_id,
            fidelity=query.fidelity,
            fence=query.fence,
            payload_digest=digest,
            measurement=kept,
            reported_value=wrong.reported_value if correction.is_retraction else correction.measurement.value,
            reported_unit=wrong.reported_unit if correction.is_retraction else correction.measurement.unit,
            supersedes=measurement_id,
            is_retracted=correction.is_retraction,
        )
        record = append_measurement(connection, new, at=now)
        if not correction.is_retraction:
            inherit_files(connection, measurement_id, record.id)
            if correction.brings_series(wrong):
                series = series_told(kept, campaign.spec.objective.measured)
                append_series(connection, campaign.id, series, measurement_id=record.id)
            else:
                inherit_series(connection, measurement_id, record.id)
        what = describe_query(connection, query)
        payload: JsonObject = {"query_id": query.id, "measurement_id": record.id, "supersedes": measurement_id}
        _tell(connection, campaign.id, _message(what, wrong.measurement, kept, correction), payload, correction, now)
        return record


def _correct_material(store: Store, number: int, correction: _Correction) -> MaterialMeasurementRecord:
    now = store.now()
    digest = correction.digest(number)
    with store.writing() as connection:
        wrong = read_material_value(connection, number)
        known = find_material_correction(connection, number)
        if known is not None and known[1] == digest:
            return known[0]
        _require_newest(number, known[0].id if known else None)
        campaign = read_campaign(connection, wrong.campaign_id)
        kept = correction.converted(campaign.spec.objective.measured)
        new = NewMaterialMeasurement(
            campaign_id=wrong.campaign_id,
            material_id=wrong.material_id,
            fidelity=wrong.fidelity,
            payload_digest=digest,
            measurement=kept,
            reported_value=wrong.reported_value if correction.is_retraction else correction.measurement.value,
            reported_unit=wrong.reported_unit if correction.is_retraction else correction.measurement.unit,
            supersedes=number,
            is_retracted=correction.is_retraction,
        )
        record = append_material_value(connection, new, at=now)
        if not correction.is_retraction and correction.brings_series(wrong):
            series = series_told(kept, campaign.spec.objective.measured)
            append_series(connection, campaign.id, series, material_measurement_id=record.id)
        elif not correction.is_retraction:
            inherit_series(connection, number, record.id, of_material=True)
        what = f"{material_title(connection, wrong.material_id)} at {wrong.fidelity}"
        payload: JsonObject = {"material_measurement_id": record.id, "supersedes": number}
        _tell(connection, campaign.id, _message(what, wrong.measurement, kept, correction), payload, correction, now)
        return record


def _require_newest(number: int, newer: int | None) -> None:
    if newer is not None:
        raise ConflictError(
            f"Measurement {number} was corrected by measurement {newer} before.", remedy=f"Correct {newer} instead."
        )


def _require_counting(wrong: MeasurementRecord, correction: _Correction) -> None:
    if wrong.is_evidence:
        raise ConflictError(
            f"Measurement {wrong.id} came too late and counts for nothing.",
            remedy="Correct the measurement that answered the query.",
        )
    if wrong.is_retracted and correction.is_retraction:
        raise ConflictError(f"Measurement {wrong.id} takes another back already.", remedy="Nothing is left to do.")


def _message(what: str, wrong: Measurement, kept: Measurement, correction: _Correction) -> str:
    change = "is taken back" if correction.is_retraction else f"becomes {shown(kept)}"
    return f"{what}: {shown(wrong)} {change}, says {correction.said['by']}: {correction.said['reason']}"


def _tell(
    connection: Connection,
    campaign_id: int,
    message: str,
    payload: JsonObject,
    correction: _Correction,
    now: datetime,
) -> None:
    kind = EventKind.MEASUREMENT_RETRACTED if correction.is_retraction else EventKind.MEASUREMENT_AMENDED
    write_events(connection, campaign_id, [(kind, message, {**payload, **correction.said})], at=now)
    bring_news(connection, campaign_id, at=now)
