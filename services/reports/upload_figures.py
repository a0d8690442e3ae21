"""Figures of impedance spectra that were handed in: points and fit, what it misses, and the line over temperature."""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, cast

from domain.constants import BOLTZMANN_EV_PER_K, ROOM_K
from domain.errors import NotFoundError
from domain.json_value import JsonObject, JsonValue
from services.reports.figure import Figure
from services.store.uploads import UploadRecord

_TWO_SIDED_95: Final = 1.96
_LINE_POINTS: Final = 60
_VIEW: Final = 2.0
"""How many times the total resistance the complex plane is shown at first."""

Pair = tuple[float, float]


class UploadPlot(StrEnum):
    """The figures that there are."""

    NYQUIST = "nyquist"
    """A spectrum's points and its fit in the complex plane."""
    RESIDUALS = "residuals"
    """What the fit, and what any sound sample, leaves of each point."""
    ARRHENIUS = "arrhenius"
    """Conductivities over temperature, the line, and its interval."""


def draw_upload(upload: UploadRecord, plot: UploadPlot, row: int) -> Figure:
    """Draws a figure of an upload.

    Args:
        upload: The upload.
        plot: Which figure.
        row: Number of the spectrum's row; means nothing for a line over temperature.

    Raises:
        NotFoundError: If nothing was fitted there.
    """
    if plot is UploadPlot.ARRHENIUS:
        return _arrhenius(cast(JsonObject, upload.report.get("arrhenius") or {}))
    fits = cast(Mapping[str, JsonObject], upload.report.get("fits") or {})
    fit = fits.get(str(row))
    if not fit:
        raise NotFoundError(
            f"Row {row} of upload {upload.id} has no fitted spectrum.",
            remedy="Look at its report for the rows that have.",
        )
    return _nyquist(fit) if plot is UploadPlot.NYQUIST else _residuals(fit)


def _nyquist(fit: JsonObject) -> Figure:
    frequencies = cast(Sequence[float], fit["frequency_Hz"])
    outside = cast(Sequence[tuple[float, float, float]], fit.get("outside") or ())
    points = _trace("measured", "markers", _pairs(fit, "measured_ohm"), frequencies)
    line = _trace("fitted", "lines+markers", _pairs(fit, "fitted_ohm"), frequencies)
    traces: list[JsonObject] = [
        {**points, "marker": {"size": 9, "symbol": "circle-open", "line": {"width": 2}}},
        {**line, "marker": {"size": 4}, "line": {"width": 2}},
    ]
    if outside:
        left_out = _trace("not fitted", "markers", [(re, im) for _, re, im in outside], [f for f, _, _ in outside])
        traces.append({**left_out, "marker": {"size": 7, "symbol": "x-thin-open"}})
    for name in ("bulk", "total"):
        value, sigma = (cast(float, fit[f"{name}{part}_ohm"]) for part in ("", "_sigma"))
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{name} resistance",
                "x": [value],
                "y": [0.0],
                "error_x": {"type": "data", "array": [sigma]},
                "marker": {"symbol": "diamond", "size": 10},
            }
        )
    layout: JsonObject = {
        "hovermode": "closest",
        "xaxis": {"title": {"text": "Z′ (Ω)"}, **_view(fit)},
        "yaxis": {"title": {"text": "−Z″ (Ω)"}, "scaleanchor": "x", "scaleratio": 1, **_view(fit, share=0.5)},
    }
    return Figure(tuple(traces), layout)


def _view(fit: JsonObject, share: float = 1.0) -> JsonObject:
    """Where a figure begins to look: at the arcs, which the electrode's tail would make a dot of."""
    total = cast(float, fit["total_ohm"])
    outside = cast(Sequence[tuple[float, float, float]], fit.get("outside") or ())
    shown = [*_pairs(fit, "measured_ohm"), *((real, imaginary) for _, real, imaginary in outside)]
    largest = max(math.hypot(real, imaginary) for real, imaginary in shown)
    return {"range": [-0.05 * total, share * _VIEW * total]} if largest > _VIEW * total else {}


def _residuals(fit: JsonObject) -> Figure:
    frequencies = list(cast(Sequence[float], fit["frequency_Hz"]))
    measured, fitted = _pairs(fit, "measured_ohm"), _pairs(fit, "fitted_ohm")
    missed = [
        ((fr - mr) / math.hypot(mr, mi), (fi - mi) / math.hypot(mr, mi))
        for (mr, mi), (fr, fi) in zip(measured, fitted, strict=True)
    ]
    consistency = cast(JsonObject, fit["kramers_kronig"])
    unsound = cast(Sequence[Pair], consistency["residuals"])
    # Where a spectrum is sound, nobody need look at what a sound one leaves.
    is_told: JsonValue = "legendonly" if consistency["is_consistent"] else True
    traces = [
        {**_percent(name, mode, frequencies, [pair[part] for pair in pairs]), "visible": visible}
        for pairs, mode, what, visible in (
            (missed, "lines+markers", "fit", True),
            (unsound, "lines", "Kramers–Kronig", is_told),
        )
        for part, name in ((0, f"{what}, Z′"), (1, f"{what}, Z″"))
    ]
    layout: JsonObject = {
        "hovermode": "closest",
        "xaxis": {"title": {"text": "frequency (Hz)"}, "type": "log"},
        "yaxis": {"title": {"text": "deviation (% of |Z|)"}},
    }
    return Figure(tuple(traces), layout)


def _arrhenius(line: JsonObject) -> Figure:
    points = [point for point in cast(Sequence[Sequence[float]], line.get("points") or ()) if point[0]]
    traces: list[JsonObject] = [_conductivities("measured", points)]
    left_out = [point for point in cast(Sequence[Sequence[float]], line.get("left_out") or ()) if point[0]]
    if left_out:
        traces.append({**_conductivities("left out", left_out), "marker": {"size": 8, "symbol": "x-thin-open"}})
    if "activation_energy_eV" in line:
        traces += _line(line, [temperature for temperature, _, _ in points])
    layout: JsonObject = {
        "hovermode": "closest",
        "xaxis": {"title": {"text": "1000 K / T"}},
        "yaxis": {"title": {"text": "σT (S K/cm)"}, "type": "log"},
    }
    return Figure(tuple(traces), layout)


def _conductivities(name: str, points: Sequence[Sequence[float]]) -> JsonObject:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [1000 / temperature for temperature, _, _ in points],
        "y": [temperature * value for temperature, value, _ in points],
        "error_y": {"type": "data", "array": [temperature * (sigma or 0.0) for temperature, _, sigma in points]},
        "text": [f"{temperature:.5g} K: {value:.3g} S/cm" for temperature, value, _ in points],
    }


def _line(line: JsonObject, temperatures: Sequence[float]) -> list[JsonObject]:
    """The line through room temperature, and where its 95 % interval is known that too."""
    slope, slope_sigma = (
        cast(float, line[name]) / BOLTZMANN_EV_PER_K for name in ("activation_energy_eV", "activation_energy_sigma_eV")
    )
    room, room_sigma = (cast(float, line[name]) for name in ("conductivity_S_per_cm", "conductivity_sigma_S_per_cm"))
    low, high = min([*temperatures, ROOM_K]), max([*temperatures, ROOM_K])
    inverse = [1 / high + (1 / low - 1 / high) * step / _LINE_POINTS for step in range(_LINE_POINTS + 1)]
    middle = [math.log(room * ROOM_K) - slope * (x - 1 / ROOM_K) for x in inverse]
    x: list[JsonValue] = [1000 * one for one in inverse]
    traces: list[JsonObject] = [
        {"type": "scatter", "mode": "lines", "name": "line", "x": x, "y": [math.exp(value) for value in middle]},
        {
            "type": "scatter",
            "mode": "markers",
            "name": "at 298.15 K, 95 %",
            "x": [1000 / ROOM_K],
            "y": [room * ROOM_K],
            "error_y": {"type": "data", "array": [_TWO_SIDED_95 * room_sigma * ROOM_K]},
            # Open, and larger than a point: what was measured at this very temperature shows within.
            "marker": {"symbol": "diamond-open", "size": 15, "line": {"width": 2}},
        },
    ]
    pivot = line.get("pivot_K")
    if not isinstance(pivot, int | float):
        return traces
    # The variance of a line is a parabola about the temperature at which it is known best.
    least = (room_sigma / room) ** 2 - (slope_sigma * (1 / ROOM_K - 1 / pivot)) ** 2
    half = [_TWO_SIDED_95 * math.sqrt(max(0.0, least + (slope_sigma * (one - 1 / pivot)) ** 2)) for one in inverse]
    for sign, look in ((-1, {"showlegend": False}), (1, {"fill": "tonexty"})):
        y: list[JsonValue] = [math.exp(value + sign * width) for value, width in zip(middle, half, strict=True)]
        edge: JsonObject = {"type": "scatter", "mode": "lines", "name": "95 % interval", "x": x, "y": y}
        traces.append({**edge, "line": {"width": 0}, **look})
    return traces


def _trace(name: str, mode: str, points: Sequence[Pair], frequencies: Sequence[float]) -> JsonObject:
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": [real for real, _ in points],
        "y": [-imaginary for _, imaginary in points],
        "text": [f"{frequency:.4g} Hz" for frequency in frequencies],
    }


def _percent(name: str, mode: str, frequencies: Sequence[float], shares: Sequence[float]) -> JsonObject:
    y: list[JsonValue] = [100 * share for share in shares]
    return {"type": "scatter", "mode": mode, "name": name, "x": list(frequencies), "y": y}


def _pairs(fit: JsonObject, name: str) -> list[Pair]:
    return [(real, imaginary) for real, imaginary in cast(Sequence[Pair], fit[name])]
