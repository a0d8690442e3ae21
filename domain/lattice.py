"""The conventional cell's lattice parameters, refused when they span no volume."""

import math
from dataclasses import dataclass

from domain.errors import ImpossibleCellError
from domain.space_groups import CellShape

LENGTH_DECIMALS = 4
"""Lengths that agree to 1e-4 Å name the same cell."""
ANGLE_DECIMALS = 3
"""Angles that agree to 1e-3 degrees name the same cell."""
SMALLEST_RELATIVE_VOLUME = 1e-3
"""Below this share of a·b·c a cell is flat: no crystal has one, and numerics on it are worthless."""


@dataclass(frozen=True, slots=True)
class LatticeParameters:
    """Lengths and angles of a conventional cell, rounded to the precision that names it."""

    a: float
    """Å."""
    b: float
    """Å."""
    c: float
    """Å."""
    alpha: float
    """Angle between b and c in degrees."""
    beta: float
    """Angle between a and c in degrees."""
    gamma: float
    """Angle between a and b in degrees."""

    def __post_init__(self) -> None:
        for name in ("a", "b", "c"):
            object.__setattr__(self, name, round(float(getattr(self, name)), LENGTH_DECIMALS))
        for name in ("alpha", "beta", "gamma"):
            object.__setattr__(self, name, round(float(getattr(self, name)), ANGLE_DECIMALS))
        self._refuse_impossible()

    def _refuse_impossible(self) -> None:
        if not all(math.isfinite(length) and length > 0 for length in self.lengths):
            raise ImpossibleCellError(
                f"Lengths {self.lengths} Å are impossible; positive finite numbers were expected.",
                remedy="Correct a, b and c.",
            )
        if not all(math.isfinite(angle) and 0 < angle < 180 for angle in self.angles):
            raise ImpossibleCellError(
                f"Angles {self.angles}° are impossible; numbers between 0 and 180 were expected.",
                remedy="Correct alpha, beta and gamma.",
            )
        if relative_volume(*self.angles) < SMALLEST_RELATIVE_VOLUME:
            raise ImpossibleCellError(
                f"Angles {self.angles}° span no volume.",
                remedy="Each angle must be smaller than the sum of the two others, and all three below 360° together.",
            )

    @property
    def lengths(self) -> tuple[float, float, float]:
        """a, b, c in Å."""
        return (self.a, self.b, self.c)

    @property
    def angles(self) -> tuple[float, float, float]:
        """alpha, beta, gamma in degrees."""
        return (self.alpha, self.beta, self.gamma)

    @property
    def parameters(self) -> tuple[float, float, float, float, float, float]:
        """a, b, c in Å, then alpha, beta, gamma in degrees."""
        return (*self.lengths, *self.angles)

    @property
    def volume_A3(self) -> float:
        """Volume of the conventional cell in Å³."""
        return self.a * self.b * self.c * relative_volume(*self.angles)

    def obeys(self, shape: CellShape) -> bool:
        """Whether the equalities of a cell shape hold exactly."""
        return shape_equalities_hold(shape, self.lengths, self.angles)


def relative_volume(alpha: float, beta: float, gamma: float) -> float:
    """Volume of a cell with these angles (degrees) and unit lengths; 0 where no cell has them.

    V² = 1 - cos²α - cos²β - cos²γ + 2 cosα cosβ cosγ.
    """
    x, y, z = (math.cos(math.radians(angle)) for angle in (alpha, beta, gamma))
    if alpha + beta + gamma >= 360 or 2 * max(alpha, beta, gamma) >= alpha + beta + gamma:
        return 0.0
    return math.sqrt(max(0.0, 1 - x * x - y * y - z * z + 2 * x * y * z))


def shape_equalities_hold(
    shape: CellShape, lengths: tuple[float, float, float], angles: tuple[float, float, float]
) -> bool:
    """Whether lengths (Å) and angles (degrees) satisfy the equalities in `CellShape`'s table."""
    a, b, c = lengths
    alpha, beta, gamma = angles
    match shape:
        case CellShape.TRICLINIC:
            return True
        case CellShape.MONOCLINIC:
            return alpha == gamma == 90
        case CellShape.ORTHORHOMBIC:
            return alpha == beta == gamma == 90
        case CellShape.TETRAGONAL:
            return alpha == beta == gamma == 90 and a == b
        case CellShape.HEXAGONAL:
            return alpha == beta == 90 and gamma == 120 and a == b
        case CellShape.CUBIC:
            return alpha == beta == gamma == 90 and a == b == c
