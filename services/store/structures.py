"""The index of everything that has sites: known materials and realizations, as one list that can be searched.

Realizations are entered when somebody searches, not when they are recorded: recording has to be quick, and most of them
are never searched for.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, or_, select, true

from domain.blueprint import Blueprint
from domain.material import KnownMaterial, alphabetical_formula, anonymous_formula, whole_proportions
from services.store.database import Database, insert_if_absent
from services.store.intake_tables import materials, structures
from services.store.rows import stored
from services.store.structure_contents import RealizationContents, read_realizations
from services.store.tables import campaigns, candidates, realizations

Entry: TypeAlias = Mapping[str, object]
"""A row of the index."""

DISORDER: Final = "disorder"
"""The feature of a structure whose sites are shared or partly vacant."""
MOST_AT_ONCE: Final = 2_000
"""Realizations that one search enters: a second's work."""
_AT_ONCE: Final = 200
_LOOK_BACK: Final = 10_000
"""How far behind the newest entry to look for realizations: one may take effect after another with a higher number."""

_WITH_OWNERS: Final = structures.outerjoin(materials, materials.c.id == structures.c.material_id).outerjoin(
    campaigns, campaigns.c.id == structures.c.campaign_id
)
"""Owners are looked up and not copied, because they may change."""


@dataclass(frozen=True, slots=True)
class StructureRow:
    """An entry of the index with what is needed to show it."""

    id: int
    name: str
    material_id: int | None
    realization_id: int | None
    candidate_id: int | None
    campaign_id: int | None
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class StructurePage:
    """Some entries, and how many there are."""

    rows: tuple[StructureRow, ...]
    has_more: bool
    n_found: int
    """That fulfil the condition."""
    n_visible: int
    """That may be seen at all."""


class Structures:
    """Everything with sites, by name (`material-12`, `realization-34`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enter_realizations(self, most: int = MOST_AT_ONCE) -> bool:
        """Enters what was recorded since somebody last searched. Returns whether everything is entered now.

        Args:
            most: How many to enter at most, so that nobody waits for long.
        """
        for _ in range(0, most, _AT_ONCE):
            with self._database.read() as connection:
                rows = connection.execute(_not_entered(connection)).mappings().all()
            if not rows:
                return True
            with self._database.write() as connection:
                write_structures(connection, [_realization_entry(row) for row in rows])
        return False

    def search(
        self,
        condition: ColumnElement[bool],
        *,
        groups: Collection[int] | None,
        after: int,
        limit: int,
    ) -> StructurePage:
        """Entries that fulfil a condition, in the order in which they were entered.

        Args:
            condition: On the columns of the index.
            groups: Groups whose campaigns and materials may be seen; None for all there are.
            after: Number of the last entry seen.
            limit: How many at most.
        """
        is_visible = _visible(groups)
        found = select(structures).select_from(_WITH_OWNERS).where(structures.c.id > after, is_visible, condition)
        count = select(func.count(structures.c.id)).select_from(_WITH_OWNERS).where(is_visible)
        with self._database.read() as connection:
            rows = connection.execute(found.order_by(structures.c.id).limit(limit + 1)).mappings().all()
            n_found = connection.execute(count.where(condition)).scalar_one()
            n_visible = connection.execute(count).scalar_one()
        return StructurePage(
            rows=tuple(_row(row) for row in rows[:limit]),
            has_more=len(rows) > limit,
            n_found=n_found,
            n_visible=n_visible,
        )

    def find(self, name: str, *, groups: Collection[int] | None) -> StructureRow | None:
        """Finds an entry by name; None if there is none that may be seen."""
        statement = select(structures).select_from(_WITH_OWNERS).where(structures.c.name == name, _visible(groups))
        with self._database.read() as connection:
            row = connection.execute(statement).mappings().one_or_none()
        return None if row is None else _row(row)

    def realizations(self, numbers: Sequence[int]) -> dict[int, RealizationContents]:
        """Reads realizations by number, with their blueprints and what was measured of their candidates."""
        with self._database.read() as connection:
            return read_realizations(connection, numbers)


def write_structures(connection: Connection, entries: Sequence[Entry]) -> int:
    """Enters structures inside a transaction; those that are there stay. Returns how many are new."""
    return sum(
        insert_if_absent(connection, structures, entries[start : start + _AT_ONCE])
        for start in range(0, len(entries), _AT_ONCE)
    )


def material_entry(material_id: int, material: KnownMaterial, at: datetime) -> Entry:
    """The entry of a known material."""
    return {
        **_searched(material.amounts, material.formula),
        "name": f"material-{material_id}",
        "material_id": material_id,
        "realization_id": None,
        "candidate_id": None,
        "campaign_id": None,
        "n_sites": material.n_sites,
        "space_group": material.space_group,
        "features": _words(() if material.is_ordered else (DISORDER,)),
        "modified_at": at,
    }


def _realization_entry(row: RowMapping) -> Entry:
    blueprint = stored(Blueprint, row["blueprint"])
    material = KnownMaterial.of_blueprint(blueprint, source="campaign", source_id=blueprint.digest)
    return {
        **material_entry(0, material, row["recorded_at"]),
        "name": f"realization-{row['id']}",
        "material_id": None,
        "realization_id": row["id"],
        "candidate_id": row["candidate_id"],
        "campaign_id": row["campaign_id"],
        # The sites may have fallen into another group than the blueprint's, and finding out takes more than reading.
        "space_group": None,
    }


def _searched(amounts: Mapping[str, float], formula: str) -> Entry:
    whole = whole_proportions(amounts)
    return {
        "formula_reduced": None if whole is None else alphabetical_formula(whole),
        "formula_anonymous": None if whole is None else anonymous_formula(whole),
        "formula_descriptive": formula,
        "elements": _words(sorted(amounts)),
        "n_elements": len(amounts),
    }


def _words(words: Collection[str]) -> str:
    """Words between spaces, so that each is found with the spaces around it and none inside another."""
    return "".join(f" {word}" for word in words) + " "


def _not_entered(connection: Connection) -> Select[int, int, datetime, int, object]:
    newest = connection.execute(select(func.max(structures.c.realization_id))).scalar_one()
    is_entered = select(structures.c.id).where(structures.c.realization_id == realizations.c.id).exists()
    columns = (realizations.c.id, realizations.c.candidate_id, realizations.c.recorded_at)
    return (
        select(*columns, candidates.c.campaign_id, candidates.c.blueprint)
        .join(candidates, candidates.c.id == realizations.c.candidate_id)
        .where(realizations.c.id > (newest or 0) - _LOOK_BACK, ~is_entered)
        .order_by(realizations.c.id)
        .limit(_AT_ONCE)
    )


def _visible(groups: Collection[int] | None) -> ColumnElement[bool]:
    if groups is None:
        return true()
    numbers = sorted(groups)
    is_known_to_all = and_(structures.c.campaign_id.is_(None), materials.c.group_id.is_(None))
    return or_(is_known_to_all, materials.c.group_id.in_(numbers), campaigns.c.group_id.in_(numbers))


def _row(row: RowMapping) -> StructureRow:
    return StructureRow(
        id=row["id"],
        name=row["name"],
        material_id=row["material_id"],
        realization_id=row["realization_id"],
        candidate_id=row["candidate_id"],
        campaign_id=row["campaign_id"],
        modified_at=row["modified_at"],
    )
