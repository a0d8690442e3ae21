"""How new a crystal is: the known materials nearest to it, and a sentence that says so.

Nothing heavy is computed: compositions are compared by the element mover's distance, and materials of the same reduced
formula by the volume that they take for an atom. Sites are not compared.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from domain.blueprint import Blueprint
from domain.composition_distance import SCALE, composition_distance
from domain.elements import Element
from domain.material import formula_amounts
from domain.space_groups import SpaceGroup
from services.store import Store
from services.store.neighbours import NeighbourRow

MOST_FORMULAS: Final = 500
"""Formulas whose distance is worked out, those of the same elements before others."""
MOST_OF_SAME_FORMULA: Final = 20
MOST_OTHER_FORMULAS: Final = 8
_MOST_OF_OTHER_FORMULA: Final = 2
_CLOSE_VOLUME: Final = 0.05
"""Share of the volume for an atom by which measurements, computations and relaxations of one crystal differ."""


@dataclass(frozen=True, slots=True)
class NearMaterial:
    """A known material near a crystal."""

    id: int
    formula: str
    space_group: int | None
    """None where nobody knows."""
    is_same_space_group: bool
    is_same_blueprint: bool
    distance: float
    """Element mover's distance of the compositions: places that an atom is moved on the modified Pettifor scale."""
    has_same_elements: bool
    volume_per_atom_A3: float | None
    """None where its cell is not known."""
    volume_change: float | None
    """Its volume for an atom as a share of the crystal's, less 1; only of the same reduced formula."""
    source: str
    """The collection that it comes from."""
    source_id: str
    """Its name there."""


@dataclass(frozen=True, slots=True)
class Novelty:
    """How new a crystal is, as far as the known materials here can tell."""

    summary: str
    """The same in a sentence."""
    distance_scale: str
    """What the distances count in."""
    nearest: tuple[NearMaterial, ...]
    """The nearest first."""


def novelty(store: Store, blueprint: Blueprint, *, groups: Collection[int] | None) -> Novelty:
    """Finds the known materials nearest to a crystal.

    Args:
        store: Holds the known materials.
        blueprint: The crystal's.
        groups: Groups whose materials may be seen, beside everyone's; None for all there are.
    """
    own = {Element(z).symbol: float(n) for z, n in blueprint.composition.counts}
    formula, group = blueprint.composition.reduced_formula, blueprint.space_group.number
    distances = {
        known: composition_distance(own, amounts)
        for known in store.neighbours.formulas(tuple(own), groups=groups, limit=MOST_FORMULAS)
        if (amounts := formula_amounts(known))
    }
    has_same_elements = {known: formula_amounts(known).keys() == own.keys() for known in distances}
    others = sorted(
        (known for known in distances if known != formula),
        key=lambda known: (not has_same_elements[known], distances[known], known),
    )[:MOST_OTHER_FORMULAS]
    read = store.neighbours.of_formulas
    rows = [
        *(read([formula], group, groups=groups, limit=MOST_OF_SAME_FORMULA) if formula in distances else ()),
        *read(others, group, groups=groups, limit=_MOST_OF_OTHER_FORMULA),
    ]
    near = [
        _near(row, blueprint, distances[row.formula], has_same_elements=has_same_elements[row.formula]) for row in rows
    ]
    nearest = tuple(sorted(near, key=_rank))
    return Novelty(_summary(blueprint, nearest), SCALE, nearest)


def _near(row: NeighbourRow, blueprint: Blueprint, distance: float, *, has_same_elements: bool) -> NearMaterial:
    is_same_formula = row.formula == blueprint.composition.reduced_formula
    volume = row.volume_per_atom_A3
    return NearMaterial(
        id=row.id,
        formula=row.formula,
        space_group=row.space_group,
        is_same_space_group=row.space_group == blueprint.space_group.number,
        is_same_blueprint=row.digest == blueprint.digest,
        distance=distance,
        has_same_elements=has_same_elements,
        volume_per_atom_A3=volume,
        volume_change=volume / blueprint.volume_per_atom_A3 - 1 if is_same_formula and volume is not None else None,
        source=row.source,
        source_id=row.source_id,
    )


def _rank(one: NearMaterial) -> tuple[bool, bool, float, bool, float, int]:
    change = 0.0 if one.volume_change is None else abs(one.volume_change)
    return (
        not one.is_same_blueprint,
        not one.has_same_elements,
        one.distance,
        not one.is_same_space_group,
        change,
        one.id,
    )


def _summary(blueprint: Blueprint, nearest: tuple[NearMaterial, ...]) -> str:
    if not nearest:
        return "No known material here has these elements, nor all but one of them."
    first, formula = nearest[0], blueprint.composition.reduced_formula
    if first.is_same_blueprint:
        return f"This very blueprint is known: {first.formula} from {first.source}."
    if not first.has_same_elements:
        return f"No known material here has exactly these elements. {_told(first)}"
    if first.formula != formula:
        return f"No known material here has the composition {formula}. {_told(first)}"
    return _of_same_formula(blueprint.space_group, nearest)


def _of_same_formula(group: SpaceGroup, nearest: tuple[NearMaterial, ...]) -> str:
    first = nearest[0]
    if not first.is_same_space_group:
        groups = {one.space_group for one in nearest if one.formula == first.formula and one.space_group}
        known = ", ".join(SpaceGroup(number).symbol for number in sorted(groups)) or "a space group that nobody knows"
        return f"The composition {first.formula} is known, but not in {group.symbol}: it is known in {known}."
    if first.volume_change is None:
        return f"{first.formula} is known in {group.symbol}; the cell of the known material is not."
    by = f"its volume for an atom differs by {100 * abs(first.volume_change):.1f} %"
    alike = "may be this very crystal" if abs(first.volume_change) <= _CLOSE_VOLUME else "may be another structure"
    return f"{first.formula} is known in {group.symbol}: {by}, so it {alike}."


def _told(one: NearMaterial) -> str:
    group = "the same space group" if one.is_same_space_group else "another space group"
    if one.space_group is None:
        group = "space group unknown"
    return f"Nearest: {one.formula}, distance {one.distance:.2g}, {group}."
