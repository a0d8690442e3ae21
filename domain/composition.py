"""What a conventional cell is made of."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import gcd

from domain.elements import Element, element
from domain.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Composition:
    """Atoms of each element in one conventional cell (International Tables, standard setting)."""

    counts: tuple[tuple[int, int], ...]
    """Pairs (atomic number, number of atoms), ascending in atomic number, every number of atoms at least 1."""

    def __post_init__(self) -> None:
        atomic_numbers = [atomic_number for atomic_number, _ in self.counts]
        if not self.counts or atomic_numbers != sorted(set(atomic_numbers)):
            raise InvalidValueError(
                f"A composition needs distinct elements in ascending order, not {self.counts}.",
                remedy="Build it with Composition.of({'Li': 1, 'Cl': 1}).",
            )
        for atomic_number, n_atoms in self.counts:
            symbol = Element(atomic_number).symbol
            if n_atoms < 1:
                raise InvalidValueError(
                    f"{symbol} has {n_atoms} atoms in the cell; at least 1 was expected.",
                    remedy="Leave the element out, or give it an atom.",
                )

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "Composition":
        """Builds a composition from symbols, in any order.

        Raises:
            InvalidValueError: If a symbol is unknown or a count is below 1.
        """
        return cls(tuple(sorted((element(symbol).atomic_number, n) for symbol, n in counts.items())))

    @property
    def elements(self) -> tuple[Element, ...]:
        """The elements, ascending in atomic number."""
        return tuple(Element(atomic_number) for atomic_number, _ in self.counts)

    @property
    def n_atoms(self) -> int:
        """Atoms in the conventional cell."""
        return sum(n for _, n in self.counts)

    @property
    def mass_u(self) -> float:
        """Mass of the conventional cell in unified atomic mass units."""
        return sum(Element(atomic_number).mass_u * n for atomic_number, n in self.counts)

    @property
    def formula(self) -> str:
        """Formula of the whole cell, such as Li4Cl4, elements ascending in electronegativity."""
        return _formula(self.counts)

    @property
    def reduced_formula(self) -> str:
        """Formula divided by the greatest common divisor, such as LiCl."""
        divisor = reduce(gcd, (n for _, n in self.counts))
        return _formula(tuple((z, n // divisor) for z, n in self.counts))

    def neutral_assignments(self, allowed: Mapping[str, tuple[int, ...]]) -> Iterator[dict[str, int]]:
        """Assigns one oxidation state to each element so that the cell is neutral.

        Args:
            allowed: Oxidation states to choose from, by symbol.

        Yields:
            Oxidation state by symbol, one dictionary for each neutral assignment.
        """
        symbols = [entry.symbol for entry in self.elements]
        for states in product(*(allowed[symbol] for symbol in symbols)):
            if sum(state * n for state, (_, n) in zip(states, self.counts, strict=True)) == 0:
                yield dict(zip(symbols, states, strict=True))


def _formula(counts: tuple[tuple[int, int], ...]) -> str:
    ordered = sorted((Element(z).electronegativity or math.inf, z, n) for z, n in counts)
    return "".join(f"{Element(z).symbol}{n if n > 1 else ''}" for _, z, n in ordered)
