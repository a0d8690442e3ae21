"""Examines a fit: errors of left-out observations, correlations of fidelities, and what did not go as usual.

Leaving out observation i of a Gaussian process costs nothing once K⁻¹ is known:

    μ_-i = t_i - α_i / K⁻¹_ii        σ²_-i = 1 / K⁻¹_ii     (noise included)

Legend: N observations, M fidelities (T the target).
Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, eq. 5.12.
"""

from itertools import combinations
from typing import Final

from torch import Tensor

from domain.fidelity import Ladder
from surrogates.diagnostics import LevelCorrelation, LevelDiagnostics
from surrogates.kernel import GROUPS, Hyperparameters, typical_lengthscales
from surrogates.posterior import Posterior
from surrogates.training_data import TrainingData

_Z_68: Final = 1.0
_Z_95: Final = 1.96


def examine_levels(data: TrainingData, posterior: Posterior, ladder: Ladder) -> tuple[LevelDiagnostics, ...]:
    """Judges each fidelity by its left-out exact observations.

    Args:
        data: The observations.
        posterior: Given the exact ones.
        ladder: Names of the fidelities.
    """
    exact = data.exact
    precision = posterior.inverse_factor.square().sum(0)
    mean = exact.targets - posterior.weights / precision
    deviation = (exact.targets - mean) * precision.sqrt()
    levels = []
    for rank, name in enumerate(ladder.names):
        own = exact.levels == rank
        n_own = int(own.sum())
        judged = n_own > 1
        values = data.warp.invert(exact.targets[own], rank)
        errors = (data.warp.invert(mean[own], rank) - values).abs()
        levels.append(
            LevelDiagnostics(
                fidelity=name,
                n_observations=int((data.training.levels == rank).sum()),
                median_error=float(errors.quantile(0.5)) if judged else None,
                relative_error=_relative_error(mean[own], exact.targets[own]) if judged else None,
                coverage_68=float((deviation[own].abs() <= _Z_68).double().mean()) if judged else None,
                coverage_95=float((deviation[own].abs() <= _Z_95).double().mean()) if judged else None,
                noise_sd=float(posterior.parameters.noise_variance[rank].sqrt()),
            )
        )
    return tuple(levels)


def examine_correlations(
    data: TrainingData, parameters: Hyperparameters, ladder: Ladder
) -> tuple[LevelCorrelation, ...]:
    """Learned correlation of each pair of fidelities."""
    correlation = parameters.level_correlation
    return tuple(
        LevelCorrelation(
            lower=ladder.names[lower],
            upper=ladder.names[upper],
            correlation=float(correlation[lower, upper]),
            n_paired=data.n_paired(lower, upper),
        )
        for lower, upper in combinations(range(len(ladder.names)), 2)
    )


def summarise_lengthscales(parameters: Hyperparameters, group_sizes: tuple[int, ...]) -> dict[str, float]:
    """Lengthscale by group of features, in units of the typical distance between two crystals."""
    relative = parameters.lengthscale / typical_lengthscales(group_sizes)
    return dict(zip(GROUPS, relative.tolist(), strict=True))


def warn(data: TrainingData, posterior: Posterior, ladder: Ladder) -> tuple[str, ...]:
    """What did not go as usual, one sentence each."""
    n_bounds = int(data.is_bound.sum())
    warnings = []
    if n_bounds:
        warnings.append(
            f"{n_bounds} observations are bounds; each stands as a normal observation that says about the same."
        )
    if posterior.jitter > 0:
        warnings.append(f"The covariance needed a jitter of {posterior.jitter:.1e} to be factorised.")
    if len(data.training) and not int((data.training.levels == len(ladder.names) - 1).sum()):
        warnings.append(
            f"Nothing was seen at the target '{ladder.target.name}' yet; its values are guessed from others."
        )
    return tuple(warnings)


def _relative_error(predicted: Tensor, targets: Tensor) -> float | None:
    n_targets = len(targets)
    naive = (targets - targets.mean()) * n_targets / (n_targets - 1)  # against the mean of the others
    scale = float(naive.square().mean().sqrt())
    return float((predicted - targets).square().mean().sqrt()) / scale if scale > 1e-9 else None
