"""Diffusivities, their bounds and the conductivities that follow."""

import itertools
import math

import numpy as np
import pytest
from support.walks import FRAMEWORK, einstein_solid, lattice_walk, trajectory, true_diffusivity

from domain.errors import InvalidValueError, OracleUnavailableError, PermanentLookError
from domain.measurement import Censoring
from oracles.transport import bayesian
from oracles.transport.analysis import analyse
from oracles.transport.bayesian import Kinisi, kinisi_is_here
from oracles.transport.bound import bound_diffusivity, probability_of_at_most
from oracles.transport.conductivity import Assumptions, conductivity_of, nernst_einstein
from oracles.transport.diffusion import HeZhuEpsteinMo, half_displacement
from oracles.transport.displacement import paths_in_framework
from oracles.transport.haven import haven_ratio_seen


@pytest.fixture
def generator():
    return np.random.default_rng(11)


def _estimate(ions_A, estimator=None, **others):
    paths = paths_in_framework(trajectory(ions_A, **others))
    return (estimator or HeZhuEpsteinMo()).estimate(paths, half_displacement(paths))


def test_a_walk_has_its_known_diffusivity(generator):
    found = _estimate(lattice_walk(generator, n_ions=200, n_frames=401, hops=20, vibration_A=0.3))
    true = true_diffusivity(hops=20, duration_ps=400)
    assert found.value_cm2_per_s == pytest.approx(true, rel=0.2)
    assert found.low_cm2_per_s < true < found.high_cm2_per_s
    assert sum(found.by_axis_cm2_per_s) / 3 == pytest.approx(found.value_cm2_per_s)
    assert found.n_effective == pytest.approx(200 * 20 / 2, rel=0.2)
    assert found.relative_sigma == pytest.approx(3.43 / math.sqrt(found.n_effective) + 0.04)
    assert found.intercept_A2 == pytest.approx(6 * 0.3**2, abs=6)
    start, end = found.window_ps
    assert start == pytest.approx(400 * 4.5 / 9 / 20, abs=4)
    assert end == 200.0


def test_ions_that_move_along_one_axis_are_seen_to_do_so(generator):
    walk = lattice_walk(generator, n_ions=200, n_frames=401, hops=60) * np.array([1.0, 0.0, 0.0])
    x, y, z = _estimate(walk).by_axis_cm2_per_s
    assert x == pytest.approx(3 * true_diffusivity(hops=20, duration_ps=400), rel=0.25)
    assert (y, z) == (0, 0)


def test_few_ions_with_many_hops_are_as_uncertain_as_they_scatter(generator):
    """The published error tends to 4 %, the scatter of a line through overlapping windows does not."""
    found = [_estimate(lattice_walk(generator, n_ions=10, n_frames=301, hops=500)) for _ in range(100)]
    scatter = np.std([math.log(one.value_cm2_per_s) for one in found])
    published = 3.43 / math.sqrt(found[0].n_effective) + 0.04
    assert published < 0.7 * scatter
    assert np.median([one.log_sigma for one in found]) == pytest.approx(scatter, rel=0.3)


def test_a_drifting_crystal_has_the_same_diffusivity(generator):
    walk = lattice_walk(generator, n_ions=20, n_frames=301, hops=30)
    drift = np.linspace(0, 50, 301)[:, None, None] * np.ones(3)
    still = _estimate(walk)
    assert _estimate(walk + drift, framework_A=np.zeros((301, FRAMEWORK, 3)) + drift).value_cm2_per_s == pytest.approx(
        still.value_cm2_per_s
    )


def test_a_solid_that_only_vibrates_has_a_bound(generator):
    """Of 40 ions without a hop, 3.01 hops would have been missed with 5 %, vibrations averaged away."""
    solid = einstein_solid(generator, n_ions=40, n_frames=1001, sigma_A=0.3, memory=0.5)
    found = _estimate(solid)
    assert half_displacement(paths_in_framework(trajectory(solid))).mean_A2[-1] == pytest.approx(6 * 0.3**2, rel=0.05)
    assert found.censoring is Censoring.BELOW
    assert found.is_bound
    assert (found.low_cm2_per_s, found.high_cm2_per_s) == (0, found.value_cm2_per_s)
    assert found.value_cm2_per_s == pytest.approx(3.01 * 9e-4 / (6 * 40 * 800), rel=0.01)
    assert found.window_ps is found.by_axis_cm2_per_s is found.intercept_A2 is None


def test_ions_that_rattle_between_two_sites_have_a_bound(generator):
    """Their squared displacement passes 4.5 Å² and then stays, so no line is put through it."""
    sites = 4.0 * generator.integers(0, 2, size=(501, 30, 1)) * np.array([1.0, 0.0, 0.0])
    assert half_displacement(paths_in_framework(trajectory(sites))).mean_A2[-1] > 4.5
    assert _estimate(sites).is_bound


def test_the_bound_falls_as_a_run_gets_longer_and_rises_with_what_moved(generator):
    still = np.zeros((101, 10, 3))
    moved = still.copy()
    moved[50:, 0, 0] = 3.0
    bounds = [
        bound_diffusivity(paths_in_framework(trajectory(ions))) for ions in (still, np.zeros((201, 10, 3)), moved)
    ]
    assert [bound.n_hops for bound in bounds] == [0, 0, 1]
    assert bounds[1].bound_cm2_per_s == pytest.approx(bounds[0].bound_cm2_per_s / 2, rel=0.02)
    assert bounds[2].bound_cm2_per_s > 1.4 * bounds[0].bound_cm2_per_s
    assert bounds[2].log_sigma < bounds[0].log_sigma == pytest.approx(math.log(3 / math.log(2)) / 1.645, rel=0.02)


def test_a_bound_of_more_confidence_is_larger():
    paths = paths_in_framework(trajectory(np.zeros((101, 10, 3))))
    usual, sure = bound_diffusivity(paths), bound_diffusivity(paths, confidence=0.99)
    assert sure.bound_cm2_per_s / usual.bound_cm2_per_s == pytest.approx(math.log(100) / math.log(20), rel=0.05)
    assert sure.log_sigma == usual.log_sigma


@pytest.mark.parametrize(("n_hops", "n_ions", "expected"), [(0, 3, 1.5), (2, 1, 0.8), (3, 2, 4.0)])
def test_the_law_of_the_bound_is_that_of_every_possible_walk(n_hops, n_ions, expected):
    """Counted out: all sequences of up to 12 hops in six directions of one ion, then all ions together."""
    squares = np.zeros(200)
    places = {(0, 0, 0): 1.0}
    for n in range(13):
        poisson = math.exp(-expected / n_ions) * (expected / n_ions) ** n / math.factorial(n)
        for (x, y, z), probability in places.items():
            squares[x * x + y * y + z * z] += poisson * probability
        further: dict = {}
        for (x, y, z), probability in places.items():
            for axis, way in itertools.product(range(3), (-1, 1)):
                place = tuple(old + way * (axis == k) for k, old in enumerate((x, y, z)))
                further[place] = further.get(place, 0) + probability / 6
        places = further
    total = np.ones(1)
    for _ in range(n_ions):
        total = np.convolve(total, squares)
    assert probability_of_at_most(n_hops, expected=expected, n_ions=n_ions) == pytest.approx(
        total[: n_hops + 1].sum(), abs=1e-6
    )


def test_two_frames_give_a_bound():
    assert _estimate(np.zeros((2, 1, 3))).is_bound


def test_one_ion_is_very_uncertain(generator):
    found = _estimate(lattice_walk(generator, n_ions=1, n_frames=2001, hops=2000))
    assert found.is_bound or found.relative_sigma >= 1.1


def test_the_conductivity_is_that_of_the_hand():
    """10²² ions per cm³ of charge 1 and 10⁻⁸ cm²/s at 300 K, by hand.

    n e² D / (k_B T) = 10²² cm⁻³ · 1.6022e-19 C · 10⁻⁸ cm²/s / 0.025852 V
                     = 1.6022e-5 C cm⁻¹ s⁻¹ / 0.025852 V = 6.1975e-4 S/cm,
    with e² / (k_B T) = e / (0.025852 V), as k_B · 300 K = 8.61733e-5 eV/K · 300 K = 0.025852 eV.
    """
    one = nernst_einstein(1e-8, n_per_cm3=1e22, temperature_K=300.0, assumptions=Assumptions())
    assert one == pytest.approx(6.1975e-4, rel=1e-4)
    two = nernst_einstein(1e-8, n_per_cm3=1e22, temperature_K=300.0, assumptions=Assumptions(0.5, charge_e=2.0))
    assert two == pytest.approx(8 * one)


def test_a_conductivity_keeps_interval_bound_and_assumptions(generator):
    walk = trajectory(lattice_walk(generator, n_ions=17, n_frames=401, hops=40))
    paths = paths_in_framework(walk)
    diffusivity = HeZhuEpsteinMo().estimate(paths, half_displacement(paths))
    found = conductivity_of(walk, diffusivity, haven_ratio=0.5)
    n_per_cm3 = 17 / 1.728e-21
    expected = nernst_einstein(1.0, n_per_cm3=n_per_cm3, temperature_K=800.0, assumptions=Assumptions(0.5))
    assert found.value_S_per_cm == pytest.approx(expected * diffusivity.value_cm2_per_s)
    assert found.high_S_per_cm / found.low_S_per_cm == pytest.approx(
        diffusivity.high_cm2_per_s / diffusivity.low_cm2_per_s
    )
    assert found.sigma_S_per_cm == pytest.approx(found.value_S_per_cm * diffusivity.log_sigma)
    assert str(found.assumptions) == "Nernst-Einstein with a Haven ratio of 0.5; charge +1 e."
    still = analyse(trajectory(np.zeros((50, 3, 3))), generator, estimators=[HeZhuEpsteinMo()])
    assert still.conductivity.censoring is Censoring.BELOW
    assert still.conductivity.sigma_S_per_cm is None
    assert "Haven ratio of 1: ions are taken to move independently" in str(still.conductivity.assumptions)


def test_an_impossible_haven_ratio_is_refused():
    with pytest.raises(InvalidValueError, match=r"Haven ratio of 0\.0 is impossible"):
        Assumptions(haven_ratio=0.0)


def test_the_haven_ratio_of_ions_in_pairs_is_one_half(generator):
    """Two ions that always move together carry twice the charge that they would alone."""
    alone, paired = [], []
    for _ in range(12):
        walk = lattice_walk(generator, n_ions=20, n_frames=401, hops=40)
        for ions, seen in ((walk, alone), (np.repeat(walk, 2, axis=1), paired)):
            paths = paths_in_framework(trajectory(ions))
            diffusivity = HeZhuEpsteinMo().estimate(paths, half_displacement(paths))
            seen.append(haven_ratio_seen(paths, diffusivity, generator))
    for seen, true in ((alone, 1.0), (paired, 0.5)):
        assert np.exp(np.mean([math.log(one.ratio) for one in seen])) == pytest.approx(true, rel=0.3)
        assert sum(one.low < true < one.high for one in seen) >= 10


def test_there_is_no_haven_ratio_where_ions_do_not_diffuse(generator):
    assert analyse(trajectory(np.zeros((50, 3, 3))), generator, estimators=[HeZhuEpsteinMo()]).haven_seen is None


@pytest.mark.slow
@pytest.mark.skipif(not kinisi_is_here(), reason="kinisi is not installed")
def test_kinisi_stands_beside_the_rule_and_leaves_numpy_as_it_was(generator):
    walk = trajectory(lattice_walk(generator, n_ions=100, n_frames=201, hops=20))
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    found = analyse(walk, generator, estimators=[HeZhuEpsteinMo(), Kinisi(3)])
    assert np.random.random() == expected
    rule, bayes = found.estimates
    true = true_diffusivity(hops=20, duration_ps=200)
    assert bayes.value_cm2_per_s == pytest.approx(true, rel=0.25)
    assert bayes.window_ps == rule.window_ps
    assert bayes.log_sigma < rule.log_sigma
    paths = paths_in_framework(walk)
    assert Kinisi(3).estimate(paths, half_displacement(paths)) == bayes
    with pytest.raises(PermanentLookError, match="its chains end at a slope of"):
        Kinisi(3, n_steps=20).estimate(paths, half_displacement(paths))


def test_kinisi_bounds_what_does_not_diffuse():
    if kinisi_is_here():
        assert _estimate(np.zeros((50, 3, 3)), Kinisi(3)).censoring is Censoring.BELOW


def test_without_kinisi_it_is_said(generator, monkeypatch):
    monkeypatch.setattr(bayesian, "kinisi_is_here", lambda: False)
    with pytest.raises(OracleUnavailableError, match=r"needs kinisi.*Install the extra `transport`"):
        _estimate(lattice_walk(generator, n_ions=3, n_frames=50, hops=20), Kinisi(3))


def test_an_estimator_beside_the_first_may_fail(generator):
    class Broken:
        name = "broken"

        def estimate(self, paths, displacement):
            raise PermanentLookError("It broke.", remedy="Repair it.")

    walk = trajectory(lattice_walk(generator, n_ions=20, n_frames=201, hops=20))
    found = analyse(walk, generator, estimators=[HeZhuEpsteinMo(), Broken()])
    assert [one.method for one in found.estimates] == ["He-Zhu-Epstein-Mo 2018"]
    assert found.notes == ("It broke. Repair it.",)
    with pytest.raises(PermanentLookError, match="It broke"):
        analyse(walk, generator, estimators=[Broken()])
