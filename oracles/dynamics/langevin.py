"""Langevin dynamics at constant volume, all replicas in one step.

Source: Leimkuhler & Matthews, Appl. Math. Res. Express 2013, 34 (2013), the splitting BAOAB: half a kick, half a drift,
the exact Ornstein-Uhlenbeck process of the velocities, half a drift, half a kick. Positions of a harmonic oscillator
have their exact variance whatever the time step. Without friction it is velocity Verlet.

Legend: A atoms of all running replicas together, R running replicas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from domain.constants import BOLTZMANN_EV_PER_K
from domain.digest import derive_seed
from oracles.dynamics.forces import Cells, FloatArray, Forces
from oracles.dynamics.plan import Plan, Replica
from oracles.dynamics.state import EV_PER_U_IN_A2_FS2, State, cells_of, masses_u


def first_state(plan: Plan, forces: Forces) -> State:
    """All replicas at the crystal's sites, with Maxwell-Boltzmann velocities without net momentum."""
    running = np.arange(len(plan.replicas))
    cells = cells_of(plan, running)
    evaluation = forces.evaluate(cells)
    evaluation.require_fits(cells)
    velocities = np.concatenate([_first_velocities_A_fs(replica, plan.structure) for replica in plan.replicas])
    return State(0, running, cells, velocities, evaluation.energies_eV, evaluation.forces_eV_A)


def _first_velocities_A_fs(replica: Replica, structure: Cells) -> FloatArray:
    masses = masses_u(structure)[:, None]
    width = np.sqrt(BOLTZMANN_EV_PER_K * replica.temperature_K * EV_PER_U_IN_A2_FS2 / masses)
    velocities = width * _noise_of(replica, 0, structure.n_atoms)
    rest: FloatArray = velocities - (masses * velocities).sum(axis=0) / masses.sum()
    return rest


def _noise_of(replica: Replica, step: int, n_atoms: int) -> FloatArray:
    """Standard normal numbers `[n_atoms, 3]` that follow from the replica and the step alone.

    The step is the highest word of the generator's counter, so that no two steps share a number; nothing needs to be
    kept between steps, and what other replicas do is of no consequence.
    """
    key = derive_seed("langevin", replica.seed, repr(replica.temperature_K))
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, step])).standard_normal((n_atoms, 3))


@dataclass(frozen=True, slots=True, eq=False)
class Langevin:
    """The coefficients of a step for some replicas."""

    replicas: tuple[Replica, ...]
    """`[R]`."""
    half_step_fs: float
    half_kick: FloatArray
    """`[A, 1]`, what half a step adds to a velocity for each eV/Å, Å/fs."""
    kept: float
    """Share of a velocity that friction leaves in a step."""
    noise_A_fs: FloatArray
    """`[A, 1]`, standard deviation of what the thermostat adds to a velocity, Å/fs."""

    @classmethod
    def of(cls, plan: Plan, state: State) -> Self:
        """For the replicas that run."""
        settings = plan.settings
        replicas = tuple(plan.replicas[index] for index in state.running)
        inverse_masses = (EV_PER_U_IN_A2_FS2 / masses_u(state.cells))[:, None]
        temperatures_K = np.array([replica.temperature_K for replica in replicas])[state.cells.replicas][:, None]
        kept = math.exp(-settings.friction_per_ps * settings.timestep_fs / 1000)
        return cls(
            replicas,
            settings.timestep_fs / 2,
            settings.timestep_fs / 2 * inverse_masses,
            kept,
            np.sqrt((1 - kept**2) * BOLTZMANN_EV_PER_K * temperatures_K * inverse_masses),
        )

    def step(self, state: State, forces: Forces) -> State:
        """Advances all replicas by one time step, with one call of the forces."""
        velocities = state.velocities_A_fs + self.half_kick * state.forces_eV_A
        positions = state.cells.positions_A + self.half_step_fs * velocities
        if self.kept < 1:
            velocities = self.kept * velocities + self.noise_A_fs * self._noise(state)
        cells = state.cells.moved(positions + self.half_step_fs * velocities)
        evaluation = forces.evaluate(cells)
        evaluation.require_fits(cells)
        return replace(
            state,
            step=state.step + 1,
            cells=cells,
            velocities_A_fs=velocities + self.half_kick * evaluation.forces_eV_A,
            energies_eV=evaluation.energies_eV,
            forces_eV_A=evaluation.forces_eV_A,
        )

    def _noise(self, state: State) -> FloatArray:
        counts = state.cells.atoms_per_replica
        return np.concatenate(
            [
                _noise_of(replica, state.step + 1, int(n_atoms))
                for replica, n_atoms in zip(self.replicas, counts, strict=True)
            ]
        )
