"""Materials that are known already: measured or computed by others, or made by a laboratory unasked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm
from typing import Final

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.digest import require_finite
from domain.elements import Element, element
from domain.errors import InvalidValueError
from domain.json_value import JsonValue
from domain.structure import Structure

LARGEST_PROPORTION: Final = 100_000
"""Amounts that are in no simpler proportion than this have no formula in whole numbers."""
LARGEST_READABLE: Final = 200
"""People read formulas up to this number; beyond it they read fractions more easily."""
_FINEST_SHARE: Final = 1_000
"""Published occupancies have three decimals at most that mean anything."""
_TERM: Final = re.compile(r"([A-Z][a-z]?)([0-9.]+(?:e[+-]?[0-9]+)?)?")


@dataclass(frozen=True, slots=True)
class KnownMaterial:
    """A material that exists in somebody's collection."""

    source: str
    """The collection, such as the name of a provider or a file's."""
    source_id: str
    """Its name there; together they name it."""
    amounts: Mapping[str, float]
    """Atoms of each element in the cell, by symbol; fractions where sites are shared."""
    n_sites: int
    """Sites in the cell."""
    space_group: int | None = None
    """Number of the group that it has; None where nobody knows."""
    blueprint: Blueprint | None = None
    """Its conventional cell; None where sites are shared or the symmetry is not known."""
    structure: Structure | None = None
    """Its sites; None where they are not known."""
    cif: str | None = None
    """The file that it came in."""
    properties: Mapping[str, JsonValue] = field(default_factory=dict)
    """What else the collection says of it."""

    def __post_init__(self) -> None:
        if not self.source or not self.source_id:
            raise InvalidValueError("A known material has no name.", remedy="Say where it is from, and its name there.")
        if not self.amounts or not all(amount > 0 for amount in self.amounts.values()):
            raise InvalidValueError(
                f"{self.source_id} consists of {dict(self.amounts)}.", remedy="Give amounts above 0 by element."
            )
        for symbol in self.amounts:
            element(symbol)
        require_finite(dict(self.properties))

    @classmethod
    def of_blueprint(cls, blueprint: Blueprint, *, source: str, source_id: str) -> "KnownMaterial":
        """A material of which only the blueprint is known."""
        return cls(
            source=source,
            source_id=source_id,
            amounts={Element(z).symbol: float(n) for z, n in blueprint.composition.counts},
            n_sites=blueprint.composition.n_atoms,
            space_group=blueprint.space_group.number,
            blueprint=blueprint,
        )

    @property
    def elements(self) -> tuple[str, ...]:
        """Symbols in alphabetical order."""
        return tuple(sorted(self.amounts))

    @property
    def is_ordered(self) -> bool:
        """Whether every site belongs to one element alone."""
        return self.structure is None or self.structure.is_ordered

    @property
    def formula(self) -> str:
        """Reduced formula as Petalite writes it everywhere; the atoms of the cell where small numbers do not fit."""
        whole = whole_proportions(self.amounts)
        if whole is not None and max(whole.values()) <= LARGEST_READABLE:
            return Composition.of(whole).reduced_formula
        return "".join(f"{symbol}{self.amounts[symbol]:.4g}" for symbol in self.elements)


def whole_proportions(amounts: Mapping[str, float]) -> dict[str, int] | None:
    """Amounts in the smallest whole numbers, by symbol; None where they are in no simple proportion."""
    fractions = {symbol: Fraction(amount).limit_denominator(_FINEST_SHARE) for symbol, amount in amounts.items()}
    multiple = lcm(*(fraction.denominator for fraction in fractions.values()))
    whole = {symbol: int(fraction * multiple) for symbol, fraction in fractions.items()}
    divisor = gcd(*whole.values())
    if divisor == 0 or max(whole.values()) // divisor > LARGEST_PROPORTION or min(whole.values()) < 1:
        return None
    return {symbol: n // divisor for symbol, n in whole.items()}


def formula_amounts(formula: str) -> dict[str, float]:
    """Amounts in a formula, by symbol; none where it is written in another way than Petalite's."""
    if _TERM.sub("", formula):
        return {}
    return {symbol: float(amount or 1) for symbol, amount in _TERM.findall(formula)}


def alphabetical_formula(whole: Mapping[str, int]) -> str:
    """Elements in alphabetical order with their whole numbers, such as ClLi."""
    return "".join(f"{symbol}{_number(whole[symbol])}" for symbol in sorted(whole))


def anonymous_formula(whole: Mapping[str, int]) -> str:
    """Proportions alone, the largest first, such as A2B for Li2O."""
    labels = _labels(len(whole))
    return "".join(
        f"{label}{_number(n)}" for label, n in zip(labels, sorted(whole.values(), reverse=True), strict=True)
    )


def _number(n: int) -> str:
    return str(n) if n > 1 else ""


def _labels(count: int) -> list[str]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    single = list(letters)
    double = [f"{first}{second}" for second in "abcdefghijklmnopqrstuvwxyz" for first in letters]
    return (single + double)[:count]
