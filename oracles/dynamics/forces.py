"""The port through which molecular dynamics gets its forces: one call for all replicas.

Legend: A atoms of all replicas together, R replicas.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain.errors import InvalidValueError

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Periodic cells with atoms, without padding: atoms of all replicas in one row, an index says whose each one is.

    The arrays become read-only.
    """

    positions_A: FloatArray
    """`[A, 3]`, Å; finite, anywhere in space: atoms need not lie within their cell."""
    replicas: IntArray
    """`[A]`, 0 to R - 1, ascending: the atoms of a replica stand together and each replica has one at least."""
    cells_A: FloatArray
    """`[R, 3, 3]`, Å; the rows are the lattice vectors, as in ASE. Periodic in all three."""
    atomic_numbers: IntArray
    """`[A]`."""

    def __post_init__(self) -> None:
        n_atoms, n_replicas = len(self.replicas), len(self.cells_A)
        _require_shape("positions_A", self.positions_A, (n_atoms, 3))
        _require_shape("replicas", self.replicas, (n_atoms,))
        _require_shape("cells_A", self.cells_A, (n_replicas, 3, 3))
        _require_shape("atomic_numbers", self.atomic_numbers, (n_atoms,))
        if not _counts_up_to(n_replicas, self.replicas):
            raise InvalidValueError(
                f"The replicas of the atoms do not count from 0 to {n_replicas - 1} without a gap.",
                remedy="Let the atoms of a replica stand together, in the order of the cells.",
            )
        if not (np.isfinite(self.positions_A).all() and np.isfinite(self.cells_A).all()):
            raise InvalidValueError("A position or a cell is no number.", remedy="Give finite positions and cells.")
        for array in (self.positions_A, self.replicas, self.cells_A, self.atomic_numbers):
            array.flags.writeable = False

    @classmethod
    def of(cls, *structures: Atoms) -> Self:
        """Puts structures, one a replica, into one batch."""
        return cls(
            np.concatenate([atoms.positions for atoms in structures]).astype(np.float64),
            np.repeat(np.arange(len(structures)), [len(atoms) for atoms in structures]),
            np.stack([atoms.cell[:] for atoms in structures]).astype(np.float64),
            np.concatenate([atoms.numbers for atoms in structures]).astype(np.int64),
        )

    @property
    def n_atoms(self) -> int:
        """Atoms of all replicas together."""
        return len(self.replicas)

    @property
    def n_replicas(self) -> int:
        """Replicas."""
        return len(self.cells_A)

    @property
    def atoms_per_replica(self) -> IntArray:
        """`[R]`."""
        return np.bincount(self.replicas, minlength=self.n_replicas)

    def moved(self, positions_A: FloatArray) -> Cells:
        """The same cells with their atoms elsewhere, `[A, 3]`, Å."""
        return Cells(positions_A, self.replicas, self.cells_A, self.atomic_numbers)

    def only(self, keep: NDArray[np.bool_]) -> Cells:
        """The replicas chosen by a mask `[R]`, in their order."""
        atoms = keep[self.replicas]
        new_index = np.cumsum(keep) - 1
        return Cells(
            self.positions_A[atoms], new_index[self.replicas[atoms]], self.cells_A[keep], self.atomic_numbers[atoms]
        )

    def single(self, replica: int) -> Cells:
        """One replica alone."""
        return self.only(np.arange(self.n_replicas) == replica)

    def to_ase(self, replica: int) -> Atoms:
        """One replica as ASE's atoms, at the same positions (not wrapped)."""
        from ase import Atoms as AseAtoms

        atoms = self.replicas == replica
        return AseAtoms(
            numbers=self.atomic_numbers[atoms],
            positions=self.positions_A[atoms],
            cell=self.cells_A[replica],
            pbc=True,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a force field says of a batch of cells. The numbers need not be finite: dynamics ends such replicas."""

    energies_eV: FloatArray
    """`[R]`, of each whole replica, eV."""
    forces_eV_A: FloatArray
    """`[A, 3]`, minus the gradient of the energy, eV/Å."""
    stresses_eV_A3: FloatArray | None = None
    """`[R, 3, 3]`, derivative of the energy by strain over the volume, eV/Å³ (positive under tension, as in ASE);
    None where the force field has none."""

    def require_fits(self, cells: Cells) -> None:
        """Refuses an evaluation whose arrays do not belong to a batch.

        Raises:
            InvalidValueError: If a shape is another one.
        """
        _require_shape("energies_eV", self.energies_eV, (cells.n_replicas,))
        _require_shape("forces_eV_A", self.forces_eV_A, (cells.n_atoms, 3))
        if self.stresses_eV_A3 is not None:
            _require_shape("stresses_eV_A3", self.stresses_eV_A3, (cells.n_replicas, 3, 3))


class Forces(Protocol):
    """A force field. `oracles/dynamics/testing.py` checks every implementation.

    It remembers nothing that could change a number: the same cells give the same bits in every call and in a new
    process on the same machine. Interrupted dynamics rely on it.
    """

    @property
    def name(self) -> str:
        """Force field, version, model, precision: everything that determines a number."""
        ...

    def evaluate(self, cells: Cells) -> Evaluation:
        """Energies, forces and, where there are any, stresses, as float64 whatever the precision within.

        The number and the sizes of the replicas may change from call to call. Replicas do not see each other.

        Raises:
            UnsupportedCrystalError: If it was not made for an element.
        """
        ...


@dataclass(slots=True)
class AseForces:
    """An ASE calculator for each replica, asked one after the other."""

    name: str
    make: Callable[[], BaseCalculator]
    """Makes a calculator."""
    is_renewed: bool = False
    """Whether every call has a new calculator: for those whose rounding depends on what they saw before, such as EMT
    and LennardJones of ASE, which keep a neighbour list until atoms have moved some way."""
    has_stresses: bool = True
    """Whether the calculator knows stresses."""
    _calculators: list[BaseCalculator] = field(default_factory=list, init=False, repr=False)

    def evaluate(self, cells: Cells) -> Evaluation:
        """Energies, forces and stresses; see `Forces`."""
        energies, forces, stresses = [], [], []
        for replica, calculator in enumerate(self._one_each(cells.n_replicas)):
            atoms = cells.to_ase(replica)
            atoms.calc = calculator
            energies.append(float(atoms.get_potential_energy()))
            forces.append(np.asarray(atoms.get_forces(), dtype=np.float64))
            if self.has_stresses:
                stresses.append(np.asarray(atoms.get_stress(voigt=False), dtype=np.float64))
        return Evaluation(np.array(energies), np.concatenate(forces), np.stack(stresses) if self.has_stresses else None)

    def _one_each(self, n_replicas: int) -> list[BaseCalculator]:
        if self.is_renewed:
            return [self.make() for _ in range(n_replicas)]
        self._calculators += [self.make() for _ in range(n_replicas - len(self._calculators))]
        return self._calculators[:n_replicas]


def _counts_up_to(n_replicas: int, replicas: IntArray) -> bool:
    if len(replicas) == 0 or n_replicas == 0:
        return len(replicas) == n_replicas
    steps = replicas[1:] - replicas[:-1]
    return bool(replicas[0] == 0 and replicas[-1] == n_replicas - 1 and ((steps == 0) | (steps == 1)).all())


def _require_shape(name: str, array: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise InvalidValueError(
            f"'{name}' has the shape {array.shape}; {shape} was expected.",
            remedy="Give atoms in rows and replicas in cells, as oracles/dynamics/forces.py describes.",
        )
