"""The second of two steps: a row enters the store through intake, once, with the file that it came from."""

from dataclasses import replace
from typing import Final

from domain.blueprint import Realization
from domain.cost import Cost
from domain.digest import content_digest
from domain.errors import ConflictError, InvalidValueError
from domain.material import KnownMaterial
from domain.measurement import Measurement
from domain.states import QueryState
from services.intake.corrections import record_amendment
from services.intake.door import record_measurement
from services.intake.laboratory import claim_laboratory_query
from services.intake.units import convert
from services.intake.unsolicited import record_unsolicited
from services.store import Store
from services.store.campaigns import lock_campaign
from services.store.records import MeasurementRecord
from services.store.uploads import EnteredRow, RowState, UploadRecord, UploadRow, UploadState
from services.uploads.companions import entered_before
from services.uploads.entries import Crystal, Destination, Entry, Reading
from services.uploads.inspection import entry_of
from services.uploads.intent import Intent, measurement_of, measurement_of_campaign

UPLOADED: Final = "uploaded"
"""The method of sites that people hand in, and the collection of crystals that they hand in."""


def enter_row(store: Store, upload: UploadRecord, seen: UploadRow, *, intent: Intent | None, worker: str) -> UploadRow:
    """Lets one row enter, in one transaction. A row that has entered stays as it is.

    Args:
        store: The store.
        upload: The upload.
        seen: The row as it was when somebody decided that it enters.
        intent: The campaign's; None for crystals, which need no laboratory.
        worker: Who hands it in.

    Raises:
        ConflictError: If the upload was rejected or the row changed meanwhile.
        PetaliteError: If intake refuses it; nothing is changed then.
    """
    number = seen.number
    with store.writing() as connection:
        row = store.uploads.row(upload.id, number)
        if row.state is RowState.ENTERED:
            return row
        if store.uploads.get(upload.id).state is UploadState.REJECTED:
            raise ConflictError(f"Upload {upload.id} was rejected meanwhile.", remedy="Hand the file in again.")
        if row != seen:
            raise ConflictError(
                f"Row {number} was changed while the upload was accepted.",
                remedy="Read it, then accept again.",
            )
        entry = entry_of(row)
        if entry is None:
            raise ConflictError(f"Row {number} is refused.", remedy="Correct it first.")
        # Held until the end, so that of two who hand the same in at once the second sees the first.
        lock_campaign(connection, upload.campaign_id)
        known = {} if row.content is None else store.uploads.entered(upload.campaign_id, [row.content])
        made = _as_before(row, *known.values()) if known else _entered(store, upload, row, entry, intent, worker)
        entered = replace(made, state=RowState.ENTERED)
        store.uploads.put_row(upload.id, entered)
        if entered.measurement_id is not None:
            store.artifacts.link(entered.measurement_id, upload.artifact_id)
        return entered


def _as_before(row: UploadRow, known: EnteredRow) -> UploadRow:
    """A row that says what another one said that has entered: it names the same, and adds nothing."""
    remark = entered_before(known)
    return replace(
        row,
        measurement_id=known.row.measurement_id,
        material_id=known.row.material_id,
        material_measurement_id=known.row.material_measurement_id,
        remarks=row.remarks if remark in row.remarks else (*row.remarks, remark),
    )


def _entered(
    store: Store, upload: UploadRecord, row: UploadRow, entry: Entry, intent: Intent | None, worker: str
) -> UploadRow:
    match entry.destination:
        case Destination.PART:
            return row
        case Destination.REALIZATION:
            return _realization(store, row, entry)
        case Destination.MATERIAL:
            return replace(row, material_id=_material(store, upload, _crystal(entry), worker))
    if intent is None or entry.reading is None:
        raise InvalidValueError(f"Row {row.number} measures nothing.", remedy="Have it checked again.")
    reading = _with_origin(entry.reading, upload, row)
    if entry.destination is Destination.UNSOLICITED:
        return _unsolicited(store, upload, row, entry, reading, intent, worker)
    recorded = (
        _amendment(store, entry, reading, intent, worker)
        if entry.destination is Destination.AMENDMENT
        else _answer(store, entry, reading, intent, worker)
    )
    return replace(row, measurement_id=recorded.id)


def _answer(store: Store, entry: Entry, reading: Reading, intent: Intent, worker: str) -> MeasurementRecord:
    query = store.queries.get(entry.query_id or 0)
    rung = intent.rung(query.fidelity)
    measurement = measurement_of(reading, rung, worker=worker, now=store.now(), cost=Cost(query.declared.amount))
    if query.state is QueryState.DONE:
        return _same_answer(store, query.id, convert(measurement, intent.quantity))
    claimed = claim_laboratory_query(store, query.id, worker=worker, is_answered=True)
    is_dated = reading.measured_at is not None
    return record_measurement(store, query.id, fence=claimed.fence, measurement=measurement, is_dated=is_dated)


def _same_answer(store: Store, query_id: int, measurement: Measurement) -> MeasurementRecord:
    """The stored answer, where somebody hands in the same one again."""
    query = store.queries.get(query_id)
    answers = [record for record in store.measurements.of_query(query_id) if not record.is_evidence]
    for record in answers:
        if _number(record.measurement) == _number(measurement):
            return record
    raise ConflictError(
        f"Query {query_id} was answered by {query.worker} with another result.",
        remedy=f"To correct it, give the number of its measurement ({answers[-1].id}) in column 'amends'."
        if answers
        else "Read the stored answer.",
    )


def _number(measurement: Measurement) -> tuple[float, float | None, str, float | None]:
    return measurement.value, measurement.sigma, measurement.censoring.value, measurement.temperature_K


def _amendment(store: Store, entry: Entry, reading: Reading, intent: Intent, worker: str) -> MeasurementRecord:
    wrong = measurement_of_campaign(store, intent.campaign, entry.measurement_id or 0)
    rung = intent.rung(wrong.fidelity)
    measurement = measurement_of(reading, rung, worker=worker, now=store.now(), cost=Cost(0.0))
    return record_amendment(store, wrong.id, measurement=measurement, reason=entry.reason, worker=worker)


def _unsolicited(
    store: Store, upload: UploadRecord, row: UploadRow, entry: Entry, reading: Reading, intent: Intent, worker: str
) -> UploadRow:
    crystal, rung = _crystal(entry), intent.rung(entry.fidelity)
    measurement = measurement_of(reading, rung, worker=worker, now=store.now(), cost=Cost(0.0))
    plain = crystal.blueprint if crystal.structure is None else None
    recorded = record_unsolicited(
        store,
        upload.campaign_id,
        fidelity=rung.name,
        measurement=measurement,
        about=_material(store, upload, crystal, worker) if plain is None else plain,
        is_dated=reading.measured_at is not None,
    )
    value = recorded.material_value
    return replace(
        row,
        measurement_id=None if recorded.measurement is None else recorded.measurement.id,
        material_id=None if value is None else value.material_id,
        material_measurement_id=None if value is None else value.id,
        remarks=(*row.remarks, f"It entered as {recorded.outcome.value}."),
    )


def _realization(store: Store, row: UploadRow, entry: Entry) -> UploadRow:
    crystal = _crystal(entry)
    candidate = store.candidates.get(entry.candidate_id or 0)
    sites = Realization(
        blueprint_digest=candidate.digest,
        cif=crystal.cif or "",
        method=UPLOADED,
        seed=0,
        energy_eV_per_atom=None,
        ranked_by=None,
        is_relaxed=False,
    )
    store.realizations.add(candidate.id, [sites])
    return row


def _material(store: Store, upload: UploadRecord, crystal: Crystal, worker: str) -> int:
    """The number of a crystal among the known materials; the same crystal again is the same one."""
    group_id = store.campaigns.by_id(upload.campaign_id).group_id
    content = {
        "amounts": dict(crystal.amounts),
        "space_group": crystal.space_group,
        "cell": crystal.properties.get("reported_cell"),
        "cif": crystal.cif,
    }
    material = KnownMaterial(
        source=UPLOADED,
        source_id=f"{crystal.name} {content_digest(content)[:12]}",
        amounts=crystal.amounts,
        n_sites=len(crystal.structure.sites) if crystal.structure else max(1, round(sum(crystal.amounts.values()))),
        space_group=crystal.space_group,
        blueprint=crystal.blueprint,
        structure=crystal.structure,
        cif=crystal.cif,
        properties=crystal.properties,
    )
    return store.materials.add(material, group_id=group_id, added_by=worker).id


def _with_origin(reading: Reading, upload: UploadRecord, row: UploadRow) -> Reading:
    details = {key: value for key, value in reading.details.items() if value not in ("", None)}
    return replace(reading, details={**details, "upload": upload.id, "row": row.number})


def _crystal(entry: Entry) -> Crystal:
    if entry.crystal is None:
        raise InvalidValueError("The row describes no crystal.", remedy="Have it checked again.")
    return entry.crystal
