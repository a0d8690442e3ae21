"""What is asked of a computed oracle, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.blueprint import Blueprint, Realization
from domain.json_value import JsonValue


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
