"""How a spectrum is to be fitted, where whoever looks at the fit knows better than the fit does."""

import re
from collections.abc import Mapping
from typing import Final

from domain.errors import InvalidValueError
from domain.json_value import JsonObject, JsonValue
from services.uploads.tables import parse_number

ADJUSTMENTS: Final = ("guess", "lowest frequency", "highest frequency", "circuit")
"""Cells of a spectrum's row that say so."""
LEFT_OUT: Final = "left out"
"""Cell of a spectrum of a series that is to count for nothing: `yes` says so."""
CIRCUIT_TITLES: Final = (
    "R-CPE",
    "R-(R‖CPE)",
    "R-(R‖CPE)-CPE",
    "(R‖CPE)",
    "(R‖CPE)-CPE",
    "(R‖CPE)-(R‖CPE)",
    "(R‖CPE)-(R‖CPE)-CPE",
)
"""The circuits of `services.uploads.impedance`, here for those who do without its numerical libraries."""
_HERTZ: Final = {"": 1.0, "mhz": 1e-3, "hz": 1.0, "khz": 1e3, "ghz": 1e9}
_FREQUENCY: Final = re.compile(r"\s*(?P<number>.*?)\s*(?P<unit>[a-zA-Z]*)\s*")


def is_left_out(cells: Mapping[str, JsonValue]) -> bool:
    """Whether somebody who looked at a spectrum leaves it out of its series."""
    return str(cells.get(LEFT_OUT, "")).strip().lower() in {"yes", "true", "1", "x"}


def fit_arguments(cells: Mapping[str, str]) -> JsonObject:
    """What the cells of a row say of its fit, as the process that fits takes it.

    Raises:
        InvalidValueError: If a cell cannot be read, or the window is empty.
    """
    said: dict[str, JsonValue] = {}
    if cells.get("guess"):
        said["guess_ohm"] = parse_number(cells["guess"].lower().removesuffix("ohm").removesuffix("ω")).value
    for name, cell in (("lowest_Hz", "lowest frequency"), ("highest_Hz", "highest frequency")):
        if cells.get(cell, "").strip():
            said[name] = _frequency_Hz(cells[cell])
    if cells.get("circuit", "").strip():
        said["circuit"] = _circuit(cells["circuit"].strip())
    lowest, highest = said.get("lowest_Hz"), said.get("highest_Hz")
    if isinstance(lowest, float) and isinstance(highest, float) and lowest >= highest:
        raise InvalidValueError(
            f"Nothing lies between {lowest:g} and {highest:g} Hz.", remedy="Give the lower frequency as the lowest."
        )
    return said


def _frequency_Hz(text: str) -> float:
    found = _FREQUENCY.fullmatch(text)
    unit = "" if found is None else found["unit"]
    # Only a capital tells a million from a thousandth.
    factor = 1e6 if unit.startswith("M") else _HERTZ.get(unit.lower())
    if found is None or factor is None or unit.lower() not in _HERTZ:
        raise InvalidValueError(f"'{text[:40]}' is no frequency.", remedy="Write it as 10 Hz, 1 kHz or 1 MHz.")
    value = parse_number(found["number"]).value * factor
    if value <= 0:
        raise InvalidValueError(f"A frequency of {value:g} Hz cannot be.", remedy="Give one above 0.")
    return value


def _circuit(text: str) -> str:
    title = text.replace("||", "‖").replace(" ", "")
    if title not in CIRCUIT_TITLES:
        raise InvalidValueError(
            f"There is no circuit '{text[:60]}'.", remedy=f"Choose one of {', '.join(CIRCUIT_TITLES)}, or none."
        )
    return title
