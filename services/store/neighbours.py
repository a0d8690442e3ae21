"""Known materials near a composition, found by an index however many materials there are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Integer, RowMapping, and_, case, func, literal, select

from domain.blueprint import Blueprint
from services.store.database import Database
from services.store.intake_tables import materials, structures
from services.store.materials import visible_materials
from services.store.rows import stored

MOST_DIFFERENT: Final = 2
"""Elements that only one of two compositions has, at most, for them to be neighbours: one is replaced by another."""


@dataclass(frozen=True, slots=True)
class NeighbourRow:
    """A known material without its sites."""

    id: int
    formula: str
    space_group: int | None
    source: str
    source_id: str
    digest: str | None
    """Of its blueprint; None where it has none."""
    volume_per_atom_A3: float | None
    """None where its blueprint is not known."""


class Neighbours:
    """Reads known materials by what they are made of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def formulas(self, elements: Collection[str], *, groups: Collection[int] | None, limit: int) -> tuple[str, ...]:
        """Formulas of the same elements, then of those that have one element more, less or in place of another.

        Args:
            elements: Symbols.
            groups: Groups whose materials may be seen, beside everyone's; None for all there are.
            limit: Most formulas to return.
        """
        n = len(elements)
        shared = _sum([case((structures.c.elements.like(f"% {symbol} %"), 1), else_=0) for symbol in sorted(elements)])
        difference = structures.c.n_elements + n - 2 * shared
        statement = (
            select(structures.c.formula_descriptive)
            .where(
                structures.c.material_id.is_not(None),
                structures.c.n_elements.between(n - 1, n + 1),
                difference <= MOST_DIFFERENT,
                shared > 0,
            )
            .group_by(structures.c.formula_descriptive)
            .order_by(func.min(difference), structures.c.formula_descriptive)
            .limit(limit)
        )
        if groups is not None:
            is_seen = and_(materials.c.id == structures.c.material_id, visible_materials(groups))
            statement = statement.join(materials, is_seen)
        with self._database.read() as connection:
            return tuple(connection.execute(statement).scalars())

    def of_formulas(
        self, formulas: Sequence[str], space_group: int, *, groups: Collection[int] | None, limit: int
    ) -> tuple[NeighbourRow, ...]:
        """Materials of some formulas: of each the ones of a space group first, then by number.

        Args:
            formulas: As Petalite writes them.
            space_group: Whose materials come first.
            groups: Groups whose materials may be seen, beside everyone's; None for all there are.
            limit: Most materials of each formula.
        """
        columns = (
            materials.c.id,
            materials.c.formula,
            materials.c.space_group,
            materials.c.source,
            materials.c.source_id,
            materials.c.digest,
            materials.c.blueprint,
        )
        is_other = case((materials.c.space_group == space_group, 0), else_=1)
        found: list[RowMapping] = []
        with self._database.read() as connection:
            for formula in formulas:
                statement = (
                    select(*columns)
                    .where(materials.c.formula == formula, visible_materials(groups))
                    .order_by(is_other, materials.c.id)
                    .limit(limit)
                )
                found += connection.execute(statement).mappings().all()
        return tuple(
            NeighbourRow(
                id=row["id"],
                formula=row["formula"],
                space_group=row["space_group"],
                source=row["source"],
                source_id=row["source_id"],
                digest=row["digest"],
                volume_per_atom_A3=(
                    None if row["blueprint"] is None else stored(Blueprint, row["blueprint"]).volume_per_atom_A3
                ),
            )
            for row in found
        )


def _sum(terms: Sequence[ColumnElement[int]]) -> ColumnElement[int]:
    total: ColumnElement[int] = literal(0, Integer)
    for term in terms:
        total = total + term
    return total
