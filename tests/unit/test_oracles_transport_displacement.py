"""Drift and mean squared displacements."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.walks import einstein_solid, lattice_walk, trajectory

from domain.errors import InvalidValueError
from oracles.transport.displacement import mean_squared_displacement, paths_in_framework
from oracles.transport.trajectory import IonTrajectory

CELL = np.array([[8.0, 0.0, 0.0], [3.0, 9.0, 0.0], [-2.0, 1.0, 10.0]])


@pytest.fixture
def generator():
    return np.random.default_rng(5)


@given(
    n_frames=st.integers(2, 20),
    n_ions=st.integers(1, 70),
    n_lags=st.integers(1, 25),
    origin_A=st.floats(-1e4, 1e4),
    seed=st.integers(0, 2**16),
)
def test_squared_displacements_are_those_of_the_plain_double_loop(n_frames, n_ions, n_lags, origin_A, seed):
    paths = origin_A + np.random.default_rng(seed).normal(size=(n_frames, n_ions, 3)).cumsum(axis=0)
    found = mean_squared_displacement(paths, 0.5, n_lags=n_lags)
    assert found.by_ion_A2.shape == (min(n_lags, n_frames), n_ions, 3)
    for lag in range(min(n_lags, n_frames)):
        plain = np.mean([(paths[t + lag] - paths[t]) ** 2 for t in range(n_frames - lag)], axis=0)
        np.testing.assert_allclose(found.by_ion_A2[lag], plain, rtol=1e-9, atol=1e-9)
        assert found.lags_ps[lag] == 0.5 * lag


def test_the_error_of_the_mean_is_that_of_independent_ions(generator):
    found = [
        mean_squared_displacement(lattice_walk(generator, n_ions=20, n_frames=50, hops=20), 1.0, n_lags=10)
        for _ in range(300)
    ]
    scatter = np.std([one.mean_A2[9] for one in found])
    assert np.mean([one.error_A2[9] for one in found]) == pytest.approx(scatter, rel=0.15)


def test_one_ion_has_no_error(generator):
    walk = lattice_walk(generator, n_ions=1, n_frames=50, hops=20)
    assert mean_squared_displacement(walk, 1.0, n_lags=10).error_A2 is None


def test_the_drift_of_the_framework_is_taken_away(generator):
    ions = einstein_solid(generator, n_ions=6, n_frames=100, sigma_A=0.2, memory=0.5)
    drift = np.linspace(0, 30, 100)[:, None, None] * np.array([1.0, -2.0, 0.5])
    still = paths_in_framework(trajectory(ions))
    drifting = paths_in_framework(trajectory(ions + drift, framework_A=np.zeros((100, 4, 3)) + drift))
    np.testing.assert_allclose(drifting.ions_A, still.ions_A, atol=1e-12)
    np.testing.assert_allclose(drifting.framework_A, 0, atol=1e-12)
    np.testing.assert_allclose(drifting.drift_A, drift[:, 0], atol=1e-12)


def test_parts_begin_at_rest(generator):
    paths = paths_in_framework(trajectory(lattice_walk(generator, n_ions=3, n_frames=21, hops=20)))
    late = paths.part(10, 21)
    assert late.n_frames == 11
    assert late.duration_ps == 10.0
    assert not late.ions_A[0].any()
    np.testing.assert_array_equal(late.ions_A[-1] + paths.ions_A[10], paths.ions_A[-1])


POSITIONS = np.zeros((3, 2, 3))
GOOD = {
    "positions_A": POSITIONS,
    "cell_A": np.eye(3),
    "is_ion": [True, False],
    "interval_ps": 1.0,
    "temperature_K": 300.0,
    "charge_e": 1.0,
}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"positions_A": POSITIONS[:, :, :2]}, r"shape \(3, 2, 2\)"),
        ({"is_ion": [True, False, False]}, r"\(3,\) flags"),
        ({"positions_A": POSITIONS[:1]}, "1 frames shows no motion"),
        ({"is_ion": [False, False]}, "0 of 2 atoms are mobile"),
        ({"is_ion": [True, True]}, "2 of 2 atoms are mobile"),
        ({"positions_A": np.where(np.arange(3)[:, None, None] == 1, np.nan, POSITIONS)}, "Frame 1 has positions"),
        ({"cell_A": np.zeros((3, 3))}, "spans no volume"),
        ({"cell_A": np.eye(2)}, "spans no volume"),
        ({"interval_ps": 0.0}, r"time between frames of 0\.0 ps"),
        ({"temperature_K": np.inf}, "temperature of inf K"),
        ({"charge_e": 0.0}, r"charge 0\.0 carry no current"),
    ],
)
def test_what_is_no_trajectory_is_refused(change, problem):
    IonTrajectory(**GOOD)
    with pytest.raises(InvalidValueError, match=problem):
        IonTrajectory(**{**GOOD, **change})


def test_a_trajectory_cannot_be_changed():
    positions = POSITIONS.copy()
    made = IonTrajectory(**{**GOOD, "positions_A": positions})
    positions[:] = 7
    assert not made.positions_A.any()
    with pytest.raises(ValueError, match="read-only"):
        made.positions_A[0] = 1
