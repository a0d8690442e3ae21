"""A supercell in which the occupancies of a disordered structure become whole numbers of atoms.

Legend: S sites of the supercell.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from domain.errors import UnsupportedCrystalError
from domain.structure import Structure

VACANT: Final = ""
"""What sits where nothing sits."""
_MOST_ROUNDINGS: Final = 4096
_MOST_REPEATS: Final = 5
"""Cells along one vector; longer rows see their own images across the short sides."""
_ROUNDING: Final = 1e-3
"""Numbers of atoms that differ from a whole one by less are whole: published occupancies have three decimals."""
_HALF_A_CHARGE: Final = 0.5
"""Published occupancies are rounded, so that few disordered cells are exactly neutral."""
_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class Sublattice:
    """Equivalent sites of the disordered structure, which share one occupation."""

    sites: tuple[int, ...]
    """Indices of its sites in the structure."""
    shares: tuple[tuple[str, float], ...]
    """Pairs (symbol or `VACANT`, share) that add up to 1."""


@dataclass(frozen=True, slots=True)
class Filling:
    """Whole numbers of atoms on every sublattice of a supercell."""

    repeats: tuple[int, int, int]
    """Cells along each lattice vector."""
    counts: tuple[Mapping[str, int], ...]
    """For each sublattice: sites in the supercell by symbol, `VACANT` among them."""
    composition_error: float
    """Largest difference in the share of an element among all atoms."""
    excess_charge: float
    """Charge of the supercell beyond that of as many disordered cells, in elementary charges."""

    @property
    def n_cells(self) -> int:
        """Cells of the disordered structure."""
        return math.prod(self.repeats)

    @property
    def n_atoms(self) -> int:
        """Atoms in the supercell."""
        return _atoms(self.counts).total()

    @property
    def n_arrangements(self) -> int:
        """In how many ways the atoms can be put on their sites."""
        return math.prod(_multinomial(tuple(counts.values())) for counts in self.counts)


def choose_filling(
    structure: Structure,
    sublattices: Sequence[Sublattice],
    states: Mapping[str, int],
    *,
    tolerance: float,
    max_sites: int,
) -> Filling:
    """Takes the smallest supercell whose composition is the structure's, else the one that comes nearest.

    Args:
        structure: The disordered cell.
        sublattices: Its sites by equivalence.
        states: Oxidation states by symbol, which tell near compositions apart.
        tolerance: Composition error that counts as none.
        max_sites: Largest number of sites in a supercell, vacant ones included.

    Raises:
        UnsupportedCrystalError: If one cell has more sites already.
    """
    n_sites = len(structure.sites)
    if n_sites > max_sites:
        raise UnsupportedCrystalError(
            f"The disordered cell has {n_sites} sites; at most {max_sites} are ordered.",
            remedy="Give the primitive cell, or raise 'max_sites'.",
        )
    best = _fill(structure, sublattices, states, (1, 1, 1))
    for n_cells in range(1, max_sites // n_sites + 1):
        repeats = _compact_repeats(structure, n_cells)
        if max(repeats) > _MOST_REPEATS:
            continue
        filling = _fill(structure, sublattices, states, repeats)
        if _badness(filling, tolerance) < _badness(best, tolerance):
            best = filling
        if best.composition_error <= tolerance and abs(best.excess_charge) < _HALF_A_CHARGE:
            break
    return best


def _badness(filling: Filling, tolerance: float) -> float:
    """Error of the composition, where it counts at all, and charge per atom: both are shares of all atoms."""
    return max(filling.composition_error, tolerance) + abs(filling.excess_charge) / filling.n_atoms


def _fill(
    structure: Structure, sublattices: Sequence[Sublattice], states: Mapping[str, int], repeats: tuple[int, int, int]
) -> Filling:
    """The best rounding in a supercell: by composition and charge, then by the occupancies themselves."""
    n_cells, own = math.prod(repeats), _charge(structure.amounts, states)
    fillings = [
        Filling(repeats, counts, _composition_error(structure, counts), _charge(_atoms(counts), states) - n_cells * own)
        for counts in _roundings(sublattices, n_cells)
    ]
    # Roundings come nearest first, and the first of equals is taken.
    return min(fillings, key=lambda filling: round(_badness(filling, 0.0), _DECIMALS))


def _composition_error(structure: Structure, counts: Sequence[Mapping[str, int]]) -> float:
    wanted, found = structure.amounts, _atoms(counts)
    n_wanted, n_found = sum(wanted.values()), sum(found.values())
    return max(abs(found.get(symbol, 0) / n_found - amount / n_wanted) for symbol, amount in wanted.items())


def _charge(amounts: Mapping[str, float], states: Mapping[str, int]) -> float:
    return sum(states[symbol] * amount for symbol, amount in amounts.items())


def _atoms(counts: Sequence[Mapping[str, int]]) -> Counter[str]:
    """Atoms of the supercell by symbol."""
    atoms: Counter[str] = Counter()
    for numbers in counts:
        atoms.update({symbol: number for symbol, number in numbers.items() if symbol != VACANT})
    return atoms


def _roundings(sublattices: Sequence[Sublattice], n_cells: int) -> Iterator[tuple[Mapping[str, int], ...]]:
    """Whole numbers near the occupancies, every choice of up and down until there are too many of them."""
    choices = [_whole_numbers(sublattice, n_cells) for sublattice in sublattices]
    while math.prod(map(len, choices)) > _MOST_ROUNDINGS:
        longest = max(range(len(choices)), key=lambda index: len(choices[index]))
        choices[longest] = choices[longest][:-1]
    return product(*choices)


def _whole_numbers(sublattice: Sublattice, n_cells: int) -> list[Mapping[str, int]]:
    """Fillings of one sublattice whose every number is rounded down or up, the nearest first."""
    n_sites = n_cells * len(sublattice.sites)
    exact = {symbol: share * n_sites for symbol, share in sublattice.shares}
    options = [sorted({math.floor(number + _ROUNDING), math.ceil(number - _ROUNDING)}) for number in exact.values()]
    found = [dict(zip(exact, numbers, strict=True)) for numbers in product(*options) if sum(numbers) == n_sites]
    return sorted(found, key=lambda numbers: sum((numbers[symbol] - exact[symbol]) ** 2 for symbol in exact))


def _compact_repeats(structure: Structure, n_cells: int) -> tuple[int, int, int]:
    """The most even product of n cells: the one whose longest edge is shortest."""
    a, b, c = structure.lengths_A
    shapes = [
        (i, j, n_cells // (i * j))
        for i in range(1, n_cells + 1)
        if n_cells % i == 0
        for j in range(1, n_cells // i + 1)
        if (n_cells // i) % j == 0
    ]
    return min(shapes, key=lambda shape: sorted((a * shape[0], b * shape[1], c * shape[2]), reverse=True))


def _multinomial(numbers: tuple[int, ...]) -> int:
    left, ways = sum(numbers), 1
    for number in numbers:
        ways *= math.comb(left, number)
        left -= number
    return ways
