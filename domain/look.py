"""What is asked of a computed oracle, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.blueprint import Blueprint, Realization
from domain.errors import InvalidValueError
from domain.json_value import JsonValue
from domain.measurement import Censoring


@dataclass(frozen=True, slots=True)
class LookRequest:
    """One look at one crystal."""

    blueprint: Blueprint
    seed: int
    """Seed of every random draw of the look."""
    realizations: tuple[Realization, ...] = ()
    """Sites that are known already."""
    references: Mapping[str, float] = field(default_factory=dict)
    """Energy per atom (eV) of each element's reference structure, by symbol, from the same oracle and settings."""


@dataclass(frozen=True, slots=True)
class LookResult:
    """What an oracle saw."""

    value: float
    """In the unit of the oracle's quantity."""
    sigma: float | None = None
    """Known standard deviation; None where nobody knows."""
    realizations: tuple[Realization, ...] = ()
    """Sites that were found on the way; the store keeps them all."""
    realization_digest: str | None = None
    """The sites that the value belongs to."""
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    censoring: Censoring = Censoring.NONE
    """Whether the value is only a bound, as where ions were too slow to be seen moving."""
    temperature_K: float | None = None
    """At which the value holds; None where it does not depend on it."""


@dataclass(frozen=True, slots=True)
class LookProgress:
    """How far a look has come that takes long."""

    share: float
    """Between 0 and 1."""
    note: str
    """In the user's words, such as `12 of 50 ps at 600 K`."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InvalidValueError(
                f"A look cannot be {self.share} of the way.", remedy="Give a share between 0 and 1."
            )


@dataclass(frozen=True, slots=True)
class ReferenceEnergy:
    """Energy of an element's reference structure, by one oracle with one set of settings."""

    symbol: str
    energy_eV_per_atom: float
    structure: str
    """Which structure, in words, such as `bcc, 1 atom in the primitive cell`."""
    cif: str
    """That structure."""
    details: Mapping[str, JsonValue] = field(default_factory=dict)
