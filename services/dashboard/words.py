"""How pages write numbers, times and states: with sensible digits, units and uncertainty."""

import math
from datetime import datetime, timedelta
from typing import Final, cast

from domain.json_value import JsonObject
from domain.measurement import Censoring, Measurement
from domain.quantity import QUANTITIES, Scale
from domain.space_groups import SpaceGroup
from domain.uncertainty import Interval, believed_interval, measured_interval
from services.reports.units import written_unit

MINUS: Final = "−"
_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_ZERO_CELSIUS_K: Final = 273.15
_DIGITS: Final = 4
"""Significant digits of a number whose uncertainty nobody knows."""
_LOGARITHMIC_UNITS: Final = frozenset(each.unit for each in QUANTITIES.values() if each.scale is Scale.LOG10)
_LOPSIDED: Final = 1.35
"""An interval whose upper part is so much longer than its lower one is not told as value ± uncertainty."""
_LARGEST_FACTOR: Final = 1e6
"""Beyond it, nobody reads the ends of an interval."""
_LARGEST_FACTOR_WITH_ONE_POWER: Final = 50.0
"""Beyond it, the ends of an interval each have their own power of ten."""


def unit(name: str) -> str:
    """A unit as people write it."""
    return written_unit(name)


def number(value: float | None, digits: int = _DIGITS) -> str:
    """A number with so many significant digits: plainly where that is short, with a power of ten elsewhere."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -3 <= exponent < 6:
        decimals = max(0, digits - 1 - exponent)
        return _signed(f"{value:.{decimals}f}")
    return _power(value, exponent, digits - 1)


def quantity(
    value: float,
    unit_name: str,
    *,
    sigma: float | None = None,
    censoring: Censoring = Censoring.NONE,
    scale: Scale | None = None,
) -> str:
    """A value with its unit; its uncertainty has two digits, and the value ends where they end.

    Args:
        value: The number.
        unit_name: Its unit; empty where that stands nearby.
        sigma: One standard deviation, in the same unit. Where it is large and the scale logarithmic, the interval is
            told in its place.
        censoring: Whether the value is a bound.
        scale: On which errors are alike; that of the quantities of the unit where it is left out.
    """
    bound = "" if censoring is Censoring.NONE else f"{censoring.value} "
    if not sigma or not math.isfinite(sigma):
        return f"{bound}{number(value)} {unit(unit_name)}".strip()
    shown = _within(value, sigma, measured_interval(value, sigma, scale or _scale_of(unit_name)))
    return f"{bound}{shown} {unit(unit_name)}".strip()


def believed(mean: float, unit_name: str, *, sd: float | None, scale: Scale | None = None) -> str:
    """What is expected, and how sure that is: ± on a linear scale, from where to where on a logarithmic one."""
    if not sd or not math.isfinite(sd):
        return quantity(mean, unit_name)
    interval = believed_interval(mean, sd, scale or _scale_of(unit_name))
    return f"{_within(mean, sd, interval)} {unit(unit_name)}".strip()


def measured(measurement: Measurement, *, with_unit: bool = True) -> str:
    """The value of a measurement with unit and uncertainty."""
    return quantity(
        measurement.value,
        measurement.unit if with_unit else "",
        sigma=measurement.sigma,
        censoring=measurement.censoring,
        scale=_scale_of(measurement.unit),
    )


def reading(understood: JsonObject) -> str:
    """What a row of an upload was read as: the value with its unit, and at which temperature."""
    value = quantity(
        cast(float, understood["value"]),
        str(understood["unit"]),
        sigma=cast(float | None, understood.get("sigma")),
        censoring=Censoring(str(understood.get("censoring") or Censoring.NONE.value)),
    )
    kelvin = cast(float | None, understood.get("temperature_K"))
    return value if kelvin is None else f"{value} at {temperature(kelvin)}"


def temperature(kelvin: float) -> str:
    """A temperature as people in laboratories say it, and as it is kept."""
    return _signed(f"{kelvin - _ZERO_CELSIUS_K:.4g} °C ({kelvin:.5g} K)")


def amount(value: float, unit_name: str) -> str:
    """An amount of money, or of what a campaign counts its costs in."""
    return f"{bare_amount(value)} {unit_name}"


def bare_amount(value: float) -> str:
    """The same where its unit stands nearby."""
    is_plain = value == 0 or 0.1 <= abs(value) < 1e9
    return _signed(f"{value:,.2f}".rstrip("0").rstrip(".")) if is_plain else number(value)


def size(n_bytes: int) -> str:
    """How large a file is, in the unit that fits."""
    for factor, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.3g} {name}"
    return f"{n_bytes} bytes"


def share(value: float) -> str:
    """A share in percent."""
    return f"{100 * value:.0f} %"


def change(relative: float) -> str:
    """How much larger or smaller something is, in percent."""
    return _signed(f"{100 * relative:+.1f} %")


def duration(seconds: float) -> str:
    """How long something takes, in the unit that fits."""
    for size, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {name}"
    return f"{seconds:.3g} s"


def between(earlier: datetime, later: datetime) -> str:
    """How much time lies between two instants."""
    return duration(max(timedelta(), later - earlier).total_seconds())


def plain(name: str) -> str:
    """A name of the code in people's words: `awaiting_approval` becomes `awaiting approval`."""
    return name.replace("_", " ")


def space_group(number: int | None) -> str:
    """A space group by symbol and number."""
    return "unknown" if number is None else f"{SpaceGroup(number).symbol} ({number})"


def _scale_of(unit_name: str) -> Scale:
    return Scale.LOG10 if unit_name in _LOGARITHMIC_UNITS else Scale.IDENTITY


def _within(value: float, sigma: float, interval: Interval) -> str:
    is_lopsided = interval.high - value > _LOPSIDED * (value - interval.low)
    return _with_interval(value, interval) if is_lopsided else _with_uncertainty(value, sigma)


def _with_interval(value: float, interval: Interval) -> str:
    """A value and the ends of its interval, with two digits each, of one power of ten where they are near."""
    ends = interval.low, interval.high
    if interval.high > _LARGEST_FACTOR * value:
        return f"{number(value, 2)} (to more than a factor of a million)"
    if interval.high > _LARGEST_FACTOR_WITH_ONE_POWER * value:
        low, high = (number(end, 2) for end in ends)
        return f"{number(value, 2)} ({low} to {high})"
    exponent = math.floor(math.log10(value))
    if -2 <= exponent < 4:
        return f"{number(value, 2)} ({number(ends[0], 2)} to {number(ends[1], 2)})"
    scale = 10.0**exponent
    low, high = (number(end / scale, 2) for end in ends)
    return f"{number(value / scale, 2)} ({low} to {high}) × 10{str(exponent).translate(_SUPERSCRIPTS)}"


def _with_uncertainty(value: float, sigma: float) -> str:
    place = 1 - math.floor(math.log10(sigma))
    exponent = math.floor(math.log10(max(abs(value), sigma)))
    if -3 <= exponent < 6 and place <= 8:
        decimals = max(0, place)
        return f"{_signed(f'{value:.{decimals}f}')} ± {sigma:.{decimals}f}"
    scale = 10.0**exponent
    decimals = max(0, place + exponent)
    mantissa = _signed(f"{value / scale:.{decimals}f}")
    return f"({mantissa} ± {sigma / scale:.{decimals}f}) × 10{str(exponent).translate(_SUPERSCRIPTS)}"


def _power(value: float, exponent: int, decimals: int) -> str:
    mantissa = _signed(f"{value / 10.0**exponent:.{decimals}f}".rstrip("0").rstrip("."))
    return f"{mantissa} × 10{str(exponent).translate(_SUPERSCRIPTS)}"


def _signed(text: str) -> str:
    return text.replace("-", MINUS)
