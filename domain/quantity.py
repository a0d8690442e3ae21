"""What is measured: names, units, scales and plausible bounds. One table for all of Petalite."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final

from domain.errors import InvalidValueError
from domain.measurement import Censoring


class Scale(StrEnum):
    """On which scale errors of a quantity are alike."""

    IDENTITY = "identity"
    LOG10 = "log10"


class Goal(StrEnum):
    """Which end of a quantity a campaign looks for."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something measurable about a crystal."""

    name: str
    unit: str
    """The one unit in which the store keeps it."""
    scale: Scale
    low: float
    """Smallest plausible value; anything below is refused."""
    high: float
    """Largest plausible value; anything above is refused."""
    usual_low: float | None = None
    """What is below is remarked on, and must be confirmed by whoever hands it in; None where `low` says enough."""
    usual_high: float | None = None
    """What is above is remarked on; None where `high` says enough."""
    depends_on_temperature: bool = False
    """Whether a value means little without the temperature at which it was measured."""

    @property
    def usual(self) -> tuple[float, float]:
        """The values on which nobody remarks, from the smallest to the largest."""
        low = self.low if self.usual_low is None else self.usual_low
        return low, self.high if self.usual_high is None else self.usual_high

    def shown(self, value: float) -> str:
        """The value as people read it: three decimals, or three significant digits on a logarithmic scale."""
        return f"{value:.3g}" if self.scale is Scale.LOG10 else f"{value:.3f}"

    def require_plausible(self, value: float) -> None:
        """Refuses a value that is not finite or lies outside the bounds.

        Raises:
            InvalidValueError: If it does.
        """
        if not self.low <= value <= self.high:
            raise InvalidValueError(
                f"{self.name} of {float(value)} {self.unit} is implausible; "
                f"{self.low:g} to {self.high:g} {self.unit} was expected.",
                remedy="Check the number and its unit.",
            )


_ALL = (
    Quantity("formation_energy", "eV/atom", Scale.IDENTITY, -20.0, 100.0, usual_low=-6.0, usual_high=3.0),
    Quantity("density", "g/cm^3", Scale.IDENTITY, 1e-4, 50.0, usual_low=0.3, usual_high=23.0),
    Quantity("band_gap", "eV", Scale.IDENTITY, 0.0, 30.0, usual_high=15.0),
    Quantity("migration_barrier", "eV", Scale.IDENTITY, 0.0, 20.0, usual_high=5.0),
    Quantity(
        "ionic_conductivity",
        "S/cm",
        Scale.LOG10,
        1e-30,
        1e3,
        usual_low=1e-17,
        usual_high=1.0,
        depends_on_temperature=True,
    ),
)
QUANTITIES: Final[Mapping[str, Quantity]] = MappingProxyType({quantity.name: quantity for quantity in _ALL})


def quantity(name: str) -> Quantity:
    """Finds a quantity by name.

    Raises:
        InvalidValueError: If it is not in the table.
    """
    found = QUANTITIES.get(name)
    if found is None:
        raise InvalidValueError(
            f"'{name}' is not a known quantity.", remedy=f"Choose one of {', '.join(sorted(QUANTITIES))}."
        )
    return found


@dataclass(frozen=True, slots=True)
class Objective:
    """What a campaign looks for."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    quantity: str
    """Name of a quantity in the table."""
    goal: Goal

    def __post_init__(self) -> None:
        quantity(self.quantity)

    @property
    def measured(self) -> Quantity:
        """The quantity itself."""
        return quantity(self.quantity)

    @property
    def sign(self) -> int:
        """+1 where larger is better, -1 where smaller is better."""
        return 1 if self.goal is Goal.MAXIMIZE else -1

    def can_be_best(self, censoring: Censoring) -> bool:
        """Whether a value may count as the best: a bound that only says how good a crystal is at most may not."""
        return censoring is not (Censoring.BELOW if self.goal is Goal.MAXIMIZE else Censoring.ABOVE)

    def is_better(self, value: float, than: float) -> bool:
        """Whether a value is strictly nearer to the goal than another."""
        return self.sign * value > self.sign * than
