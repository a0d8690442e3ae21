"""Published Hubbard values: rotationally invariant U - J (Dudarev), fitted to oxidation energies with VASP's PBE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class HubbardTable:
    """Values of one project."""

    source: str
    anions: tuple[str, ...]
    """The values hold in compounds of these."""
    values: tuple[tuple[str, str, float], ...]
    """Element, orbital, U in eV."""


TABLES: Final[Mapping[str, HubbardTable]] = MappingProxyType(
    {
        "materials-project": HubbardTable(
            "Materials Project: Jain et al., Phys. Rev. B 84, 045115 (2011), by the method of Wang, Maxisch, Ceder, "
            "Phys. Rev. B 73, 195107 (2006)",
            ("F", "O"),
            (
                ("V", "3d", 3.25),
                ("Cr", "3d", 3.7),
                ("Mn", "3d", 3.9),
                ("Fe", "3d", 5.3),
                ("Co", "3d", 3.32),
                ("Ni", "3d", 6.2),
                ("Mo", "4d", 4.38),
                ("W", "5d", 6.2),
            ),
        ),
        "oqmd": HubbardTable(
            "Open Quantum Materials Database: Kirklin et al., npj Comput. Mater. 1, 15010 (2015)",
            ("O",),
            (
                ("V", "3d", 3.1),
                ("Cr", "3d", 3.5),
                ("Mn", "3d", 3.8),
                ("Fe", "3d", 4.0),
                ("Co", "3d", 3.3),
                ("Ni", "3d", 6.4),
                ("Cu", "3d", 4.0),
                ("Th", "5f", 4.0),
                ("Pa", "5f", 4.0),
                ("U", "5f", 4.0),
                ("Np", "5f", 4.0),
                ("Pu", "5f", 4.0),
            ),
        ),
    }
)
