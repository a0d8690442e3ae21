"""The contract of `Forces` as checks that fail, and force fields whose motion is known exactly.

Legend: A atoms of all replicas together, R replicas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from domain.errors import InvalidValueError
from oracles.dynamics.forces import Cells, Evaluation, FloatArray, Forces

_SEED: Final = 20130601
_REMEDY: Final = "Correct the force field, or give the tolerance of its precision."


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far numbers of a force field may lie apart that should be equal."""

    slope: float
    """Between forces (eV/Å) or stresses times volume (eV) and the slope of the energy, as a share of their size."""
    rounding: float
    """Between two ways to compute the same energy (eV) or force (eV/Å), as a share of their size (of 1 at least)."""
    step_A: float
    """Over which the slope of the energy is taken, Å."""

    @classmethod
    def double(cls) -> Self:
        """For float64."""
        return cls(slope=1e-5, rounding=1e-9, step_A=1e-4)

    @classmethod
    def single(cls) -> Self:
        """For float32, whose energies carry six digits."""
        return cls(slope=2e-2, rounding=1e-4, step_A=2e-2)


def require_forces_contract(forces: Forces, cells: Cells, tolerance: Tolerance | None = None) -> None:
    """Checks that a force field keeps every promise of `Forces`.

    Args:
        forces: The force field.
        cells: Two replicas at least, not alike, their atoms away from equilibrium.
        tolerance: None: that of float64.

    Raises:
        InvalidValueError: If a promise is broken.
    """
    tolerance = tolerance or Tolerance.double()
    if cells.n_replicas < 2:
        raise InvalidValueError("One replica shows nothing of a batch.", remedy="Give two at least.")
    _require(bool(forces.name), "The force field has no name.")
    first = forces.evaluate(cells)
    _require_whole(first, cells)
    random = np.random.default_rng(_SEED)
    for check in (_require_repeats, _require_batch_of_singles, _require_periodic):
        check(forces, cells, first, tolerance)
    _require_translations(forces, cells, first, tolerance)
    _require_permutations(forces, cells, first, random, tolerance)
    _require_rotations(forces, cells, first, tolerance)
    _require_forces_are_slopes(forces, cells, first, random, tolerance)
    if first.stresses_eV_A3 is not None:
        _require_stresses_are_slopes(forces, cells, first.stresses_eV_A3, tolerance)


def _require_whole(found: Evaluation, cells: Cells) -> None:
    found.require_fits(cells)
    for array in _arrays(found):
        _require(array.dtype == np.float64, f"A result came as {array.dtype}; float64 was expected.")
        _require(bool(np.isfinite(array).all()), "A result is not finite.")


def _require_repeats(forces: Forces, cells: Cells, first: Evaluation, _: Tolerance) -> None:
    forces.evaluate(_scattered(cells.single(cells.n_replicas - 1)))
    forces.evaluate(_scattered(cells))
    for before, after in zip(_arrays(first), _arrays(forces.evaluate(cells)), strict=True):
        _require(before.tobytes() == after.tobytes(), "The same cells gave other bits after other cells had been seen.")


def _scattered(cells: Cells) -> Cells:
    """Moved far enough that no neighbour list made for it can be of use."""
    return cells.moved(cells.positions_A + 0.3 * np.random.default_rng(_SEED).uniform(-1, 1, cells.positions_A.shape))


def _require_batch_of_singles(forces: Forces, cells: Cells, first: Evaluation, tolerance: Tolerance) -> None:
    for replica in range(cells.n_replicas):
        alone = forces.evaluate(cells.single(replica))
        _require_close("A replica alone", alone, _of_one(first, cells, replica), tolerance)


def _of_one(found: Evaluation, cells: Cells, replica: int) -> Evaluation:
    stresses = None if found.stresses_eV_A3 is None else found.stresses_eV_A3[[replica]]
    return Evaluation(found.energies_eV[[replica]], found.forces_eV_A[cells.replicas == replica], stresses)


def _require_periodic(forces: Forces, cells: Cells, first: Evaluation, tolerance: Tolerance) -> None:
    """Atoms that diffuse leave their cell; each is moved by lattice vectors of its own."""
    whole = np.random.default_rng(_SEED).integers(-3, 4, cells.positions_A.shape).astype(np.float64)
    shifts = np.einsum("ai,aij->aj", whole, cells.cells_A[cells.replicas])
    found = forces.evaluate(cells.moved(cells.positions_A + shifts))
    _require_close("Moving atoms by lattice vectors", found, first, tolerance)


def _require_translations(forces: Forces, cells: Cells, first: Evaluation, tolerance: Tolerance) -> None:
    found = forces.evaluate(cells.moved(cells.positions_A + np.array([0.4, -1.3, 2.1])))
    _require_close("Moving everything", found, first, tolerance)


def _require_permutations(
    forces: Forces, cells: Cells, first: Evaluation, random: np.random.Generator, tolerance: Tolerance
) -> None:
    order = np.lexsort((random.permutation(cells.n_atoms), cells.replicas))
    shuffled = Cells(cells.positions_A[order], cells.replicas[order], cells.cells_A, cells.atomic_numbers[order])
    expected = Evaluation(first.energies_eV, first.forces_eV_A[order], first.stresses_eV_A3)
    _require_close("Another order of the atoms", forces.evaluate(shuffled), expected, tolerance)


def _require_rotations(forces: Forces, cells: Cells, first: Evaluation, tolerance: Tolerance) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(_SEED).standard_normal((3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    turned = Cells(cells.positions_A @ turn.T, cells.replicas, cells.cells_A @ turn.T, cells.atomic_numbers)
    stresses = None if first.stresses_eV_A3 is None else turn @ first.stresses_eV_A3 @ turn.T
    expected = Evaluation(first.energies_eV, first.forces_eV_A @ turn.T, stresses)
    _require_close("Turning everything", forces.evaluate(turned), expected, tolerance)


def _require_forces_are_slopes(
    forces: Forces, cells: Cells, first: Evaluation, random: np.random.Generator, tolerance: Tolerance
) -> None:
    """Along one random direction in which all atoms of all replicas move."""
    direction = random.standard_normal(cells.positions_A.shape)
    ahead, behind = (
        forces.evaluate(cells.moved(cells.positions_A + sign * tolerance.step_A * direction)).energies_eV
        for sign in (1, -1)
    )
    slopes = (ahead - behind) / (2 * tolerance.step_A)
    work = np.bincount(cells.replicas, weights=-(first.forces_eV_A * direction).sum(axis=1))
    size = np.sqrt(np.bincount(cells.replicas, weights=((first.forces_eV_A * direction) ** 2).sum(axis=1)))
    _require_slope("forces", slopes - work, size, tolerance)


def _require_stresses_are_slopes(forces: Forces, cells: Cells, stresses: FloatArray, tolerance: Tolerance) -> None:
    symmetric = stresses.transpose(0, 2, 1)
    _require(np.allclose(stresses, symmetric, rtol=0, atol=tolerance.rounding), "A stress is not symmetric.")
    volumes = np.abs(np.linalg.det(cells.cells_A))
    strain = np.array([[0.7, 0.2, -0.4], [0.2, -0.5, 0.3], [-0.4, 0.3, 0.9]])
    small = tolerance.step_A / volumes.max() ** (1 / 3)
    ahead, behind = (_strained(forces, cells, sign * small * strain).energies_eV for sign in (1, -1))
    slopes = (ahead - behind) / (2 * small)
    work = volumes * np.einsum("rij,ij->r", stresses, strain)
    size = volumes * np.linalg.norm(stresses, axis=(1, 2))
    _require_slope("stresses", slopes - work, size, tolerance)


def _strained(forces: Forces, cells: Cells, strain: FloatArray) -> Evaluation:
    stretch = np.eye(3) + strain
    moved = Cells(cells.positions_A @ stretch, cells.replicas, cells.cells_A @ stretch, cells.atomic_numbers)
    return forces.evaluate(moved)


def _require_slope(what: str, difference: FloatArray, size: FloatArray, tolerance: Tolerance) -> None:
    worst = float((np.abs(difference) / np.maximum(size, 1e-3)).max())
    _require(worst <= tolerance.slope, f"The {what} differ from the slope of the energy by {worst:.1e} of their size.")


def _require_close(what: str, found: Evaluation, expected: Evaluation, tolerance: Tolerance) -> None:
    for one, other in zip(_arrays(found), _arrays(expected), strict=True):
        worst = float(np.abs(one - other).max() / max(1.0, float(np.abs(other).max())))
        _require(worst <= tolerance.rounding, f"{what} changes a result by {worst:.1e} of its size.")


def _arrays(found: Evaluation) -> list[FloatArray]:
    stresses = [] if found.stresses_eV_A3 is None else [found.stresses_eV_A3]
    return [found.energies_eV, found.forces_eV_A, *stresses]


def _require(condition: bool | np.bool_, problem: str) -> None:  # noqa: FBT001
    if not condition:
        raise InvalidValueError(problem, remedy=_REMEDY)


@dataclass(slots=True)
class NoForces:
    """An ideal gas: atoms that feel nothing. Counts how often it is asked."""

    name: str = "no forces"
    n_calls: int = 0

    def evaluate(self, cells: Cells) -> Evaluation:
        """Nothing."""
        self.n_calls += 1
        return Evaluation(np.zeros(cells.n_replicas), np.zeros(cells.positions_A.shape))


@dataclass(slots=True)
class Springs:
    """An Einstein crystal: each atom is held at its place, the same in every replica. Counts how often it is asked."""

    places_A: FloatArray
    """`[N, 3]`, of the atoms of one replica, Å."""
    stiffness_eV_A2: float
    name: str = "springs"
    n_calls: int = 0

    def evaluate(self, cells: Cells) -> Evaluation:
        """Half the stiffness times the squared distance, and its slope."""
        self.n_calls += 1
        away = cells.positions_A - np.tile(self.places_A, (cells.n_replicas, 1))
        energies = np.zeros(cells.n_replicas)
        np.add.at(energies, cells.replicas, 0.5 * self.stiffness_eV_A2 * (away**2).sum(axis=1))
        return Evaluation(energies, -self.stiffness_eV_A2 * away)


@dataclass(frozen=True, slots=True)
class PairwiseRepulsion:
    """Smooth repulsion between neighbours, min-imaged; keeps the whole contract and mixes motion well.

    `E = sum of height * (1 - (d / reach)^2)^3` over pairs nearer than `reach`, which must be less than half of every
    perpendicular height of the cells.
    """

    height_eV: float = 2.0
    reach_A: float = 2.5
    name: str = "pairwise repulsion"

    def evaluate(self, cells: Cells) -> Evaluation:
        """Energies, forces and stresses."""
        evaluated = [self._one(cells, replica) for replica in range(cells.n_replicas)]
        energies, forces, stresses = zip(*evaluated, strict=True)
        return Evaluation(np.array(energies), np.concatenate(forces), np.stack(stresses))

    def _one(self, cells: Cells, replica: int) -> tuple[float, FloatArray, FloatArray]:
        positions, cell = cells.positions_A[cells.replicas == replica], cells.cells_A[replica]
        difference = (positions[:, None] - positions[None]) @ np.linalg.inv(cell)
        difference = (difference - difference.round()) @ cell
        squared = (difference**2).sum(axis=-1) / self.reach_A**2
        near: NDArray[np.bool_] = (squared < 1) & ~np.eye(len(positions), dtype=bool)
        share = np.where(near, 1 - squared, 0.0)
        slope = 6 * self.height_eV * share**2 / self.reach_A**2
        pair_forces = slope[:, :, None] * difference
        stress = -0.5 * np.einsum("abi,abj->ij", difference, pair_forces) / abs(np.linalg.det(cell))
        return 0.5 * self.height_eV * float((share**3).sum()), pair_forces.sum(axis=1), stress
