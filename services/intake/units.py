"""Conversion of what people and machines hand in to the one unit of a quantity."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

from domain.errors import InvalidValueError
from domain.measurement import Measurement
from domain.quantity import Quantity

if TYPE_CHECKING:
    import pint

_EXPONENT = r"(?:(?:\^|\*\*)-?\d|[⁻¹²³⁴]+)?"
_FACTOR = rf"[A-Za-zµμΩÅ%]+{_EXPONENT}"
_UNIT: Final = re.compile(rf"{_FACTOR}(?:(?:\s*[*/·]\s*|\s+){_FACTOR})*")
"""Products and quotients of named units. Nothing else reaches the parser, which evaluates any arithmetic."""
_LONGEST_UNIT: Final = 60


def convert(measurement: Measurement, quantity: Quantity) -> Measurement:
    """Expresses a measurement in a quantity's unit, its standard deviation with it.

    Raises:
        InvalidValueError: If the unit is unknown or measures something else, or the value is implausible.
    """
    if measurement.unit != quantity.unit:
        factor = _factor(measurement.unit, quantity)
        sigma = None if measurement.sigma is None else measurement.sigma * factor
        measurement = replace(measurement, value=measurement.value * factor, sigma=sigma, unit=quantity.unit)
    quantity.require_plausible(measurement.value)
    return measurement


def _factor(unit: str, quantity: Quantity) -> float:
    import pint

    if len(unit) > _LONGEST_UNIT or not _UNIT.fullmatch(unit.strip()):
        raise _unknown(unit, quantity)
    try:
        return float(_registry().Quantity(1.0, unit.strip().replace("·", "*")).to(quantity.unit).magnitude)
    except pint.DimensionalityError as error:
        raise InvalidValueError(
            f"'{unit}' does not measure {quantity.name}; {quantity.unit} was expected.",
            remedy=f"Give the value in {quantity.unit} or a multiple of it.",
        ) from error
    except (pint.PintError, AttributeError, ValueError, TypeError) as error:
        raise _unknown(unit, quantity) from error


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
