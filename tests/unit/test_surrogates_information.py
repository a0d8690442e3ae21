"""Closed forms against BoTorch, against high precision and against exact order statistics."""

import math
import warnings

import mpmath
import pytest
import torch
from scipy.stats import norm

from surrogates.information import gumbel_max_values, log_expected_improvement, log_information
from surrogates.ports import LOWEST_LOG_VALUE
from surrogates.posterior import Moments

with warnings.catch_warnings():  # GPyTorch compiles with a deprecated part of torch when imported
    warnings.simplefilter("ignore", DeprecationWarning)
    from botorch.acquisition.max_value_entropy_search import qMultiFidelityLowerBoundMaxValueEntropy
    from botorch.models import SingleTaskMultiFidelityGP


@pytest.mark.filterwarnings("ignore:.*")  # BoTorch warns about unscaled toy data
def test_value_of_a_look_equals_botorch() -> None:
    rng = torch.Generator().manual_seed(0)
    inputs = torch.rand(12, 3, generator=rng, dtype=torch.float64)
    targets = torch.randn(12, 1, generator=rng, dtype=torch.float64)
    model = SingleTaskMultiFidelityGP(inputs, targets, data_fidelities=[2], outcome_transform=None)
    model.eval()
    acquisition = qMultiFidelityLowerBoundMaxValueEntropy(
        model,
        candidate_set=torch.rand(50, 3, generator=rng, dtype=torch.float64),
        num_mv_samples=4,
        project=lambda x: torch.cat((x[..., :2], torch.ones_like(x[..., 2:])), dim=-1),
    )
    max_values = torch.tensor([0.5, 1.0, 1.7, 3.0], dtype=torch.float64)
    acquisition.posterior_max_values = max_values.unsqueeze(1)
    points = torch.rand(6, 2, generator=rng, dtype=torch.float64)
    noise = model.likelihood.noise.detach()
    for level in (0.25, 1.0):
        looks = torch.cat((points, torch.full((6, 1), level, dtype=torch.float64)), dim=1)
        targets_of = torch.cat((points, torch.ones(6, 1, dtype=torch.float64)), dim=1)
        with torch.no_grad():
            expected = acquisition(looks.unsqueeze(1)) * (0.01 + level)  # its default cost
            joint = model.posterior(torch.stack((looks, targets_of), dim=1)).mvn
            mean, covariance = joint.mean, joint.covariance_matrix
        moments = Moments(mean, covariance.diagonal(dim1=1, dim2=2), covariance[:, :, 1])
        given = log_information(moments, noise.expand(2), max_values)[:, 0].exp()
        torch.testing.assert_close(given, expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("gamma", [-8.0, -1.0, 0.0, 2.0, 6.0, 20.0])
def test_value_keeps_its_order_where_it_would_underflow(gamma: float) -> None:
    moments = Moments(*(torch.tensor([[value]], dtype=torch.float64) for value in (0.0, 1.0, 1.0)))
    given = log_information(moments, torch.tensor([0.25]), torch.tensor([gamma], dtype=torch.float64))
    with mpmath.workdps(300):
        ratio = mpmath.npdf(gamma) / mpmath.ncdf(gamma)
        expected = mpmath.log(-mpmath.log(1 - ratio * (gamma + ratio) / mpmath.mpf("1.25")) / 2)
    assert float(given) == pytest.approx(float(expected), rel=1e-8)


def test_value_has_a_floor_and_stays_finite() -> None:
    mean = torch.tensor([[0.0], [-1e6], [1e6]], dtype=torch.float64)
    moments = Moments(mean, torch.ones(3, 1).double(), torch.tensor([[0.0], [1.0], [1.0]]).double())
    given = log_information(moments, torch.tensor([1e-6]).double(), torch.tensor([2.0]).double())
    assert bool(given.isfinite().all())
    assert float(given[1]) == LOWEST_LOG_VALUE


@pytest.mark.parametrize("z", [-2000.0, -500.0, -40.0, -5.0, -1.0, -0.3, 0.0, 1.0, 10.0])
def test_log_expected_improvement_in_high_precision(z: float) -> None:
    with mpmath.workdps(2000 if z < -60 else 80):
        exact = mpmath.npdf(z) + mpmath.mpf(z) * mpmath.erfc(-mpmath.mpf(z) / mpmath.sqrt(2)) / 2
        expected = float(mpmath.log(3 * exact))
    given = log_expected_improvement(torch.tensor([2 + 3 * z], dtype=torch.float64), torch.tensor([3.0]).double(), 2.0)
    assert float(given) == pytest.approx(expected, rel=1e-9)


def test_max_values_follow_the_exact_maximum_of_independent_crystals() -> None:
    n_crystals = 200
    values = gumbel_max_values(
        torch.full((n_crystals,), 1.0).double(), torch.full((n_crystals,), 2.0).double(), n_values=64
    )
    for probability in (0.25, 0.5, 0.75):
        exact = 1 + 2 * norm.ppf(probability ** (1 / n_crystals))
        assert float(values.quantile(probability)) == pytest.approx(exact, abs=0.06)
    assert bool((values.diff() > 0).all())


def test_max_values_lie_above_a_crystal_that_is_known_to_be_best() -> None:
    values = gumbel_max_values(torch.tensor([5.0, 0.0]).double(), torch.tensor([1e-3, 1.0]).double(), n_values=8)
    assert math.isclose(float(values.mean()), 5.0, abs_tol=0.01)
