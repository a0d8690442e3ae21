"""From where to where a value is expected, on the scale on which errors of its quantity are alike.

What is known only to a factor of ten must not be shown as `1 ± 5`: no conductivity is negative. Half a width that is
kept in the quantity's own unit is turned back into the factor that it came from.
"""

import math
from dataclasses import dataclass

from domain.quantity import Scale

_LARGEST_LOG: float = 690.0
"""exp of it is still a number, and its inverse too."""


@dataclass(frozen=True, slots=True)
class Interval:
    """What holds a value with a probability of 68 %."""

    low: float
    high: float

    def worse(self, sign: int) -> float:
        """The end that can be promised: the lower one where larger values are better (`sign` +1), else the upper."""
        return self.low if sign > 0 else self.high


def believed_interval(mean: float, sd: float, scale: Scale) -> Interval:
    """The interval of a belief, from its median and half the width of that interval, as surrogates give them.

    On a logarithmic scale the interval goes from `mean / f` to `mean * f`, whose half width is `mean * sinh(ln f)`.

    Args:
        mean: Median, in the quantity's unit.
        sd: Half the width, in the same unit.
        scale: Of the quantity.
    """
    if scale is not Scale.LOG10 or mean <= 0:
        return Interval(mean - sd, mean + sd)
    root = math.hypot(mean, sd)
    return Interval(mean * (mean / (root + sd)), root + sd)  # root - sd, without the loss of digits


def measured_interval(value: float, sigma: float, scale: Scale) -> Interval:
    """The interval of a measurement, from its value and its standard deviation, as its maker gives them.

    On a logarithmic scale a deviation of `sigma` is one of `sigma / value` in the natural logarithm, as the surrogate
    takes it: that is what is known where errors are small, and a convention where they are not.

    Args:
        value: In the quantity's unit.
        sigma: In the same unit.
        scale: Of the quantity.
    """
    if scale is not Scale.LOG10 or value <= 0:
        return Interval(value - sigma, value + sigma)
    factor = math.exp(min(sigma / value, _LARGEST_LOG))
    return Interval(value / factor, value * factor)


def log_deviation(mean: float, sd: float) -> float:
    """The deviation in decades of a belief on a logarithmic scale, from its median and half width in one unit."""
    return math.asinh(sd / mean) / math.log(10)
