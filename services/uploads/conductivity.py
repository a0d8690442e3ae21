"""From fitted spectra to conductivities: geometry, the series over temperature, and what is doubtful about either."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, cast

from domain.constants import ROOM_K
from domain.errors import InvalidValueError, PetaliteError
from domain.json_value import JsonObject, JsonValue
from domain.measurement import Censoring
from domain.parsing import parse, to_json_object
from services.intake.units import read_temperature_K
from services.store.uploads import RowState, UploadRow
from services.uploads.adjusting import ADJUSTMENTS, LEFT_OUT, is_left_out
from services.uploads.arrhenius import Point, fit_arrhenius
from services.uploads.capacitances import (
    STANDARD_ERRORS,
    has_arcs,
    is_closed,
    lead_resistance_ohm,
    least_resistance_ohm,
    may_hide_arcs,
)
from services.uploads.dimensions import Extent, area_cm2, length_cm
from services.uploads.entries import Checked, Destination, Entry, Reading
from services.uploads.formulas import amounts_of
from services.uploads.intent import Intent, judged
from services.uploads.template import crystal_of

SERIES: Final = "series"
"""Name of the row that stands for all spectra together."""
DEFAULTS: Final = (
    "query",
    "sample",
    "thickness",
    "area",
    "temperature",
    "use",
    *ADJUSTMENTS,
    LEFT_OUT,
    "formula",
    "space group",
    "fidelity",
    "replicate",
)
"""Cells of every spectrum's row beside its name; those of the crystal only where no query asks for it."""
_UNIT: Final = "S/cm"
_LARGEST_RESIDUAL: Final = 0.05
_LARGEST_RELATIVE_ERROR: Final = 0.2
_SCATTER_WORTH_A_WORD: Final = 2.0
_SCATTER_TO_CONFIRM: Final = 5.0
"""How many times further than their own uncertainties explain the points of a series may lie from its line."""
_LARGEST_LEAD: Final = 0.05
"""Of a resistance: what leads may have of it before somebody must confirm."""
_EXAMPLES: Final = {"thickness": "1.20 ± 0.02 mm", "area": "0.785 ± 0.01 cm2", "temperature": "25 degC or 298.15 K"}
_SUMMARY: Final = ("circuit", "bulk_ohm", "bulk_sigma_ohm", "total_ohm", "total_sigma_ohm", "residual", "parameters")

Cells = Mapping[str, str]


def check_spectrum(
    cells: Cells, fit: JsonObject, intent: Intent, *, is_part: bool, now: datetime, notes: Sequence[str] = ()
) -> Checked:
    """Says which conductivity a spectrum gives and whether it may enter.

    Args:
        cells: Geometry, temperature, `use` (total or bulk), and the query or the crystal.
        fit: What the fit found.
        intent: The campaign that it is for.
        is_part: Whether it enters with a series.
        now: Now.
        notes: What was assumed or left out of its file.
    """
    doubts: list[str] = []
    notes = [*notes, *_notes_on_geometry(cells)]
    try:
        reading = _reading(cells, fit, intent, doubts)
        entry = Entry(Destination.PART, reading=reading) if is_part else _entry(cells, reading, intent, doubts)
    except PetaliteError as error:
        return Checked.refused(error.problem, error.remedy)
    return judged(entry, intent, now=now, notes=notes, doubts=doubts)


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
    left_out = [row for row in rows if is_left_out(row.cells)]
    rows = [row for row in rows if row not in left_out]
    notes = [f"Left out on purpose: {', '.join(_title(row) for row in left_out)}."] if left_out else []
    readings = [reading for row in rows if (reading := _reading_of(row)) is not None]
    seen = [reading for reading in readings if reading.censoring is Censoring.NONE]
    points = [_point(reading) for reading in seen]
    doubts: list[str] = []
    if len(readings) < len(rows):
        doubts.append(f"{len(rows) - len(readings)} of {len(rows)} spectra are left out: they are refused so far.")
    if len(seen) < len(readings):
        doubts.append(f"{len(readings) - len(seen)} of {len(rows)} spectra are left out: they give only a limit.")
    doubted = [str(row.number) for row in rows if row.state is RowState.SUSPICIOUS and _reading_of(row) in seen]
    if doubted:
        doubts.append(f"It counts on spectra that are doubted: {', '.join(doubted)}.")
    try:
        fit = fit_arrhenius(points, shared_relative=max((_geometry(reading) for reading in seen), default=0.0))
        if fit.is_extrapolated:
            temperatures = [point.temperature_K for point in points]
            doubts.append(
                f"{ROOM_K:g} K lies outside of {min(temperatures):g} to {max(temperatures):g} K: extrapolated."
            )
        scatter = math.sqrt(fit.reduced_chi_square or 0.0)
        if scatter > _SCATTER_WORTH_A_WORD:
            (doubts if scatter > _SCATTER_TO_CONFIRM else notes).append(_told_scatter(scatter))
        line: JsonObject = {
            **to_json_object(fit),
            "points": [[r.temperature_K, r.value, r.sigma] for r in seen],
            "left_out": [
                [r.temperature_K, r.value, r.sigma] for row in left_out if (r := _reading_of(row)) is not None
            ],
        }
        reading = Reading(
            value=fit.conductivity_S_per_cm,
            unit=_UNIT,
            sigma=fit.conductivity_sigma_S_per_cm,
            temperature_K=ROOM_K,
            details={**_named(cells), "arrhenius": line},
        )
        entry = _entry(cells, reading, intent, doubts)
    except PetaliteError as error:
        return Checked.refused(error.problem, error.remedy), {}
    return judged(entry, intent, now=now, notes=notes, doubts=doubts), line


def _reading(cells: Cells, fit: JsonObject, intent: Intent, doubts: list[str]) -> Reading:
    if intent.quantity.name != "ionic_conductivity":
        raise InvalidValueError(
            f"Campaign '{intent.campaign.name}' measures {intent.quantity.name}, not ionic conductivity.",
            remedy="Hand spectra in for a campaign that looks for ion conductors.",
        )
    use = cells.get("use", "") or "total"
    if use not in {"total", "bulk"}:
        raise InvalidValueError(f"'{use[:20]}' is no resistance of a spectrum.", remedy="Use total or bulk.")
    _require(cells, "thickness", "area", "temperature")
    thickness, area = length_cm(cells["thickness"]), area_cm2(cells["area"])
    doubts += _doubts_about_fit(fit)
    if is_closed(fit, area_cm2=area.value) or (use == "bulk" and has_arcs(fit)):
        value, sigma, censoring = *_conductivity(fit, use, thickness, area, doubts), Censoring.NONE
    else:
        value, sigma, censoring = _largest_conductivity(fit, thickness, area, doubts), None, Censoring.BELOW
    return Reading(
        value=value,
        unit=_UNIT,
        sigma=sigma,
        censoring=censoring,
        temperature_K=read_temperature_K(cells["temperature"]),
        details={
            **_named(cells),
            "resistance": use,
            "thickness_cm": [thickness.value, thickness.sigma],
            "area_cm2": [area.value, area.sigma],
            "fit": {key: fit[key] for key in _SUMMARY},
        },
    )


def _notes_on_geometry(cells: Cells) -> list[str]:
    """Which of thickness and area is given without an uncertainty, and so adds none to the conductivity's."""
    notes = []
    for name, read in (("thickness", length_cm), ("area", area_cm2)):
        with suppress(InvalidValueError):  # refused with its remedy where it is used
            if read(cells.get(name, "")).sigma == 0:
                notes.append(f"The {name} has no ± and counts as exact; write it as {_EXAMPLES[name]}.")
    return notes


def _named(cells: Cells) -> dict[str, JsonValue]:
    """What the laboratory calls the sample and the measurement."""
    return {"sample": cells.get("sample", ""), **({"replicate": cells["replicate"]} if cells.get("replicate") else {})}


def _require(cells: Cells, *names: str) -> None:
    missing = [name for name in names if not cells.get(name, "").strip()]
    if missing:
        raise InvalidValueError(
            f"It is not said which {' and which '.join(missing)} the spectrum has.",
            remedy=f"Give {', '.join(f'{name} as {_EXAMPLES[name]}' for name in missing)}.",
        )


def _doubts_about_fit(fit: JsonObject) -> list[str]:
    doubts = []
    kramers_kronig = cast(Mapping[str, JsonValue], fit["kramers_kronig"])
    if not kramers_kronig["is_consistent"]:
        doubts.append(
            f"The spectrum contradicts itself by {_number(kramers_kronig['deviation']):.1%} of |Z| (Kramers-Kronig): "
            "the sample changed while it was measured, or the instrument erred."
        )
    if _number(fit["residual"]) > _LARGEST_RESIDUAL:
        doubts.append(f"The circuit misses the spectrum by {_number(fit['residual']):.1%} of |Z|.")
    return doubts


def _conductivity(fit: JsonObject, use: str, thickness: Extent, area: Extent, doubts: list[str]) -> tuple[float, float]:
    """The conductivity in S/cm and its standard deviation, where the sample's resistance was seen."""
    resistance, error = _number(fit[f"{use}_ohm"]), _number(fit[f"{use}_sigma_ohm"])
    if resistance <= STANDARD_ERRORS * error:
        raise InvalidValueError(
            f"The {use} resistance of {resistance:.2g} ± {error:.2g} ohm cannot be told from none.",
            remedy="Measure at frequencies at which the sample's resistance is seen.",
        )
    if error > _LARGEST_RELATIVE_ERROR * resistance:
        doubts.append(f"The {use} resistance is uncertain by {error / resistance:.0%}.")
    if use == "total" and may_hide_arcs(fit, thickness_cm=thickness.value, area_cm2=area.value):
        doubts.append(
            "The spectrum ends on its arc, before an electrode shows: a slower arc, such as that of grain boundaries, "
            "would not be seen. Confirm that there is none, use bulk, or measure at lower frequencies."
        )
    lead = lead_resistance_ohm(fit, thickness_cm=thickness.value, area_cm2=area.value)
    if lead > max(error, _LARGEST_LEAD * resistance):
        doubts.append(
            f"{lead:.3g} of {resistance:.3g} ohm stand before the arc of the bulk, as the resistance of leads does."
        )
    value = thickness.value / (resistance * area.value)
    return value, value * math.hypot(error / resistance, thickness.relative, area.relative)


def _largest_conductivity(fit: JsonObject, thickness: Extent, area: Extent, doubts: list[str]) -> float:
    """What the conductivity is below, in S/cm, where the sample's arc does not close."""
    least = least_resistance_ohm(fit)
    if least <= 0:
        raise InvalidValueError(
            f"The circuit misses the spectrum by {_number(fit['residual']):.0%} of |Z|, and its arc does not close.",
            remedy="Measure again with less noise, or at lower frequencies.",
        )
    geometry = 1 + STANDARD_ERRORS * math.hypot(thickness.relative, area.relative)
    limit = geometry * thickness.value / (least * area.value)
    doubts.append(
        f"The arc does not close in this window, so only a limit can be said: above {least:.2g} ohm, below {limit:.2g} "
        f"{_UNIT}. Confirm the limit, or measure at lower frequencies."
    )
    return limit


def _entry(cells: Cells, reading: Reading, intent: Intent, doubts: list[str]) -> Entry:
    named, fidelity = cells.get("query", "").strip(), intent.fidelity_said(cells)
    if named:
        if not named.isdecimal() or len(named) > 9:
            raise InvalidValueError(f"'{named[:40]}' is no number of a query.", remedy="Give a whole number.")
        return Entry.answer(intent.query(int(named), fidelity), reading)
    if not cells.get("formula"):
        raise InvalidValueError(
            "It is not said which crystal was measured.",
            remedy="Give the query's number, or formula, space group and cell.",
        )
    name = cells.get("sample") or cells["formula"]
    crystal = crystal_of(cells, name=name, amounts=amounts_of(cells["formula"]), notes=doubts)
    return Entry(Destination.UNSOLICITED, crystal=crystal, reading=reading, fidelity=fidelity)


def _reading_of(row: UploadRow) -> Reading | None:
    if row.state is RowState.REFUSED or not row.understood:
        return None
    return parse(Entry, row.understood, what="A row of an upload").reading


def _told_scatter(scatter: float) -> str:
    times = f"{scatter:.0f}" if scatter >= 10 else f"{scatter:.1f}"
    return (
        f"The points lie {times} times further from the line than their own uncertainties explain; the interval "
        "was widened. Look for a point to leave out, or for a bend in the line."
    )


def _title(row: UploadRow) -> str:
    return f"{row.number} ({row.cells.get('temperature') or 'no temperature'})"


def _point(reading: Reading) -> Point:
    """A point of the line, with the error of its resistance alone: all points share the geometry."""
    fit, use = cast(JsonObject, reading.details["fit"]), reading.details["resistance"]
    relative = _number(fit[f"{use}_sigma_ohm"]) / _number(fit[f"{use}_ohm"])
    return Point(reading.temperature_K or 0.0, reading.value, reading.value * relative)


def _geometry(reading: Reading) -> float:
    """Standard deviation of thickness and area, as a share of the conductivity."""
    extents = (cast(list[float], reading.details[name]) for name in ("thickness_cm", "area_cm2"))
    return math.hypot(*(sigma / value for value, sigma in extents))


def _number(value: JsonValue) -> float:
    return float(cast(float, value))
