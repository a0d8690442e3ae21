"""What a run is worth, when it may stop, and what the store keeps of it."""

import json

import numpy as np
import pytest
from support.walks import FRAMEWORK, caged, einstein_solid, lattice_walk, trajectory

from domain.errors import InvalidValueError
from domain.parsing import to_json
from oracles.transport.analysis import analyse, usual_estimators
from oracles.transport.bayesian import kinisi_is_here
from oracles.transport.diffusion import HeZhuEpsteinMo, fit_window
from oracles.transport.displacement import paths_in_framework
from oracles.transport.health import Finding, growth_exponent
from oracles.transport.monitor import Advice, StopRule, advise
from oracles.transport.summary import MOST_POINTS, details_of


@pytest.fixture
def generator():
    return np.random.default_rng(23)


def _analyse(ions_A, **others):
    return analyse(trajectory(ions_A, **others), np.random.default_rng(1), estimators=[HeZhuEpsteinMo()])


def test_a_walk_is_healthy(generator):
    health = _analyse(lattice_walk(generator, n_ions=30, n_frames=201, hops=20)).health
    assert health.verdict is Finding.DIFFUSIVE
    assert health.is_trustworthy
    assert "Ions diffuse: about" in health.sentence
    assert "to 100 ps" in health.sentence


def test_a_solid_is_not_diffusive_and_its_bound_can_be_trusted(generator):
    health = _analyse(einstein_solid(generator, n_ions=30, n_frames=201, sigma_A=0.2, memory=0.5)).health
    assert health.verdict is Finding.NOT_DIFFUSIVE
    assert health.is_trustworthy
    assert "would have moved further in 95 of 100 such runs" in health.sentence


def test_a_framework_that_flows_has_melted(generator):
    walk = lattice_walk(generator, n_ions=30, n_frames=201, hops=20)
    framework = lattice_walk(generator, n_ions=FRAMEWORK, n_frames=201, hops=20)
    health = _analyse(walk, framework_A=framework).health
    assert health.verdict is Finding.MELTED
    assert not health.is_trustworthy
    assert "of 4 framework atoms moved by more than 5 Å" in health.sentence
    assert "melted" in health.sentence


def test_a_drift_is_named_but_taken_away(generator):
    drift = np.linspace(0, 10, 201)[:, None, None] * np.array([0.0, 0.0, 1.0])
    walk = lattice_walk(generator, n_ions=30, n_frames=201, hops=20)
    health = _analyse(walk + drift, framework_A=np.zeros((201, 4, 3)) + drift).health
    assert [reason.finding for reason in health.reasons] == [Finding.DRIFTING, Finding.DIFFUSIVE]
    assert health.is_trustworthy
    assert "drifted by 10.0 Å" in health.sentence


def test_a_short_run_is_too_short(generator):
    few_hops = _analyse(lattice_walk(generator, n_ions=3, n_frames=401, hops=12)).health
    assert few_hops.verdict is Finding.TOO_SHORT
    assert "50 are needed" in few_hops.sentence
    brief = _analyse(lattice_walk(generator, n_ions=30, n_frames=201, hops=20), interval_ps=0.01).health
    assert brief.verdict is Finding.TOO_SHORT
    assert "The run of 2 ps is shorter than 10 ps." in brief.sentence
    assert not brief.is_trustworthy
    still = _analyse(np.zeros((50, 3, 3)), interval_ps=0.01).health
    assert [reason.finding for reason in still.reasons] == [Finding.TOO_SHORT, Finding.NOT_DIFFUSIVE]


def test_caged_ions_are_subdiffusive(generator):
    found = [_analyse(caged(generator, n_ions=40, n_frames=401, step_A=1.0)) for _ in range(10)]
    assert all(one.health.verdict is Finding.SUBDIFFUSIVE for one in found)
    assert not found[0].health.is_trustworthy
    assert "still caged" in found[0].health.sentence
    exponents = [growth_exponent(one.displacement, fit_window(one.displacement))[0] for one in found]
    assert np.mean(exponents) == pytest.approx(0.5, abs=0.05)


RULE = StopRule(relative_error=0.25, bound_cm2_per_s=1e-6, least_ps=20.0)


def _advise(ions_A, rule=RULE):
    return advise(paths_in_framework(trajectory(ions_A)), rule)


def test_a_run_stops_once_its_estimate_is_good_enough(generator):
    walk = lattice_walk(generator, n_ions=100, n_frames=401, hops=40)
    advice = [_advise(walk[:n]).advice for n in (15, 41, 401)]
    assert advice == [Advice.GO_ON, Advice.GO_ON, Advice.GOOD_ENOUGH]
    assert _advise(walk).stop
    assert "both halves of the run agree" in _advise(walk).sentence


def test_a_run_whose_halves_disagree_goes_on(generator):
    slow, fast = (lattice_walk(generator, n_ions=100, n_frames=201, hops=hops) for hops in (10, 100))
    found = _advise(np.concatenate([slow, slow[-1] + fast[1:]]))
    assert not found.stop
    assert "halves of the run differ by a factor of" in found.sentence


def test_a_run_whose_ions_began_to_move_late_goes_on(generator):
    fast = lattice_walk(generator, n_ions=100, n_frames=201, hops=100)
    found = _advise(np.concatenate([np.zeros((200, 100, 3)), fast]))
    assert not found.stop
    assert "Half of the run alone does not show diffusion" in found.sentence


def test_a_run_stops_once_nothing_moved_for_long_enough(generator):
    solid = einstein_solid(generator, n_ions=40, n_frames=1001, sigma_A=0.2, memory=0.5)
    assert [_advise(solid[:n]).advice for n in (11, 24, 1001)] == [Advice.GO_ON, Advice.GO_ON, Advice.CLEARLY_ZERO]
    assert "below 1e-06 cm²/s is wanted" in _advise(solid[:24]).sentence
    assert "less than anybody wants to know" in _advise(solid).sentence


def test_few_frames_are_never_enough():
    found = advise(paths_in_framework(trajectory(np.zeros((10, 500, 3)), interval_ps=1e3)), RULE)
    assert not found.stop


@pytest.mark.parametrize("name", ["relative_error", "bound_cm2_per_s", "least_ps", "hop_length_A"])
def test_a_rule_that_never_stops_is_refused(name):
    with pytest.raises(InvalidValueError, match=rf"{name} of 0\.0 never ends a run"):
        StopRule(**{name: 0.0})


@pytest.mark.parametrize("n_frames", [2, 50, 2001])
def test_what_the_store_keeps_is_small_plain_json(generator, n_frames):
    found = _analyse(lattice_walk(generator, n_ions=20, n_frames=n_frames, hops=30))
    text = to_json(details_of(found))
    assert len(text) < 12_000
    kept = json.loads(text, parse_constant=pytest.fail)
    curve = kept["msd"]
    assert len(curve["lag_ps"]) == len(curve["mean_A2"]) == len(curve["error_A2"]) <= MOST_POINTS
    assert curve["lag_ps"][-1] == (n_frames - 1) // 2
    assert curve["mean_A2"][-1] == pytest.approx(found.displacement.mean_A2[-1], rel=1e-5)
    assert kept["estimates"][0]["method"] == "He-Zhu-Epstein-Mo 2018"
    assert kept["estimates"][0]["censoring"] == ("<" if n_frames == 2 else "=")
    assert kept["conductivity"]["assumptions"].startswith("Nernst-Einstein with a Haven ratio of 1")
    assert kept["health"]["verdict"] == found.health.verdict.value
    assert (kept["n_ions"], kept["n_framework"]) == (20, 4)
    assert kept["haven_seen"] is None or kept["haven_seen"]["ratio"] > 0


def test_one_ion_has_details_too(generator):
    kept = details_of(_analyse(lattice_walk(generator, n_ions=1, n_frames=201, hops=300)))
    assert kept["msd"]["error_A2"] is None


def test_kinisi_is_usual_where_it_is_installed():
    assert [one.name for one in usual_estimators(1)] == ["He-Zhu-Epstein-Mo 2018", *["kinisi"] * kinisi_is_here()]
