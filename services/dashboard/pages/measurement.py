"""One measurement: where it came from, what replaced it, and the forms that correct it or take it back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from domain.errors import ConflictError, InvalidValueError
from domain.measurement import Censoring
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Change, changing
from services.api.dependencies import Number, Reader, TheStore, visible_measurement, visible_query
from services.api.routers import measurements
from services.api.routers.measurements import Amendment, ChangedMeasurement, Retraction
from services.dashboard.pages.sample import Trouble
from services.dashboard.view import TheView, View, link
from services.dashboard.written_result import WrittenResult, read_instant, units_of, written_result
from services.intake.readings import Part
from services.store import Store
from services.store.records import MeasurementRecord

router = APIRouter(prefix="/measurements/{measurement_id}")

InLaboratory = Annotated[Change, Depends(changing(Permission.LABORATORY, takes_key=False))]
Reason = Annotated[str, Form(max_length=1000)]


@router.get("")
def show_measurement(measurement_id: Number, view: TheView, store: TheStore, principal: Reader) -> Response:
    """The measurement with everything that came before and after it."""
    return _page(view, store, principal, measurement_id)


@router.post("/amend")
def amend_measurement(
    measurement_id: Number,
    view: TheView,
    change: InLaboratory,
    written: Annotated[WrittenResult, Depends(written_result)],
    reason: Reason = "",
    *,
    confirmed: Annotated[bool, Form()] = False,
) -> Response:
    """Puts another measurement in its place, and shows that."""
    store, principal = change.store, change.principal
    campaign, before = visible_measurement(store, principal, measurement_id)
    try:
        written = written.sorted_out(campaign.spec.objective.measured, _written(before))
        amendment = Amendment(_changed(written, before), _required(reason), confirmed)
        measurements.amend_measurement(measurement_id, amendment, change)
    except (InvalidValueError, ConflictError) as error:
        trouble = Trouble.of(error, "amend")
        return _page(view, store, principal, measurement_id, written=written, reason=reason, trouble=trouble)
    becomes = next(one for one in store.measurements.of_query(before.query_id) if one.supersedes == measurement_id)
    return view.go(link("measurements", becomes.id))


@router.post("/retract")
def retract_measurement(measurement_id: Number, view: TheView, change: InLaboratory, reason: Reason = "") -> Response:
    """Takes it back, and shows the sample, which can be measured again."""
    try:
        measurements.retract_measurement(measurement_id, Retraction(_required(reason)), change)
    except (InvalidValueError, ConflictError) as error:
        trouble = Trouble.of(error, "retract")
        return _page(view, change.store, change.principal, measurement_id, reason=reason, trouble=trouble)
    return view.go(link("measurements", measurement_id))


def _page(
    view: View,
    store: Store,
    principal: Principal,
    measurement_id: int,
    *,
    written: WrittenResult | None = None,
    reason: str = "",
    trouble: Trouble | None = None,
) -> Response:
    campaign, record = visible_measurement(store, principal, measurement_id)
    _, query = visible_query(store, principal, record.query_id)
    history = store.measurements.of_query(record.query_id)
    quantity = campaign.spec.objective.measured
    status = 200 if trouble is None else 422
    return view.page(
        "pages/measurement.html",
        status=status,
        record=record,
        campaign=campaign,
        query=query,
        is_laboratory=campaign.spec.fidelities.fidelity(record.fidelity).is_laboratory,
        history=history,
        replaced_by=next((one for one in history if one.supersedes == record.id), None),
        files=store.artifacts.of_measurement(record.id),
        candidate=store.candidates.get(record.candidate_id),
        units=units_of(quantity),
        before=_written(record),
        typed=written or _written(record),
        reason=reason,
        trouble=trouble,
    )


def _required(reason: str) -> str:
    if not reason.strip():
        raise InvalidValueError("It is not said what was wrong.", remedy="Give a reason in a sentence.")
    return reason.strip()


def _written(record: MeasurementRecord) -> WrittenResult:
    """A measurement as the form shows it."""
    found = record.measurement
    return WrittenResult(
        value=f"{found.value:.12g}",
        unit=found.unit,
        sigma="" if found.sigma is None else f"{found.sigma:.12g}",
        censoring=found.censoring.value,
        temperature="" if found.temperature_K is None else f"{found.temperature_K:.12g}",
        temperature_unit="K",
        measured_at=f"{found.measured_at:%Y-%m-%dT%H:%M}",
        note=str(found.details.get("note", "")),
    )


def _changed(written: WrittenResult, before: MeasurementRecord) -> ChangedMeasurement:
    """What the form says otherwise than the measurement, so that what was left alone stays to the last digit."""
    shown = _written(before)
    given = written.measurement()
    number = (written.value, written.unit, written.censoring) != (shown.value, shown.unit, shown.censoring)
    temperature = (written.temperature, written.temperature_unit) != (shown.temperature, shown.temperature_unit)
    is_same_minute = given.measured_at == read_instant(shown.measured_at, shown.zone)
    emptied = {
        Part.SIGMA: bool(shown.sigma) and given.sigma is None,
        Part.TEMPERATURE: bool(shown.temperature) and given.temperature is None,
        Part.NOTE: bool(shown.note) and not given.note,
    }
    return ChangedMeasurement(
        value=given.value if number else None,
        unit=given.unit if number else None,
        sigma=given.sigma if number or written.sigma != shown.sigma else None,
        temperature=given.temperature if temperature else None,
        censoring=Censoring(given.censoring) if number else None,
        note=given.note if given.note and given.note != shown.note else None,
        measured_at=None if is_same_minute else given.measured_at,
        without=tuple(part for part, is_emptied in emptied.items() if is_emptied),
    )
