"""From fitted spectra to conductivities: geometry, the series over temperature, and what is doubtful about either."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, cast

from domain.errors import InvalidValueError, PetaliteError
from domain.json_value import JsonObject, JsonValue
from domain.parsing import parse, to_json_object
from services.intake.units import read_temperature_K
from services.store.uploads import RowState, UploadRow
from services.uploads.arrhenius import ROOM_K, Point, fit_arrhenius
from services.uploads.dimensions import area_cm2, length_cm
from services.uploads.entries import Checked, Destination, Entry, Reading
from services.uploads.formulas import amounts_of
from services.uploads.intent import Intent, judged
from services.uploads.template import crystal_of

SERIES: Final = "series"
"""Name of the row that stands for all spectra together."""
DEFAULTS: Final = ("query", "sample", "thickness", "area", "temperature", "use", "guess", "formula", "space group")
"""Cells of every spectrum's row beside its name; those of the crystal only where no query asks for it."""
_UNIT: Final = "S/cm"
_LARGEST_RESIDUAL: Final = 0.05
_LARGEST_RELATIVE_ERROR: Final = 0.2
_SUMMARY: Final = ("circuit", "bulk_ohm", "bulk_sigma_ohm", "total_ohm", "total_sigma_ohm", "residual", "parameters")

Cells = Mapping[str, str]


def check_spectrum(cells: Cells, fit: JsonObject, intent: Intent, *, is_part: bool, now: datetime) -> Checked:
    """Says which conductivity a spectrum gives and whether it may enter.

    Args:
        cells: Geometry, temperature, `use` (total or bulk), and the query or the crystal.
        fit: What the fit found.
        intent: The campaign that it is for.
        is_part: Whether it enters with a series.
        now: Now.
    """
    doubts: list[str] = []
    try:
        reading = _reading(cells, fit, intent, doubts)
        entry = Entry(Destination.PART, reading=reading) if is_part else _entry(cells, reading, intent, doubts)
    except PetaliteError as error:
        return Checked.refused(error.problem, error.remedy)
    return judged(entry, intent, now=now, notes=(), doubts=doubts)


def check_series(
    cells: Cells, rows: Sequence[UploadRow], intent: Intent, *, now: datetime
) -> tuple[Checked, JsonObject]:
    """Says which conductivity at room temperature a series gives.

    Args:
        cells: The query or the crystal.
        rows: The spectra's rows.
        intent: The campaign that it is for.
        now: Now.

    Returns:
        What came of it, and the line as JSON for the report.
    """
    readings = [reading for row in rows if (reading := _reading_of(row)) is not None]
    points = [_point(reading) for reading in readings if reading.temperature_K is not None]
    doubts: list[str] = []
    if len(points) < len(rows):
        doubts.append(f"{len(rows) - len(points)} of {len(rows)} spectra are left out: they are refused so far.")
    try:
        fit = fit_arrhenius(points)
        if fit.is_extrapolated:
            temperatures = [point.temperature_K for point in points]
            doubts.append(
                f"{ROOM_K:g} K lies outside of {min(temperatures):g} to {max(temperatures):g} K: extrapolated."
            )
        line: JsonObject = {
            **to_json_object(fit),
            "points": [[p.temperature_K, p.conductivity_S_per_cm, p.sigma_S_per_cm] for p in points],
        }
        reading = Reading(
            value=fit.conductivity_S_per_cm,
            unit=_UNIT,
            sigma=fit.conductivity_sigma_S_per_cm,
            temperature_K=ROOM_K,
            details={"sample": cells.get("sample", ""), "arrhenius": line},
        )
        entry = _entry(cells, reading, intent, doubts)
    except PetaliteError as error:
        return Checked.refused(error.problem, error.remedy), {}
    return judged(entry, intent, now=now, notes=(), doubts=doubts), line


def _reading(cells: Cells, fit: JsonObject, intent: Intent, doubts: list[str]) -> Reading:
    if intent.quantity.name != "ionic_conductivity":
        raise InvalidValueError(
            f"Campaign '{intent.campaign.name}' measures {intent.quantity.name}, not ionic conductivity.",
            remedy="Hand spectra in for a campaign that looks for ion conductors.",
        )
    use = cells.get("use", "") or "total"
    if use not in {"total", "bulk"}:
        raise InvalidValueError(f"'{use[:20]}' is no resistance of a spectrum.", remedy="Use total or bulk.")
    thickness, area = length_cm(cells.get("thickness", "")), area_cm2(cells.get("area", ""))
    resistance, sigma = _number(fit[f"{use}_ohm"]), _number(fit[f"{use}_sigma_ohm"])
    value = thickness.value / (resistance * area.value)
    relative = math.hypot(sigma / resistance, thickness.relative, area.relative)
    kramers_kronig = cast(Mapping[str, JsonValue], fit["kramers_kronig"])
    if not kramers_kronig["is_consistent"]:
        doubts.append(
            f"The spectrum contradicts itself by {_number(kramers_kronig['deviation']):.1%} of |Z| (Kramers-Kronig): "
            "the sample changed while it was measured, or the instrument erred."
        )
    if _number(fit["residual"]) > _LARGEST_RESIDUAL:
        doubts.append(f"The circuit misses the spectrum by {_number(fit['residual']):.1%} of |Z|.")
    if sigma > _LARGEST_RELATIVE_ERROR * resistance:
        doubts.append(f"The {use} resistance is uncertain by {sigma / resistance:.0%}.")
    temperature = cells.get("temperature", "")
    if not temperature:
        raise InvalidValueError("The spectrum has no temperature.", remedy="Write it as 25 degC or 298.15 K.")
    summary = {key: fit[key] for key in _SUMMARY}
    return Reading(
        value=value,
        unit=_UNIT,
        sigma=value * relative,
        temperature_K=read_temperature_K(temperature),
        details={
            "sample": cells.get("sample", ""),
            "resistance": use,
            "thickness_cm": [thickness.value, thickness.sigma],
            "area_cm2": [area.value, area.sigma],
            "fit": summary,
        },
    )


def _entry(cells: Cells, reading: Reading, intent: Intent, doubts: list[str]) -> Entry:
    named = cells.get("query", "").strip()
    if named:
        if not named.isdecimal() or len(named) > 9:
            raise InvalidValueError(f"'{named[:40]}' is no number of a query.", remedy="Give a whole number.")
        query = intent.query(int(named))
        return Entry(Destination.ANSWER, query_id=query.id, candidate_id=query.candidate_id, reading=reading)
    if not cells.get("formula"):
        raise InvalidValueError(
            "It is not said which crystal was measured.",
            remedy="Give the query's number, or formula, space group and cell.",
        )
    name = cells.get("sample") or cells["formula"]
    crystal = crystal_of(cells, name=name, amounts=amounts_of(cells["formula"]), notes=doubts)
    return Entry(Destination.UNSOLICITED, crystal=crystal, reading=reading)


def _reading_of(row: UploadRow) -> Reading | None:
    if row.state is RowState.REFUSED or not row.understood:
        return None
    return parse(Entry, row.understood, what="A row of an upload").reading


def _point(reading: Reading) -> Point:
    return Point(reading.temperature_K or 0.0, reading.value, reading.sigma or 0.0)


def _number(value: JsonValue) -> float:
    return float(cast(float, value))
