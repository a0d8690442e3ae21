"""How often the intervals, bounds and stops of the analysis of ion motion are right, on motion that is known.

Of 200 trials with a chance of 95 % each, fewer than 183 are right about once in 80 times. Bounds are held to 95 % less
twice the error of 1000 trials.
"""

import math

import numpy as np
import pytest
from scipy.stats import gamma
from support.walks import lattice_walk, trajectory, true_diffusivity

from domain.constants import BOLTZMANN_EV_PER_K
from domain.measurement import Censoring
from oracles.transport.arrhenius import fit_arrhenius
from oracles.transport.bayesian import Kinisi, kinisi_is_here
from oracles.transport.bound import bound_diffusivity
from oracles.transport.conductivity import Assumptions, Conductivity
from oracles.transport.diffusion import HeZhuEpsteinMo, half_displacement
from oracles.transport.displacement import paths_in_framework
from oracles.transport.health import Finding, judge_health
from oracles.transport.monitor import Advice, StopRule, advise

pytestmark = [pytest.mark.slow, pytest.mark.physics]

SEEDS = 200
N_FRAMES = 201


@pytest.fixture
def generator():
    return np.random.default_rng(2026)


def _paths(generator, n_ions, hops, vibration_A=0.25):
    walk = lattice_walk(generator, n_ions=n_ions, n_frames=N_FRAMES, hops=hops, vibration_A=vibration_A)
    return paths_in_framework(trajectory(walk))


@pytest.mark.parametrize(
    ("n_ions", "hops"), [(30, 0.02), (30, 0.3), (30, 1), (30, 2), (30, 4), (30, 20), (10, 300), (100, 3), (4, 30)]
)
def test_what_is_said_of_a_walk_is_true(generator, n_ions, hops):
    """From no hop at all to hundreds: the interval or the bound, whichever is said, holds the truth."""
    true = true_diffusivity(hops=hops, duration_ps=N_FRAMES - 1)
    n_right = 0
    for _ in range(SEEDS):
        paths = _paths(generator, n_ions, hops)
        found = HeZhuEpsteinMo().estimate(paths, half_displacement(paths))
        n_right += found.low_cm2_per_s <= true <= found.high_cm2_per_s
    assert n_right >= 0.94 * SEEDS


@pytest.mark.parametrize("vibration_A", [0.0, 0.3])
@pytest.mark.parametrize(("n_ions", "hops"), [(1, 4), (5, 2), (30, 0.1), (30, 0.5), (100, 0.04)])
def test_bounds_hold(generator, n_ions, hops, vibration_A):
    true = true_diffusivity(hops=hops, duration_ps=N_FRAMES - 1)
    bounds = [bound_diffusivity(_paths(generator, n_ions, hops, vibration_A)) for _ in range(1000)]
    assert sum(bound.bound_cm2_per_s >= true for bound in bounds) >= 936


@pytest.mark.skipif(not kinisi_is_here(), reason="kinisi is not installed")
def test_kinisi_is_right_about_as_often_as_it_says(generator):
    """Its model of the correlations is approximate, so it is held to 80 % of 30 walks."""
    true = true_diffusivity(hops=20, duration_ps=N_FRAMES - 1)
    n_right = 0
    for seed in range(30):
        paths = _paths(generator, 50, 20)
        found = Kinisi(seed).estimate(paths, half_displacement(paths))
        n_right += found.low_cm2_per_s <= true <= found.high_cm2_per_s
    assert n_right >= 24


@pytest.mark.parametrize(("n_ions", "hops"), [(20, 10), (100, 5), (20, 200), (5, 100)])
def test_walks_are_hardly_ever_taken_for_caged(generator, n_ions, hops):
    n_wrong = 0
    for _ in range(SEEDS):
        paths = _paths(generator, n_ions, hops)
        displacement = half_displacement(paths)
        diffusivity = HeZhuEpsteinMo().estimate(paths, displacement)
        reasons = judge_health(paths, displacement, diffusivity).reasons
        n_wrong += Finding.SUBDIFFUSIVE in {reason.finding for reason in reasons}
    assert n_wrong <= 0.05 * SEEDS


def _looks(paths, rule):
    """What ten looks at a run as it grows would say, up to the one that ends it."""
    for k in range(1, 11):
        advice = advise(paths.part(0, (N_FRAMES - 1) // 10 * k + 1), rule)
        if advice.stop:
            return advice.advice, k
    return Advice.GO_ON, 10


def test_a_run_is_seldom_ended_for_ions_that_seem_still(generator):
    """Ions diffuse just as fast as anybody wants to know, so that nearly none may be called still."""
    hops = 4.0
    rule = StopRule(bound_cm2_per_s=true_diffusivity(hops=hops, duration_ps=N_FRAMES - 1), least_ps=20.0)
    ends = [_looks(_paths(generator, 10, hops), rule)[0] for _ in range(SEEDS)]
    assert ends.count(Advice.CLEARLY_ZERO) <= 0.05 * SEEDS


def test_a_run_that_ended_early_is_as_right_as_one_that_did_not(generator):
    true = true_diffusivity(hops=40, duration_ps=N_FRAMES - 1)
    rule = StopRule(relative_error=0.3, bound_cm2_per_s=1e-9, least_ps=20.0)
    n_ended = n_right = 0
    for _ in range(SEEDS):
        paths = _paths(generator, 40, 40)
        advice, look = _looks(paths, rule)
        if advice is Advice.GOOD_ENOUGH and look < 10:
            seen = paths.part(0, (N_FRAMES - 1) // 10 * look + 1)
            found = HeZhuEpsteinMo().estimate(seen, half_displacement(seen))
            n_ended += 1
            n_right += found.low_cm2_per_s <= true <= found.high_cm2_per_s
    assert n_ended > 0.5 * SEEDS
    assert n_right >= 0.94 * n_ended


ENERGY_EV = 0.3
ROOM_S_PER_CM = 1e-3
TEMPERATURES_K = (450.0, 600.0, 800.0, 1000.0)


def _run(temperature_K, n_hops, expected):
    """A run with so many hops, by which the true conductivity is estimated or bounded exactly."""
    exponent = ENERGY_EV / BOLTZMANN_EV_PER_K * (1 / 300 - 1 / temperature_K)
    per_hop = ROOM_S_PER_CM * 300 / temperature_K * math.exp(exponent) / expected
    if n_hops > 8:
        value, log_sigma = per_hop * n_hops, 1 / math.sqrt(n_hops)
        return Conductivity(value, 0.0, math.inf, log_sigma, temperature_K, Assumptions())
    middle, bound = gamma.ppf((0.5, 0.95), n_hops + 1) * per_hop
    log_sigma = math.log(bound / middle) / 1.645
    return Conductivity(bound, 0.0, bound, log_sigma, temperature_K, Assumptions(), Censoring.BELOW)


@pytest.mark.parametrize("expected_hops", [(1, 30, 100, 300), (4, 40, 200, 500), (50, 200, 500, 900)])
def test_extrapolations_hold_the_truth(generator, expected_hops):
    n_right = n_bounds = 0
    for _ in range(SEEDS):
        pairs = zip(TEMPERATURES_K, expected_hops, strict=True)
        found = fit_arrhenius([_run(t, int(generator.poisson(n)), n) for t, n in pairs])
        n_right += found.conductivity.low_S_per_cm < ROOM_S_PER_CM < found.conductivity.high_S_per_cm
        n_bounds += found.n_bounds
    assert n_right >= 0.92 * SEEDS
    assert (n_bounds > 0.9 * SEEDS) == (expected_hops[0] < 10)
