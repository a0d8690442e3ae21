"""One step of the dynamics against exact results, and a whole run against ASE's.

Nothing here depends on luck: variances come from the step's own linear map, by the discrete Lyapunov equation.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.md.verlet import VelocityVerlet
from scipy.linalg import solve_discrete_lyapunov
from support.dynamics import springs_plan

from domain.constants import BOLTZMANN_EV_PER_K
from oracles.dynamics.forces import AseForces, Cells
from oracles.dynamics.langevin import Langevin, first_state
from oracles.dynamics.plan import DynamicsSettings, Plan, Replica
from oracles.dynamics.state import EV_PER_U_IN_A2_FS2, masses_u, temperatures_K
from oracles.dynamics.testing import NoForces, Springs

STIFFNESS_EV_A2 = 3.0


def _springs(plan):
    return Springs(plan.structure.positions_A, STIFFNESS_EV_A2)


def _advanced(plan, forces, n_steps):
    state = first_state(plan, forces)
    langevin = Langevin.of(plan, state)
    for _ in range(n_steps):
        state = langevin.step(state, forces)
    return state


def test_one_force_call_a_step_serves_all_replicas():
    plan = springs_plan(8, temperatures=(300.0, 600.0, 900.0))
    forces = _springs(plan)
    _advanced(plan, forces, 10)
    assert forces.n_calls == 11


def test_a_replica_moves_as_it_would_alone():
    together = _advanced(springs_plan(8, temperatures=(300.0, 600.0)), _springs(springs_plan(8)), 50)
    alone_plan = Plan(springs_plan(8).structure, (Replica(600.0, 1),), DynamicsSettings())
    alone = _advanced(alone_plan, _springs(alone_plan), 50)
    assert np.array_equal(together.cells.single(1).positions_A, alone.cells.positions_A)


def test_seeds_and_temperatures_give_other_motions():
    cells = springs_plan(8).structure
    plan = Plan(cells, (Replica(300.0, 1), Replica(300.0, 2), Replica(600.0, 1)))
    state = _advanced(plan, _springs(plan), 5)
    first, second, third = (state.cells.single(i).positions_A for i in range(3))
    assert not np.allclose(first, second)
    assert not np.allclose((third - cells.positions_A) / math.sqrt(2), first - cells.positions_A, atol=1e-6)


def test_first_velocities_have_no_net_momentum():
    salt = Cells.of(bulk("NaCl", "rocksalt", a=5.13, cubic=True) * 2)
    state = first_state(Plan(salt, (Replica(300.0, 1),)), NoForces())
    momentum = (masses_u(salt)[:, None] * state.velocities_A_fs).sum(axis=0)
    assert momentum == pytest.approx(np.zeros(3), abs=1e-12)


@pytest.mark.parametrize("timestep_fs", [0.5, 2.0, 10.0])
@pytest.mark.parametrize("friction_per_ps", [0.1, 1.0, 50.0])
def test_oscillators_have_their_exact_variance(timestep_fs, friction_per_ps):
    """BAOAB's stationary law for a harmonic oscillator: kT/k in x at any time step, kT/m (1 - (dt w)²/4) in v."""
    times = {"equilibration_ps": 0.0, "frame_every_ps": timestep_fs / 1000, "checkpoint_every_ps": timestep_fs / 1000}
    plan = springs_plan(
        1,
        timestep_fs=timestep_fs,
        friction_per_ps=friction_per_ps,
        production_ps=timestep_fs / 1000,
        monitor_every_ps=timestep_fs / 1000,
        **times,
    )
    forces = _springs(plan)
    start = first_state(plan, forces)
    langevin = Langevin.of(plan, start)
    mass = masses_u(plan.structure)[0]
    k_over_m = STIFFNESS_EV_A2 * EV_PER_U_IN_A2_FS2 / mass
    silent = Langevin(
        langevin.replicas, langevin.half_step_fs, langevin.half_kick, langevin.kept, 0 * langevin.noise_A_fs
    )
    flow = np.column_stack([_one_step(silent, plan, forces, x, v) for x, v in ((1.0, 0.0), (0.0, 1.0))])
    half = timestep_fs / 2
    response = np.array([half, 1 - half * k_over_m * half]) * float(langevin.noise_A_fs[0, 0])
    variance = solve_discrete_lyapunov(flow, np.outer(response, response))
    thermal_eV = BOLTZMANN_EV_PER_K * 300.0
    assert variance[0, 0] == pytest.approx(thermal_eV / STIFFNESS_EV_A2, rel=1e-9)
    expected_v = thermal_eV * EV_PER_U_IN_A2_FS2 / mass * (1 - timestep_fs**2 * k_over_m / 4)
    assert variance[1, 1] == pytest.approx(expected_v, rel=1e-9)


def _one_step(langevin, plan, forces, displacement_A, velocity_A_fs):
    """Where a step brings an oscillator along x; the noise has been silenced."""
    start = first_state(plan, forces)
    cells = start.cells.moved(plan.structure.positions_A + np.array([[displacement_A, 0.0, 0.0]]))
    evaluation = forces.evaluate(cells)
    velocities = np.array([[velocity_A_fs, 0.0, 0.0]])
    state = replace(start, cells=cells, velocities_A_fs=velocities, forces_eV_A=evaluation.forces_eV_A)
    moved = langevin.step(state, forces)
    return moved.cells.positions_A[0, 0] - plan.structure.positions_A[0, 0], moved.velocities_A_fs[0, 0]


def _lennard_jones():
    return LennardJones(sigma=2.2, epsilon=0.2, rc=5.0, smooth=True)


def test_without_friction_it_is_the_velocity_verlet_of_ase():
    atoms = bulk("Cu", cubic=True, a=3.5) * (2, 2, 1)
    plan = Plan(Cells.of(atoms), (Replica(600.0, 4),), DynamicsSettings(timestep_fs=2.0, friction_per_ps=0.0))
    forces = AseForces("LJ", _lennard_jones, is_renewed=True)
    state = first_state(plan, forces)
    # ASE's constants differ from ours in the eighth digit; the same motion needs the same units.
    fs = math.sqrt(EV_PER_U_IN_A2_FS2)
    atoms.set_masses(masses_u(plan.structure))
    atoms.set_velocities(state.velocities_A_fs / fs)
    atoms.calc = _lennard_jones()
    assert fs == pytest.approx(units.fs, rel=1e-7)
    VelocityVerlet(atoms, timestep=2.0 * fs, logfile=None).run(40)
    ours = _advanced(plan, forces, 40)
    assert np.abs(ours.cells.positions_A - plan.structure.positions_A).max() > 0.05
    assert ours.cells.positions_A == pytest.approx(atoms.positions, abs=1e-10)
    assert ours.velocities_A_fs == pytest.approx(atoms.get_velocities() * fs, abs=1e-11)
    assert temperatures_K(ours, plan)[0] == pytest.approx(atoms.get_temperature() * 16 / 15, rel=1e-5)


def test_energy_is_conserved_to_the_second_order_in_the_time_step():
    """The error of velocity Verlet's energy is bounded and a quarter as large at half the step."""
    errors = [_energy_error_eV(timestep_fs, round(200 / timestep_fs)) for timestep_fs in (4.0, 2.0, 1.0)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.05)
    assert _energy_error_eV(4.0, 1000) < 1.1 * errors[0]


def _energy_error_eV(timestep_fs, n_steps):
    times = dict.fromkeys(("frame_every_ps", "checkpoint_every_ps", "monitor_every_ps"), timestep_fs / 1000)
    plan = springs_plan(2, timestep_fs=timestep_fs, friction_per_ps=0.0, equilibration_ps=0.0, **times)
    forces = _springs(plan)
    state = first_state(plan, forces)
    langevin = Langevin.of(plan, state)
    energies = [_total_eV(state)]
    for _ in range(n_steps):
        state = langevin.step(state, forces)
        energies.append(_total_eV(state))
    return np.ptp(energies)


def _total_eV(state):
    kinetic = 0.5 * masses_u(state.cells) @ (state.velocities_A_fs**2).sum(axis=1) / EV_PER_U_IN_A2_FS2
    return float(kinetic + state.energies_eV.sum())
