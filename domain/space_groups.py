"""The 230 space groups: what each demands of a cell and of the atoms in it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from domain._space_group_table import ROWS
from domain.errors import InvalidValueError

N_SPACE_GROUPS = 230


class CrystalSystem(StrEnum):
    """The seven crystal systems, from the least to the most symmetric."""

    TRICLINIC = "triclinic"
    MONOCLINIC = "monoclinic"
    ORTHORHOMBIC = "orthorhombic"
    TETRAGONAL = "tetragonal"
    TRIGONAL = "trigonal"
    HEXAGONAL = "hexagonal"
    CUBIC = "cubic"


class CellShape(StrEnum):
    """The metric that a conventional cell obeys in its standard setting.

    This is the lattice system, except that rhombohedral groups are described in hexagonal axes:

    | shape        | equalities               |
    |--------------|--------------------------|
    | triclinic    | none                     |
    | monoclinic   | α = γ = 90°              |
    | orthorhombic | α = β = γ = 90°          |
    | tetragonal   | and a = b                |
    | hexagonal    | a = b, α = β = 90°, γ = 120° |
    | cubic        | a = b = c, α = β = γ = 90°   |
    """

    TRICLINIC = "triclinic"
    MONOCLINIC = "monoclinic"
    ORTHORHOMBIC = "orthorhombic"
    TETRAGONAL = "tetragonal"
    HEXAGONAL = "hexagonal"
    CUBIC = "cubic"


_LAST_OF_SYSTEM = (
    (2, CrystalSystem.TRICLINIC),
    (15, CrystalSystem.MONOCLINIC),
    (74, CrystalSystem.ORTHORHOMBIC),
    (142, CrystalSystem.TETRAGONAL),
    (167, CrystalSystem.TRIGONAL),
    (194, CrystalSystem.HEXAGONAL),
    (230, CrystalSystem.CUBIC),
)
_WYCKOFF = re.compile(r"(\d+)([a-zA-Z])(\d)")


@dataclass(frozen=True, slots=True)
class WyckoffPosition:
    """A set of equivalent sites of a space group."""

    letter: str
    """Wyckoff letter; `A` follows `z` in group 47."""
    multiplicity: int
    """Number of sites in the conventional cell."""
    n_free: int
    """Free coordinates, 0 to 3. Without any, at most one element can sit there, once."""


@dataclass(frozen=True, slots=True, order=True)
class SpaceGroup:
    """A space group in the standard setting of the International Tables."""

    number: int
    """1 to 230."""

    def __post_init__(self) -> None:
        if not 1 <= self.number <= N_SPACE_GROUPS:
            raise InvalidValueError(
                f"{self.number} is not the number of a space group.",
                remedy=f"Give a number from 1 to {N_SPACE_GROUPS}.",
            )

    @property
    def symbol(self) -> str:
        """Short Hermann-Mauguin symbol, such as Fm-3m."""
        return ROWS[self.number - 1][1]

    @property
    def point_group(self) -> str:
        """Hermann-Mauguin symbol of the point group, such as m-3m."""
        return ROWS[self.number - 1][2]

    @property
    def crystal_system(self) -> CrystalSystem:
        """One of the seven crystal systems."""
        return next(system for last, system in _LAST_OF_SYSTEM if self.number <= last)

    @property
    def cell_shape(self) -> CellShape:
        """The metric of the conventional cell; trigonal groups are in hexagonal axes."""
        system = self.crystal_system
        return CellShape.HEXAGONAL if system is CrystalSystem.TRIGONAL else CellShape(system.value)

    @property
    def wyckoff_positions(self) -> tuple[WyckoffPosition, ...]:
        """All Wyckoff positions, from the most special to the general one."""
        return _wyckoff_positions(self.number)


@cache
def _wyckoff_positions(number: int) -> tuple[WyckoffPosition, ...]:
    return tuple(
        WyckoffPosition(letter=letter, multiplicity=int(multiplicity), n_free=int(n_free))
        for multiplicity, letter, n_free in _WYCKOFF.findall(ROWS[number - 1][3])
    )


def all_space_groups() -> tuple[SpaceGroup, ...]:
    """The 230 space groups in order."""
    return tuple(SpaceGroup(number) for number in range(1, N_SPACE_GROUPS + 1))
