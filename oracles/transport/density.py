"""Where ions are: their probability density over the crystal's cell, by how often each part of it was visited.

All cells of a run are laid over each other, since the crystal is the same in each, and the framework's drift is taken
away first. A voxel's density is the mean number of ions in it by its volume; its sum over the cell is the number of
ions that the cell has.

Legend: T frames, N atoms, I ions, A B C voxels along the cell's vectors, K lattice points of the crystal in the cell.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.errors import InvalidValueError
from oracles.transport.trajectory import Flags, Floats, IonTrajectory

VOXEL_A: Final = 0.3
"""Wanted length of a voxel's edges, Å."""
_MULTIPLE: Final = 12
"""Of which numbers of voxels are, so that halves, thirds and quarters of a cell, where most sites are, fit a voxel."""
_MOST: Final = 48
_FRAMES_AT_ONCE: Final = 500
_SAME_SITE_A: Final = 0.5
"""Atoms of the framework that lie nearer than this, once laid over each other, are one site."""
_NEAR_INTEGER: Final = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class FoldedCell:
    """The cell over which a run's cells are laid."""

    cell_A: Floats
    """Its vectors `[3, 3]`, a row each."""
    primitive_A: Floats
    """Those of the crystal's primitive cell `[3, 3]`, in the same axes."""

    def __post_init__(self) -> None:
        vectors = self.cell_A @ np.linalg.inv(self.primitive_A)
        if np.abs(vectors - vectors.round()).max() > _NEAR_INTEGER or abs(np.linalg.det(vectors)) < 0.5:
            raise InvalidValueError(
                "The cell is no multiple of the primitive cell.", remedy="Give the primitive cell in the same axes."
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along each vector."""
        lengths_A = np.linalg.norm(self.cell_A, axis=1)
        wanted = _MULTIPLE * np.rint(lengths_A / (_MULTIPLE * VOXEL_A))
        first, second, third = (int(n) for n in wanted.clip(_MULTIPLE, _MOST))
        return first, second, third

    @property
    def volume_A3(self) -> float:
        """Of the cell."""
        return float(abs(np.linalg.det(self.cell_A)))

    @property
    def lattice_points(self) -> Floats:
        """Where the crystal repeats within the cell `[K, 3]`, in fractions of its vectors."""
        n_points = round(self.volume_A3 / float(abs(np.linalg.det(self.primitive_A))))
        found: list[Floats] = []
        for steps in itertools.product(range(n_points), repeat=3):
            point = self.fractional(np.array(steps, dtype=np.float64) @ self.primitive_A)
            if all(_apart(point, other) > _NEAR_INTEGER for other in found):
                found.append(point)
        return np.array(found)

    def fractional(self, positions_A: Floats) -> Floats:
        """Positions `[…, 3]` in fractions of the vectors, between 0 and 1."""
        fractions: Floats = positions_A @ np.linalg.inv(self.cell_A)
        return fractions - np.floor(fractions)

    def sites(self, positions_A: Floats) -> tuple[tuple[int, Floats], ...]:
        """Atoms laid over each other: of each site the first of the atoms `[N, 3]` on it, and where the site is.

        Returns:
            The atom's place, and its site `[3]` in fractions of the vectors.
        """
        found: list[tuple[int, Floats]] = []
        copies = self.fractional(positions_A)[:, None] + self.lattice_points[None]
        for place, atom in enumerate(copies - np.floor(copies)):
            for site in atom:
                if all(np.linalg.norm(_nearest(site, other) @ self.cell_A) > _SAME_SITE_A for _, other in found):
                    found.append((place, site))
        return tuple(found)


def settled_ions_A(trajectory: IonTrajectory, reference_A: Floats) -> Floats:
    """Where the ions are `[T, I, 3]`, as seen by a framework that stays where it is in the crystal at rest.

    Args:
        trajectory: Of the run.
        reference_A: All atoms of the crystal at rest `[N, 3]`, unwrapped as the run is.
    """
    framework: Flags = ~trajectory.is_ion
    drift_A = (trajectory.positions_A[:, framework] - reference_A[framework]).mean(axis=1)
    ions_A: Floats = trajectory.positions_A[:, trajectory.is_ion] - drift_A[:, None]
    return ions_A


def ion_density(ions_A: Floats, folded: FoldedCell, *, n_primitive: int) -> Floats:
    """The density `[A, B, C]` of ions in 1/Å³. Voxels are centred on multiples of a fraction of the cell's vectors.

    Args:
        ions_A: Positions `[T, I, 3]`.
        folded: The cell.
        n_primitive: How many primitive cells the run has.
    """
    shape = np.array(folded.shape)
    counts = np.zeros(shape.prod(), dtype=np.int64)
    for first in range(0, len(ions_A), _FRAMES_AT_ONCE):
        fractions = folded.fractional(ions_A[first : first + _FRAMES_AT_ONCE].reshape(-1, 3))
        for point in folded.lattice_points:
            voxels: NDArray[np.int64] = np.rint((fractions + point) * shape).astype(np.int64) % shape
            counts += np.bincount(np.ravel_multi_index(tuple(voxels.T), folded.shape), minlength=len(counts))
    voxel_A3 = folded.volume_A3 / len(counts)
    density: Floats = counts.reshape(folded.shape) / (len(ions_A) * n_primitive * voxel_A3)
    return density


def _nearest(first: Floats, second: Floats) -> Floats:
    away: Floats = first - second
    return away - away.round()


def _apart(first: Floats, second: Floats) -> float:
    return float(np.abs(_nearest(first, second)).max())
