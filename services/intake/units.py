"""Conversion of what people and machines hand in to the one unit of a quantity."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

from domain.errors import InvalidValueError
from domain.measurement import Measurement
from domain.quantity import Quantity

if TYPE_CHECKING:
    import pint

_EXPONENT = r"(?:(?:\^|\*\*)?-?\d|[⁻¹²³⁴]+)?"
_FACTOR = rf"[A-Za-zµμΩÅ%]+{_EXPONENT}"
_UNIT: Final = re.compile(rf"{_FACTOR}(?:(?:\s*[*/·]\s*|\s+){_FACTOR})*")
"""Products and quotients of named units. Nothing else reaches the parser, which evaluates any arithmetic."""
_LONGEST_UNIT: Final = 60
_BARE_EXPONENT: Final = re.compile(r"(?<=[A-Za-zµμΩÅ])(-?\d)")
"""As in S cm-1, which the parser would take for a difference."""
_TEMPERATURE: Final = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S.*?)?\s*")
_KELVIN_DECIMALS: Final = 6
"""Conversion leaves rounding errors behind, which nobody has measured."""
_TEMPERATURE_UNITS: Final = {
    "K": "kelvin",
    "kelvin": "kelvin",
    "degC": "degC",
    "°C": "degC",
    "℃": "degC",
    "celsius": "degC",
    "degF": "degF",
    "°F": "degF",
    "fahrenheit": "degF",
}
"""Temperatures as people write them. C alone is a charge, and is left to the reader no more than to us."""


def convert(measurement: Measurement, quantity: Quantity) -> Measurement:
    """Expresses a measurement in a quantity's unit, its standard deviation with it.

    Raises:
        InvalidValueError: If the unit is unknown or measures something else, or the value is implausible.
    """
    if measurement.unit != quantity.unit:
        factor = conversion_factor(measurement.unit, quantity)
        sigma = None if measurement.sigma is None else measurement.sigma * factor
        measurement = replace(measurement, value=measurement.value * factor, sigma=sigma, unit=quantity.unit)
    quantity.require_plausible(measurement.value)
    return measurement


def conversion_factor(unit: str, quantity: Quantity) -> float:
    """What a number in a unit is multiplied by to be in a quantity's.

    Raises:
        InvalidValueError: If the unit is unknown or measures something else.
    """
    return 1.0 if unit == quantity.unit else _factor(unit, quantity)


def is_same_unit(first: str, second: str, quantity: Quantity) -> bool:
    """Whether two ways of writing a quantity's unit mean the same one, as S/cm and S·cm⁻¹ do.

    Raises:
        InvalidValueError: If one is unknown or measures something else.
    """
    return math.isclose(_factor(first, quantity), _factor(second, quantity), rel_tol=1e-9)


def read_temperature_K(text: str) -> float:
    """Reads a temperature with its unit, such as `25 degC` or `298.15 K`, in kelvin.

    Raises:
        InvalidValueError: If it has no number, no unit or no known one, or is not above 0 K.
    """
    read = _TEMPERATURE.fullmatch(text)
    if read is None:
        raise InvalidValueError(
            f"'{text[:_LONGEST_UNIT]}' is no temperature.", remedy="Write it like '25 degC' or '298.15 K'."
        )
    number, unit = read.groups()
    return temperature_K(float(number), unit or "")


def temperature_K(value: float, unit: str) -> float:
    """Expresses a temperature in kelvin; the unit must be said.

    Raises:
        InvalidValueError: If the unit is missing or unknown, or the temperature is not above 0 K.
    """
    name = _TEMPERATURE_UNITS.get(unit) or _TEMPERATURE_UNITS.get(unit.lower())
    if name is None:
        problem = f"'{unit[:_LONGEST_UNIT]}' is no unit of temperature" if unit else "has no unit"
        raise InvalidValueError(
            f"The temperature {value:g} {problem}.", remedy=f"Write '{value:g} degC' or '{value:g} K'."
        )
    kelvin = round(float(_registry().Quantity(value, name).to("kelvin").magnitude), _KELVIN_DECIMALS)
    if not 0 < kelvin < math.inf:
        raise InvalidValueError(
            f"A temperature of {value:g} {unit} is impossible.", remedy="Give one above absolute zero."
        )
    return kelvin


def _factor(unit: str, quantity: Quantity) -> float:
    import pint

    if len(unit) > _LONGEST_UNIT or not _UNIT.fullmatch(unit.strip()):
        raise _unknown(unit, quantity)
    try:
        return float(_registry().Quantity(1.0, _written_out(unit)).to(quantity.unit).magnitude)
    except pint.DimensionalityError as error:
        raise InvalidValueError(
            f"'{unit}' does not measure {quantity.name}; {quantity.unit} was expected.",
            remedy=f"Give the value in {quantity.unit} or a multiple of it.",
        ) from error
    except (pint.PintError, AttributeError, ValueError, TypeError) as error:
        raise _unknown(unit, quantity) from error


def _written_out(unit: str) -> str:
    return _BARE_EXPONENT.sub(r"**\1", unit.strip().replace("·", "*"))


def _unknown(unit: str, quantity: Quantity) -> InvalidValueError:
    return InvalidValueError(
        f"'{unit[:_LONGEST_UNIT]}' is not a known unit; {quantity.unit} was expected.",
        remedy=f"Give the value in {quantity.unit}.",
    )


@cache
def _registry() -> pint.UnitRegistry:
    """Building it takes a fraction of a second and it never changes, so it is built once, when first needed."""
    import pint

    registry = pint.UnitRegistry()
    # Atoms are counted in a dimension of their own, so that eV is never taken for eV/atom.
    registry.define("atom = [atom]")
    return registry
