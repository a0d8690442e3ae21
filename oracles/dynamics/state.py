"""Where a run stands, and how replicas end.

Legend: A atoms of all running replicas together, R running replicas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from domain.constants import BOLTZMANN_EV_PER_K
from domain.elements import Element
from oracles.dynamics.forces import Cells, FloatArray, IntArray
from oracles.dynamics.plan import Plan

EV_PER_U_IN_A2_FS2: Final = 9.648533212e-3
"""1 eV divided by 1 u, in Å²/fs² (CODATA 2018)."""


class ReplicaEnd(StrEnum):
    """Why a replica does not run any more."""

    COMPLETED = "completed"
    """It ran for as long as was planned."""
    STOPPED_EARLY = "stopped_early"
    """The monitor had seen enough."""
    EXPLODED = "exploded"
    """Its motion is no motion of a crystal any more: the time step is too long, or the force field is not valid."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a replica ended."""

    replica: int
    """Its index in the plan."""
    end: ReplicaEnd
    step: int
    """After which time step."""
    reason: str
    """In the user's words."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """All that the future of a run depends on; the noise follows from the seeds and the step."""

    step: int
    """Time steps that were made."""
    running: IntArray
    """`[R]`, indices in the plan of the replicas that still run, ascending."""
    cells: Cells
    """Of those replicas. Atoms are never wrapped into their cell: positions are the unwrapped ones."""
    velocities_A_fs: FloatArray
    """`[A, 3]`, Å/fs."""
    energies_eV: FloatArray
    """`[R]`, potential energies at these positions, eV."""
    forces_eV_A: FloatArray
    """`[A, 3]`, at these positions, eV/Å."""
    endings: tuple[Ending, ...] = ()
    """Of the replicas that do not run any more."""

    def end(self, reasons: Mapping[int, str], how: ReplicaEnd) -> State:
        """Ends replicas, by their index in the plan; the others are not touched."""
        if not reasons:
            return self
        keep = ~np.isin(self.running, list(reasons))
        atoms = keep[self.cells.replicas]
        endings = tuple(Ending(replica, how, self.step, reason) for replica, reason in sorted(reasons.items()))
        return replace(
            self,
            running=self.running[keep],
            cells=self.cells.only(keep),
            velocities_A_fs=self.velocities_A_fs[atoms],
            energies_eV=self.energies_eV[keep],
            forces_eV_A=self.forces_eV_A[atoms],
            endings=(*self.endings, *endings),
        )


def cells_of(plan: Plan, running: IntArray) -> Cells:
    """The crystal once for each of `[R]` replicas, atoms at its sites."""
    structure, n_replicas = plan.structure, len(running)
    return Cells(
        np.tile(structure.positions_A, (n_replicas, 1)),
        np.repeat(np.arange(n_replicas), structure.n_atoms),
        np.repeat(structure.cells_A, n_replicas, axis=0),
        np.tile(structure.atomic_numbers, n_replicas),
    )


def masses_u(cells: Cells) -> FloatArray:
    """Standard atomic masses `[A]`, u."""
    numbers, which = np.unique(cells.atomic_numbers, return_inverse=True)
    return np.array([Element(int(number)).mass_u for number in numbers])[which]


def temperatures_K(state: State, plan: Plan) -> FloatArray:
    """Temperatures `[R]` of the kinetic energy, K.

    A thermostat moves the centre of mass too, so that there are 3N degrees of freedom; without friction it rests, and
    there are 3 less.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what explodes becomes infinitely hot
        squares = masses_u(state.cells) * (state.velocities_A_fs**2).sum(axis=1) / EV_PER_U_IN_A2_FS2
        twice_kinetic_eV = np.bincount(state.cells.replicas, weights=squares, minlength=state.cells.n_replicas)
    n_fixed = 0 if plan.settings.friction_per_ps > 0 else 3
    n_free = np.maximum(3 * state.cells.atoms_per_replica - n_fixed, 1)
    return twice_kinetic_eV / (n_free * BOLTZMANN_EV_PER_K)
