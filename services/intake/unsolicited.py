"""Results that nobody asked for: matched with what the campaign knows, or added as a known material."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from domain.blueprint import Blueprint
from domain.errors import InvalidValueError, NotFoundError
from domain.events import EventKind
from domain.json_value import JsonObject
from domain.material import KnownMaterial
from domain.measurement import Measurement
from domain.states import QueryState
from services.intake.corrections import replace_withdrawn
from services.intake.door import keep_evidence, record_measurement, shown
from services.intake.findings import series_told
from services.intake.handed_in import HandedInMeasurement, read_measurement
from services.intake.matching import match_candidate
from services.intake.units import convert
from services.store import Store
from services.store.campaigns import lock_campaign
from services.store.events import write_events
from services.store.material_values import (
    MaterialMeasurementRecord,
    NewMaterialMeasurement,
    append_material_value,
    find_material_value,
    material_title,
)
from services.store.materials import MaterialFilter, MaterialRecord
from services.store.records import CampaignRecord, MeasurementRecord, QueryRecord
from services.store.results import find_measurement
from services.store.series import append_series
from services.store.unasked import CandidateCell, add_unasked_query, find_query
from services.store.waking import bring_news

SOURCE = "unsolicited"
"""The collection of materials that were measured for a campaign and known to no other."""
_LEASE_S = 60.0
"""The answer comes in the same transaction."""


class UnsolicitedOutcome(StrEnum):
    """What became of a result that nobody asked for."""

    ANSWERED = "answered"
    """It answered a query that was open, which is charged as declared."""
    ADDED = "added"
    """It was added to a candidate of the campaign, and costs nothing."""
    REPLACED = "replaced"
    """What stood at the query was taken back: it stands in its place, and costs nothing."""
    EVIDENCE = "evidence"
    """The query had its answer already: kept, never learned from."""
    MATERIAL = "material"
    """It is about a known material; learned from, and costs nothing."""


@dataclass(frozen=True, slots=True)
class UnsolicitedRecord:
    """A result that nobody asked for, and what became of it."""

    outcome: UnsolicitedOutcome
    measurement: MeasurementRecord | None
    """Where it is about a candidate."""
    material_value: MaterialMeasurementRecord | None
    """Where it is about a known material."""


def record_unsolicited(
    store: Store,
    campaign_id: int,
    *,
    fidelity: str,
    measurement: Measurement,
    blueprint: Blueprint | None = None,
    material_id: int | None = None,
    is_dated: bool = True,
) -> UnsolicitedRecord:
    """Records a result that nobody asked for. The same again is harmless.

    Where the crystal is a candidate of the campaign, its query at the fidelity is answered, or one that costs nothing
    is added; a query that was answered keeps its answer, unless that was taken back. Anything else is a known material,
    from which the campaign learns too. So is a candidate whose query somebody else holds, waits for approval or was
    given up.

    Args:
        store: The store.
        campaign_id: The campaign that learns from it.
        fidelity: The fidelity of its ladder at which was looked.
        measurement: In any unit of its quantity. Its provenance says who looked.
        blueprint: The crystal; or
        material_id: the known material. One of the two.
        is_dated: Whether it was said when it was measured; else the same at another time is the same again.

    Raises:
        NotFoundError: If there is no such campaign or material.
        InvalidValueError: If the ladder has no such fidelity, the unit or the value is refused, or it is not said what
            was measured.
    """
    now = store.now()
    handed_in = read_measurement(measurement, now=now, is_dated=is_dated)
    with store.writing() as connection:
        campaign = lock_campaign(connection, campaign_id)
        campaign.spec.fidelities.rank(fidelity)
        convert(handed_in.measurement, campaign.spec.objective.measured)
        subject = _subject(store, campaign, blueprint, material_id)
        crystal = subject.material.blueprint if isinstance(subject, MaterialRecord) else subject
        candidate = None if crystal is None else match_candidate(connection, campaign_id, crystal)
        if candidate is not None:
            found = _about_candidate(store, connection, campaign, candidate, fidelity=fidelity, handed_in=handed_in)
            if found is not None:
                return found
        worker = handed_in.measurement.provenance.worker
        material = subject if isinstance(subject, MaterialRecord) else _known(store, campaign, subject, worker)
        return _about_material(connection, campaign, material, fidelity=fidelity, handed_in=handed_in, now=now)


def _subject(
    store: Store, campaign: CampaignRecord, blueprint: Blueprint | None, material_id: int | None
) -> Blueprint | MaterialRecord:
    """What was measured."""
    if blueprint is not None and material_id is None:
        return blueprint
    if blueprint is None and material_id is not None:
        record = store.materials.get(material_id)
        if record.group_id in (None, campaign.group_id):
            return record
        raise NotFoundError(f"There is no material number {material_id}.", remedy="List the materials.")
    raise InvalidValueError(
        "It is not said what was measured.", remedy="Give either a blueprint or the number of a known material."
    )


def _about_candidate(
    store: Store,
    connection: Connection,
    campaign: CampaignRecord,
    candidate: CandidateCell,
    *,
    fidelity: str,
    handed_in: HandedInMeasurement,
) -> UnsolicitedRecord | None:
    """Records a result about a candidate; None where its query is somebody else's, not approved or given up."""
    worker = handed_in.measurement.provenance.worker
    query = find_query(connection, candidate.id, fidelity)
    if query is None:
        query = add_unasked_query(connection, campaign, candidate, fidelity, worker=worker, at=store.now())
        return _answer(store, query, UnsolicitedOutcome.ADDED, handed_in)
    if query.state is QueryState.DONE:
        return _after_answer(store, connection, query, handed_in)
    if query.state in (QueryState.QUEUED, QueryState.CLAIMED):
        claimed = store.queries.claim(query.id, worker=worker, lease_s=_LEASE_S, is_answered=True)
        if claimed is not None:
            return _answer(store, claimed, UnsolicitedOutcome.ANSWERED, handed_in)
    return None


def _answer(
    store: Store, query: QueryRecord, outcome: UnsolicitedOutcome, handed_in: HandedInMeasurement
) -> UnsolicitedRecord:
    record = record_measurement(
        store,
        query.id,
        fence=query.fence,
        measurement=_charged(handed_in.measurement, query),
        is_dated=handed_in.is_dated,
    )
    return UnsolicitedRecord(outcome, record, None)


def _charged(measurement: Measurement, query: QueryRecord) -> Measurement:
    """A measurement that says of its cost what the campaign is charged for it."""
    return replace(measurement, cost=replace(measurement.cost, amount=query.declared.amount))


def _after_answer(
    store: Store, connection: Connection, query: QueryRecord, handed_in: HandedInMeasurement
) -> UnsolicitedRecord:
    now = store.now()
    answer = read_measurement(_charged(handed_in.measurement, query), now=now, is_dated=handed_in.is_dated)
    known = find_measurement(connection, query.id, query.fence, answer.digest)
    if known is not None and not known.is_evidence:
        is_free = query.declared.amount == 0
        return UnsolicitedRecord(UnsolicitedOutcome.ADDED if is_free else UnsolicitedOutcome.ANSWERED, known, None)
    replaced = replace_withdrawn(connection, query, handed_in, now=now)
    if replaced is not None:
        return UnsolicitedRecord(UnsolicitedOutcome.REPLACED, replaced, None)
    late = find_measurement(connection, query.id, query.fence, handed_in.digest)
    record = late or keep_evidence(connection, query, query.fence, handed_in, now=now)
    return UnsolicitedRecord(UnsolicitedOutcome.EVIDENCE, record, None)


def _known(store: Store, campaign: CampaignRecord, blueprint: Blueprint, worker: str) -> MaterialRecord:
    """A material of exactly this blueprint; a new one where there is none."""
    groups = frozenset() if campaign.group_id is None else frozenset({campaign.group_id})
    known = store.materials.list(groups=groups, wanted=MaterialFilter(digest=blueprint.digest), limit=1)
    if known:
        return known[0]
    material = KnownMaterial.of_blueprint(blueprint, source=SOURCE, source_id=blueprint.digest)
    return store.materials.add(material, group_id=campaign.group_id, added_by=worker)


def _about_material(
    connection: Connection,
    campaign: CampaignRecord,
    material: MaterialRecord,
    *,
    fidelity: str,
    handed_in: HandedInMeasurement,
    now: datetime,
) -> UnsolicitedRecord:
    known = find_material_value(connection, campaign.id, material.id, handed_in.digest)
    if known is not None:
        return UnsolicitedRecord(UnsolicitedOutcome.MATERIAL, None, known)
    converted = convert(handed_in.measurement, campaign.spec.objective.measured)
    new = NewMaterialMeasurement(
        campaign_id=campaign.id,
        material_id=material.id,
        fidelity=fidelity,
        payload_digest=handed_in.digest,
        measurement=converted,
        reported_value=handed_in.measurement.value,
        reported_unit=handed_in.measurement.unit,
    )
    record = append_material_value(connection, new, at=now)
    series = series_told(handed_in.measurement, campaign.spec.objective.measured)
    append_series(connection, campaign.id, series, material_measurement_id=record.id)
    worker = handed_in.measurement.provenance.worker
    message = (
        f"{material_title(connection, material.id)} at {fidelity}: {shown(converted)}, measured unasked by {worker}"
    )
    payload: JsonObject = {"material_id": material.id, "material_measurement_id": record.id, "value": converted.value}
    write_events(connection, campaign.id, [(EventKind.MATERIAL_MEASURED, message, payload)], at=now)
    bring_news(connection, campaign.id, at=now)
    return UnsolicitedRecord(UnsolicitedOutcome.MATERIAL, None, record)
