"""What the oracles of frozen frameworks share: refusals of settings, the cell they look at, what a barrier is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from domain.constants import BOLTZMANN_EV_PER_K
from domain.errors import InvalidValueError
from domain.json_value import JsonObject
from domain.measurement import Censoring
from domain.quantity import Quantity, quantity
from oracles.structures import primitive_cell

if TYPE_CHECKING:
    from ase import Atoms

MIGRATION_BARRIER: Final[Quantity] = quantity("migration_barrier")
Told: TypeAlias = Literal["migration_barrier", "ionic_conductivity"]
"""What a barrier is told as."""


def require_above_zero(settings: Mapping[str, float]) -> None:
    """Refuses settings, by name, that are no numbers above 0.

    Raises:
        InvalidValueError: If one is none.
    """
    for name, number in settings.items():
        if not (math.isfinite(number) and number > 0):
            raise InvalidValueError(f"{name} is {number}.", remedy="Give a number above 0.")


def require_possible_barrier(highest_eV: float) -> None:
    """Refuses to look for barriers that there are none of.

    Raises:
        InvalidValueError: If the highest one is above what the quantity allows.
    """
    if highest_eV > MIGRATION_BARRIER.high:
        raise InvalidValueError(
            f"highest_eV {highest_eV:g} is above what a barrier can be.",
            remedy=f"Give at most {MIGRATION_BARRIER.high:g}.",
        )


@dataclass(frozen=True, slots=True)
class BarrierAnswer:
    """A barrier as what a look answers."""

    value: float
    """In the unit of the quantity."""
    censoring: Censoring
    temperature_K: float | None


@dataclass(frozen=True, slots=True)
class BarrierMeaning:
    """How a barrier is told: as it is, or as the conductivity that it would mean with a usual prefactor."""

    quantity: Told
    highest_eV: float
    """Barriers above are only said to be above."""
    temperature_K: float
    """Of the conductivity."""
    prefactor_S_K_per_cm: float
    """A in σT = A exp(-E/kT)."""

    def of(self, barrier_eV: float | None) -> BarrierAnswer:
        """The answer; None is a barrier above the highest, of which nothing else is known."""
        height_eV = self.highest_eV if barrier_eV is None else barrier_eV
        if self.quantity == MIGRATION_BARRIER.name:
            return BarrierAnswer(height_eV, Censoring.ABOVE if barrier_eV is None else Censoring.NONE, None)
        exponent = -height_eV / (BOLTZMANN_EV_PER_K * self.temperature_K)
        conductivity = self.prefactor_S_K_per_cm / self.temperature_K * math.exp(exponent)
        lowest = quantity(self.quantity).usual[0]
        is_bound = barrier_eV is None or conductivity < lowest
        censoring = Censoring.BELOW if is_bound else Censoring.NONE
        return BarrierAnswer(max(conductivity, lowest), censoring, self.temperature_K)


def by_directions(barriers_eV: tuple[float | None, ...]) -> JsonObject:
    """Barriers for one, two and three independent directions, for a result's details."""
    return {f"{n} directions" if n > 1 else "1 direction": energy for n, energy in enumerate(barriers_eV, 1)}


def compact_cell(atoms: Atoms) -> Atoms:
    """The primitive cell with the shortest vectors, so that no grid is finer along one direction than needed."""
    from ase.build import niggli_reduce

    primitive = primitive_cell(atoms)
    niggli_reduce(primitive)
    return primitive
