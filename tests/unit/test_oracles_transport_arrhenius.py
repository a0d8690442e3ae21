"""Activation energies from diffusive runs and from bounds, and the straight line beneath."""

import math

import pytest

from domain.constants import BOLTZMANN_EV_PER_K
from domain.errors import InvalidValueError
from domain.measurement import Censoring
from domain.straight_line import fit_straight_line
from oracles.transport.arrhenius import bound_below, fit_arrhenius, what_is_missing
from oracles.transport.conductivity import Assumptions, Conductivity

ENERGY_EV = 0.3
ROOM_S_PER_CM = 1e-3
TEMPERATURES_K = (600.0, 800.0, 1000.0, 1200.0)
WIDTH_OF_NO_HOP = 0.89


def _true(temperature_K):
    """On a line through 1 mS/cm at 300 K with 0.3 eV."""
    exponent = ENERGY_EV / BOLTZMANN_EV_PER_K * (1 / 300 - 1 / temperature_K)
    return ROOM_S_PER_CM * 300 / temperature_K * math.exp(exponent)


def _run(temperature_K, value=None, log_sigma=0.2):
    value = value or _true(temperature_K)
    factor = math.exp(1.96 * log_sigma)
    return Conductivity(value, value / factor, value * factor, log_sigma, temperature_K, Assumptions())


def _bound(temperature_K, value, log_sigma=WIDTH_OF_NO_HOP):
    return Conductivity(value, 0.0, value, log_sigma, temperature_K, Assumptions(), Censoring.BELOW)


def test_runs_on_a_line_give_the_line():
    found = fit_arrhenius([_run(temperature_K) for temperature_K in TEMPERATURES_K])
    assert found.activation_energy_eV == pytest.approx(ENERGY_EV, abs=1e-6)
    assert found.conductivity.value_S_per_cm == pytest.approx(ROOM_S_PER_CM, rel=1e-5)
    assert found.is_extrapolated
    assert (found.n_diffusive, found.n_bounds) == (4, 0)
    assert not fit_arrhenius([_run(t) for t in TEMPERATURES_K], temperature_K=800.0).is_extrapolated


def test_without_bounds_the_profile_is_the_weighted_least_squares():
    widths, shifts = (0.5, 0.2, 0.1, 0.1), (0.2, -0.1, 0.05, 0.02)
    rows = zip(TEMPERATURES_K, shifts, widths, strict=True)
    runs = [_run(t, _true(t) * math.exp(shift), width) for t, shift, width in rows]
    x = [(1 / t - 1 / 300) / BOLTZMANN_EV_PER_K for t in TEMPERATURES_K]
    line = fit_straight_line(x, [math.log(run.value_S_per_cm * run.temperature_K) for run in runs], widths)
    found = fit_arrhenius(runs)
    low, high = found.activation_energy_interval_eV
    assert (low + high) / 2 == pytest.approx(-line.slope, abs=1e-5)
    assert (high - low) / 2 == pytest.approx(1.96 * line.slope_sigma, rel=1e-3)
    assert math.log(found.conductivity.value_S_per_cm * 300) == pytest.approx(line.at(0.0), abs=1e-4)
    assert found.conductivity.log_sigma == pytest.approx(line.sigma_at(0.0), rel=1e-3)
    assert found.reduced_chi_square == pytest.approx(line.reduced_chi_square)


def test_runs_that_scatter_more_than_they_say_widen_the_interval():
    shifts = (0.8, -0.9, 0.9, -0.8)
    said = [_run(t, _true(t) * math.exp(shift), 0.2) for t, shift in zip(TEMPERATURES_K, shifts, strict=True)]
    found, plain = fit_arrhenius(said), fit_arrhenius([_run(t) for t in TEMPERATURES_K])
    assert found.reduced_chi_square > 5
    widening = found.conductivity.log_sigma / plain.conductivity.log_sigma
    assert widening == pytest.approx(math.sqrt(found.reduced_chi_square), rel=1e-3)


def test_a_bound_beneath_the_line_pulls_it_down_and_one_above_does_not():
    hot = [_run(t) for t in TEMPERATURES_K[1:]]
    plain = fit_arrhenius(hot)
    low = fit_arrhenius([*hot, _bound(600.0, _true(600.0) / 3)])
    high = fit_arrhenius([*hot, _bound(600.0, _true(600.0) * 1e4)])
    assert low.activation_energy_eV > plain.activation_energy_eV + 0.02
    assert low.conductivity.value_S_per_cm < plain.conductivity.value_S_per_cm / 2
    assert low.conductivity.high_S_per_cm < plain.conductivity.high_S_per_cm
    assert low.n_bounds == 1
    assert high.conductivity.value_S_per_cm == pytest.approx(plain.conductivity.value_S_per_cm, rel=1e-2)


@pytest.mark.parametrize(
    ("runs", "missing"),
    [
        ([], r"runs at 3 temperatures \(0 so far\) and ions that diffuse at 2 of them \(0 so far\)"),
        ([_run(600.0), _run(800.0)], r"needs runs at 3 temperatures \(2 so far\)\."),
        ([_run(600.0), _run(600.0), _run(800.0)], r"3 temperatures \(2 so far\)"),
        (
            [_bound(600.0, 1e-6), _bound(700.0, 1e-6), _run(800.0)],
            r"needs ions that diffuse at 2 of them \(1 so far\)",
        ),
    ],
)
def test_it_is_said_what_is_missing(runs, missing):
    with pytest.raises(InvalidValueError, match=missing + ".*Run longer"):
        fit_arrhenius(runs)
    assert what_is_missing(runs) is not None
    assert what_is_missing([_run(t) for t in TEMPERATURES_K]) is None


def test_where_no_line_can_be_fitted_the_lowest_run_bounds_what_is_colder():
    runs = [_run(900.0, 1e-2), _bound(600.0, 1e-4, 0.5), _bound(700.0, 1e-3)]
    found = bound_below(runs)
    assert found.censoring is Censoring.BELOW
    assert found.value_S_per_cm == pytest.approx(1e-4 * 600 / 300)
    assert (found.low_S_per_cm, found.high_S_per_cm) == (0.0, found.value_S_per_cm)
    assert (found.log_sigma, found.temperature_K) == (0.5, 300.0)
    assert bound_below(runs[:1]).value_S_per_cm == pytest.approx(1e-2 * math.exp(1.96 * 0.2) * 3)
    with pytest.raises(InvalidValueError, match="No run was at 1000 K or above"):
        bound_below(runs, temperature_K=1000.0)


def test_a_line_knows_how_far_it_can_be_trusted():
    """y = 2 + 3x by hand at x = 0, 2 with σ = 1: level 5 ± 1/√2 at the pivot 1, slope 3 ± 1/√2."""
    line = fit_straight_line([0.0, 2.0], [2.0, 8.0], [1.0, 1.0])
    assert (line.slope, line.pivot, line.level) == (3.0, 1.0, 5.0)
    assert line.slope_sigma == line.level_sigma == pytest.approx(math.sqrt(0.5))
    assert (line.at(0.0), line.sigma_at(0.0)) == (2.0, pytest.approx(1.0))
    assert line.reduced_chi_square is None
    assert line.scatter == 1.0


def test_what_is_no_line_is_refused():
    with pytest.raises(InvalidValueError, match="two places"):
        fit_straight_line([1.0, 1.0], [2.0, 8.0], [1.0, 1.0])
    with pytest.raises(InvalidValueError, match="not above 0"):
        fit_straight_line([1.0, 2.0], [2.0, 8.0], [1.0, 0.0])
