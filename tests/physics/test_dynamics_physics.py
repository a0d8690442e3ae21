"""The thermostat against statistical mechanics, and a crystal against ASE's own Langevin dynamics.

Sums of squares are compared with quantiles of chi², so that every test says by how much chance may disturb it: one
run in 10,000 with a right program would fail, and the seeds are fixed.
"""

import numpy as np
import pytest
from ase import units
from ase.calculators.calculator import Calculator
from ase.md.langevin import Langevin as AseLangevin
from scipy import stats
from support.dynamics import REPULSION, copper_plan, springs_plan

from domain.constants import BOLTZMANN_EV_PER_K
from oracles.dynamics.forces import Cells
from oracles.dynamics.langevin import Langevin, first_state
from oracles.dynamics.plan import DynamicsSettings, Plan, Replica
from oracles.dynamics.state import EV_PER_U_IN_A2_FS2, masses_u, temperatures_K
from oracles.dynamics.testing import NoForces, Springs

pytestmark = pytest.mark.physics

TEMPERATURES_K = (300.0, 600.0, 1200.0)
RISK = 1e-4
STIFFNESS_EV_A2 = 4.0


def _states(plan, forces, n_steps):
    state = first_state(plan, forces)
    langevin = Langevin.of(plan, state)
    yield state
    for _ in range(n_steps):
        state = langevin.step(state, forces)
        yield state


def _last(plan, forces, n_steps):
    *_, last = _states(plan, forces, n_steps)
    return last


def _assert_variance(samples, variance):
    """Samples of a centred normal law have that variance, within what chance allows."""
    low, high = stats.chi2.ppf([RISK / 2, 1 - RISK / 2], samples.size)
    assert low < (samples**2).sum() / variance < high


def test_oscillators_share_energy_equally():
    """6,000 oscillators in each replica, started at rest at their places: kT/2 in the spring, and in the motion."""
    plan = springs_plan(2000, temperatures=TEMPERATURES_K, timestep_fs=2.0, friction_per_ps=10.0)
    last = _last(plan, Springs(plan.structure.positions_A, STIFFNESS_EV_A2), 1500)
    mass = masses_u(plan.structure)[0]
    k_over_m = STIFFNESS_EV_A2 * EV_PER_U_IN_A2_FS2 / mass
    for index, temperature in enumerate(TEMPERATURES_K):
        thermal_eV = BOLTZMANN_EV_PER_K * temperature
        away = last.cells.single(index).positions_A - plan.structure.positions_A
        _assert_variance(away, thermal_eV / STIFFNESS_EV_A2)
        velocities = last.velocities_A_fs[last.cells.replicas == index]
        _assert_variance(velocities, thermal_eV * EV_PER_U_IN_A2_FS2 / mass * (1 - k_over_m))  # (dt w)²/4, dt 2 fs


def test_an_ideal_gas_has_normal_velocities():
    plan = springs_plan(4000, temperatures=TEMPERATURES_K, friction_per_ps=20.0, timestep_fs=5.0)
    last = _last(plan, NoForces(), 200)
    for index, temperature in enumerate(TEMPERATURES_K):
        width = np.sqrt(BOLTZMANN_EV_PER_K * temperature * EV_PER_U_IN_A2_FS2 / masses_u(plan.structure)[0])
        velocities = last.velocities_A_fs[last.cells.replicas == index].ravel() / width
        assert stats.kstest(velocities, "norm").pvalue > RISK
        _assert_variance(velocities, 1.0)
    assert temperatures_K(last, plan) == pytest.approx(TEMPERATURES_K, rel=0.05)


def test_free_particles_diffuse_as_einstein_says():
    """D = kT/(m friction); after t the variance is 2 D (t - (1 - e^(-t friction))/friction) (Ornstein)."""
    friction_per_ps, time_ps = 50.0, 2.0
    plan = springs_plan(4000, temperatures=TEMPERATURES_K, friction_per_ps=friction_per_ps, timestep_fs=2.0)
    last = _last(plan, NoForces(), 1000)
    for index, temperature in enumerate(TEMPERATURES_K):
        thermal_A2_ps2 = BOLTZMANN_EV_PER_K * temperature * EV_PER_U_IN_A2_FS2 * 1e6 / masses_u(plan.structure)[0]
        diffusivity_A2_ps = thermal_A2_ps2 / friction_per_ps
        away = last.cells.single(index).positions_A - plan.structure.positions_A
        memory_ps = (1 - np.exp(-friction_per_ps * time_ps)) / friction_per_ps
        _assert_variance(away, 2 * diffusivity_A2_ps * (time_ps - memory_ps))


class AseRepulsion(Calculator):
    """The repulsion as ASE asks for it."""

    implemented_properties = ("energy", "forces")

    def calculate(self, atoms, properties, system_changes):
        super().calculate(atoms, properties, system_changes)
        evaluation = REPULSION.evaluate(Cells.of(atoms))
        self.results = {"energy": evaluation.energies_eV[0], "forces": evaluation.forces_eV_A}


def test_a_crystal_is_as_warm_as_that_of_ase():
    """Mean potential energies of the same crystal under both thermostats, within 4 standard errors of block means."""
    settings = DynamicsSettings(timestep_fs=5.0, friction_per_ps=5.0)
    plan = Plan(copper_plan().structure, (Replica(100.0, 3),), settings)
    ours = np.array([state.energies_eV[0] for state in _states(plan, REPULSION, 3000)])
    atoms, theirs = plan.structure.to_ase(0), []
    atoms.calc = AseRepulsion()
    random = np.random.RandomState(0)
    dynamics = AseLangevin(atoms, 5 * units.fs, temperature_K=100.0, friction=5e-3 / units.fs, rng=random, fixcm=False)
    dynamics.attach(lambda: theirs.append(atoms.get_potential_energy()))
    dynamics.run(3000)
    (mean, error), (their_mean, their_error) = (_mean_and_error(energies[500:]) for energies in (ours, theirs))
    assert abs(mean - their_mean) < 4 * np.hypot(error, their_error)
    thermal_eV = 1.5 * 32 * BOLTZMANN_EV_PER_K * 100.0
    assert np.hypot(error, their_error) < 0.05 * thermal_eV, "the comparison says something"


def _mean_and_error(energies):
    blocks = np.array_split(np.asarray(energies), 20)
    means = np.array([block.mean() for block in blocks])
    return means.mean(), means.std(ddof=1) / np.sqrt(len(means))
