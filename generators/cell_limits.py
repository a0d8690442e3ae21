"""Which cells a search space allows for a cell shape and a number of atoms: plain numbers, no tensors."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from domain.lattice import ANGLE_DECIMALS, LENGTH_DECIMALS
from domain.search_space import SearchSpace
from domain.space_groups import CellShape

SMALLEST_FREE_RELATIVE_VOLUME: Final = 0.2
"""Cells with free angles are kept above this share of a·b·c. Niggli-reduced cells have at least 0.7."""

RIGID_RELATIVE_VOLUME: Final[Mapping[CellShape, float]] = MappingProxyType(
    {
        CellShape.ORTHORHOMBIC: 1.0,
        CellShape.TETRAGONAL: 1.0,
        CellShape.HEXAGONAL: math.sqrt(3) / 2,
        CellShape.CUBIC: 1.0,
    }
)
"""Volume over a·b·c where the shape fixes every angle."""

_SLACK: Final = 1 + 1e-6
"""Keeps the flattest cell of a number of atoms away from a volume range of no width."""


@dataclass(frozen=True, slots=True)
class CellLimits:
    """Ranges of one cell shape, narrowed so that rounding never leads out of the search space."""

    shape: CellShape
    length_A: tuple[float, float]
    angle_deg: tuple[float, float]
    volume_per_atom_A3: tuple[float, float]

    @classmethod
    def of(cls, space: SearchSpace, shape: CellShape) -> "CellLimits":
        """Narrows a search space's ranges to what survives rounding to 1e-4 Å and 1e-3°."""
        length_A = _inside(space.length_A, LENGTH_DECIMALS)
        error = 1.5 * 10**-LENGTH_DECIMALS / length_A[0]
        if shape not in RIGID_RELATIVE_VOLUME:
            # |d ln w / d angle| <= 2 / w² for each of three angles, w being the relative volume.
            error += 3 * (2 / SMALLEST_FREE_RELATIVE_VOLUME**2) * math.radians(0.5 * 10**-ANGLE_DECIMALS)
        low, high = space.volume_per_atom_A3
        return cls(shape, length_A, _inside(space.angle_deg, ANGLE_DECIMALS), (low * (1 + error), high * (1 - error)))

    @property
    def largest_relative_volume(self) -> float:
        """Largest volume over a·b·c that the angles allow; 0 where they span none."""
        if self.shape in RIGID_RELATIVE_VOLUME:
            return RIGID_RELATIVE_VOLUME[self.shape]
        nearest_to_right = min(max(90.0, self.angle_deg[0]), self.angle_deg[1])
        cosine = math.cos(math.radians(nearest_to_right))
        if self.shape is CellShape.MONOCLINIC:
            return math.sqrt(1 - cosine**2)
        return (1 - cosine) * math.sqrt(max(0.0, 1 + 2 * cosine))

    def smallest_relative_volume(self, n_atoms: int) -> float:
        """Smallest volume over a·b·c: a flatter cell could not hold the atoms without too long an edge."""
        if self.shape in RIGID_RELATIVE_VOLUME:
            return RIGID_RELATIVE_VOLUME[self.shape]
        needed = n_atoms * self.volume_per_atom_A3[0] / self.length_A[1] ** 3
        return max(SMALLEST_FREE_RELATIVE_VOLUME, needed * _SLACK)

    def admits(self, n_atoms: int) -> bool:
        """Whether some cell of this shape holds so many atoms; then one exists for each allowed set of angles."""
        widest = self.largest_relative_volume
        smallest = self.smallest_relative_volume(n_atoms)
        lowest, highest = (n_atoms * volume for volume in self.volume_per_atom_A3)
        lower_A3 = max(lowest, widest * self.length_A[0] ** 3)
        upper_A3 = min(highest, widest * self.length_A[1] ** 3)
        angles_fit = self.shape in RIGID_RELATIVE_VOLUME or smallest * _SLACK < widest
        return 0 < self.length_A[0] < self.length_A[1] and lower_A3 < upper_A3 and angles_fit


def _inside(given: tuple[float, float], decimals: int) -> tuple[float, float]:
    """The widest range between multiples of 10^-decimals inside the given one."""
    unit = 10**decimals
    return (math.ceil(round(given[0] * unit, 6)) / unit, math.floor(round(given[1] * unit, 6)) / unit)
