"""What a look says of runs at several temperatures: the line through them, the run itself, a bound, or nothing."""

import numpy as np
import pytest
from support.walks import HOP_A, einstein_solid, lattice_walk, trajectory

from domain.errors import PermanentLookError
from domain.measurement import Censoring
from oracles.conductivity_runs import ConductivityRun, answer_of
from oracles.dynamics.state import Ending, ReplicaEnd
from oracles.transport.analysis import analyse
from oracles.transport.diffusion import HeZhuEpsteinMo
from oracles.transport.health import Finding

DONE = Ending(0, ReplicaEnd.COMPLETED, 1000, "It ran for 400 ps.")
N_FRAMES = 401


def run_at(temperature_K, *, hops, seed=0, framework_A=None):
    """A walk whose ions hop so often in 400 ps."""
    rng = np.random.default_rng(seed)
    ions = lattice_walk(rng, n_ions=24, n_frames=N_FRAMES, hops=hops, vibration_A=0.2)
    walked = trajectory(ions, temperature_K=temperature_K, framework_A=framework_A)
    return ConductivityRun(temperature_K, DONE, analyse(walked, rng, estimators=[HeZhuEpsteinMo()]))


def conductivity(run):
    return run.analysis.conductivity


def test_the_line_through_runs_is_read_where_it_was_asked() -> None:
    runs = [run_at(kelvin, hops=hops, seed=hops) for kelvin, hops in ((600.0, 10), (800.0, 40), (1000.0, 92))]
    answer = answer_of(runs, at_K=300.0)
    line = answer.details["arrhenius"]
    assert answer.censoring is Censoring.NONE
    assert 0 < answer.value_S_per_cm < conductivity(runs[0]).value_S_per_cm
    assert line["is_extrapolated"]
    assert [point[0] for point in line["points"]] == [600.0, 800.0, 1000.0]
    low, high = line["value_interval_S_per_cm"]
    assert low < answer.value_S_per_cm < high
    assert answer.sigma_S_per_cm == pytest.approx(answer.value_S_per_cm * np.log(high / low) / (2 * 1.96), rel=1e-3)
    # D goes with the hops: from 10 at 600 K to 92 at 1000 K.
    slope = np.log(92 / 10) / (1 / 600 - 1 / 1000) * 8.617333e-5
    low_eV, high_eV = line["activation_energy_interval_eV"]
    assert low_eV < slope < high_eV


def test_a_run_at_the_wanted_temperature_answers_itself() -> None:
    runs = [run_at(kelvin, hops=hops, seed=hops) for kelvin, hops in ((600.0, 10), (800.0, 40), (1000.0, 92))]
    answer = answer_of(runs, at_K=800.0)
    assert answer.value_S_per_cm == conductivity(runs[1]).value_S_per_cm
    assert answer_of(runs[1:2], at_K=800.0).value_S_per_cm == answer.value_S_per_cm


def test_ions_that_stay_bound_the_conductivity() -> None:
    runs = [run_at(kelvin, hops=0) for kelvin in (600.0, 800.0, 1000.0)]
    answer = answer_of(runs, at_K=300.0)
    assert answer.censoring is Censoring.BELOW
    assert answer.sigma_S_per_cm is None
    assert answer.value_S_per_cm > 0
    assert "ions that diffuse at 2 of them (0 so far)" in answer.details["why_a_bound"]


def test_what_melted_or_exploded_is_told_and_not_used() -> None:
    flowing = np.linspace(0, 4 * HOP_A, N_FRAMES)[:, None, None] * np.array(
        [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]]
    )
    melted = run_at(1000.0, hops=90, framework_A=flowing)
    exploded = ConductivityRun(1200.0, Ending(1, ReplicaEnd.EXPLODED, 10, "An energy is no number."), None)
    solid = run_at(600.0, hops=20)
    answer = answer_of([solid, melted, exploded], at_K=600.0)
    assert [run["is_used"] for run in answer.details["runs"]] == [True, False, False]
    assert answer.value_S_per_cm == conductivity(solid).value_S_per_cm
    with pytest.raises(PermanentLookError, match=r"at 600 K or above. At 1000 K: .*melted.* At 1200 K: An energy"):
        answer_of([melted, exploded], at_K=600.0)
    with pytest.raises(PermanentLookError, match="No run shows the crystal at 800 K or above"):
        answer_of([solid, melted], at_K=800.0)


def test_what_ions_will_not_keep_up_is_only_a_bound() -> None:
    rng = np.random.default_rng(5)
    vibrating = einstein_solid(rng, n_ions=40, n_frames=N_FRAMES, sigma_A=2.0, memory=0.98)
    runs = [
        ConductivityRun(
            kelvin, DONE, analyse(trajectory(vibrating, temperature_K=kelvin), rng, estimators=[HeZhuEpsteinMo()])
        )
        for kelvin in (600.0, 800.0, 1000.0)
    ]
    for run in runs:
        assert run.analysis.health.verdict in {Finding.SUBDIFFUSIVE, Finding.TOO_SHORT}
        assert conductivity(run).censoring is Censoring.NONE
        assert run.conductivity.value_S_per_cm == conductivity(run).high_S_per_cm
    assert answer_of(runs, at_K=300.0).censoring is Censoring.BELOW
