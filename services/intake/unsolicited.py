"""Results that nobody asked for: matched with what the campaign knows, or added as a known material."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from domain.blueprint import Blueprint
from domain.errors import NotFoundError
from domain.events import EventKind
from domain.json_value import JsonObject
from domain.material import KnownMaterial
from domain.measurement import Measurement
from domain.states import QueryState
from services.intake.corrections import replace_withdrawn
from services.intake.door import keep_evidence, record_measurement, shown
from services.intake.findings import NOTHING, Findings, kept_series, with_missing_points
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


@dataclass(frozen=True, slots=True)
class _Result:
    """A measurement with what came beside it."""

    handed_in: HandedInMeasurement
    found: Findings

    @property
    def measurement(self) -> Measurement:
        """As it was handed in."""
        return self.handed_in.measurement

    @property
    def worker(self) -> str:
        """Who looked."""
        return self.measurement.provenance.worker

    def of_candidate(self, candidate: CandidateCell) -> "_Result":
        """The same with its sites as those of a candidate, from whose cell that of the crystal differs a little."""
        own = {one.digest: replace(one, blueprint_digest=candidate.digest) for one in self.found.realizations}
        origin = self.measurement.provenance
        if origin.realization_digest in own:
            origin = replace(origin, realization_digest=own[origin.realization_digest].digest)
        measurement = replace(self.measurement, provenance=origin)
        found = replace(self.found, realizations=tuple(own.values()))
        return _Result(replace(self.handed_in, measurement=measurement), found)

    def charged(self, query: QueryRecord) -> Measurement:
        """A measurement that says of its cost what the campaign is charged for it."""
        cost = replace(self.measurement.cost, amount=query.declared.amount)
        return replace(self.measurement, cost=cost)


def record_unsolicited(
    store: Store,
    campaign_id: int,
    *,
    fidelity: str,
    measurement: Measurement,
    about: Blueprint | int,
    found: Findings = NOTHING,
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
        about: The crystal, or the number of a known material.
        found: What the look gave beside its value. Known materials have no files, and no sites but their own.
        is_dated: Whether it was said when it was measured; else the same at another time is the same again.

    Raises:
        NotFoundError: If there is no such campaign or material.
        InvalidValueError: If the ladder has no such fidelity, or the unit or the value is refused.
    """
    now = store.now()
    result = _Result(read_measurement(measurement, now=now, is_dated=is_dated, found=found), found)
    with store.writing() as connection:
        campaign = lock_campaign(connection, campaign_id)
        campaign.spec.fidelities.rank(fidelity)
        convert(result.measurement, campaign.spec.objective.measured)
        subject = about if isinstance(about, Blueprint) else _material(store, campaign, about)
        crystal = subject.material.blueprint if isinstance(subject, MaterialRecord) else subject
        candidate = None if crystal is None else match_candidate(connection, campaign_id, crystal)
        if candidate is not None:
            own = result.of_candidate(candidate)
            recorded = _about_candidate(store, connection, campaign, candidate, fidelity=fidelity, result=own)
            if recorded is not None:
                return recorded
        material = subject if isinstance(subject, MaterialRecord) else _known(store, campaign, subject, result.worker)
        return _about_material(connection, campaign, material, fidelity=fidelity, result=result, now=now)


def _material(store: Store, campaign: CampaignRecord, number: int) -> MaterialRecord:
    """A known material that the campaign may see."""
    record = store.materials.get(number)
    if record.group_id not in (None, campaign.group_id):
        raise NotFoundError(f"There is no material number {number}.", remedy="List the materials.")
    return record


def _about_candidate(
    store: Store,
    connection: Connection,
    campaign: CampaignRecord,
    candidate: CandidateCell,
    *,
    fidelity: str,
    result: _Result,
) -> UnsolicitedRecord | None:
    """Records a result about a candidate; None where its query is somebody else's, not approved or given up."""
    query = find_query(connection, candidate.id, fidelity)
    if query is None:
        query = add_unasked_query(connection, campaign, candidate, fidelity, worker=result.worker, at=store.now())
        return _answer(store, query, UnsolicitedOutcome.ADDED, result)
    if query.state is QueryState.DONE:
        return _after_answer(store, connection, query, result)
    if query.state in (QueryState.QUEUED, QueryState.CLAIMED):
        claimed = store.queries.claim(query.id, worker=result.worker, lease_s=_LEASE_S, is_answered=True)
        if claimed is not None:
            return _answer(store, claimed, UnsolicitedOutcome.ANSWERED, result)
    return None


def _answer(store: Store, query: QueryRecord, outcome: UnsolicitedOutcome, result: _Result) -> UnsolicitedRecord:
    record = record_measurement(
        store,
        query.id,
        fence=query.fence,
        measurement=result.charged(query),
        found=result.found,
        is_dated=result.handed_in.is_dated,
    )
    return UnsolicitedRecord(outcome, record, None)


def _after_answer(store: Store, connection: Connection, query: QueryRecord, result: _Result) -> UnsolicitedRecord:
    now, handed_in, found = store.now(), result.handed_in, result.found
    answer = read_measurement(result.charged(query), now=now, is_dated=handed_in.is_dated, found=found)
    known = find_measurement(connection, query.id, query.fence, answer.digest)
    if known is not None and not known.is_evidence:
        is_free = query.declared.amount == 0
        return UnsolicitedRecord(UnsolicitedOutcome.ADDED if is_free else UnsolicitedOutcome.ANSWERED, known, None)
    replaced = replace_withdrawn(connection, query, handed_in, found=found, now=now)
    if replaced is not None:
        return UnsolicitedRecord(UnsolicitedOutcome.REPLACED, replaced, None)
    late = find_measurement(connection, query.id, query.fence, handed_in.digest)
    record = late or keep_evidence(connection, query, query.fence, handed_in, found=found, now=now)
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
    result: _Result,
    now: datetime,
) -> UnsolicitedRecord:
    known = find_material_value(connection, campaign.id, material.id, result.handed_in.digest)
    if known is not None:
        return UnsolicitedRecord(UnsolicitedOutcome.MATERIAL, None, known)
    quantity, handed_in = campaign.spec.objective.measured, result.measurement
    converted = with_missing_points(convert(handed_in, quantity), result.found, handed_in.unit, quantity)
    new = NewMaterialMeasurement(
        campaign_id=campaign.id,
        material_id=material.id,
        fidelity=fidelity,
        payload_digest=result.handed_in.digest,
        measurement=converted,
        reported_value=handed_in.value,
        reported_unit=handed_in.unit,
    )
    record = append_material_value(connection, new, at=now)
    series = kept_series(result.found, handed_in, quantity)
    append_series(connection, campaign.id, series, material_measurement_id=record.id)
    title = material_title(connection, material.id)
    message = f"{title} at {fidelity}: {shown(converted)}, measured unasked by {result.worker}"
    payload: JsonObject = {"material_id": material.id, "material_measurement_id": record.id, "value": converted.value}
    write_events(connection, campaign.id, [(EventKind.MATERIAL_MEASURED, message, payload)], at=now)
    bring_news(connection, campaign.id, at=now)
    return UnsolicitedRecord(UnsolicitedOutcome.MATERIAL, None, record)
