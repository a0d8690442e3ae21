"""Known materials: what exists already, by whom it may be seen, and what resembles a blueprint."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, Text, cast, or_, select, true

from domain.blueprint import Blueprint
from domain.errors import NotFoundError
from domain.json_value import JsonObject
from domain.material import KnownMaterial, anonymous_formula, whole_proportions
from domain.parsing import to_json_object, to_json_value
from domain.structure import Structure
from services.store.database import Database, insert_if_absent
from services.store.intake_tables import materials
from services.store.rows import stored
from services.store.structures import material_entry, write_structures

EVERYONE = 0
"""Who holds a material that everyone who is signed in may see."""
MOST_IN_LIST = 1_000
"""Rows that one page may hold."""
_PER_STATEMENT = 200
"""Rows that are written by one statement; databases bound the number of its parameters."""


@dataclass(frozen=True, slots=True)
class MaterialRecord:
    """A known material in the store."""

    id: int
    group_id: int | None
    """Whose it is; None where everyone who is signed in may see it."""
    material: KnownMaterial
    digest: str | None
    """Of its blueprint; None where it has none."""
    added_by: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class MaterialFilter:
    """Which materials are wanted; what is not said does not matter."""

    formula: str | None = None
    """Reduced formula as Petalite writes it."""
    elements: frozenset[str] = frozenset()
    """All of which it must contain."""
    space_group: int | None = None
    source: str | None = None
    digest: str | None = None
    """Of its blueprint."""

    @property
    def conditions(self) -> tuple[ColumnElement[bool], ...]:
        """The same for the database."""
        exact = {
            materials.c.formula: self.formula,
            materials.c.space_group: self.space_group,
            materials.c.source: self.source,
            materials.c.digest: self.digest,
        }
        # Symbols stand between quotation marks in the stored text, so that none is found inside another.
        return (
            *(column == value for column, value in exact.items() if value is not None),
            *(cast(materials.c.elements, Text).like(f'%"{symbol}"%') for symbol in sorted(self.elements)),
        )


class Materials:
    """Known materials by number. Those of a group are its members' alone; the rest are everyone's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, material: KnownMaterial, *, group_id: int | None, added_by: str) -> MaterialRecord:
        """Keeps a material; one of the same source and name in the same hands stays as it is.

        Args:
            material: The material.
            group_id: Whose it is; None for everyone's.
            added_by: Who hands it in.
        """
        with self._database.write() as connection:
            self._write(connection, [material], group_id, added_by)
            row = connection.execute(select(materials).where(*_key(material, group_id))).mappings().one()
        return _record(row)

    def add_many(self, found: Sequence[KnownMaterial], *, group_id: int | None, added_by: str) -> int:
        """Keeps materials in one transaction. Returns how many are new."""
        with self._database.write() as connection:
            return self._write(connection, found, group_id, added_by)

    def get(self, material_id: int) -> MaterialRecord:
        """Finds a material by number.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            row = connection.execute(select(materials).where(materials.c.id == material_id)).mappings().one_or_none()
        if row is None:
            raise NotFoundError(f"There is no material number {material_id}.", remedy="List the materials.")
        return _record(row)

    def get_all(self, numbers: Collection[int]) -> dict[int, MaterialRecord]:
        """Reads materials by number; those that do not exist are left out."""
        with self._database.read() as connection:
            rows = connection.execute(select(materials).where(materials.c.id.in_(sorted(numbers)))).mappings().all()
        return {row["id"]: _record(row) for row in rows}

    def list(
        self,
        *,
        groups: Collection[int] | None,
        wanted: MaterialFilter = MaterialFilter(),
        after: int = 0,
        limit: int = 100,
    ) -> tuple[MaterialRecord, ...]:
        """Materials in the order in which they were added.

        Args:
            groups: Groups whose materials may be seen, beside everyone's; None for all there are.
            wanted: Which ones.
            after: Number of the last one seen.
            limit: How many at most.
        """
        statement = (
            select(materials)
            .where(materials.c.id > after, visible_materials(groups), *wanted.conditions)
            .order_by(materials.c.id)
            .limit(min(limit, MOST_IN_LIST))
        )
        with self._database.read() as connection:
            return tuple(_record(row) for row in connection.execute(statement).mappings())

    def resembling(self, blueprint: Blueprint, *, groups: Collection[int] | None) -> tuple[MaterialRecord, ...]:
        """Materials with a blueprint's reduced formula and space group: the same crystal within some strain, or nearly.

        Args:
            blueprint: What is looked for.
            groups: Groups whose materials may be seen, beside everyone's; None for all there are.
        """
        wanted = MaterialFilter(formula=blueprint.composition.reduced_formula, space_group=blueprint.space_group.number)
        return self.list(groups=groups, wanted=wanted, limit=MOST_IN_LIST)

    def _write(
        self, connection: Connection, found: Sequence[KnownMaterial], group_id: int | None, added_by: str
    ) -> int:
        now = self._database.now()
        rows = [_row(material, group_id, added_by, now) for material in found]
        n_new = 0
        for start in range(0, len(rows), _PER_STATEMENT):
            n_new += insert_if_absent(connection, materials, rows[start : start + _PER_STATEMENT])
        if n_new:
            _index(connection, found, group_id, now)
        return n_new


def visible_materials(groups: Collection[int] | None) -> ColumnElement[bool]:
    """The condition under which members of some groups see a material; None for whoever sees all."""
    if groups is None:
        return true()
    return or_(materials.c.group_id.is_(None), materials.c.group_id.in_(sorted(groups)))


def _index(connection: Connection, found: Sequence[KnownMaterial], group_id: int | None, now: datetime) -> None:
    names = [material.source_id for material in found]
    ids: dict[tuple[str, str], int] = {}
    for start in range(0, len(names), _PER_STATEMENT):
        condition = materials.c.source_id.in_(names[start : start + _PER_STATEMENT])
        statement = select(materials.c.id, materials.c.source, materials.c.source_id)
        held = statement.where(materials.c.holder == _holder(group_id), condition)
        ids |= {(row.source, row.source_id): row.id for row in connection.execute(held)}
    # Of several of one name the first is kept.
    entries = {ids[material.source, material.source_id]: material for material in reversed(found)}
    write_structures(connection, [material_entry(number, entries[number], now) for number in sorted(entries)])


def _holder(group_id: int | None) -> int:
    return EVERYONE if group_id is None else group_id


def _key(material: KnownMaterial, group_id: int | None) -> tuple[ColumnElement[bool], ...]:
    return (
        materials.c.holder == _holder(group_id),
        materials.c.source == material.source,
        materials.c.source_id == material.source_id,
    )


def _row(material: KnownMaterial, group_id: int | None, added_by: str, at: datetime) -> dict[str, object]:
    whole = whole_proportions(material.amounts)
    blueprint = material.blueprint
    contents: JsonObject = {
        "amounts": dict(material.amounts),
        "structure": None if material.structure is None else to_json_value(material.structure),
        "properties": dict(material.properties),
    }
    return {
        "group_id": group_id,
        "holder": _holder(group_id),
        "source": material.source,
        "source_id": material.source_id,
        "formula": material.formula,
        "anonymous_formula": "" if whole is None else anonymous_formula(whole),
        "elements": list(material.elements),
        "n_elements": len(material.elements),
        "n_sites": material.n_sites,
        "space_group": material.space_group,
        "blueprint": None if blueprint is None else to_json_object(blueprint),
        "digest": None if blueprint is None else blueprint.digest,
        "cif": material.cif,
        "properties": contents,
        "added_by": added_by,
        "added_at": at,
    }


def _record(row: RowMapping) -> MaterialRecord:
    contents = row["properties"]
    return MaterialRecord(
        id=row["id"],
        group_id=row["group_id"],
        material=KnownMaterial(
            source=row["source"],
            source_id=row["source_id"],
            amounts=contents["amounts"],
            n_sites=row["n_sites"],
            space_group=row["space_group"],
            blueprint=None if row["blueprint"] is None else stored(Blueprint, row["blueprint"]),
            structure=None if contents["structure"] is None else stored(Structure, contents["structure"]),
            cif=row["cif"],
            properties=contents["properties"],
        ),
        digest=row["digest"],
        added_by=row["added_by"],
        added_at=row["added_at"],
    )
