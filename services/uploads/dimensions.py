"""Lengths and areas with their uncertainty, as people write them: 1.20(5) mm, 0.5 ± 0.01 cm2."""

import re
from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidValueError
from services.uploads.tables import parse_number

_CM: Final = {"m": 100.0, "cm": 1.0, "mm": 0.1, "um": 1e-4, "µm": 1e-4, "μm": 1e-4}
_CM2: Final = {f"{name}{power}": factor**2 for name, factor in _CM.items() for power in ("2", "^2", "²", "**2")}
_WITH_UNIT: Final = re.compile(
    r"\s*(?P<value>[^±a-zA-Zµμ°℃]*?)\s*(?:(?:±|\+/-)\s*(?P<sigma>[\d.eE,-]+?))?\s*(?P<unit>[a-zA-Zµμ°℃].*)"
)


@dataclass(frozen=True, slots=True)
class Extent:
    """A length in cm or an area in cm², with its standard deviation."""

    value: float
    sigma: float

    @property
    def relative(self) -> float:
        """Standard deviation as a share of the value."""
        return self.sigma / self.value


def length_cm(text: str) -> Extent:
    """Reads a length.

    Raises:
        InvalidValueError: If it is no length above 0 with a unit.
    """
    return _extent(text, _CM, "1.20 ± 0.05 mm")


def area_cm2(text: str) -> Extent:
    """Reads an area.

    Raises:
        InvalidValueError: If it is no area above 0 with a unit.
    """
    return _extent(text, _CM2, "0.785 ± 0.01 cm2")


def _extent(text: str, units: dict[str, float], example: str) -> Extent:
    found = _WITH_UNIT.fullmatch(text)
    unit = found["unit"].replace(" ", "") if found else ""
    if found is None or unit not in units:
        raise InvalidValueError(f"'{text[:40]}' needs a number and a unit.", remedy=f"Write it as {example}.")
    number = parse_number(found["value"])
    sigma = parse_number(found["sigma"]).value if found["sigma"] else number.sigma or 0.0
    if number.value <= 0 or not 0 <= sigma < number.value:
        raise InvalidValueError(f"'{text[:40]}' cannot be.", remedy=f"Write it as {example}.")
    return Extent(number.value * units[unit], sigma * units[unit])
