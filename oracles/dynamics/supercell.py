"""The supercell in which ions are watched: large enough that they do not meet their own images, and no larger."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from domain.errors import InvalidValueError, UnsupportedCrystalError
from oracles.dynamics.forces import FloatArray, IntArray

if TYPE_CHECKING:
    from ase import Atoms

MIN_HEIGHT_A: Final = 10.0
"""Least distance between opposite faces, Å."""
_ROUNDING_A: Final = 1e-6


def perpendicular_heights_A(cell_A: FloatArray) -> FloatArray:
    """Distances between opposite faces of a cell `[3, 3]` (rows are vectors), `[3]`, Å."""
    heights: FloatArray = 1 / np.linalg.norm(np.linalg.inv(cell_A), axis=0)
    return heights


def supercell(atoms: Atoms, *, min_height_A: float = MIN_HEIGHT_A, max_atoms: int = 300) -> Atoms:
    """The smallest supercell whose opposite faces are far enough apart; its most compact shape where there are several.

    All sublattices of each size are tried in turn, as Hermite normal forms, so that vectors of the supercell may be
    sums of those of the cell. Shapes are judged by their Minkowski-reduced vectors.

    Args:
        atoms: The crystal, in any cell; the primitive one may need fewer atoms.
        min_height_A: Least distance between opposite faces, Å.
        max_atoms: Most atoms that are taken.

    Raises:
        InvalidValueError: If the distance is not above 0.
        UnsupportedCrystalError: If it needs more atoms.
    """
    from ase.build import make_supercell
    from ase.geometry import minkowski_reduce

    if not min_height_A > 0:
        raise InvalidValueError(f"A supercell cannot be {min_height_A} Å high.", remedy="Give a length above 0.")
    height_A = min_height_A - _ROUNDING_A
    reduced, operation = minkowski_reduce(atoms.cell[:])
    # A cell's volume is its heights' product at least.
    fewest = math.ceil(height_A**3 / abs(np.linalg.det(reduced)))
    short = _short_vectors(reduced, height_A)
    for n_copies in range(max(1, fewest), max_atoms // len(atoms) + 1):
        shape = _best_shape(reduced, short, n_copies, height_A)
        if shape is not None:
            return make_supercell(atoms, shape @ operation)
    raise UnsupportedCrystalError(
        f"A supercell of {atoms.get_chemical_formula()} that is at least {min_height_A:g} Å high each way has at "
        f"least {fewest} times its {len(atoms)} atoms, and none with up to {max_atoms} atoms, the most that are taken, "
        "is high enough.",
        remedy="Raise max_atoms, give the primitive cell, or lower the least height.",
    )


def _best_shape(cell_A: FloatArray, short: IntArray, n_copies: int, height_A: float) -> IntArray | None:
    """The vectors `[3, 3]`, in those of the cell, of the sublattice whose lowest height is largest, if it will do."""
    from ase.geometry import minkowski_reduce

    best: tuple[float, IntArray] | None = None
    for sublattice in _without(short, _hermite_forms(n_copies)):
        vectors, operation = minkowski_reduce(sublattice @ cell_A)
        lowest_A = float(perpendicular_heights_A(vectors).min())
        if lowest_A >= height_A and (best is None or lowest_A > best[0] + _ROUNDING_A):
            shape = np.rint(operation @ sublattice).astype(np.int64)
            best = lowest_A, shape * round(np.sign(np.linalg.det(shape)))
    return None if best is None else best[1]


def _short_vectors(cell_A: FloatArray, height_A: float) -> IntArray:
    """Lattice vectors `[S, 3]` that no supercell may have, because two of its faces would be nearer than that."""
    reach = [range(-n, n + 1) for n in np.ceil(height_A / perpendicular_heights_A(cell_A)).astype(int)]
    vectors = np.array(list(itertools.product(*reach)))
    lengths_A = np.linalg.norm(vectors @ cell_A, axis=1)
    short: IntArray = vectors[(lengths_A > 0) & (lengths_A < height_A)]
    return short


def _hermite_forms(n_copies: int) -> IntArray:
    """One basis `[K, 3, 3]` of each sublattice with a cell of that many copies."""
    forms = [
        ((a, b, c), (0, d, e), (0, 0, n_copies // (a * d)))
        for a in _divisors(n_copies)
        for d in _divisors(n_copies // a)
        for b, c, e in itertools.product(range(d), range(n_copies // (a * d)), range(n_copies // (a * d)))
    ]
    return np.array(forms, dtype=np.int64)


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def _without(vectors: IntArray, sublattices: IntArray) -> IntArray:
    """The sublattices `[K, 3, 3]` that hold none of the vectors `[S, 3]`, which are few of many."""
    (a, b, c), (_, d, e), (_, _, f) = sublattices.transpose(1, 2, 0)[..., None]
    x, y, z = vectors.T
    first = x // a
    second = (y - first * b) // d
    is_in = (x % a == 0) & ((y - first * b) % d == 0) & ((z - first * c - second * e) % f == 0)
    free: IntArray = sublattices[~is_in.any(axis=1)]
    return free
