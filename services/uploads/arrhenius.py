"""Activation energy and conductivity at room temperature from conductivities at several temperatures.

    ln(σT) = ln A - E_a / (k_B T)

is a straight line in 1/T, fitted with weights 1/σ(ln σT)². The uncertainty is that of the line; where the points
scatter more than their own errors explain, it is scaled up to the scatter. An error that all points share, such as
that of the sample's thickness, moves the whole line: it is no part of the weights, leaves E_a alone, and is added to
the conductivity once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.constants import BOLTZMANN_EV_PER_K, ROOM_K
from domain.errors import InvalidValueError
from domain.straight_line import fit_straight_line

_NEAR_K: Final = 1.0
"""A point this near to room temperature counts as measured there."""
_SMALLEST_RELATIVE_SIGMA: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Point:
    """A conductivity at a temperature."""

    temperature_K: float
    conductivity_S_per_cm: float
    sigma_S_per_cm: float
    """Of what differs from point to point."""


@dataclass(frozen=True, slots=True)
class ArrheniusFit:
    """A line through conductivities."""

    activation_energy_eV: float
    activation_energy_sigma_eV: float
    conductivity_S_per_cm: float
    """At room temperature, 298.15 K."""
    conductivity_sigma_S_per_cm: float
    is_extrapolated: bool
    """Whether room temperature lies outside of what was measured."""
    reduced_chi_square: float | None
    """Scatter about the line in units of the points' own errors; None for two points."""
    pivot_K: float
    """Where the line is known best: its variance grows with the square of the distance in 1/T from there."""


def fit_arrhenius(points: Sequence[Point], *, shared_relative: float = 0.0) -> ArrheniusFit:
    """Fits the line.

    Args:
        points: Conductivities.
        shared_relative: Standard deviation of what all points share, as a share of the conductivity.

    Raises:
        InvalidValueError: If there are fewer than two temperatures, or a conductivity is not above 0.
    """
    if len({point.temperature_K for point in points}) < 2:
        raise InvalidValueError(
            "An activation energy needs at least two temperatures.", remedy="Hand in spectra at more temperatures."
        )
    if any(point.conductivity_S_per_cm <= 0 or point.temperature_K <= 0 for point in points):
        raise InvalidValueError("A conductivity or a temperature is not above 0.", remedy="Correct that spectrum.")
    room = 1 / ROOM_K
    x = [1 / point.temperature_K - room for point in points]
    y = [math.log(point.conductivity_S_per_cm * point.temperature_K) for point in points]
    relative = [max(p.sigma_S_per_cm / p.conductivity_S_per_cm, _SMALLEST_RELATIVE_SIGMA) for p in points]
    line = fit_straight_line(x, y, relative)
    conductivity = math.exp(line.at(0.0)) / ROOM_K
    temperatures = [point.temperature_K for point in points]
    return ArrheniusFit(
        activation_energy_eV=-line.slope * BOLTZMANN_EV_PER_K,
        activation_energy_sigma_eV=line.scatter * line.slope_sigma * BOLTZMANN_EV_PER_K,
        conductivity_S_per_cm=conductivity,
        conductivity_sigma_S_per_cm=conductivity * math.hypot(line.scatter * line.sigma_at(0.0), shared_relative),
        is_extrapolated=not min(temperatures) - _NEAR_K <= ROOM_K <= max(temperatures) + _NEAR_K,
        reduced_chi_square=line.reduced_chi_square,
        pivot_K=1 / (room + line.pivot),
    )
