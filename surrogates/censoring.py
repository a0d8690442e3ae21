"""Values that are only known to lie beyond a bound, as normal observations that say the same.

Legend: N observations.

The belief from the exact values, f ~ N(μ, s²), is cut at the bound; the observation whose product with the belief has
the cut belief's mean and variance stands for the bound (one sweep of expectation propagation). A bound that the belief
already keeps says almost nothing; one that contradicts it moves it.

Source: Minka, UAI 2001; Groot and Lucas, "Gaussian process regression with censored data using EP", PGM 2012.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_SMALLEST_PRECISION_RATIO = 1e-9


@dataclass(frozen=True, slots=True)
class Bounds:
    """Censored observations in warped units."""

    bound: Tensor
    """`[N]`"""
    is_above: Tensor
    """`[N]` bool: the value lies above the bound, else below it."""
    noise_variance: Tensor
    """`[N]`"""


def equivalent_observations(mean: Tensor, variance: Tensor, bounds: Bounds) -> tuple[Tensor, Tensor]:
    """Normal observations that stand for bounds.

    Args:
        mean: `[N]` μ of the value without noise, from the exact observations.
        variance: `[N]` s².
        bounds: What was seen.

    Returns:
        Values `[N]` and their noise variances `[N]`; both finite.
    """
    direction = torch.where(bounds.is_above, 1.0, -1.0).to(torch.float64)
    total = variance + bounds.noise_variance
    z = (direction * (mean - bounds.bound) / total.sqrt()).clamp(-1e3, 1e6)
    log_ratio = -0.5 * z.square() - 0.5 * math.log(2 * math.pi) - torch.special.log_ndtr(z)
    ratio = log_ratio.exp()
    cut_mean = mean + direction * variance / total.sqrt() * ratio
    removed = (variance / total * (ratio * (z + ratio))).clamp(_SMALLEST_PRECISION_RATIO, 1 - 1e-9)
    cut_variance = variance * (1 - removed)
    precision = 1 / cut_variance - 1 / variance
    value = (cut_mean / cut_variance - mean / variance) / precision
    return value, 1 / precision
