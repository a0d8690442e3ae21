"""Measurements: listed, corrected, taken back, and handed in unasked."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from domain.blueprint import Blueprint
from domain.errors import InvalidValueError, NotFoundError
from domain.json_value import JsonObject
from domain.measurement import Censoring, SeriesPoint
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.dependencies import (
    LARGEST_NUMBER,
    Name,
    Number,
    Reader,
    TheStore,
    visible_campaign,
    visible_measurement,
)
from services.api.forms import WrittenMeasurement, require_time_zone
from services.api.paging import After, Limit, Page, keyset, same
from services.intake.corrections import retract, retract_material_value
from services.intake.laboratory import amend_laboratory_result, amend_reported_value, report_laboratory_result
from services.intake.readings import Changes, Part
from services.intake.units import read_temperature_K
from services.intake.unsolicited import UnsolicitedRecord
from services.store import Store
from services.store.material_values import MaterialMeasurementRecord
from services.store.records import FailureRecord, MeasurementRecord
from services.store.series import PointRecord

router = APIRouter(tags=["measurements"])

Handing = Annotated[Change, Depends(changing(Permission.LABORATORY))]
Reason = Annotated[str, Field(min_length=1, max_length=1000)]


@dataclass(frozen=True, slots=True)
class ChangedMeasurement:
    """What is to be other in a measurement. What is left out stays as it was."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    value: Annotated[float, Field(examples=[0.0012])] | None = None
    unit: Annotated[str, Field(min_length=1, max_length=60, examples=["S/cm"])] | None = None
    """Of the value, and of `sigma` beside it."""
    sigma: float | None = None
    """One standard deviation; without a value in the unit in which the measurement is shown."""
    temperature: Annotated[str, Field(max_length=40, examples=["25 degC"])] | None = None
    """With its unit: a bare number is refused."""
    censoring: Censoring | None = None
    """`<` or `>` where the value is only a bound. A new value is none unless it is said."""
    note: Annotated[str, Field(max_length=2000)] | None = None
    measured_at: datetime | None = None
    """With its time zone."""
    without: Annotated[tuple[Part, ...], Field(max_length=len(Part))] = ()
    """What is to be left out, where there was some."""

    def changes(self) -> Changes:
        """The same as intake reads it.

        Raises:
            InvalidValueError: If the temperature has no unit or is impossible, the time has no zone, or the value and
                its unit do not come together.
        """
        require_time_zone(self.measured_at)
        return Changes(
            value=self.value,
            unit=self.unit,
            sigma=self.sigma,
            temperature_K=None if self.temperature is None else read_temperature_K(self.temperature),
            censoring=self.censoring,
            note=self.note,
            measured_at=self.measured_at,
            without=frozenset(self.without),
        )


@dataclass(frozen=True, slots=True)
class Amendment:
    """What takes the place of a measurement that was wrong."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    measurement: ChangedMeasurement
    reason: Reason
    """What was wrong."""
    is_confirmed: bool = False
    """Whether the number is meant as it stands although it looks like a mistake."""


@dataclass(frozen=True, slots=True)
class Retraction:
    """Why a measurement is taken back."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    reason: Reason


@dataclass(frozen=True, slots=True)
class Unasked:
    """A measurement that the campaign did not ask for: of a blueprint, or of a known material."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    fidelity: Annotated[str, Field(min_length=1, max_length=200)]
    """Of the campaign's ladder, at which was looked."""
    measurement: WrittenMeasurement
    blueprint: Blueprint | None = None
    material_id: Annotated[int, Field(ge=1, le=LARGEST_NUMBER)] | None = None
    is_confirmed: bool = False
    """Whether the number is meant as it stands although it looks like a mistake."""

    @property
    def crystal(self) -> Blueprint | int:
        """What was measured: a blueprint, or the number of a known material.

        Raises:
            InvalidValueError: If neither is given, or both.
        """
        crystal = self.blueprint or self.material_id
        if crystal is None or (self.blueprint and self.material_id):
            raise InvalidValueError(
                "It is not said what was measured.", remedy="Give either a blueprint or the number of a known material."
            )
        return crystal


@dataclass(frozen=True, slots=True)
class MeasurementDetails(MeasurementRecord):
    """A measurement with the series beside it."""

    series: tuple[SeriesPoint, ...]
    """In the unit of the measurement."""


@router.get("/campaigns/{name}/measurements", summary="List a campaign's measurements")
def list_measurements(
    name: Name,
    store: TheStore,
    principal: Reader,
    after: After = 0,
    limit: Limit = 100,
    fidelity: Annotated[str | None, Query(max_length=200, description="Only those at this fidelity.")] = None,
    query: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER, description="Only those of this query.")] = None,
) -> Page[MeasurementRecord]:
    """In the order in which they came: superseded ones and late ones too, which count for nothing."""
    campaign = visible_campaign(store, principal, name)
    return keyset(
        lambda n: store.pages.measurements(campaign.id, after_id=after, limit=n, fidelity=fidelity, query_id=query),
        same,
        limit=limit,
    )


@router.get("/campaigns/{name}/material-measurements", summary="List what was measured of known materials")
def list_material_measurements(
    name: Name, store: TheStore, principal: Reader, after: After = 0, limit: Limit = 100
) -> Page[MaterialMeasurementRecord]:
    """Unasked, for this campaign, in the order in which they came: superseded ones too, which count for nothing."""
    campaign = visible_campaign(store, principal, name)
    return keyset(lambda n: store.material_values.list(campaign.id, after_id=after, limit=n), same, limit=limit)


@router.get("/campaigns/{name}/failures", summary="List a campaign's failures")
def list_failures(
    name: Name, store: TheStore, principal: Reader, after: After = 0, limit: Limit = 100
) -> Page[FailureRecord]:
    """Looks that gave no number, in the order in which they came."""
    campaign = visible_campaign(store, principal, name)
    return keyset(lambda n: store.pages.failures(campaign.id, after_id=after, limit=n), same, limit=limit)


@router.post(
    "/campaigns/{name}/measurements",
    summary="Hand in a measurement that nobody asked for",
    status_code=201,
    response_model=UnsolicitedRecord,
)
def hand_in_unasked(name: Name, given: Unasked, change: Handing) -> Response:
    """Answers the campaign's own query where it has one for this crystal; else the campaign learns from it anyway.

    The crystal is a candidate where group and composition agree and the cells are close; otherwise a known material.
    """
    store, principal = change.store, change.principal

    def record() -> Audited:
        visible_campaign(store, principal, name)
        found = report_laboratory_result(
            store,
            name,
            given.crystal,
            fidelity=given.fidelity,
            worker=principal.name,
            reading=given.measurement.reading(),
            confirmed=given.is_confirmed,
        )
        details: JsonObject = {"outcome": found.outcome.value, "fidelity": given.fidelity}
        return Audited("measurement.unasked", f"campaign {name}", found, details, status=201)

    return change.make(record)


@router.get("/measurements/{measurement_id}", summary="Show a measurement")
def show_measurement(measurement_id: Number, store: TheStore, principal: Reader) -> MeasurementDetails:
    """One measurement with where it came from, and with its series over temperature where it has one."""
    record = visible_measurement(store, principal, measurement_id)[1]
    series = store.series.of([measurement_id]).get(measurement_id, ())
    return MeasurementDetails(**{field.name: getattr(record, field.name) for field in fields(record)}, series=series)


@router.get("/campaigns/{name}/series", summary="List a campaign's series")
def list_series(
    name: Name,
    store: TheStore,
    principal: Reader,
    after: After = 0,
    limit: Limit = 100,
    at_least_K: Annotated[float | None, Query(ge=0, description="Only at this temperature and above.")] = None,
    at_most_K: Annotated[float | None, Query(ge=0, description="Only at this temperature and below.")] = None,
) -> Page[PointRecord]:
    """The measured quantity at several temperatures, point by point, beside the measurement that each belongs to.

    Corrected measurements keep their points. Nobody learns from them: a measurement's own value is learned.
    """
    campaign = visible_campaign(store, principal, name)
    return keyset(
        lambda n: store.series.page(campaign.id, after=after, limit=n, at_least_K=at_least_K, at_most_K=at_most_K),
        same,
        limit=limit,
    )


@router.post(
    "/measurements/{measurement_id}/amend",
    summary="Correct a measurement",
    status_code=201,
    response_model=MeasurementRecord,
)
def amend_measurement(measurement_id: Number, given: Amendment, change: Handing) -> Response:
    """Puts another measurement in the place of the newest one of a query. Both are kept; the campaign learns anew.

    What the body does not say, such as the standard deviation or the note, stays as it was.
    """
    store, principal = change.store, change.principal

    def amend() -> Audited:
        visible_measurement(store, principal, measurement_id)
        found = amend_laboratory_result(
            store,
            measurement_id,
            worker=principal.name,
            changes=given.measurement.changes(),
            reason=given.reason,
            confirmed=given.is_confirmed,
        )
        details: JsonObject = {"becomes": found.id, "reason": given.reason}
        return Audited("measurement.amend", f"measurement {measurement_id}", found, details, status=201)

    return change.make(amend)


@router.post(
    "/measurements/{measurement_id}/retract",
    summary="Take a measurement back",
    status_code=201,
    response_model=MeasurementRecord,
)
def retract_measurement(measurement_id: Number, given: Retraction, change: Handing) -> Response:
    """Takes the newest measurement of a query back: it is kept, and no longer learned from.

    A laboratory takes back what laboratories measured; scientists also what was computed.
    """
    store, principal = change.store, change.principal

    def take_back() -> Audited:
        campaign, wrong = visible_measurement(store, principal, measurement_id)
        if not campaign.spec.fidelities.fidelity(wrong.fidelity).is_laboratory:
            principal.require(Permission.CAMPAIGN_WRITE)
        found = retract(store, measurement_id, reason=given.reason, worker=principal.name)
        details: JsonObject = {"by": found.id, "reason": given.reason}
        return Audited("measurement.retract", f"measurement {measurement_id}", found, details, status=201)

    return change.make(take_back)


@router.get("/material-measurements/{material_measurement_id}", summary="Show a measurement of a known material")
def show_material_measurement(
    material_measurement_id: Number, store: TheStore, principal: Reader
) -> MaterialMeasurementRecord:
    """One measurement with where it came from."""
    return _visible_value(store, principal, material_measurement_id)


@router.post(
    "/material-measurements/{material_measurement_id}/amend",
    summary="Correct a measurement of a known material",
    status_code=201,
    response_model=MaterialMeasurementRecord,
)
def amend_material_measurement(material_measurement_id: Number, given: Amendment, change: Handing) -> Response:
    """Puts another measurement in its place. Both are kept; what the body does not say stays as it was."""
    store, principal = change.store, change.principal

    def amend() -> Audited:
        _visible_value(store, principal, material_measurement_id)
        found = amend_reported_value(
            store,
            material_measurement_id,
            worker=principal.name,
            changes=given.measurement.changes(),
            reason=given.reason,
            confirmed=given.is_confirmed,
        )
        details: JsonObject = {"becomes": found.id, "reason": given.reason}
        subject = f"material measurement {material_measurement_id}"
        return Audited("material_measurement.amend", subject, found, details, status=201)

    return change.make(amend)


@router.post(
    "/material-measurements/{material_measurement_id}/retract",
    summary="Take a measurement of a known material back",
    status_code=201,
    response_model=MaterialMeasurementRecord,
)
def retract_material_measurement(material_measurement_id: Number, given: Retraction, change: Handing) -> Response:
    """It is kept, and no longer learned from."""
    store, principal = change.store, change.principal

    def take_back() -> Audited:
        _visible_value(store, principal, material_measurement_id)
        found = retract_material_value(store, material_measurement_id, reason=given.reason, worker=principal.name)
        details: JsonObject = {"by": found.id, "reason": given.reason}
        subject = f"material measurement {material_measurement_id}"
        return Audited("material_measurement.retract", subject, found, details, status=201)

    return change.make(take_back)


def _visible_value(store: Store, principal: Principal, number: int) -> MaterialMeasurementRecord:
    """A measurement of a known material for a campaign that the caller may see.

    Raises:
        NotFoundError: If there is none, or it belongs to others.
    """
    missing = NotFoundError(
        f"There is no measurement number {number} of a known material.", remedy="List those of the campaign."
    )
    try:
        value = store.material_values.get(number)
    except NotFoundError as error:
        raise missing from error
    if not principal.may_see(store.campaigns.by_id(value.campaign_id)):
        raise missing
    return value
