"""A straight line by weighted least squares, with what it is known to anywhere along it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class StraightLine:
    """y = level + slope (x - pivot), whose level and slope are uncorrelated.

    Standard deviations are those that the points' own errors give; `scatter` says by how much the points ask for more.
    """

    slope: float
    slope_sigma: float
    pivot: float
    """The x at which the line is known best."""
    level: float
    """Its y there."""
    level_sigma: float
    reduced_chi_square: float | None
    """Scatter about the line in units of the points' own variances; None for two points."""

    @property
    def scatter(self) -> float:
        """By how much standard deviations grow where points scatter more than their own errors explain; at least 1."""
        return math.sqrt(max(1.0, self.reduced_chi_square or 0.0))

    def at(self, x: float) -> float:
        """The line's y."""
        return self.level + self.slope * (x - self.pivot)

    def sigma_at(self, x: float) -> float:
        """Standard deviation of that y, before `scatter`."""
        return math.hypot(self.level_sigma, self.slope_sigma * (x - self.pivot))


def fit_straight_line(x: Sequence[float], y: Sequence[float], sigma: Sequence[float]) -> StraightLine:
    """Fits y with weights 1/σ².

    Raises:
        InvalidValueError: If there are fewer than two different x, or a standard deviation is not above 0.
    """
    if len(set(x)) < 2:
        raise InvalidValueError("A line needs points at two places at least.", remedy="Give more points.")
    if any(value <= 0 for value in sigma):
        raise InvalidValueError("A standard deviation is not above 0.", remedy="Say how uncertain each point is.")
    weights = [1 / value**2 for value in sigma]
    total = sum(weights)
    pivot = sum(w * a for w, a in zip(weights, x, strict=True)) / total
    level = sum(w * b for w, b in zip(weights, y, strict=True)) / total
    spread = sum(w * (a - pivot) ** 2 for w, a in zip(weights, x, strict=True))
    slope = sum(w * (a - pivot) * (b - level) for w, a, b in zip(weights, x, y, strict=True)) / spread
    chi_square = sum(w * (b - level - slope * (a - pivot)) ** 2 for w, a, b in zip(weights, x, y, strict=True))
    return StraightLine(
        slope=slope,
        slope_sigma=1 / math.sqrt(spread),
        pivot=pivot,
        level=level,
        level_sigma=1 / math.sqrt(total),
        reduced_chi_square=chi_square / (len(x) - 2) if len(x) > 2 else None,
    )
