"""A potential asked for the energy of one ion that is moved through a framework which stands still.

Legend: P positions, N atoms of the framework.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from domain.errors import UnsupportedCrystalError
from oracles.dynamics.forces import Cells, Evaluation

if TYPE_CHECKING:
    from ase import Atoms

    from oracles.potentials import Potential

    FloatArray = NDArray[np.float64]

_ATOMS_TOGETHER: Final = 500
"""Atoms of one call: enough to fill a core, few enough for its memory."""
_RELAXED_EV_A: Final = 0.01
"""Force on an ion that lies at its lowest place."""


@dataclass(frozen=True, slots=True, eq=False)
class MovedIon:
    """One ion in a supercell of a framework."""

    potential: Potential
    framework: Atoms
    """The supercell, large enough that the ion does not meet its own images."""
    atomic_number: int
    least_distance_ratio: float
    """Nearer to an atom than this share of the sum of their covalent radii, the ion is not looked at."""

    def energies_eV(self, positions_A: FloatArray) -> FloatArray:
        """Energies `[P]` of the whole supercell; infinite where the ion is inside an atom or there is no number."""
        energies = np.full(len(positions_A), np.inf)
        free = np.flatnonzero(self._has_room(positions_A))
        for chunk in np.array_split(free, max(1, -(-len(free) // self.n_together))):
            if len(chunk):
                energies[chunk] = self._evaluated(positions_A[chunk]).energies_eV
        return np.where(np.isfinite(energies), energies, np.inf)

    def lowest_near_eV(self, position_A: FloatArray) -> float:
        """The energy at the bottom of the valley `[3]` at whose side the ion lies; the ion alone falls."""
        from scipy.optimize import minimize

        def downhill(place: FloatArray) -> tuple[float, FloatArray]:
            seen = self._evaluated(place[None])
            return float(seen.energies_eV[0]), -seen.forces_eV_A[-1]

        found = minimize(downhill, position_A, jac=True, method="L-BFGS-B", options={"gtol": _RELAXED_EV_A})
        return float(found.fun)

    def require_admitted(self, position_A: FloatArray) -> None:
        """Refuses what the potential does not compute, before it computes anything.

        Raises:
            UnsupportedCrystalError: If the potential does not admit the supercell; see `Potential.admit`.
        """
        from ase import Atoms as AseAtoms

        ion = AseAtoms(numbers=[self.atomic_number], positions=[position_A])
        self.potential.admit(self.framework + ion, n_replicas=self.n_together)

    def first_with_room(self, positions_A: FloatArray) -> FloatArray:
        """The first of some positions `[P, 3]` at which the ion is inside no atom.

        Raises:
            UnsupportedCrystalError: If there is none.
        """
        free = self._has_room(positions_A)
        if not free.any():
            raise UnsupportedCrystalError(
                f"The framework {self.framework.get_chemical_formula()} has no room for an ion.",
                remedy="Give a lower 'least_distance_ratio', or leave such dense crystals out.",
            )
        place: FloatArray = positions_A[int(free.argmax())]
        return place

    @property
    def n_together(self) -> int:
        """Positions that are looked at in one call."""
        return max(1, _ATOMS_TOGETHER // (len(self.framework) + 1))

    def _has_room(self, positions_A: FloatArray) -> NDArray[np.bool_]:
        from ase.data import covalent_radii
        from ase.geometry import get_distances

        touching_A = covalent_radii[self.framework.numbers] + covalent_radii[self.atomic_number]
        _, distances_A = get_distances(positions_A, self.framework.positions, cell=self.framework.cell[:], pbc=True)
        room: NDArray[np.bool_] = (distances_A >= self.least_distance_ratio * touching_A).all(axis=1)
        return room

    def _evaluated(self, positions_A: FloatArray) -> Evaluation:
        n_places, n_atoms = len(positions_A), len(self.framework) + 1
        places = np.concatenate(
            [np.broadcast_to(self.framework.positions, (n_places, n_atoms - 1, 3)), positions_A[:, None]], axis=1
        )
        cells = Cells(
            places.reshape(-1, 3),
            np.repeat(np.arange(n_places), n_atoms),
            np.tile(self.framework.cell[:], (n_places, 1, 1)),
            np.tile(np.append(self.framework.numbers, self.atomic_number).astype(np.int64), n_places),
        )
        evaluation = self.potential.forces.evaluate(cells)
        evaluation.require_fits(cells)
        return evaluation
