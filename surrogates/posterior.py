"""The Gaussian process after some observations, cached so that many crystals can be asked about.

Legend: N observations, P points, G groups of features, F features, M fidelities (T the target).

With K the covariance of the observations (noise included), K = L Lᵀ and α = K⁻¹ t,

    mean_m(x) = k_m(x)ᵀ α        var_m(x) = k_mm - |L⁻¹ k_m(x)|²        cov_mT(x) = k_mT - (L⁻¹ k_m(x))ᵀ (L⁻¹ k_T(x))

k_m(x) = S[m, levels] ∘ k(x, X) + O[m, levels], so one row of the crystal kernel serves every fidelity, and
L⁻¹ diag(S[m, levels]) is computed once.
"""

from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from domain.errors import SurrogateError
from surrogates.kernel import Hyperparameters, crystal_kernel_between

_CHUNK: Final = 1024
_JITTERS: Final = (0.0, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
_SMALLEST_VARIANCE: Final = 1e-12


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Observations as tensors."""

    features: Tensor
    """`[N, F]`"""
    levels: Tensor
    """`[N]` int64, rank of the fidelity of each."""
    targets: Tensor
    """`[N]` warped values."""
    known_variance: Tensor
    """`[N]` variance that was reported with the value; 0 where nobody knows."""
    takes_learned_noise: Tensor
    """`[N]` bool: whether the fidelity's learned noise is added."""

    def __len__(self) -> int:
        return int(self.levels.shape[0])

    def noise_variance(self, parameters: Hyperparameters) -> Tensor:
        """Whole noise variance `[N]` of each observation."""
        learned = parameters.noise_variance[self.levels]
        return self.known_variance + torch.where(self.takes_learned_noise, learned, torch.zeros_like(learned))

    def select(self, index: Tensor) -> "TrainingSet":
        """Picks observations by an index or mask `[N]`."""
        return TrainingSet(
            self.features[index],
            self.levels[index],
            self.targets[index],
            self.known_variance[index],
            self.takes_learned_noise[index],
        )

    def join(self, other: "TrainingSet") -> "TrainingSet":
        """Appends observations."""
        return TrainingSet(
            torch.cat((self.features, other.features)),
            torch.cat((self.levels, other.levels)),
            torch.cat((self.targets, other.targets)),
            torch.cat((self.known_variance, other.known_variance)),
            torch.cat((self.takes_learned_noise, other.takes_learned_noise)),
        )


@dataclass(frozen=True, slots=True)
class Moments:
    """What is believed about P points, in warped units and without noise."""

    mean: Tensor
    """`[P, M]`"""
    variance: Tensor
    """`[P, M]`"""
    covariance_with_target: Tensor
    """`[P, M]`"""


@dataclass(frozen=True, slots=True)
class Posterior:
    """A conditioned Gaussian process. Build it with `condition_on`."""

    parameters: Hyperparameters
    columns: tuple[slice, ...]
    """Features of each of the G groups."""
    features: Tensor
    """`[N, F]`"""
    levels: Tensor
    """`[N]`"""
    inverse_factor: Tensor
    """`[N, N]` L⁻¹."""
    weights: Tensor
    """`[N]` α."""
    jitter: float = 0.0
    """Added to the diagonal because the covariance was not positive definite to rounding."""
    _whitened_by_level: Tensor = field(init=False, repr=False)
    _whitened_means: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        level_rows = self.parameters.level_covariance[:, self.levels]
        mean_rows = self.parameters.mean_covariance[:, self.levels]
        object.__setattr__(self, "_whitened_by_level", self.inverse_factor.unsqueeze(0) * level_rows.unsqueeze(1))
        object.__setattr__(self, "_whitened_means", mean_rows @ self.inverse_factor.T)

    def moments(self, features: Tensor) -> Moments:
        """Beliefs about points `[P, F]`."""
        chunks = [self._moments(chunk) for chunk in torch.split(features, _CHUNK)]
        return Moments(
            mean=torch.cat([chunk.mean for chunk in chunks]),
            variance=torch.cat([chunk.variance for chunk in chunks]),
            covariance_with_target=torch.cat([chunk.covariance_with_target for chunk in chunks]),
        )

    def extend(self, features: Tensor, levels: Tensor) -> "Posterior":
        """Conditions on looks at points `[P, F]` that will be answered as expected: means stay, variances shrink.

        An answer equal to its own expectation has weight 0 in α, so this is exact and needs no answer.
        """
        cross = self._covariance(self.features, self.levels, features, levels)
        own = self._covariance(features, levels, features, levels)
        own = own + self.parameters.noise_variance[levels].diag()
        whitened = self.inverse_factor @ cross
        factor, jitter = _factor(own - whitened.T @ whitened)
        n_new = len(levels)
        identity = torch.eye(n_new, dtype=torch.float64)
        corner = torch.linalg.solve_triangular(factor, identity, upper=False)
        lower = torch.cat((-corner @ whitened.T @ self.inverse_factor, corner), dim=1)
        upper = torch.nn.functional.pad(self.inverse_factor, (0, n_new))
        return Posterior(
            parameters=self.parameters,
            columns=self.columns,
            features=torch.cat((self.features, features)),
            levels=torch.cat((self.levels, levels)),
            inverse_factor=torch.cat((upper, lower)),
            weights=torch.nn.functional.pad(self.weights, (0, n_new)),
            jitter=max(self.jitter, jitter),
        )

    def _moments(self, features: Tensor) -> Moments:
        crystal = crystal_kernel_between(features, self.features, self.parameters, self.columns)
        level_cov, mean_cov = self.parameters.level_covariance, self.parameters.mean_covariance
        level_weights = level_cov[:, self.levels] * self.weights
        mean = crystal @ level_weights.T + mean_cov[:, self.levels] @ self.weights
        whitened = [
            crystal @ own.T + mean_row
            for own, mean_row in zip(self._whitened_by_level, self._whitened_means, strict=True)
        ]
        prior = level_cov + mean_cov
        explained = torch.stack([part.square().sum(1) for part in whitened], dim=1)
        shared = torch.stack([(part * whitened[-1]).sum(1) for part in whitened], dim=1)
        return Moments(
            mean=mean,
            variance=(prior.diagonal() - explained).clamp_min(_SMALLEST_VARIANCE),
            covariance_with_target=prior[:, -1] - shared,
        )

    def _covariance(self, left: Tensor, left_levels: Tensor, right: Tensor, right_levels: Tensor) -> Tensor:
        crystal = crystal_kernel_between(left, right, self.parameters, self.columns)
        return covariance(crystal, self.parameters, left_levels, right_levels)


def condition_on(training: TrainingSet, parameters: Hyperparameters, columns: tuple[slice, ...]) -> Posterior:
    """Conditions the Gaussian process on observations; none at all gives the prior."""
    crystal = crystal_kernel_between(training.features, training.features, parameters, columns)
    signal = covariance(crystal, parameters, training.levels, training.levels)
    factor, jitter = _factor(signal + training.noise_variance(parameters).diag())
    identity = torch.eye(len(training), dtype=torch.float64)
    inverse_factor = torch.linalg.solve_triangular(factor, identity, upper=False)
    return Posterior(
        parameters=parameters,
        columns=columns,
        features=training.features,
        levels=training.levels,
        inverse_factor=inverse_factor,
        weights=inverse_factor.T @ (inverse_factor @ training.targets),
        jitter=jitter,
    )


def covariance(crystal: Tensor, parameters: Hyperparameters, left_levels: Tensor, right_levels: Tensor) -> Tensor:
    """S[m, m'] k + O[m, m'] for the crystal kernel `[N, P]` at fidelities `[N]` and `[P]`."""
    rows, columns = left_levels.unsqueeze(1), right_levels.unsqueeze(0)
    return parameters.level_covariance[rows, columns] * crystal + parameters.mean_covariance[rows, columns]


def _factor(matrix: Tensor) -> tuple[Tensor, float]:
    """Cholesky factor, with as little jitter (relative to the diagonal) as it takes."""
    if not len(matrix):
        return matrix, 0.0
    scale = float(matrix.diagonal().abs().mean())
    for jitter in _JITTERS:
        shifted = matrix + jitter * scale * torch.eye(len(matrix), dtype=torch.float64)
        factor, info = torch.linalg.cholesky_ex(shifted)
        if int(info) == 0 and bool(factor.isfinite().all()):
            return factor, jitter * scale
    raise SurrogateError(
        "The covariance of the observations is not positive definite.",
        remedy="Report it together with the campaign's export; its noise should have kept this from happening.",
    )
