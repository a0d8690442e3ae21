"""Activation energy, and conductivity at a temperature that was not run, from runs at several temperatures.

    ln(σT) = ln A - E_a / (k_B T)

Runs that show a conductivity count with their own error in ln σ. A run that only bounds it counts by the probability
of seeing so little: with c and s the middle and the width of the bound's law in ln(σT), that is Φ((c - y) / s) where
the line says y, which is 5 % for a line through the bound itself. The line is the most likely one, and intervals are by
profile likelihood: all lines that are less likely than the best by at most 1.92 in ln L, where ln L is divided by the
reduced χ² if diffusive runs scatter more than their errors explain. Without bounds this is the weighted least squares
of `domain.straight_line`.

An interval far below the temperatures that were run holds if one mechanism acts all the way down. Nothing here can know
that; a phase transition on the way makes the extrapolation worthless.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_ndtr

from domain.constants import BOLTZMANN_EV_PER_K
from domain.errors import InvalidValueError
from domain.measurement import Censoring
from domain.straight_line import StraightLine, fit_straight_line
from oracles.transport.bound import ONE_SIDED_95
from oracles.transport.conductivity import Conductivity
from oracles.transport.diffusion import TWO_SIDED_95

EXTRAPOLATION_K: Final = 300.0
"""Where runs are extrapolated to unless asked otherwise, as simulations in the literature are."""
FEWEST_TEMPERATURES: Final = 3
_FEWEST_DIFFUSIVE: Final = 2
_LIKELY: Final = TWO_SIDED_95**2
"""Rise of -2 ln L to the ends of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class ArrheniusFit:
    """The most likely line, its activation energy and a conductivity along it."""

    activation_energy_eV: float
    activation_energy_interval_eV: tuple[float, float]
    """95 %."""
    temperature_K: float
    """Where the conductivity is for."""
    conductivity: Conductivity
    """At that temperature."""
    is_extrapolated: bool
    """Whether that lies outside of the temperatures at which ions were seen to diffuse."""
    n_diffusive: int
    n_bounds: int
    reduced_chi_square: float | None
    """Scatter of the diffusive runs about the line in units of their own variances; None for two."""


def what_is_missing(conductivities: Sequence[Conductivity]) -> str | None:
    """What runs a line still needs, in the user's words; None if nothing is missing."""
    temperatures = {one.temperature_K for one in conductivities}
    diffusive = {one.temperature_K for one in conductivities if one.censoring is Censoring.NONE}
    missing = []
    if len(temperatures) < FEWEST_TEMPERATURES:
        missing.append(f"runs at {FEWEST_TEMPERATURES} temperatures ({len(temperatures)} so far)")
    if len(diffusive) < _FEWEST_DIFFUSIVE:
        missing.append(f"ions that diffuse at {_FEWEST_DIFFUSIVE} of them ({len(diffusive)} so far)")
    return f"An activation energy needs {' and '.join(missing)}." if missing else None


def fit_arrhenius(conductivities: Sequence[Conductivity], *, temperature_K: float = EXTRAPOLATION_K) -> ArrheniusFit:
    """Fits the line and reads it at a temperature.

    Args:
        conductivities: Of one crystal, at several temperatures.
        temperature_K: Where its conductivity is wanted.

    Raises:
        InvalidValueError: If there are too few temperatures, or too few at which ions diffuse.
    """
    missing = what_is_missing(conductivities)
    if missing is not None:
        raise InvalidValueError(missing, remedy="Run longer, or at more and higher temperatures below melting.")
    points = _Points.of(conductivities, origin_K=temperature_K)
    line = points.diffusive_line()
    wanted = _Profile(points.misfit_at_level, guess=line.at(0.0), step=line.sigma_at(0.0), inner=line.slope)
    energy = _Profile(points.misfit_at_slope, guess=line.slope, step=line.slope_sigma, inner=line.level)
    allowed = _LIKELY * line.scatter**2
    (low_level, level, high_level), (low_slope, slope, high_slope) = wanted.interval(allowed), energy.interval(allowed)
    diffusive = [one.temperature_K for one in conductivities if one.censoring is Censoring.NONE]
    return ArrheniusFit(
        activation_energy_eV=-slope,
        activation_energy_interval_eV=(-high_slope, -low_slope),
        temperature_K=temperature_K,
        conductivity=Conductivity(
            value_S_per_cm=math.exp(level) / temperature_K,
            low_S_per_cm=math.exp(low_level) / temperature_K,
            high_S_per_cm=math.exp(high_level) / temperature_K,
            log_sigma=(high_level - low_level) / (2 * TWO_SIDED_95),
            temperature_K=temperature_K,
            assumptions=conductivities[0].assumptions,
        ),
        is_extrapolated=not min(diffusive) <= temperature_K <= max(diffusive),
        n_diffusive=len(diffusive),
        n_bounds=len(conductivities) - len(diffusive),
        reduced_chi_square=line.reduced_chi_square,
    )


def bound_below(conductivities: Sequence[Conductivity], *, temperature_K: float = EXTRAPOLATION_K) -> Conductivity:
    """What the conductivity is at most at a temperature below those that were run, where no line can be fitted.

    Activation energies are not negative, so σT never rises on cooling: each run bounds what is below it, by its own
    bound or the upper end of its interval. The lowest of these is taken.

    Raises:
        InvalidValueError: If no run was at that temperature or above.
    """
    above = [one for one in conductivities if one.temperature_K >= temperature_K]
    if not above:
        raise InvalidValueError(
            f"No run was at {temperature_K:g} K or above.",
            remedy="Run at a higher temperature, or ask for a lower one.",
        )
    lowest = min(above, key=lambda one: one.high_S_per_cm * one.temperature_K)
    bound = lowest.high_S_per_cm * lowest.temperature_K / temperature_K
    return Conductivity(
        value_S_per_cm=bound,
        low_S_per_cm=0.0,
        high_S_per_cm=bound,
        log_sigma=lowest.log_sigma,
        temperature_K=temperature_K,
        assumptions=lowest.assumptions,
        censoring=Censoring.BELOW,
    )


@dataclass(frozen=True, slots=True)
class _Points:
    """ln(σT) against 1 / (k_B T), counted from the temperature that is asked for; diffusive runs and bounds apart."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    sigma: tuple[float, ...]
    is_bound: tuple[bool, ...]

    @classmethod
    def of(cls, conductivities: Sequence[Conductivity], *, origin_K: float) -> _Points:
        is_bound = tuple(one.censoring is not Censoring.NONE for one in conductivities)
        middles = [
            math.log(one.value_S_per_cm) - (ONE_SIDED_95 * one.log_sigma if bound else 0.0)
            for one, bound in zip(conductivities, is_bound, strict=True)
        ]
        return cls(
            x=tuple((1 / one.temperature_K - 1 / origin_K) / BOLTZMANN_EV_PER_K for one in conductivities),
            y=tuple(middle + math.log(one.temperature_K) for one, middle in zip(conductivities, middles, strict=True)),
            sigma=tuple(one.log_sigma for one in conductivities),
            is_bound=is_bound,
        )

    def diffusive_line(self) -> StraightLine:
        rows = [row for row in zip(self.x, self.y, self.sigma, self.is_bound, strict=True) if not row[3]]
        return fit_straight_line([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])

    def misfit(self, level: float, slope: float) -> float:
        """-2 ln L of a line, up to a constant."""
        away = (np.array(self.y) - level - slope * np.array(self.x)) / np.array(self.sigma)
        terms = np.where(self.is_bound, -2 * log_ndtr(away), away**2)
        return float(terms.sum())

    def misfit_at_level(self, level: float, slope: float) -> float:
        return self.misfit(level, slope)

    def misfit_at_slope(self, slope: float, level: float) -> float:
        return self.misfit(level, slope)


@dataclass(frozen=True, slots=True)
class _Profile:
    """A function of two numbers, minimised over the second."""

    function: Callable[[float, float], float]
    guess: float
    """Of the first number."""
    step: float
    """Standard deviation of the first number."""
    inner: float
    """A guess of the second number."""

    def lowest(self, first: float) -> float:
        best = minimize_scalar(lambda second: self.function(first, second), bracket=(self.inner, self.inner + 0.1))
        return float(best.fun)

    def interval(self, allowed: float) -> tuple[float, float, float]:
        """Where it is lowest, between the two places where it is higher by `allowed`; it is convex."""
        best = minimize_scalar(self.lowest, bracket=(self.guess, self.guess + self.step))
        middle, level = float(best.x), float(best.fun) + allowed
        return self._crossing(middle, -self.step, level), middle, self._crossing(middle, self.step, level)

    def _crossing(self, middle: float, step: float, level: float) -> float:
        away = step
        while self.lowest(middle + away) < level:
            away *= 2
        return float(brentq(lambda first: self.lowest(first) - level, middle, middle + away))
