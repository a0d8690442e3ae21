import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from domain.errors import SurrogateError
from domain.quantity import Goal, Objective
from surrogates.censoring import Bounds, equivalent_observations
from surrogates.warp import fit_warp

ENERGY = Objective("formation_energy", Goal.MINIMIZE)
CONDUCTIVITY = Objective("ionic_conductivity", Goal.MAXIMIZE)


@given(st.lists(st.floats(-20, 100), min_size=1, max_size=12), st.sampled_from(list(Goal)))
def test_order_is_kept_and_inverted(values: list[float], goal: Goal) -> None:
    seen = torch.tensor(values, dtype=torch.float64)
    levels = torch.zeros(len(values), dtype=torch.int64)
    objective = Objective("formation_energy", goal)
    warp = fit_warp(seen, levels, n_levels=2, objective=objective)
    warped = warp.apply(seen, levels)
    order = (objective.sign * seen).argsort(stable=True)
    assert bool((warped[order].diff() >= 0).all())
    if float(warped.abs().max()) < 15:
        scale = float(warp.spread[0]) + float(seen.abs().max())
        torch.testing.assert_close(warp.invert(warped, 0), seen, rtol=0, atol=1e-6 * scale)


def test_a_wild_value_does_not_drown_the_good_ones() -> None:
    values = torch.tensor([-2.0, -1.9, -1.5, -1.0, 0.0, 3.0, 50.0, 1e6], dtype=torch.float64)
    warped = fit_warp(values, torch.zeros(8, dtype=torch.int64), n_levels=1, objective=ENERGY).apply(
        values, torch.zeros(8, dtype=torch.int64)
    )
    assert float(warped[0] - warped[1]) > 0.02
    assert float(warped.abs().max()) < 20


def test_logarithmic_quantities_are_warped_on_their_scale() -> None:
    values, levels = torch.tensor([1e-9, 1e-6, 1e-3]).double(), torch.zeros(3, dtype=torch.int64)
    warp = fit_warp(values, levels, n_levels=1, objective=CONDUCTIVITY)
    torch.testing.assert_close(warp.invert(warp.apply(values, levels), 0), values)


def test_slope_is_the_derivative() -> None:
    values = torch.tensor([1e-9, 1e-6, 1e-3], dtype=torch.float64, requires_grad=True)
    levels = torch.zeros(3, dtype=torch.int64)
    warp = fit_warp(values.detach(), levels, n_levels=1, objective=CONDUCTIVITY)
    (expected,) = torch.autograd.grad(warp.apply(values, levels).sum(), values)
    torch.testing.assert_close(warp.slope(values.detach(), levels), expected)


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_impossible_values_are_refused(bad: float) -> None:
    with pytest.raises(SurrogateError, match="on a logarithmic scale"):
        fit_warp(torch.tensor([bad]).double(), torch.zeros(1, dtype=torch.int64), n_levels=1, objective=CONDUCTIVITY)


@pytest.mark.parametrize("bound", [-2.0, 0.0, 1.0, 4.0])
@pytest.mark.parametrize("is_above", [True, False])
def test_a_bound_stands_as_the_normal_observation_with_the_cut_beliefs_moments(bound: float, *, is_above: bool) -> None:
    mean, variance, noise = 0.5, 1.44, 0.09

    def density(f: float) -> float:
        cut = norm.sf(bound, f, noise**0.5) if is_above else norm.cdf(bound, f, noise**0.5)
        return float(norm.pdf(f, mean, variance**0.5) * cut)

    mass, first, second = (quad(lambda f, n=n: f**n * density(f), -12, 14, limit=200)[0] for n in range(3))
    bounds = Bounds(*(torch.tensor([entry]) for entry in (bound, is_above, noise)))
    value, noise_variance = equivalent_observations(
        torch.tensor([mean]).double(), torch.tensor([variance]).double(), bounds
    )
    precision = 1 / variance + 1 / float(noise_variance)
    combined = (mean / variance + float(value) / float(noise_variance)) / precision
    assert combined == pytest.approx(first / mass, abs=1e-5)
    assert 1 / precision == pytest.approx(second / mass - (first / mass) ** 2, rel=1e-4)
