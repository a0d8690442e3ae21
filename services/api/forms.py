"""What people write down of a measurement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from domain.errors import InvalidValueError
from domain.measurement import Censoring
from services.intake.readings import Reading
from services.intake.units import read_temperature_K


@dataclass(frozen=True, slots=True)
class WrittenMeasurement:
    """A number with its unit. Everything else may be left out."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    value: Annotated[float, Field(examples=[0.0012])]
    unit: Annotated[str, Field(min_length=1, max_length=60, examples=["S/cm"])]
    sigma: float | None = None
    """One standard deviation, in the same unit."""
    temperature: Annotated[str, Field(max_length=40, examples=["25 degC"])] | None = None
    """With its unit: a bare number is refused."""
    censoring: Censoring = Censoring.NONE
    """`<` or `>` where the value is only a bound."""
    note: Annotated[str, Field(max_length=2000)] = ""
    measured_at: datetime | None = None
    """With its time zone; now where left out."""

    def reading(self) -> Reading:
        """The same as intake reads it.

        Raises:
            InvalidValueError: If the temperature has no unit or is impossible, or the time has no zone.
        """
        require_time_zone(self.measured_at)
        return Reading(
            value=self.value,
            unit=self.unit,
            sigma=self.sigma,
            temperature_K=None if self.temperature is None else read_temperature_K(self.temperature),
            censoring=self.censoring,
            note=self.note,
            measured_at=self.measured_at,
        )


def require_time_zone(measured_at: datetime | None) -> None:
    """Refuses a time that may be any of several.

    Raises:
        InvalidValueError: If it has no time zone.
    """
    if measured_at is not None and measured_at.utcoffset() is None:
        raise InvalidValueError("measured_at has no time zone.", remedy="Write it like 2026-05-01T12:00:00+02:00.")
