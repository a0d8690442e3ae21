"""Units as people write them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "S/cm": "S\u00a0cm⁻¹",
        "eV/atom": "eV/atom",
        "g/cm^3": "g\u00a0cm⁻³",
        "g/cm**3": "g\u00a0cm⁻³",
        "angstrom": "Å",
        "kg/m^3": "kg\u00a0m⁻³",
        "mS/cm": "mS\u00a0cm⁻¹",
        "uS/cm": "µS\u00a0cm⁻¹",
        "S/m": "S\u00a0m⁻¹",
        "mS/m": "mS\u00a0m⁻¹",
    }
)
"""By how programs write them."""


def written_unit(name: str) -> str:
    """A unit as people write it: `g/cm^3` becomes g cm⁻³."""
    return _UNITS.get(name, name)
