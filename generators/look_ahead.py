"""Tables that say which next step can still lead to a crystal of the search space.

A composition is written element by element in ascending order, each step choosing the number of atoms. What the
future depends on is little: the group's site state, the atoms and the elements so far, and which total charges the
elements so far can have (each element takes one oxidation state). `completable` lists, for each of these, the charges
from which some completion exists. A choice is allowed if and only if a reachable charge is among them, so that no
dead end is ever entered.

Legend: E elements, C choices of a count (0 to the largest), S site states (the last one is dead), A atoms, D elements
present, W words of a charge set (see `charges`), G groups.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.elements import Element
from domain.errors import SpecError
from domain.search_space import SearchSpace
from domain.space_groups import SpaceGroup
from generators.cell_limits import CellLimits
from generators.charges import ChargeRange, Words
from generators.wyckoff import DEAD, SiteAutomaton, SiteSupply

MOST_WORDS: Final = 60_000_000
"""Largest table, in words of 8 bytes: about half a gigabyte."""


LARGEST_COUNT: Final = 2.0**62
"""Counts beyond it could overflow."""


class Constraint(StrEnum):
    """A constraint that can be lifted, to find out which one empties a space."""

    CELLS = "cells"
    """Lengths, angles and volume per atom must leave a cell for the number of atoms."""
    CHARGE = "charge"
    """The crystal must be neutral."""
    SITES = "sites"
    """The group's Wyckoff positions must host the counts."""


@dataclass(frozen=True, slots=True)
class LookAhead:
    """The tables of one search space."""

    elements: tuple[int, ...]
    """Atomic numbers, ascending."""
    oxidation_states: tuple[tuple[int, ...], ...]
    """States of each element in the same order."""
    groups: tuple[int, ...]
    """Numbers of the groups that host some composition, ascending."""
    empty_groups: tuple[int, ...]
    """Numbers of those that host none."""
    start: npt.NDArray[np.int64]
    """`[G]` site state of each group's empty cell."""
    next_site: npt.NDArray[np.int64]
    """`[S, C]` site state after a count."""
    permitted: npt.NDArray[np.bool_]
    """`[E, C]` counts that an element may have at all."""
    charges: ChargeRange
    completable: Words
    """`[E + 1, S, A + 1, D + 1, W]` charges from which a completion exists, before each element and at the end."""

    @classmethod
    def of(cls, space: SearchSpace, *, without: frozenset[Constraint] = frozenset()) -> "LookAhead":
        """Builds the tables of a search space.

        Args:
            space: The search space.
            without: Constraints to lift.

        Raises:
            SpecError: If the tables would not fit into memory.
        """
        states = _oxidation_states(space, without)
        sites = _Sites.of(space, without)
        n_most = min(space.max_elements, len(space.elements))
        charges = ChargeRange.of(states, space.max_atoms)
        shape = (len(states) + 1, len(sites.next_site), space.max_atoms + 1, n_most + 1, charges.n_words)
        if np.prod(shape, dtype=float) > MOST_WORDS:
            raise SpecError(
                f"A space of {len(space.elements)} elements, {len(space.space_groups)} space groups and "
                f"max_atoms {space.max_atoms} is too large for an exact look-ahead.",
                remedy="Lower max_atoms or max_elements, or name fewer elements, oxidation states or space_groups.",
            )
        permitted = _permitted(space, states)
        completable = np.zeros(shape, dtype=np.int64)
        completable[-1, :, :, space.min_elements :] = np.where(
            sites.is_complete[:, :, None, None], charges.zero, np.int64(0)
        )
        for index in range(len(states) - 1, -1, -1):
            _step_back(completable, index, sites.next_site, states[index], permitted[index], charges)
        hosts = (completable[0, sites.start, 0, 0] & charges.zero).any(axis=-1)
        numbers = [group.number for group in space.groups]
        return cls(
            elements=space.atomic_numbers,
            oxidation_states=states,
            groups=tuple(number for number, is_host in zip(numbers, hosts, strict=True) if is_host),
            empty_groups=tuple(number for number, is_host in zip(numbers, hosts, strict=True) if not is_host),
            start=sites.start[hosts],
            next_site=sites.next_site,
            permitted=permitted,
            charges=charges,
            completable=completable,
        )

    @property
    def n_choices(self) -> int:
        """Counts that a step chooses from."""
        return int(self.permitted.shape[1])

    @property
    def max_atoms(self) -> int:
        """Most atoms in a cell."""
        return int(self.completable.shape[2]) - 1

    @property
    def max_elements(self) -> int:
        """Most distinct elements in a cell."""
        return int(self.completable.shape[3]) - 1


@dataclass(frozen=True, slots=True)
class _Sites:
    """The automata of all groups as one table."""

    next_site: npt.NDArray[np.int64]
    """`[S, C]`; the last state is dead."""
    start: npt.NDArray[np.int64]
    """`[G]`."""
    is_complete: npt.NDArray[np.bool_]
    """`[S, A + 1]` whether a cell with so many atoms may end here."""

    @classmethod
    def of(cls, space: SearchSpace, without: frozenset[Constraint]) -> "_Sites":
        largest = min(space.max_atoms_per_element, space.max_atoms)
        keys = [_site_key(space, group, largest, without) for group in space.groups]
        rows: list[tuple[int, ...]] = []
        complete: list[tuple[bool, ...]] = []
        first: dict[tuple[SiteSupply | None, tuple[bool, ...]], int] = {}
        for key in sorted(set(keys), key=keys.index):
            supply, admitted = key
            automaton = SiteAutomaton.of(supply, largest) if supply else SiteAutomaton.unlimited(largest)
            first[key] = len(rows)
            rows.extend(
                tuple(DEAD if target == DEAD else target + first[key] for target in row)
                for row in automaton.transitions
            )
            complete.extend([admitted] * len(automaton.transitions))
        dead = len(rows)
        next_site = np.array([*rows, (dead,) * (largest + 1)], dtype=np.int64)
        return cls(
            next_site=np.where(next_site == DEAD, dead, next_site),
            start=np.array([first[key] for key in keys], dtype=np.int64),
            is_complete=np.array([*complete, (False,) * (space.max_atoms + 1)], dtype=bool),
        )


def _site_key(
    space: SearchSpace, group: SpaceGroup, largest: int, without: frozenset[Constraint]
) -> tuple[SiteSupply | None, tuple[bool, ...]]:
    """What distinguishes a group from others as far as counts of atoms can tell."""
    limits = CellLimits.of(space, group.cell_shape)
    admitted = tuple(
        n_atoms > 0 and (Constraint.CELLS in without or limits.admits(n_atoms))
        for n_atoms in range(space.max_atoms + 1)
    )
    return (None if Constraint.SITES in without else SiteSupply.of(group, largest), admitted)


def _oxidation_states(space: SearchSpace, without: frozenset[Constraint]) -> tuple[tuple[int, ...], ...]:
    if Constraint.CHARGE in without:
        return tuple((0,) for _ in space.elements)
    allowed = space.allowed_oxidation_states
    return tuple(tuple(sorted(set(allowed[Element(z).symbol]))) for z in space.atomic_numbers)


def _permitted(space: SearchSpace, states: tuple[tuple[int, ...], ...]) -> npt.NDArray[np.bool_]:
    """`[E, C]`: a required element has an atom; one without oxidation states has none."""
    n_choices = min(space.max_atoms_per_element, space.max_atoms) + 1
    permitted = np.ones((len(states), n_choices), dtype=bool)
    for index, atomic_number in enumerate(space.atomic_numbers):
        permitted[index, 0] = Element(atomic_number).symbol not in space.required_elements
        permitted[index, 1:] = bool(states[index])
    return permitted


def _step_back(
    completable: Words,
    index: int,
    next_site: npt.NDArray[np.int64],
    states: tuple[int, ...],
    permitted: npt.NDArray[np.bool_],
    charges: ChargeRange,
) -> None:
    """Fills in what can be completed before an element, from what can be completed after it."""
    before, after = completable[index], completable[index + 1]
    if permitted[0]:
        before |= after
    n_atoms = before.shape[1]
    for count in range(1, min(len(permitted), n_atoms)):
        if not permitted[count]:
            continue
        reached = after[next_site[:, count], count:, 1:]
        for state in states:
            before[:, : n_atoms - count, :-1] |= charges.shifted(reached, -count * state)


def count_compositions(tables: LookAhead, *, most_rows: int) -> int | None:
    """Counts the pairs of a group and a composition that the tables allow.

    Partial compositions with the same future are counted together.

    Args:
        tables: The tables.
        most_rows: Distinct futures after which to give up.

    Returns:
        The exact number, or None if there are more futures than `most_rows` or more pairs than `LARGEST_COUNT`.
    """
    start, n_groups = np.unique(tables.start, return_counts=True)
    rows = np.zeros((len(start), 3 + tables.charges.n_words), dtype=np.int64)
    rows[:, 0] = start
    rows[:, 3:] = tables.charges.zero
    n_ways = n_groups.astype(np.int64)
    for index in range(len(tables.elements)):
        parts = [part for part in _followers(tables, index, rows, n_ways) if len(part[0])]
        if sum(len(part[0]) for part in parts) > most_rows:
            return None
        if not parts:
            return 0
        if sum(part[1].sum(dtype=float) for part in parts) > LARGEST_COUNT:
            return None
        rows, n_ways = _merged(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))
    return int(n_ways.sum())


def _followers(tables: LookAhead, index: int, rows: Words, n_ways: Words) -> Iterator[tuple[Words, Words]]:
    """The futures after each permitted count of an element, without those that lead nowhere."""
    for count in np.flatnonzero(tables.permitted[index]):
        n_atoms, n_elements = rows[:, 1] + count, rows[:, 2] + (count > 0)
        fits = (n_atoms <= tables.max_atoms) & (n_elements <= tables.max_elements)
        site = tables.next_site[rows[fits, 0], count]
        n_atoms, n_elements, charge = n_atoms[fits], n_elements[fits], rows[fits, 3:]
        reached = charge if count == 0 else np.zeros_like(charge)
        for state in tables.oxidation_states[index] if count else ():
            reached = reached | tables.charges.shifted(charge, int(count) * state)
        useful = reached & tables.completable[index + 1, site, n_atoms, n_elements]
        alive = useful.any(axis=-1)
        yield (
            np.column_stack([site, n_atoms, n_elements, useful])[alive],
            n_ways[fits][alive],
        )


def _merged(rows: Words, n_ways: Words) -> tuple[Words, Words]:
    """Adds up the ways that lead to equal rows."""
    order = np.lexsort(rows.T)
    rows, n_ways = rows[order], n_ways[order]
    is_first = np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)])
    return rows[is_first], np.add.reduceat(n_ways, np.flatnonzero(is_first))
