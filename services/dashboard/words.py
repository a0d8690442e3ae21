"""How pages write numbers, times and states: with sensible digits, units and uncertainty."""

import math
from datetime import datetime, timedelta
from typing import Final, cast

from domain.json_value import JsonObject
from domain.measurement import Censoring, Measurement
from domain.space_groups import SpaceGroup
from services.reports.units import written_unit

MINUS: Final = "−"
_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_ZERO_CELSIUS_K: Final = 273.15
_DIGITS: Final = 4
"""Significant digits of a number whose uncertainty nobody knows."""


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


def quantity(value: float, unit_name: str, *, sigma: float | None = None, censoring: Censoring = Censoring.NONE) -> str:
    """A value with its unit; its uncertainty has two digits, and the value ends where they end."""
    bound = "" if censoring is Censoring.NONE else f"{censoring.value} "
    if sigma is None or sigma == 0 or not math.isfinite(sigma):
        return f"{bound}{number(value)} {unit(unit_name)}".strip()
    return f"{bound}{_with_uncertainty(value, sigma)} {unit(unit_name)}".strip()


def measured(measurement: Measurement) -> str:
    """The value of a measurement with unit and uncertainty."""
    return quantity(measurement.value, measurement.unit, sigma=measurement.sigma, censoring=measurement.censoring)


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
