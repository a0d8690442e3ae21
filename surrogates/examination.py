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
_ENOUGH_PAIRS: Final = 5
_WEAK_CORRELATION: Final = 0.3


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
    target, name = len(ladder.names) - 1, ladder.target.name
    found = (
        (
            n_bounds > 0,
            f"{n_bounds} of the observations are bounds; each stands as a normal one that says about the same.",
        ),
        (posterior.jitter > 0, f"The covariance needed a jitter of {posterior.jitter:.1e} to be factorised."),
        (len(data.temperatures_K) > 1, "The observations hold at several temperatures, which are not told apart."),
        (
            len(data.training) > 0 and not bool((data.training.levels == target).any()),
            f"Nothing was seen at the target '{name}' yet; its values are guessed from the other fidelities.",
        ),
    )
    uninformative = [
        f"'{lower}' says little about the target '{name}'; looks at it may be wasted."
        for level, lower in enumerate(ladder.names[:-1])
        if data.n_paired(level, target) >= _ENOUGH_PAIRS
        and abs(float(posterior.parameters.level_correlation[level, target])) < _WEAK_CORRELATION
    ]
    return (*(sentence for is_so, sentence in found if is_so), *uninformative)


def _relative_error(predicted: Tensor, targets: Tensor) -> float | None:
    n_targets = len(targets)
    naive = (targets - targets.mean()) * n_targets / (n_targets - 1)  # against the mean of the others
    scale = float(naive.square().mean().sqrt())
    return float((predicted - targets).square().mean().sqrt()) / scale if scale > 1e-9 else None
