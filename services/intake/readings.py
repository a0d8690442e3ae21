"""What people read off, and what they correct of it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.cost import Cost
from domain.errors import InvalidValueError
from domain.json_value import JsonObject
from domain.measurement import Censoring, Measurement, Provenance
from domain.quantity import Quantity
from services.intake.remarks import REMARKS
from services.intake.units import convert


@dataclass(frozen=True, slots=True)
class Reading:
    """What somebody read off: the cells of the form that people fill in."""

    value: float
    unit: str
    sigma: float | None = None
    """Standard deviation in the same unit."""
    temperature_K: float | None = None
    censoring: Censoring = Censoring.NONE
    note: str = ""
    measured_at: datetime | None = None
    """UTC-aware; None for now."""

    def as_measurement(self, provenance: Provenance, cost: Cost, *, now: datetime) -> Measurement:
        """The same with its origin."""
        details: JsonObject = {"note": self.note} if self.note else {}
        return Measurement(
            value=self.value,
            unit=self.unit,
            sigma=self.sigma,
            provenance=provenance,
            cost=cost,
            measured_at=self.measured_at or now,
            censoring=self.censoring,
            temperature_K=self.temperature_K,
            details=details,
        )


class Part(StrEnum):
    """What a measurement may do without."""

    SIGMA = "sigma"
    TEMPERATURE = "temperature"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be other in a measurement. What is not said stays as it was."""

    value: float | None = None
    unit: str | None = None
    """Of the value, and of `sigma` beside it."""
    sigma: float | None = None
    """Without a value it is in the quantity's own unit."""
    temperature_K: float | None = None
    censoring: Censoring | None = None
    """Where it is not said, a new value is no bound, and a value that stays is what it was."""
    note: str | None = None
    measured_at: datetime | None = None
    """UTC-aware."""
    without: frozenset[Part] = frozenset()
    """What is to be left out, where there was some."""

    def __post_init__(self) -> None:
        if (self.value is None) != (self.unit is None):
            problem = "The new value has no unit." if self.unit is None else f"'{self.unit}' is the unit of no value."
            raise InvalidValueError(problem, remedy="Give the value with its unit, or neither.")
        given = {Part.SIGMA: self.sigma, Part.TEMPERATURE: self.temperature_K, Part.NOTE: self.note}
        twice = sorted(part.value for part in self.without if given[part] is not None)
        if twice:
            raise InvalidValueError(f"It is given and to be left out: {', '.join(twice)}.", remedy="Do one of the two.")

    def applied(self, before: Measurement, quantity: Quantity, *, worker: str) -> Measurement:
        """The measurement as it should have been, in the quantity's unit unless all of it is new.

        Args:
            before: As it stands, in the quantity's unit.
            quantity: What was measured.
            worker: Who corrects it.

        Raises:
            InvalidValueError: If the unit is unknown or measures something else, or the value is implausible.
        """
        changed = replace(
            before,
            value=before.value if self.value is None else self.value,
            unit=self.unit or before.unit,
            sigma=self.sigma,
            provenance=replace(before.provenance, worker=worker),
            censoring=self._censoring(before),
            temperature_K=self._temperature_K(before),
            measured_at=self.measured_at or before.measured_at,
            details=self._details(before),
        )
        if self.sigma is not None or before.sigma is None or Part.SIGMA in self.without:
            return changed
        # What stays is in the quantity's own unit, and so must be what it belongs to.
        return replace(convert(changed, quantity), sigma=before.sigma)

    def _censoring(self, before: Measurement) -> Censoring:
        if self.censoring is not None:
            return self.censoring
        return before.censoring if self.value is None else Censoring.NONE

    def _temperature_K(self, before: Measurement) -> float | None:
        if self.temperature_K is not None or Part.TEMPERATURE in self.without:
            return self.temperature_K
        return before.temperature_K

    def _details(self, before: Measurement) -> JsonObject:
        """Whatever else was kept stays too, but for what an earlier correction said."""
        dropped = {"correction", REMARKS, *(["note"] if Part.NOTE in self.without else [])}
        kept = {key: value for key, value in before.details.items() if key not in dropped}
        return {**kept, "note": self.note} if self.note else kept
