"""Which numbers of atoms a space group can host, element after element.

A Wyckoff position without free coordinates is a fixed set of sites: one element may fill it, once, in the whole
crystal. A position with free coordinates can be filled any number of times. Whether the next element's count fits
therefore depends on the fixed positions that earlier elements filled, and only on how many of each multiplicity.

`SiteAutomaton` follows this exactly. A state is the set of all ways in which the elements so far may have filled
fixed positions, reduced to those that fill no position without need: whatever fits beside the fuller way fits beside
the emptier one.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from domain.space_groups import SpaceGroup

DEAD = -1
"""Stands for no state: the counts do not fit."""

Usage = tuple[int, ...]
"""How many fixed positions are filled, one number for each multiplicity."""


@dataclass(frozen=True, slots=True, order=True)
class SiteSupply:
    """What a space group offers, as far as counts of atoms can tell. Groups with equal supply host equal counts."""

    fixed: tuple[tuple[int, int], ...]
    """Pairs (multiplicity, number of positions) without free coordinates, ascending."""
    free: tuple[int, ...]
    """Multiplicities of the positions with free coordinates, ascending."""

    @classmethod
    def of(cls, group: SpaceGroup, largest_count: int) -> "SiteSupply":
        """Reads a group's supply for counts up to `largest_count`.

        A fixed position is left out if free ones can stand in for it, since these are unlimited.
        """
        multiplicities = {p.multiplicity for p in group.wyckoff_positions if p.n_free}
        reachable = sums_of(multiplicities, largest_count)
        fixed = Counter(p.multiplicity for p in group.wyckoff_positions if not p.n_free)
        return cls(
            fixed=tuple(sorted((m, n) for m, n in fixed.items() if m <= largest_count and m not in reachable)),
            free=tuple(sorted(m for m in multiplicities if m <= largest_count)),
        )

    def needs(self, count: int, reachable: frozenset[int]) -> frozenset[Usage]:
        """The ways to host `count` atoms of one element, each by the fixed positions it fills, without needless ones.

        Args:
            count: Atoms of the element.
            reachable: Counts that the free positions host alone.
        """
        ranges = (range(min(n, count // multiplicity) + 1) for multiplicity, n in self.fixed)
        ways = (
            usage
            for usage in product(*ranges)
            if count - sum(n * m for n, (m, _) in zip(usage, self.fixed, strict=True)) in reachable
        )
        return _without_needless(ways)


@dataclass(frozen=True, slots=True)
class SiteAutomaton:
    """States of a group's sites while elements are placed one after the other. State 0 is the empty cell."""

    transitions: tuple[tuple[int, ...], ...]
    """For each state and each count from 0 to the largest: the next state, or `DEAD`."""

    @classmethod
    def of(cls, supply: SiteSupply, largest_count: int) -> "SiteAutomaton":
        """Builds the automaton of a supply for counts from 0 to `largest_count`."""
        reachable = sums_of(supply.free, largest_count)
        needs = [supply.needs(count, reachable) for count in range(largest_count + 1)]
        limits = tuple(n for _, n in supply.fixed)
        empty = frozenset({(0,) * len(limits)})
        index = {empty: 0}
        states = [empty]
        transitions: list[tuple[int, ...]] = []
        while len(transitions) < len(states):
            row = []
            for need in needs:
                following = _combine(states[len(transitions)], need, limits)
                if following and following not in index:
                    index[following] = len(states)
                    states.append(following)
                row.append(index[following] if following else DEAD)
            transitions.append(tuple(row))
        return cls(tuple(transitions))

    @classmethod
    def unlimited(cls, largest_count: int) -> "SiteAutomaton":
        """An automaton that hosts everything."""
        return cls(((0,) * (largest_count + 1),))

    def hosts(self, counts: Iterable[int]) -> bool:
        """Whether the cell can hold these counts of distinct elements at once."""
        state = 0
        for count in counts:
            state = self.transitions[state][count]
            if state == DEAD:
                return False
        return True


def sums_of(multiplicities: Iterable[int], largest: int) -> frozenset[int]:
    """All sums of the multiplicities, each used any number of times, up to `largest`; 0 is among them."""
    usable = sorted(set(multiplicities))
    reachable = {0}
    for total in range(1, largest + 1):
        if any(total - multiplicity in reachable for multiplicity in usable):
            reachable.add(total)
    return frozenset(reachable)


def _combine(before: frozenset[Usage], need: frozenset[Usage], limits: Usage) -> frozenset[Usage]:
    sums = (tuple(map(sum, zip(old, new, strict=True))) for old, new in product(before, need))
    return _without_needless(total for total in sums if all(n <= limit for n, limit in zip(total, limits, strict=True)))


def _without_needless(ways: Iterable[Usage]) -> frozenset[Usage]:
    distinct = set(ways)
    return frozenset(
        way
        for way in distinct
        if not any(other != way and all(n <= m for n, m in zip(other, way, strict=True)) for other in distinct)
    )
