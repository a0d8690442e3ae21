"""What looks like a mistake in a measurement without being impossible: whoever hands it in confirms it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.errors import UnconfirmedValueError
from domain.measurement import Measurement
from domain.quantity import Quantity, Scale
from domain.search_space import SearchSpace

COLDEST_USUAL_K: Final = 150.0
"""Colder than this few laboratories measure crystals, and most such numbers are degrees Celsius."""
HOTTEST_USUAL_K: Final = 2000.0

REMARKS: Final = "remarks"
"""Where a measurement that nobody has confirmed keeps what is unusual about it: among its details, in sentences."""


class RemarkKind(StrEnum):
    """What is remarkable."""

    VALUE = "value"
    SIGMA = "sigma"
    TEMPERATURE = "temperature"
    TEMPERATURE_MISSING = "temperature_missing"
    ELEMENTS = "elements"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something in a measurement that looks like a mistake."""

    kind: RemarkKind
    message: str
    """One sentence that says what is remarkable, and what may have been meant."""


def remarks_on(measurement: Measurement, quantity: Quantity) -> tuple[Remark, ...]:
    """What looks like a mistake in a measurement.

    Args:
        measurement: In the quantity's unit.
        quantity: What was measured.
    """
    found = (
        _remark_on_value(measurement, quantity),
        _remark_on_sigma(measurement, quantity),
        _remark_on_temperature(measurement, quantity),
    )
    return tuple(remark for remark in found if remark is not None)


def remark_on_elements(symbols: Iterable[str], space: SearchSpace) -> Remark | None:
    """What to say of a measured crystal from whose elements a campaign cannot learn.

    Args:
        symbols: The crystal's elements.
        space: Where the campaign searches.
    """
    outside = sorted(set(symbols).difference(space.elements))
    if not outside:
        return None
    return Remark(
        RemarkKind.ELEMENTS,
        f"{', '.join(outside)} is not among the campaign's elements ({', '.join(space.elements)}): it teaches nothing "
        "here.",
    )


def require_confirmed(remarks: Sequence[Remark], *, is_confirmed: bool) -> None:
    """Refuses a remarkable measurement that nobody has confirmed.

    Raises:
        UnconfirmedValueError: With every remark.
    """
    if remarks and not is_confirmed:
        raise UnconfirmedValueError(
            " ".join(remark.message for remark in remarks),
            remedy="Correct it, or confirm that it is meant as it stands.",
        )


def _remark_on_value(measurement: Measurement, quantity: Quantity) -> Remark | None:
    value = measurement.value
    low, high = quantity.usual
    if low <= value <= high:
        return None
    side, limit = ("low", low) if value < low else ("high", high)
    return Remark(
        RemarkKind.VALUE,
        f"{quantity.name} of {value:g} {quantity.unit} is unusually {side}; "
        f"{'at least' if side == 'low' else 'at most'} {limit:g} {quantity.unit} is usual.",
    )


def _remark_on_sigma(measurement: Measurement, quantity: Quantity) -> Remark | None:
    has_natural_zero = quantity.scale is Scale.LOG10 or quantity.low >= 0
    if measurement.sigma is None or not has_natural_zero or measurement.sigma <= abs(measurement.value):
        return None
    return Remark(
        RemarkKind.SIGMA,
        f"The standard deviation of {measurement.sigma:g} {measurement.unit} is larger than the value of "
        f"{measurement.value:g} {measurement.unit}; is it in another unit?",
    )


def _remark_on_temperature(measurement: Measurement, quantity: Quantity) -> Remark | None:
    kelvin = measurement.temperature_K
    if kelvin is None:
        if not quantity.depends_on_temperature:
            return None
        return Remark(
            RemarkKind.TEMPERATURE_MISSING, f"{quantity.name} depends on the temperature, which was not given."
        )
    if kelvin < COLDEST_USUAL_K:
        return Remark(
            RemarkKind.TEMPERATURE, f"A temperature of {kelvin:g} K is unusually low; was {kelvin:g} °C meant?"
        )
    if kelvin > HOTTEST_USUAL_K:
        return Remark(RemarkKind.TEMPERATURE, f"A temperature of {kelvin:g} K is unusually high.")
    return None
