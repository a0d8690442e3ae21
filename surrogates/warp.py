"""Values as the surrogate sees them: larger is better, typical values near 0, wild ones tamed.

    t = asinh((u - centre_m) / spread_m),    u = ± y, or ± log10 y where errors are alike on that scale

asinh is the identity near the centre and a logarithm far from it: the +50 eV/atom of an overlapping cell stays worse
than +5 but cannot drown differences of 0.05 among good crystals. The order of values is kept and the map is inverted
exactly. Centre and spread come from each fidelity's own values; the spread is that of its better half, where the
search goes.

Legend: N values, M fidelities.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from domain.errors import SurrogateError
from domain.quantity import Objective, Scale

_FEWEST_FOR_SPREAD = 3
_NORMAL_FROM_MEDIAN_DEVIATION = 1.4826
_LARGEST_WARPED = 20.0
"""sinh of it is 2e8: predictions beyond say nothing more."""
_LARGEST_LOG10 = 300.0


@dataclass(frozen=True, slots=True)
class Warp:
    """A strictly increasing map of goodness at each fidelity."""

    sign: int
    """+1 where larger values are better, -1 where smaller ones are."""
    is_logarithmic: bool
    center: Tensor
    """`[M]`"""
    spread: Tensor
    """`[M]`, positive."""

    def apply(self, values: Tensor, levels: Tensor) -> Tensor:
        """Warps values `[N]` seen at fidelities `[N]`."""
        return torch.asinh((self._oriented(values) - self.center[levels]) / self.spread[levels])

    def slope(self, values: Tensor, levels: Tensor) -> Tensor:
        """Size of the derivative of `apply`, `[N]`: carries a known standard deviation over."""
        stretched = (self._oriented(values) - self.center[levels]) / self.spread[levels]
        outer = 1 / (self.spread[levels] * torch.hypot(stretched, torch.ones_like(stretched)))
        return outer / (values.abs() * math.log(10)) if self.is_logarithmic else outer

    def invert(self, warped: Tensor, level: int) -> Tensor:
        """Values `[N]` in the quantity's unit from warped ones `[N]`, clipped where they would overflow."""
        tamed = warped.clamp(-_LARGEST_WARPED, _LARGEST_WARPED)
        oriented = self.sign * (self.center[level] + self.spread[level] * torch.sinh(tamed))
        if self.is_logarithmic:
            return 10 ** oriented.clamp(-_LARGEST_LOG10, _LARGEST_LOG10)
        return oriented

    def _oriented(self, values: Tensor) -> Tensor:
        return self.sign * (values.log10() if self.is_logarithmic else values)


def fit_warp(values: Tensor, levels: Tensor, *, n_levels: int, objective: Objective) -> Warp:
    """Finds centre and spread of each fidelity.

    A fidelity with few values borrows from the nearest one on the ladder that has enough.

    Args:
        values: `[N]` in the quantity's unit; none at all is allowed.
        levels: `[N]` rank of the fidelity of each.
        n_levels: M.
        objective: What counts as better.

    Raises:
        SurrogateError: If a value is not positive and the quantity's scale is logarithmic.
    """
    is_logarithmic = objective.measured.scale is Scale.LOG10
    if is_logarithmic and bool((values <= 0).any()):
        raise SurrogateError(
            f"{objective.quantity} is learned on a logarithmic scale, but an observation is {float(values.min()):g}.",
            remedy="Supersede it with the bound that was measured, such as '< 1e-12', or with a failure.",
        )
    oriented = objective.sign * (values.log10() if is_logarithmic else values)
    by_level = [oriented[levels == level] for level in range(n_levels)]
    centers = [float(own.quantile(0.5)) if len(own) else None for own in by_level]
    spreads = [_spread(own) for own in by_level]
    return Warp(
        sign=objective.sign,
        is_logarithmic=is_logarithmic,
        center=torch.tensor(_fill(centers, fallback=0.0), dtype=torch.float64),
        spread=torch.tensor(_fill(spreads, fallback=_spread(oriented) or 1.0), dtype=torch.float64),
    )


def _spread(values: Tensor) -> float | None:
    """Robust standard deviation of the better half; None where values are few or alike."""
    if len(values) < _FEWEST_FOR_SPREAD:
        return None
    above = values - values.quantile(0.5)
    robust = _NORMAL_FROM_MEDIAN_DEVIATION * float(above[above >= 0].quantile(0.5))
    spread = robust if robust > 0 else float(values.std())
    # below that, differences are rounding errors of the values themselves
    return spread if 1e-9 * float(values.abs().max()) < spread < math.inf else None


def _fill(found: list[float | None], *, fallback: float) -> list[float]:
    """Replaces what is missing by the nearest entry that is not, the upper one first."""
    known = [index for index, entry in enumerate(found) if entry is not None]
    filled = []
    for index in range(len(found)):
        nearest = min(known, key=lambda other: (abs(other - index), -other), default=None)
        entry = None if nearest is None else found[nearest]
        filled.append(fallback if entry is None else entry)
    return filled
