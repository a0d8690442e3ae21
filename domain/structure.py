"""Atoms in a cell as somebody found them: sites may be shared by several elements, or partly vacant."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from domain.elements import element
from domain.errors import ImpossibleCellError, InvalidValueError
from domain.lattice import relative_volume

Vector: TypeAlias = tuple[float, float, float]

MOST_SITES: Final = 5_000
"""More sites in one cell are refused: nothing here is a protein."""
LONGEST_VECTOR_A: Final = 1_000.0
SMALLEST_VOLUME_PER_SITE_A3: Final = 0.1
"""Below this no atoms have room, even where several sites share one."""
_SHARES_TOLERANCE: Final = 1e-2
"""Published shares of a site are rounded, so that they may add up to a little more than 1."""


@dataclass(frozen=True, slots=True)
class Occupation:
    """What sits on a site: one element, or several that share it; what is missing to 1 is vacant."""

    shares: tuple[tuple[str, float], ...]
    """Pairs (symbol, share), ascending in symbol, each share above 0."""

    def __post_init__(self) -> None:
        symbols = [symbol for symbol, _ in self.shares]
        if not symbols or symbols != sorted(set(symbols)):
            raise InvalidValueError(
                f"A site needs distinct elements in alphabetical order, not {symbols}.",
                remedy="Build it with Occupation.of({'Li': 0.5}).",
            )
        for symbol, share in self.shares:
            element(symbol)
            if not 0 < share <= 1 + _SHARES_TOLERANCE:
                raise InvalidValueError(
                    f"{symbol} has a share of {share} in a site.", remedy="Give a number above 0 and at most 1."
                )
        if sum(share for _, share in self.shares) > 1 + _SHARES_TOLERANCE:
            raise InvalidValueError(
                f"The shares of a site, {dict(self.shares)}, add up to more than 1.", remedy="Correct the occupancies."
            )

    @classmethod
    def of(cls, shares: Mapping[str, float]) -> "Occupation":
        """Builds an occupation from shares by symbol, in any order.

        Raises:
            InvalidValueError: If a symbol is unknown or the shares are impossible.
        """
        return cls(tuple(sorted((symbol, float(share)) for symbol, share in shares.items())))

    @property
    def is_full(self) -> bool:
        """Whether one element has the whole site."""
        return len(self.shares) == 1 and self.shares[0][1] > 1 - _SHARES_TOLERANCE


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the cell and what sits there."""

    occupation: Occupation
    fractional: Vector
    """In units of the lattice vectors."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A cell with its atoms."""

    lattice_vectors: tuple[Vector, Vector, Vector]
    """One a row, Å."""
    sites: tuple[Site, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.sites) <= MOST_SITES:
            raise InvalidValueError(
                f"A structure of {len(self.sites)} sites is refused; 1 to {MOST_SITES} were expected.",
                remedy="Give the conventional or primitive cell.",
            )
        numbers = [x for vector in self.lattice_vectors for x in vector]
        if not all(math.isfinite(x) and abs(x) <= LONGEST_VECTOR_A for x in numbers):
            raise ImpossibleCellError(
                "A lattice vector is not finite or far too long.", remedy="Give lattice vectors in Å."
            )
        if self.volume_A3 / len(self.sites) < SMALLEST_VOLUME_PER_SITE_A3:
            raise ImpossibleCellError(
                f"{len(self.sites)} sites in {self.volume_A3:.3g} Å³ have no room.",
                remedy="Check the cell and its unit (Å).",
            )
        if not all(math.isfinite(x) for site in self.sites for x in site.fractional):
            raise InvalidValueError("A site has a coordinate that is not finite.", remedy="Correct the coordinates.")

    @property
    def volume_A3(self) -> float:
        """Volume of the cell in Å³."""
        (a, b, c) = self.lattice_vectors
        return abs(dot(a, cross(b, c)))

    @property
    def lengths_A(self) -> Vector:
        """Lengths of the lattice vectors, Å."""
        a, b, c = (math.sqrt(dot(vector, vector)) for vector in self.lattice_vectors)
        return (a, b, c)

    @property
    def angles(self) -> Vector:
        """Alpha, beta, gamma in degrees."""
        a, b, c = self.lattice_vectors
        return (_angle(b, c), _angle(a, c), _angle(a, b))

    @property
    def is_ordered(self) -> bool:
        """Whether every site belongs to one element alone."""
        return all(site.occupation.is_full for site in self.sites)

    @property
    def amounts(self) -> dict[str, float]:
        """Atoms of each element in the cell, by symbol in alphabetical order; fractions where sites are shared."""
        amounts: Counter[str] = Counter()
        for site in self.sites:
            for symbol, share in site.occupation.shares:
                amounts[symbol] += share  # type: ignore[assignment] # counters add up fractions as well
        return {symbol: round(float(amounts[symbol]), 6) for symbol in sorted(amounts)}

    def cartesian(self, site: Site) -> Vector:
        """Where a site is, Å."""
        u, v, w = site.fractional
        a, b, c = self.lattice_vectors
        x, y, z = (u * a[i] + v * b[i] + w * c[i] for i in range(3))
        return (x, y, z)


def vectors_of_cell(lengths: Vector, angles: Vector) -> tuple[Vector, Vector, Vector]:
    """Lattice vectors (Å) of a cell: a along x, b in the plane of x and y.

    Raises:
        ImpossibleCellError: If lengths (Å) and angles (degrees) span no volume.
    """
    if not all(math.isfinite(x) and x > 0 for x in (*lengths, *angles)) or relative_volume(*angles) <= 0:
        raise ImpossibleCellError(
            f"Lengths {lengths} Å and angles {angles}° span no volume.", remedy="Correct the cell parameters."
        )
    a, b, c = lengths
    cos_alpha, cos_beta, cos_gamma = (_cosine(angle) for angle in angles)
    sin_gamma = math.sqrt(1 - cos_gamma**2)
    x = c * cos_beta
    y = c * (cos_alpha - cos_beta * cos_gamma) / sin_gamma
    z = c * relative_volume(*angles) / sin_gamma
    return (a, 0.0, 0.0), (b * cos_gamma, b * sin_gamma, 0.0), (x, y, z)


def fractional_coordinates(
    lattice_vectors: tuple[Vector, Vector, Vector], positions: tuple[Vector, ...]
) -> tuple[Vector, ...]:
    """Turns Cartesian positions (Å) into units of the lattice vectors.

    Raises:
        ImpossibleCellError: If the vectors span no volume.
    """
    a, b, c = lattice_vectors
    volume = dot(a, cross(b, c))
    if not math.isfinite(volume) or volume == 0:
        raise ImpossibleCellError("The lattice vectors span no volume.", remedy="Correct the lattice vectors.")
    reciprocal = (cross(b, c), cross(c, a), cross(a, b))
    return tuple(
        (
            dot(position, reciprocal[0]) / volume,
            dot(position, reciprocal[1]) / volume,
            dot(position, reciprocal[2]) / volume,
        )
        for position in positions
    )


def dot(left: Vector, right: Vector) -> float:
    """Scalar product."""
    return left[0] * right[0] + left[1] * right[1] + left[2] * right[2]


def cross(left: Vector, right: Vector) -> Vector:
    """Vector product."""
    return (
        left[1] * right[2] - left[2] * right[1],
        left[2] * right[0] - left[0] * right[2],
        left[0] * right[1] - left[1] * right[0],
    )


def _cosine(angle: float) -> float:
    return 0.0 if angle == 90 else math.cos(math.radians(angle))


def _angle(left: Vector, right: Vector) -> float:
    cosine = dot(left, right) / math.sqrt(dot(left, left) * dot(right, right))
    return round(math.degrees(math.acos(max(-1.0, min(1.0, cosine)))), 8)
