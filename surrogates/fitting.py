"""Hyper-parameters by maximum a posteriori: capped L-BFGS on the exact marginal likelihood, falling back to the prior.

Legend: N observations, G groups of features, M fidelities, H hyper-parameters.
"""

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize
from torch import Tensor

from surrogates.kernel import HyperparameterPrior, Hyperparameters, crystal_kernel
from surrogates.posterior import TrainingSet, covariance

_REACH: Final = 4.0
"""Prior standard deviations that hyper-parameters may move."""
_REFUSED: Final = 1e12
"""Objective where the covariance is not positive definite: a line search turns back from it."""
_N_SCOUTING: Final = 12
"""Iterations after which the better start is known."""

_Vector: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """The hyper-parameters that were found."""

    parameters: Hyperparameters
    log_posterior: float
    """Log marginal likelihood plus log prior."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Problem:
    """What L-BFGS minimises: the negative log posterior density and its gradient."""

    training: TrainingSet
    prior: HyperparameterPrior
    distances: Tensor
    """`[G, N, N]` squared distances of each group."""

    def __call__(self, theta: _Vector) -> tuple[float, _Vector]:
        point = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
        loss = -log_posterior(point, self.prior, self.training, self.distances)
        if not bool(loss.isfinite()):
            return _REFUSED, np.zeros_like(theta)
        (gradient,) = torch.autograd.grad(loss, point)
        if not bool(gradient.isfinite().all()):
            return _REFUSED, np.zeros_like(theta)
        return float(loss.detach()), gradient.numpy()

    def descend(self, start: _Vector, *, max_iterations: int) -> tuple[float, _Vector]:
        """Value and place where L-BFGS arrives."""
        reach = _REACH * self.prior.sd
        bounds = torch.stack((self.prior.mean - reach, self.prior.mean + reach), dim=1).tolist()
        found = minimize(self, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": max_iterations})
        return float(found.fun), found.x


def fit_hyperparameters(
    training: TrainingSet, prior: HyperparameterPrior, columns: tuple[slice, ...], *, max_iterations: int
) -> Fit:
    """Fits hyper-parameters. Never fails: where the optimiser does, the prior's own values are kept with a warning.

    Args:
        training: N observations; with fewer than 2 the prior's values are kept.
        prior: Of the hyper-parameters.
        columns: Features of each of the G groups.
        max_iterations: Of L-BFGS; a few of them decide from which start it goes on.
    """
    if len(training) < 2:
        return Fit(prior.unpack(prior.mean), 0.0)
    distances = torch.stack([_squared_distances(training.features[:, span]) for span in columns])
    problem = _Problem(training, prior, distances)
    n_scouting = min(_N_SCOUTING, max_iterations)
    scouted = [problem.descend(start.numpy(), max_iterations=n_scouting) for start in _starts(prior)]
    _, place = min(scouted, key=lambda found: found[0])
    loss, place = problem.descend(place, max_iterations=max_iterations)
    if not (loss < _REFUSED and bool(np.isfinite(place).all())):
        warning = "The fit did not succeed; the prior's hyper-parameters are used, so intervals are wide."
        return Fit(prior.unpack(prior.mean), -_REFUSED, (warning,))
    return Fit(prior.unpack(torch.from_numpy(place.copy())), -loss)


def log_posterior(theta: Tensor, prior: HyperparameterPrior, training: TrainingSet, distances: Tensor) -> Tensor:
    """Log marginal likelihood plus log prior of hyper-parameters `[H]`; NaN where the covariance is not definite.

    Args:
        theta: `[H]` unconstrained.
        prior: Of the hyper-parameters.
        training: N observations.
        distances: `[G, N, N]` squared distances of each group.
    """
    parameters = prior.unpack(theta)
    signal = covariance(crystal_kernel(distances, parameters), parameters, training.levels, training.levels)
    factor, info = torch.linalg.cholesky_ex(signal + training.noise_variance(parameters).diag())
    if int(info) != 0:
        return torch.full((), math.nan, dtype=torch.float64)
    whitened = torch.linalg.solve_triangular(factor, training.targets.unsqueeze(1), upper=False)
    log_likelihood: Tensor = (
        -0.5 * whitened.square().sum() - factor.diagonal().log().sum() - 0.5 * len(training) * math.log(2 * math.pi)
    )
    return log_likelihood + prior.log_density(theta)


def _squared_distances(features: Tensor) -> Tensor:
    return (features.unsqueeze(0) - features.unsqueeze(1)).square().sum(2)


def _starts(prior: HyperparameterPrior) -> tuple[Tensor, ...]:
    """The prior's mean, and where fidelities can be coupled, the same with fidelities as strangers."""
    lengthscales, weights, level_sds, partial, noise_sds = torch.split(prior.mean, list(prior.sizes))
    strangers = torch.cat((lengthscales, weights, level_sds, torch.zeros_like(partial), noise_sds))
    return (prior.mean, strangers) if len(partial) else (prior.mean,)
