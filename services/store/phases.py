"""Formation energies of everything that is made of some elements: what a crystal may fall apart into."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Integer, RowMapping, Select, case, func, literal, select, true

from domain.json_value import JsonObject
from domain.measurement import Censoring
from services.store.database import Database
from services.store.intake_tables import material_measurements, materials, structures
from services.store.materials import visible_materials
from services.store.results import STANDING
from services.store.tables import campaigns, candidates, measurements

QUANTITY: Final = "formation_energy"
MOST_PHASES: Final = 20_000
"""Rows that are read of each kind."""
_NEWER: Final = material_measurements.alias()


@dataclass(frozen=True, slots=True)
class PhaseOrigin:
    """What two formation energies must have in common to be compared."""

    oracle: str
    oracle_version: str
    settings_digest: str


@dataclass(frozen=True, slots=True)
class MeasuredPhase:
    """A formation energy of a candidate or a known material that counts."""

    formula: str
    """Reduced."""
    digest: str
    """Of its blueprint."""
    campaign: str
    fidelity: str
    origin: PhaseOrigin
    value: float
    """eV/atom."""
    sigma: float | None
    censoring: Censoring
    references_eV_per_atom: Mapping[str, float]
    """Energies of the elements that it was counted from, by symbol; empty where nobody said."""
    measurement_id: int | None
    """None where it is of a known material."""
    candidate_id: int | None
    material_id: int | None


@dataclass(frozen=True, slots=True)
class CollectedPhase:
    """A known material with what its collection says of it."""

    material_id: int
    formula: str
    amounts: Mapping[str, float]
    space_group: int | None
    source: str
    source_id: str
    properties: JsonObject


class Phases:
    """Reads formation energies by what crystals are made of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def measured(self, elements: Collection[str], *, groups: Collection[int] | None) -> tuple[MeasuredPhase, ...]:
        """Formation energies that campaigns measured, of crystals of no other elements.

        Args:
            elements: Symbols.
            groups: Groups whose campaigns and materials may be seen; None for all there are.
        """
        statements = (_of_candidates(elements, groups), _of_materials(elements, groups))
        with self._database.read() as connection:
            rows = [row for one in statements for row in connection.execute(one.limit(MOST_PHASES)).mappings()]
        return tuple(_phase(row) for row in rows)

    def collected(self, elements: Collection[str], *, groups: Collection[int] | None) -> tuple[CollectedPhase, ...]:
        """Known materials of no other elements.

        Args:
            elements: Symbols.
            groups: Groups whose materials may be seen, beside everyone's; None for all there are.
        """
        columns = (
            materials.c.id,
            materials.c.formula,
            materials.c.space_group,
            materials.c.source,
            materials.c.source_id,
            materials.c.properties,
        )
        statement = (
            select(*columns)
            .join(structures, structures.c.material_id == materials.c.id)
            .where(structures.c.n_elements == _n_shared(structures.c.elements, elements), visible_materials(groups))
            .order_by(materials.c.id)
            .limit(MOST_PHASES)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).mappings().all()
        return tuple(
            CollectedPhase(
                material_id=row["id"],
                formula=row["formula"],
                amounts=row["properties"]["amounts"],
                space_group=row["space_group"],
                source=row["source"],
                source_id=row["source_id"],
                properties=row["properties"]["properties"],
            )
            for row in rows
        )


def _of_candidates(elements: Collection[str], groups: Collection[int] | None) -> Select[tuple[object, ...]]:
    n_elements = func.length(candidates.c.elements) - func.length(func.replace(candidates.c.elements, " ", "")) - 1
    return (
        select(
            measurements,
            measurements.c.id.label("measurement_id"),
            literal(None, Integer).label("material_id"),
            candidates.c.formula,
            candidates.c.digest,
            campaigns.c.name.label("campaign"),
        )
        .join(candidates, candidates.c.id == measurements.c.candidate_id)
        .join(campaigns, campaigns.c.id == measurements.c.campaign_id)
        .where(n_elements == _n_shared(candidates.c.elements, elements), *_in_campaigns(groups), *STANDING)
        .order_by(measurements.c.id)
    )


def _of_materials(elements: Collection[str], groups: Collection[int] | None) -> Select[tuple[object, ...]]:
    return (
        select(
            material_measurements,
            literal(None, Integer).label("measurement_id"),
            literal(None, Integer).label("candidate_id"),
            materials.c.formula,
            materials.c.digest,
            campaigns.c.name.label("campaign"),
        )
        .join(materials, materials.c.id == material_measurements.c.material_id)
        .join(structures, structures.c.material_id == materials.c.id)
        .join(campaigns, campaigns.c.id == material_measurements.c.campaign_id)
        .where(
            structures.c.n_elements == _n_shared(structures.c.elements, elements),
            materials.c.digest.is_not(None),
            visible_materials(groups),
            *_in_campaigns(groups),
            material_measurements.c.is_retracted.is_(False),
            ~select(_NEWER.c.id).where(_NEWER.c.supersedes == material_measurements.c.id).exists(),
        )
        .order_by(material_measurements.c.id)
    )


def _in_campaigns(groups: Collection[int] | None) -> Sequence[ColumnElement[bool]]:
    return (
        campaigns.c.spec["objective"]["quantity"].as_string() == QUANTITY,
        true() if groups is None else campaigns.c.group_id.in_(sorted(groups)),
    )


def _n_shared(words: ColumnElement[str], elements: Collection[str]) -> ColumnElement[int]:
    """How many of some elements a column names between spaces."""
    total: ColumnElement[int] = literal(0, Integer)
    for symbol in sorted(elements):
        total = total + case((words.like(f"% {symbol} %"), 1), else_=0)
    return total


def _phase(row: RowMapping) -> MeasuredPhase:
    provenance, references = row["provenance"], row["details"].get("references_eV_per_atom")
    told = references if isinstance(references, dict) else {}
    return MeasuredPhase(
        formula=row["formula"],
        digest=row["digest"],
        campaign=row["campaign"],
        fidelity=row["fidelity"],
        origin=PhaseOrigin(provenance["oracle"], provenance["oracle_version"], provenance["settings_digest"]),
        value=row["value"],
        sigma=row["sigma"],
        censoring=Censoring(row["censoring"]),
        references_eV_per_atom={s: float(e) for s, e in told.items() if isinstance(e, int | float)},
        measurement_id=row["measurement_id"],
        candidate_id=row["candidate_id"],
        material_id=row["material_id"],
    )
