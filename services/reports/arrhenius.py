"""Conductivity against temperature, from what a measurement keeps of the series or the runs behind it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from domain.constants import BOLTZMANN_EV_PER_K, ROOM_K
from domain.errors import InvalidValueError, NotFoundError
from domain.json_value import JsonObject
from domain.measurement import Censoring
from domain.parsing import parse
from services.reports.described import described
from services.reports.figure import Figure
from services.reports.ion_runs import IonRun, RunConductivity, ion_runs
from services.store.records import MeasurementRecord

NOTE: Final = "arrhenius"
"""Key under which it keeps the series and the line."""
_STEPS: Final = 24
"""Straight pieces of a line: σT is straight against 1/T, σ nearly so."""
_STEEPEST: Final = 500.0
"""Change of ln(σT) along a line that can still be computed."""
_OF_LINE: Final = 2
"""Place among the colours, after those of runs and of bounds: all pieces of a line have one."""
_UNIT: Final = "S/cm"


@dataclass(frozen=True, slots=True)
class ArrheniusLine:
    """A line through conductivities at several temperatures."""

    points: tuple[tuple[float, float, float | None], ...]
    """Temperature (K), conductivity and its standard deviation (S/cm)."""
    activation_energy_eV: float
    conductivity_S_per_cm: float
    """Along the line at room temperature, 298.15 K."""
    activation_energy_interval_eV: tuple[float, float] | None = None
    """95 %."""
    value_at_K: float = ROOM_K
    """For which temperature the measured value is."""
    value_interval_S_per_cm: tuple[float, float] | None = None
    """95 %, of the line at that temperature, and not at room temperature."""
    is_extrapolated: bool = False
    n_diffusive: int | None = None
    """Runs that showed a conductivity, where it comes from runs."""
    n_bounds: int | None = None
    """Runs that only bounded it."""

    def __post_init__(self) -> None:
        temperatures = [self.value_at_K, *(point[0] for point in self.points)]
        if not (self.points and min(temperatures) > 0):
            raise InvalidValueError("A line needs points at temperatures above 0 K.", remedy="Correct the series.")
        if max(abs(self._exponent(temperature)) for temperature in temperatures) > _STEEPEST:
            raise InvalidValueError(
                f"An activation energy of {self.activation_energy_eV:g} eV is impossible at these temperatures.",
                remedy="Correct the series.",
            )

    def at(self, temperature_K: float) -> float:
        """Conductivity along the line, S/cm."""
        return self.conductivity_S_per_cm * ROOM_K / temperature_K * math.exp(self._exponent(temperature_K))

    def _exponent(self, temperature_K: float) -> float:
        return self.activation_energy_eV / BOLTZMANN_EV_PER_K * (1 / ROOM_K - 1 / temperature_K)


def line_of(record: MeasurementRecord) -> ArrheniusLine | None:
    """The line that a measurement keeps; None where it keeps none.

    Raises:
        SpecError: If what it keeps is no line.
    """
    kept = record.measurement.details.get(NOTE)
    return parse(ArrheniusLine, kept, what="The series") if isinstance(kept, Mapping) else None


def draw_arrhenius(record: MeasurementRecord) -> Figure:
    """The series or runs behind a conductivity, and the line through them: σT falls exponentially with 1/T.

    Bounds are triangles that point down, the line is dashed beyond what was measured, and what runs say of the wanted
    temperature is an open diamond.

    Raises:
        NotFoundError: If the measurement keeps neither a series nor runs.
        SpecError: If what it keeps is no line.
    """
    line = line_of(record)
    runs = [(run, run.conductivity) for run in ion_runs(record.measurement.details) if run.conductivity is not None]
    if line is None and not runs:
        raise NotFoundError(
            f"Measurement {record.id} keeps no series of temperatures.",
            remedy="Hand in impedance spectra at several temperatures, or choose a value of molecular dynamics.",
        )
    seen = list(_runs_drawn(runs)) if runs else [_series_drawn(line)] if line is not None else []
    along = [] if line is None else list(_line_drawn(line))
    wanted = list(_wanted_drawn(record, line, runs)) if runs else []
    layout: JsonObject = {
        "title": {"text": f"Measurement {record.id}: conductivity against temperature"},
        "hovermode": "closest",
        "xaxis": {"title": {"text": "1000 K / temperature"}},
        "yaxis": {"title": {"text": "conductivity (S/cm)"}, "type": "log"},
        "meta": {} if line is None else {"activation_energy_eV": line.activation_energy_eV},
    }
    figure = Figure((*seen, *along, *wanted), layout)
    return replace(figure, description=described(NOTE, figure))


_Seen = Sequence[tuple[IonRun, RunConductivity]]


def _series_drawn(line: ArrheniusLine) -> JsonObject:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "measured",
        "x": [1000 / temperature for temperature, _, _ in line.points],
        "y": [value for _, value, _ in line.points],
        "error_y": {"type": "data", "array": [sigma for _, _, sigma in line.points]},
        "text": [f"{temperature:g} K" for temperature, _, _ in line.points],
    }


def _runs_drawn(runs: _Seen) -> Iterator[JsonObject]:
    used = [(run, found) for run, found in runs if run.is_used]
    diffusive = [(run, found) for run, found in used if found.censoring is Censoring.NONE]
    bounds = [(run, found) for run, found in used if found.censoring is not Censoring.NONE]
    unused = [(run, found) for run, found in runs if not run.is_used]
    if diffusive:
        yield {**_marks("runs, with 95 % intervals", diffusive, "circle"), "error_y": _bars(diffusive)}
    if bounds:
        yield _marks("runs, at most", bounds, "triangle-down")
    if unused:
        yield {**_marks("runs that were not used", unused, "x-thin-open"), "meta": {"is_quiet": True}}


def _marks(name: str, runs: _Seen, symbol: str) -> JsonObject:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [1000 / run.temperature_K for run, _ in runs],
        "y": [found.conductivity_S_per_cm for _, found in runs],
        "marker": {"symbol": symbol, "size": 9},
        "text": [f"{run.temperature_K:g} K" for run, _ in runs],
    }


def _bars(runs: _Seen) -> JsonObject:
    found = [conductivity for _, conductivity in runs]
    return {
        "type": "data",
        "symmetric": False,
        "array": [one.interval_S_per_cm[1] - one.conductivity_S_per_cm for one in found],
        "arrayminus": [one.conductivity_S_per_cm - one.interval_S_per_cm[0] for one in found],
    }


def _line_drawn(line: ArrheniusLine) -> Iterator[JsonObject]:
    """Through what was measured, and dashed from there to room temperature and to the temperature that is wanted."""
    measured = [temperature for temperature, _, _ in line.points]
    coldest, hottest = min(measured), max(measured)
    wanted = (ROOM_K, line.value_at_K)
    name = f"line, {line.activation_energy_eV:.3f} eV"
    yield {**_piece(line, coldest, hottest), "name": name, "line": {"dash": "solid"}, "meta": {"series": _OF_LINE}}
    for start, end in ((min(*wanted, coldest), coldest), (hottest, max(*wanted, hottest))):
        if start < end:
            piece = _piece(line, start, end)
            yield {**piece, "name": f"{name}, extrapolated", "line": {"dash": "dash"}, "meta": {"series": _OF_LINE}}


def _piece(line: ArrheniusLine, coldest_K: float, hottest_K: float) -> JsonObject:
    start, end = 1 / hottest_K, 1 / coldest_K
    temperatures = [
        hottest_K,
        *(1 / (start + (end - start) * step / _STEPS) for step in range(1, _STEPS)),
        coldest_K,
    ]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [1000 / temperature for temperature in temperatures],
        "y": [line.at(temperature) for temperature in temperatures],
    }


def _wanted_drawn(record: MeasurementRecord, line: ArrheniusLine | None, runs: _Seen) -> Iterator[JsonObject]:
    """The measured value itself, where it comes from runs."""
    measurement = record.measurement
    temperature = measurement.temperature_K
    if temperature is None or measurement.unit != _UNIT:
        return
    drawn: JsonObject = {
        "type": "scatter",
        "mode": "markers",
        "x": [1000 / temperature],
        "y": [measurement.value],
        "text": [f"{temperature:g} K"],
    }
    if measurement.censoring is not Censoring.NONE:
        arrow: JsonObject = {"symbol": "triangle-down-open", "size": 13}
        yield {**drawn, "name": f"at {temperature:g} K, at most", "marker": arrow}
        return
    low, high = _interval_at(temperature, line, runs) or (measurement.value, measurement.value)
    bars: JsonObject = {
        "type": "data",
        "symmetric": False,
        "array": [high - measurement.value],
        "arrayminus": [measurement.value - low],
    }
    diamond: JsonObject = {"symbol": "diamond-open", "size": 13}
    yield {**drawn, "name": f"at {temperature:g} K, with 95 % interval", "marker": diamond, "error_y": bars}


def _interval_at(temperature_K: float, line: ArrheniusLine | None, runs: _Seen) -> tuple[float, float] | None:
    """By the run at that temperature, else along the line."""
    for run, found in runs:
        if run.is_used and run.temperature_K == temperature_K:
            return found.interval_S_per_cm
    return line.value_interval_S_per_cm if line is not None and line.value_at_K == temperature_K else None
