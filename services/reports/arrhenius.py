"""Conductivity against temperature, from what a measurement keeps of the series behind it."""

import math
from collections.abc import Mapping
from typing import Final

from domain.constants import BOLTZMANN_EV_PER_K, ROOM_K
from domain.errors import NotFoundError
from domain.json_value import JsonObject, JsonValue
from domain.parsing import parse
from services.reports.figure import Figure
from services.store.records import MeasurementRecord

NOTE: Final = "arrhenius"
"""Key under which it keeps them."""


def draw_arrhenius(record: MeasurementRecord) -> Figure:
    """The series behind a conductivity, and the line through it: σT falls exponentially with 1/T.

    Raises:
        NotFoundError: If the measurement keeps no series.
    """
    line = record.measurement.details.get(NOTE)
    if not isinstance(line, Mapping):
        raise NotFoundError(
            f"Measurement {record.id} keeps no series of temperatures.",
            remedy="Hand in impedance spectra at several temperatures.",
        )
    points = parse(tuple[tuple[float, float, float | None], ...], line.get("points", ()), what="The series")
    energy = parse(float, line.get("activation_energy_eV"), what="The activation energy")
    room = parse(float, line.get("conductivity_S_per_cm"), what="The conductivity")
    temperatures = sorted({ROOM_K, *(temperature for temperature, _, _ in points)})
    fitted: list[JsonValue] = [_on_line(room, energy, temperature) for temperature in temperatures]
    measured: JsonObject = {
        "type": "scatter",
        "mode": "markers",
        "name": "measured",
        "x": [1000 / temperature for temperature, _, _ in points],
        "y": [value for _, value, _ in points],
        "error_y": {"type": "data", "array": [sigma for _, _, sigma in points]},
        "text": [f"{temperature:g} K" for temperature, _, _ in points],
    }
    drawn: JsonObject = {
        "type": "scatter",
        "mode": "lines",
        "name": f"line, {energy:.3f} eV",
        "x": [1000 / temperature for temperature in temperatures],
        "y": fitted,
        "line": {"dash": "dot"},
    }
    layout: JsonObject = {
        "title": {"text": f"Measurement {record.id}: conductivity against temperature"},
        "hovermode": "closest",
        "xaxis": {"title": {"text": "1000 K / temperature"}},
        "yaxis": {"title": {"text": "conductivity (S/cm)"}, "type": "log"},
        "meta": {"activation_energy_eV": energy},
    }
    return Figure((measured, drawn), layout)


def _on_line(room: float, energy: float, temperature: float) -> float:
    """Conductivity (S/cm) by the line through σT, of an activation energy in eV at a temperature in K."""
    exponent = energy / BOLTZMANN_EV_PER_K * (1 / ROOM_K - 1 / temperature)
    return room * ROOM_K / temperature * math.exp(exponent)
