"""What a look is worth: information about the best value at the target, and expected improvement. All in logs.

Legend: P points, M fidelities (T the target), K values that the maximum may have.

A single look at fidelity m tells about the maximum y* of the target (GIBBON's bound, which is exact for one look)

    I = mean_k -½ log(1 - ρ² r (γ + r)), γ = (y*_k - μ_T)/σ_T, r = φ(γ)/Φ(γ), ρ² = cov_mT² / ((σ_m² + noise_m) σ_T²)

which is positive whatever the sign of the objective, so that it may be divided by a cost. Computed in logs, it keeps
its order where the value itself would underflow.

Source: Moss et al., JMLR 22, 235 (2021), eq. 11; Takeno et al., ICML 2020; Ament et al., NeurIPS 2023 (log EI).
"""

import math
from typing import Final

import torch
from torch import Tensor

from surrogates.ports import LOWEST_LOG_VALUE
from surrogates.posterior import Moments

_LOG_SQRT_2PI: Final = 0.5 * math.log(2 * math.pi)
_GAMMA_RANGE: Final = (-1e3, 1e6)
_LARGEST_SHARE: Final = 1 - 1e-8
_QUARTILES: Final = (0.25, 0.5, 0.75)
_N_BISECTIONS: Final = 60


def log_information(moments: Moments, noise_variance: Tensor, max_values: Tensor) -> Tensor:
    """Log of the information that one look at each fidelity gives about the target's maximum.

    Args:
        moments: Of P points.
        noise_variance: `[M]`
        max_values: `[K]` values that the maximum may have, warped.

    Returns:
        `[P, M]`, at least `LOWEST_LOG_VALUE`.
    """
    target_variance = moments.variance[:, -1:]
    log_correlation = (
        2 * moments.covariance_with_target.abs().clamp_min(1e-150).log()
        - (moments.variance + noise_variance).log()
        - target_variance.log()
    ).clamp_max(0)
    gamma = (max_values - moments.mean[:, -1:]) / target_variance.sqrt()
    log_share = log_correlation.unsqueeze(2) + _log_variance_share(gamma.clamp(*_GAMMA_RANGE)).unsqueeze(1)
    share = log_share.exp().clamp_max(_LARGEST_SHARE)
    # -log(1 - u) is u where u underflows the subtraction
    safe = torch.where(share > 1e-8, share, torch.full_like(share, 0.5))
    log_terms = torch.where(share > 1e-8, (-torch.log1p(-safe)).log(), log_share)
    averaged = log_terms.logsumexp(2) - math.log(2 * len(max_values))
    return averaged.clamp_min(LOWEST_LOG_VALUE)


def log_expected_improvement(mean: Tensor, sd: Tensor, incumbent: float) -> Tensor:
    """Log of E[max(f - incumbent, 0)] for normal f with `mean` and `sd` `[P]`; finite everywhere."""
    z = (mean - incumbent) / sd
    near = z.clamp_min(-1.0)
    log_near = (_log_density(near).exp() + near * torch.special.ndtr(near)).log()
    far = z.clamp(-1e3, -1.0)
    # φ + zΦ = φ (1 - |z| Φ/φ), and Φ(z)/φ(z) = √(π/2) erfcx(|z|/√2)
    log_far = torch.log1p(far * math.sqrt(math.pi / 2) * torch.special.erfcx(-far / math.sqrt(2)))
    log_far = torch.where(z < -1e3, -2 * z.clamp_max(-1e3).abs().log(), log_far)
    log_unit = torch.where(z > -1, log_near, _log_density(z.clamp(-1e100, -1)) + log_far)
    return sd.log() + log_unit


def gumbel_max_values(mean: Tensor, sd: Tensor, *, n_values: int) -> Tensor:
    """Values that the maximum of P independent normal variables may have.

    A Gumbel distribution is fitted to the quartiles of the maximum, and its own evenly spaced quantiles stand for
    draws: without sampling noise, the same beliefs have the same values.

    Args:
        mean: `[P]`
        sd: `[P]`
        n_values: K.

    Returns:
        `[K]`, ascending.
    """
    low, median, high = _quantiles_of_maximum(mean, sd)
    lower, middle, upper = (math.log(-math.log(p)) for p in _QUARTILES)
    scale = max((high - low) / (lower - upper), 1e-6)
    location = median + scale * middle
    probability = (torch.arange(n_values, dtype=torch.float64) + 0.5) / n_values
    return location - scale * (-probability.log()).log()


def _quantiles_of_maximum(mean: Tensor, sd: Tensor) -> tuple[float, float, float]:
    goals = torch.tensor(_QUARTILES, dtype=torch.float64).log()
    low = (mean - 6 * sd).max().repeat(3)
    high = (mean + 10 * sd).max().repeat(3)
    for _ in range(_N_BISECTIONS):
        middle = 0.5 * (low + high)
        log_probability = torch.special.log_ndtr((middle.unsqueeze(1) - mean) / sd).sum(1)
        low = torch.where(log_probability < goals, middle, low)
        high = torch.where(log_probability < goals, high, middle)
    first, second, third = (0.5 * (low + high)).tolist()
    return first, second, third


def _log_variance_share(gamma: Tensor) -> Tensor:
    """Log of r (γ + r), the share of the variance of a standard normal that truncation above γ takes away."""
    log_ratio: Tensor = _log_density(gamma) - torch.special.log_ndtr(gamma)
    return log_ratio + (gamma + log_ratio.exp()).clamp_min(1e-12).log()


def _log_density(z: Tensor) -> Tensor:
    return -0.5 * z.square() - _LOG_SQRT_2PI
