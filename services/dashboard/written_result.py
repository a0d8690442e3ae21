"""A result as people type it into the form of a sample or of a correction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final, Self

from fastapi import Form

from domain.errors import InvalidValueError
from domain.measurement import Censoring
from domain.quantity import Quantity
from services.api.forms import WrittenMeasurement
from services.dashboard.words import unit as written_unit
from services.intake.units import is_same_unit
from services.uploads.tables import Number, parse_number
from services.uploads.written import Written, read_sigma, read_written

_UNITS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "ionic_conductivity": ("S/cm", "mS/cm", "uS/cm", "S/m", "mS/m"),
        "formation_energy": ("eV/atom", "meV/atom"),
        "density": ("g/cm^3", "kg/m^3"),
        "band_gap": ("eV", "meV"),
    }
)
_CELSIUS: Final = "°C"
_TEMPERATURES: Final = {"°C": _CELSIUS, "℃": _CELSIUS, "C": _CELSIUS, "degC": _CELSIUS, "K": "K"}
Text = Annotated[str, Form(max_length=200)]


@dataclass(frozen=True, slots=True)
class WrittenResult:
    """The form as it was filled in, so that a refused one comes back with what was typed."""

    value: str = ""
    unit: str = ""
    sigma: str = ""
    censoring: str = Censoring.NONE.value
    temperature: str = ""
    temperature_unit: str = _CELSIUS
    measured_at: str = ""
    zone: str = "+00:00"
    note: str = ""

    def sorted_out(self, quantity: Quantity, untouched: Self) -> Self:
        """The same with each part in its own field, where unit or uncertainty were written with the number.

        What stands in the value goes before a field that was left as it came, and must agree with one that was changed.

        Args:
            quantity: What was measured.
            untouched: The form as it came.

        Raises:
            InvalidValueError: If the value cannot be read, says something else than a field beside it, or is in
                another unit while the standard deviation stands as it came.
        """
        if not self.value.strip():
            raise InvalidValueError("It is not said what was measured.", remedy="Write the value.")
        found = read_written(self.value)
        bound = parse_number(found.value).censoring.value
        beside = read_sigma(self.sigma) if self.sigma.strip() else Written("")
        if beside.unit and not is_same_unit(beside.unit, found.unit or self.unit, quantity):
            raise InvalidValueError(
                f"The standard deviation is in {beside.unit}, the value in {found.unit or written_unit(self.unit)}.",
                remedy="Write both in the unit beside them.",
            )
        unit = _agreed("unit", _choice_of(found.unit, quantity), self.unit, untouched.unit)
        if self.value.strip() != untouched.value and unit not in ("", untouched.unit) and not found.sigma:
            _require_new_sigma(beside, unit, untouched)
        kelvin = _separate_temperature(self.temperature)
        return replace(
            self,
            value=found.value.lstrip("<>=≤≥ "),
            unit=unit,
            sigma=_agreed("standard deviation", found.sigma, beside.value, untouched.sigma),
            censoring=_agreed("bound", bound.strip("="), self.censoring, untouched.censoring),
            temperature=kelvin.value,
            temperature_unit=_agreed(
                "unit of the temperature", kelvin.unit, self.temperature_unit, untouched.temperature_unit
            ),
        )

    def measurement(self) -> WrittenMeasurement:
        """What was sorted out, as the API takes it.

        Raises:
            InvalidValueError: If a number is none, or a time.
        """
        return WrittenMeasurement(
            value=parse_number(self.value).value,
            unit=self.unit,
            sigma=parse_number(self.sigma).value if self.sigma else None,
            temperature=f"{self.temperature} {self.temperature_unit}" if self.temperature else None,
            censoring=Censoring(self.censoring),
            note=self.note.strip(),
            measured_at=read_instant(self.measured_at, self.zone),
        )


async def written_result(  # noqa: PLR0913, PLR0917 - the fields of the form
    value: Text = "",
    unit: Text = "",
    sigma: Text = "",
    censoring: Annotated[str, Form(pattern="^[=<>]$")] = "=",
    temperature: Text = "",
    temperature_unit: Text = _CELSIUS,
    measured_at: Text = "",
    zone: Text = "+00:00",
    note: Annotated[str, Form(max_length=2000)] = "",
) -> WrittenResult:
    """Reads the form."""
    return WrittenResult(value, unit, sigma, censoring, temperature, temperature_unit, measured_at, zone, note)


def units_of(quantity: Quantity) -> tuple[str, ...]:
    """Units in which people read a quantity off; the store's own comes first."""
    return _UNITS.get(quantity.name, (quantity.unit,))


def read_instant(local: str, zone: str) -> datetime | None:
    """A time as a browser's form gives it, in the zone that a script adds; None for no time.

    Raises:
        InvalidValueError: If it is no time.
    """
    if not local.strip():
        return None
    try:
        instant = datetime.fromisoformat(f"{local.strip()}{zone.strip() or '+00:00'}")
    except ValueError as error:
        raise InvalidValueError(
            f"'{local[:40]}' is no time.", remedy="Choose day and time, or leave it empty for now."
        ) from error
    return instant


def _choice_of(written: str, quantity: Quantity) -> str:
    """The unit of the form that was written; empty where none was."""
    choices = units_of(quantity)
    found = [choice for choice in choices if written and is_same_unit(written, choice, quantity)]
    if written and not found:
        raise InvalidValueError(
            f"'{written[:40]}' is none of the units of the form.",
            remedy=f"Write the value in {' or '.join(map(written_unit, choices))}, and choose the unit beside it.",
        )
    return found[0] if found else ""


def _require_new_sigma(beside: Written, unit: str, untouched: WrittenResult) -> None:
    """Refuses to take a standard deviation that nobody touched for one in another unit."""
    if beside.value and beside.value == untouched.sigma and not beside.unit:
        raise InvalidValueError(
            f"The standard deviation, {beside.value}, is in {written_unit(untouched.unit)}, the value now in "
            f"{written_unit(unit)}.",
            remedy=f"Say the standard deviation in {written_unit(unit)} too, with its unit, or empty its field.",
        )


def _agreed(what: str, written: str, beside: str, untouched: str) -> str:
    """What holds of something that may be written with the value and in a field beside it."""
    if not written:
        return beside
    is_same = what == "standard deviation" and beside and parse_number(beside) == parse_number(written)
    if beside not in ("", written, untouched) and not is_same:
        raise InvalidValueError(
            f"The {what} is given twice: {written_unit(written)} and {written_unit(beside)}.",
            remedy="Write the number alone in its field, and the rest beside it.",
        )
    return written


def _separate_temperature(text: str) -> Written:
    """A temperature and the unit that was written with it, if one was."""
    if not text.strip():
        return Written("")
    refusal = InvalidValueError(
        f"'{text.strip()[:40]}' is no temperature.", remedy="Write it as 25, and choose °C or K beside it."
    )
    try:
        found = read_written(text)
    except InvalidValueError as error:
        raise refusal from error
    number = parse_number(found.value)
    if found.sigma or number != Number(number.value) or (found.unit and found.unit not in _TEMPERATURES):
        raise refusal
    return Written(found.value.replace(",", "."), unit=_TEMPERATURES.get(found.unit, ""))
