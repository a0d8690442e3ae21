"""A grid on which an ion is moved through a crystal, and which of its points are the same by symmetry.

Legend: X, Y, Z points of a periodic grid along the lattice vectors; N = X Y Z, all of them in this order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from oracles.structures import SYMMETRY_TOLERANCE_A, old_spglib_errors

if TYPE_CHECKING:
    from ase import Atoms

    IntArray = NDArray[np.int64]
    FloatArray = NDArray[np.float64]

_DENOMINATORS: Final = (1, 2, 3, 4, 6)
"""Of the translations of all space groups in primitive cells with a standard origin."""
_ROUNDING: Final = 1e-3
"""How far a number of points may be from a whole one."""
_LENGTHS_EQUAL_A: Final = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class IonGrid:
    """Points along the lattice vectors of a framework."""

    cell_A: FloatArray
    """`[3, 3]`, rows are the lattice vectors, Å."""
    shape: tuple[int, int, int]
    """X, Y, Z; even, so that every other point is a grid too."""
    orbits: IntArray
    """`[N]`, for each point the smallest index of those that are the same by symmetry."""
    n_operations: int
    """Operations of the framework that take the grid to itself."""

    @classmethod
    def of(cls, framework: Atoms, *, resolution_A: float) -> Self:
        """The coarsest grid whose points are near enough, with as many of the framework's symmetries as it can have.

        Args:
            framework: What stands still.
            resolution_A: Largest distance of two points along a lattice vector, Å.
        """
        rotations, translations = _symmetry(framework)
        shape = _shape(framework.cell.lengths(), translations, resolution_A)
        orbits, n_operations = _orbits(shape, rotations, translations)
        return cls(np.array(framework.cell[:]), shape, orbits, n_operations)

    @property
    def n_points(self) -> int:
        """All of them."""
        return math.prod(self.shape)

    @property
    def coarse(self) -> IntArray:
        """Representatives of every other point along each lattice vector."""
        indices = np.arange(self.n_points).reshape(self.shape)[::2, ::2, ::2].ravel()
        return np.unique(self.orbits[indices])

    def positions_A(self, points: IntArray) -> FloatArray:
        """Where points are: `[P]` indices to `[P, 3]` Å."""
        fractional = np.stack(np.unravel_index(points, self.shape), axis=1) / np.array(self.shape)
        positions: FloatArray = fractional @ self.cell_A
        return positions


def _symmetry(framework: Atoms) -> tuple[IntArray, FloatArray]:
    """Rotations `[S, 3, 3]` and translations `[S, 3]` in the basis of the cell; the identity where none are found."""
    import spglib

    with old_spglib_errors():
        found = spglib.get_symmetry(
            (framework.cell[:], framework.get_scaled_positions(), framework.numbers), symprec=SYMMETRY_TOLERANCE_A
        )
    if found is None:
        return np.eye(3, dtype=np.int64)[None], np.zeros((1, 3))
    return found["rotations"].astype(np.int64), found["translations"]


def _shape(lengths_A: FloatArray, translations: FloatArray, resolution_A: float) -> tuple[int, int, int]:
    """Even numbers of points that hold the translations; the same along vectors of the same length."""
    multiple = math.lcm(2, *(_denominator(float(part)) for part in translations.ravel()))
    first, second, third = (
        multiple * max(1, math.ceil((float(length) - _LENGTHS_EQUAL_A) / (resolution_A * multiple)))
        for length in lengths_A
    )
    return first, second, third


def _orbits(shape: tuple[int, int, int], rotations: IntArray, translations: FloatArray) -> tuple[IntArray, int]:
    """For each point the smallest index of those that operations take it to, and how many operations fit the grid."""
    sizes = np.array(shape)
    points = np.stack(np.unravel_index(np.arange(math.prod(shape)), shape))
    orbits = np.arange(math.prod(shape))
    n_operations = 0
    for rotation, translation in zip(rotations, translations, strict=True):
        turned, moved = rotation * sizes[:, None] / sizes, translation * sizes
        if not (_is_whole(turned) and _is_whole(moved)):
            continue
        images = np.rint(turned).astype(np.int64) @ points + np.rint(moved).astype(np.int64)[:, None]
        orbits = np.minimum(orbits, np.ravel_multi_index(tuple(images % sizes[:, None]), shape))
        n_operations += 1
    return orbits, n_operations


def _denominator(part: float) -> int:
    """The smallest that makes a part of a lattice vector whole; 1 where none does, and its operation is not used."""
    return next((n for n in _DENOMINATORS if abs(part * n - round(part * n)) < _ROUNDING), 1)


def _is_whole(numbers: FloatArray) -> bool:
    return bool((np.abs(numbers - np.rint(numbers)) < _ROUNDING).all())
