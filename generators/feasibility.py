"""Whether a search space holds any crystal at all, and if not, which constraint empties it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.elements import element
from domain.errors import EmptySpaceError
from domain.search_space import SearchSpace
from domain.space_groups import CellShape
from generators.cell_limits import CellLimits
from generators.look_ahead import Constraint, LookAhead, count_compositions

MOST_ROWS: Final = 1_000_000
"""Partial compositions after which counting gives up; about three seconds."""


@dataclass(frozen=True, slots=True)
class SpaceReport:
    """What a search space holds."""

    groups: tuple[int, ...]
    """Numbers of the space groups that host some composition, ascending."""
    empty_groups: tuple[int, ...]
    """Numbers of those that host none and are therefore never drawn."""
    inert_elements: tuple[str, ...]
    """Symbols of the elements without an oxidation state, which are therefore never drawn."""
    n_compositions: int | None
    """Exact number of pairs of a group and a composition; None where counting would take too long."""


def require_feasible(space: SearchSpace) -> SpaceReport:
    """Refuses a search space that holds no crystal, before anything is spent on it.

    Raises:
        EmptySpaceError: If it holds none, naming the constraint that empties it.
        SpecError: If it is too large for an exact look-ahead.
    """
    tables = feasible_tables(space)
    return SpaceReport(
        groups=tables.groups,
        empty_groups=tables.empty_groups,
        inert_elements=tuple(symbol for symbol in space.elements if symbol not in _usable(space)),
        n_compositions=count_compositions(tables, most_rows=MOST_ROWS),
    )


def feasible_tables(space: SearchSpace) -> LookAhead:
    """Builds the look-ahead of a search space that holds some crystal.

    Raises:
        EmptySpaceError: If it holds none, naming the constraint that empties it.
        SpecError: If it is too large for an exact look-ahead.
    """
    _require_elements(space)
    _require_signs(space)
    _require_cells(space)
    tables = LookAhead.of(space)
    if not tables.groups:
        raise _why_empty(space)
    return tables


def _usable(space: SearchSpace) -> tuple[str, ...]:
    return tuple(symbol for symbol, states in space.allowed_oxidation_states.items() if states)


def _require_elements(space: SearchSpace) -> None:
    usable = _usable(space)
    inert = [symbol for symbol in space.required_elements if symbol not in usable]
    if inert:
        raise EmptySpaceError(
            f"required_elements names {_listed(inert)}, which {_has(inert)} no oxidation state.",
            remedy="Take it out of required_elements, or give it states in oxidation_states.",
        )
    if not usable:
        raise EmptySpaceError(
            f"None of the elements {_listed(space.elements)} has an oxidation state.",
            remedy="Add elements that form ions, or give states in oxidation_states.",
        )
    least = max(space.min_elements, len(space.required_elements))
    if least > space.max_elements:
        raise EmptySpaceError(
            f"{len(space.required_elements)} required_elements exceed max_elements {space.max_elements}.",
            remedy="Raise max_elements or require fewer elements.",
        )
    if least > len(usable):
        raise EmptySpaceError(
            f"min_elements {space.min_elements} exceeds the {len(usable)} elements with an oxidation state "
            f"({_listed(usable)}).",
            remedy="Lower min_elements or add elements.",
        )
    if least > space.max_atoms:
        raise EmptySpaceError(
            f"max_atoms {space.max_atoms} is too small for {least} distinct elements.",
            remedy="Raise max_atoms.",
        )


def _require_signs(space: SearchSpace) -> None:
    """A neutral crystal has a cation and an anion, unless its elements may have state zero."""
    states = {symbol: states for symbol, states in space.allowed_oxidation_states.items() if states}
    for are_ions, ions, missing in (
        (all(min(s) > 0 for s in states.values()), "cations", "an anion such as O, F or Cl"),
        (all(max(s) < 0 for s in states.values()), "anions", "a cation such as Li or Mg"),
    ):
        if are_ions:
            subject = f"{_listed(sorted(states, key=_atomic_number))} {_is(tuple(states))}"
            raise EmptySpaceError(
                f"{subject} all {ions}, so that no crystal is neutral."
                if len(states) > 1
                else f"{subject} the only element and forms only {ions}, so that no crystal is neutral.",
                remedy=f"Add {missing} to elements, or give other states in oxidation_states.",
            )


def _require_cells(space: SearchSpace) -> None:
    """Some number of atoms must have a cell of some shape."""
    shapes = sorted({group.cell_shape for group in space.groups})
    limits = [CellLimits.of(space, shape) for shape in shapes]
    if any(limit.admits(n_atoms) for limit in limits for n_atoms in range(1, space.max_atoms + 1)):
        return
    free = (CellShape.MONOCLINIC, CellShape.TRICLINIC)
    flat = [x.shape for x in limits if x.shape in free and x.smallest_relative_volume(1) >= x.largest_relative_volume]
    if len(flat) == len(limits):
        raise EmptySpaceError(
            f"angle_deg {list(space.angle_deg)} leaves only flat cells for shapes {_listed(flat)}.",
            remedy="Widen angle_deg around 90 degrees.",
        )
    low, high = space.volume_per_atom_A3
    raise EmptySpaceError(
        f"No cell of up to {space.max_atoms} atoms has lengths within length_A {list(space.length_A)} and a volume "
        f"per atom within {low:g} to {high:g} Å³ (shapes: {_listed(shapes)}).",
        remedy="Widen length_A or volume_per_atom_A3, or change max_atoms.",
    )


def _why_empty(space: SearchSpace) -> EmptySpaceError:
    """Lifts one constraint after the other to find the one that matters."""
    without_sites = LookAhead.of(space, without=frozenset({Constraint.SITES}))
    without_cells = LookAhead.of(space, without=frozenset({Constraint.SITES, Constraint.CELLS}))
    if without_cells.groups and not without_sites.groups:
        return EmptySpaceError(
            f"length_A {list(space.length_A)} and volume_per_atom_A3 {list(space.volume_per_atom_A3)} leave no cell "
            "for the numbers of atoms that a neutral crystal needs.",
            remedy="Widen length_A or volume_per_atom_A3.",
        )
    if not without_sites.groups:
        states = "; ".join(
            f"{symbol} {', '.join(f'{state:+d}' for state in states) or 'none'}"
            for symbol, states in space.allowed_oxidation_states.items()
        )
        return EmptySpaceError(
            f"No composition of up to {space.max_atoms} atoms with {space.min_elements} to {space.max_elements} "
            f"elements {_requiring(space)}is neutral (one oxidation state per element: {states}).",
            remedy="Raise max_atoms or max_atoms_per_element, or change elements or oxidation_states.",
        )
    if not LookAhead.of(space, without=frozenset({Constraint.CHARGE, Constraint.CELLS})).groups:
        least = max(space.min_elements, len(space.required_elements))
        smallest = min(p.multiplicity for group in space.groups for p in group.wyckoff_positions)
        return EmptySpaceError(
            f"None of the space_groups hosts {least} or more elements in up to {space.max_atoms} atoms: the smallest "
            f"Wyckoff position holds {smallest}.",
            remedy="Raise max_atoms, or add space_groups with smaller multiplicities.",
        )
    return EmptySpaceError(
        f"None of the space_groups hosts a neutral composition of up to {space.max_atoms} atoms {_requiring(space)}"
        "on its Wyckoff positions.",
        remedy="Raise max_atoms or max_atoms_per_element, or add space_groups such as 1, 14, 62 or 225.",
    )


def _requiring(space: SearchSpace) -> str:
    return f"with {_listed(space.required_elements)} " if space.required_elements else ""


def _atomic_number(symbol: str) -> int:
    return element(symbol).atomic_number


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _is(names: tuple[str, ...]) -> str:
    return "is" if len(names) == 1 else "are"


def _has(names: list[str]) -> str:
    return "has" if len(names) == 1 else "have"
