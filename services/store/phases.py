"""Formation energies of everything that is made of some elements: what a crystal may fall apart into."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Integer,
    RowMapping,
    Select,
    Table,
    Text,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from domain.json_value import JsonObject
from domain.measurement import Censoring
from services.store.database import Database
from services.store.intake_tables import material_measurements, materials, structures
from services.store.materials import visible_materials
from services.store.results import STANDING
from services.store.tables import campaigns, candidates, measurements

QUANTITY: Final = "formation_energy"
ORDERED_FORMULA: Final = "ordered_formula"
"""Under this name a measurement's details say the formula of the choices that stood for a disordered material."""
_REFERENCES: Final = "references_eV_per_atom"
_NEWER: Final = material_measurements.alias()


@dataclass(frozen=True, slots=True)
class PhaseOrigin:
    """What two formation energies must have in common to be compared."""

    oracle: str
    oracle_version: str
    settings_digest: str


_ORIGIN: Final = tuple(field.name for field in fields(PhaseOrigin))


@dataclass(frozen=True, slots=True)
class MeasuredPhase:
    """A formation energy of a candidate or a known material that counts."""

    formula: str
    """Reduced."""
    digest: str | None
    """Of its blueprint; None where it is a disordered material, which has none."""
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
class LowestPhase:
    """The lowest of all formation energies of one formula, origin, kind of bound and zero."""

    phase: MeasuredPhase
    n_crystals: int
    """Crystals of that formula, itself among them."""
    n_looks: int
    """Energies of them."""


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

    def of_candidate(self, candidate_id: int, *, groups: Collection[int] | None) -> tuple[MeasuredPhase, ...]:
        """All formation energies of a candidate that count, in the order in which they came.

        Args:
            candidate_id: The candidate.
            groups: Groups whose campaigns may be seen; None for all there are.
        """
        statement = (
            _of_candidates()
            .where(measurements.c.candidate_id == candidate_id, *_of_energies(groups))
            .order_by(measurements.c.id)
        )
        with self._database.read() as connection:
            return tuple(_phase(row) for row in connection.execute(statement).mappings())

    def lowest(
        self,
        elements: Collection[str],
        *,
        groups: Collection[int] | None,
        origin: PhaseOrigin,
        but: str | None = None,
    ) -> tuple[LowestPhase, ...]:
        """Formation energies of one origin that campaigns measured, of crystals of no other elements.

        Only the lowest of a formula can be part of a hull, so that no other is read.

        Args:
            elements: Symbols.
            groups: Groups whose campaigns and materials may be seen; None for all there are.
            origin: By what they were measured.
            but: Digest of a blueprint that is left out.
        """
        with self._database.read() as connection:
            numbers = _campaigns_of_energies(connection, groups)
            if not numbers:
                return ()
            looks = union_all(
                _of_candidates().where(
                    measurements.c.campaign_id.in_(numbers),
                    _n_words(candidates.c.elements) == _n_shared(candidates.c.elements, elements),
                    *_of_origin(measurements, origin),
                    *(() if but is None else (candidates.c.digest != but,)),
                ),
                _of_materials().where(
                    material_measurements.c.campaign_id.in_(numbers),
                    structures.c.n_elements == _n_shared(structures.c.elements, elements),
                    visible_materials(groups),
                    *_of_origin(material_measurements, origin),
                    *(() if but is None else (func.coalesce(materials.c.digest, "") != but,)),
                ),
            )
            rows = connection.execute(_lowest_of(looks)).mappings().all()
        found = [LowestPhase(_phase(row), row["n_crystals"], row["n_looks"]) for row in rows]
        # Sorted here, because databases disagree on the order of text.
        return tuple(sorted(found, key=lambda one: (one.phase.formula, one.phase.value)))

    def collected(self, elements: Collection[str], *, groups: Collection[int] | None) -> tuple[CollectedPhase, ...]:
        """Known materials of no other elements of which their collection may say a formation energy.

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
        said = cast(materials.c.properties, Text)
        statement = (
            select(*columns)
            .join(structures, structures.c.material_id == materials.c.id)
            .where(
                structures.c.n_elements == _n_shared(structures.c.elements, elements),
                visible_materials(groups),
                or_(said.contains("formation_energy", autoescape=True), said.contains("delta_e", autoescape=True)),
            )
            .order_by(materials.c.id)
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


def _of_energies(groups: Collection[int] | None) -> tuple[ColumnElement[bool], ...]:
    """Conditions on campaigns: they learn formation energies, and may be seen."""
    return (
        campaigns.c.spec["objective"]["quantity"].as_string() == QUANTITY,
        true() if groups is None else campaigns.c.group_id.in_(sorted(groups)),
    )


def _campaigns_of_energies(connection: Connection, groups: Collection[int] | None) -> Sequence[int]:
    # First and alone: where there are none, no measurement of another quantity is read.
    return connection.execute(select(campaigns.c.id).where(*_of_energies(groups))).scalars().all()


def _of_candidates() -> Select[tuple[object, ...]]:
    columns = (
        *_told(measurements),
        candidates.c.formula,
        candidates.c.digest,
        candidates.c.digest.label("crystal"),
        measurements.c.id.label("measurement_id"),
        measurements.c.candidate_id,
        literal(None, Integer).label("material_id"),
    )
    return (
        select(*columns)
        .join(candidates, candidates.c.id == measurements.c.candidate_id)
        .join(campaigns, campaigns.c.id == measurements.c.campaign_id)
        .where(*STANDING)
    )


def _of_materials() -> Select[tuple[object, ...]]:
    chosen = material_measurements.c.details[ORDERED_FORMULA].as_string()
    columns = (
        *_told(material_measurements),
        case(
            (materials.c.digest.is_(None), func.coalesce(chosen, materials.c.formula)), else_=materials.c.formula
        ).label("formula"),
        materials.c.digest,
        func.coalesce(materials.c.digest, cast(materials.c.id, Text)).label("crystal"),
        literal(None, Integer).label("measurement_id"),
        literal(None, Integer).label("candidate_id"),
        material_measurements.c.material_id,
    )
    return (
        select(*columns)
        .join(materials, materials.c.id == material_measurements.c.material_id)
        .join(structures, structures.c.material_id == materials.c.id)
        .join(campaigns, campaigns.c.id == material_measurements.c.campaign_id)
        .where(
            material_measurements.c.is_retracted.is_(False),
            ~select(_NEWER.c.id).where(_NEWER.c.supersedes == material_measurements.c.id).exists(),
        )
    )


def _told(table: Table) -> Iterable[ColumnElement[object]]:
    """What both kinds of measurement say, without their details as a whole."""
    return (
        table.c.id,
        table.c.fidelity,
        table.c.value,
        table.c.sigma,
        table.c.censoring,
        *(table.c.provenance[name].as_string().label(name) for name in _ORIGIN),
        table.c.details[_REFERENCES].as_string().label("zero"),
        campaigns.c.name.label("campaign"),
    )


def _of_origin(table: Table, origin: PhaseOrigin) -> Iterable[ColumnElement[bool]]:
    return (table.c.provenance[name].as_string() == value for name, value in asdict(origin).items())


def _lowest_of(looks: CompoundSelect[tuple[object, ...]]) -> Select[tuple[object, ...]]:
    """The lowest of each formula, kind of bound and zero, with how many crystals and looks there are."""
    found = looks.subquery()
    alike = [found.c.formula, found.c.censoring, found.c.zero]
    place = func.row_number().over(partition_by=alike, order_by=(found.c.value, found.c.crystal, found.c.id))
    crystal = func.dense_rank().over(partition_by=alike, order_by=found.c.crystal)
    placed = select(found, place.label("place"), crystal.label("crystal_number")).subquery()
    alike = [placed.c.formula, placed.c.censoring, placed.c.zero]
    counted = select(
        placed,
        func.max(placed.c.crystal_number).over(partition_by=alike).label("n_crystals"),
        func.count().over(partition_by=alike).label("n_looks"),
    ).subquery()
    return select(counted).where(counted.c.place == 1)


def _n_words(words: ColumnElement[str]) -> ColumnElement[int]:
    return func.length(words) - func.length(func.replace(words, " ", "")) - 1


def _n_shared(words: ColumnElement[str], elements: Collection[str]) -> ColumnElement[int]:
    """How many of some elements a column names between spaces."""
    total: ColumnElement[int] = literal(0, Integer)
    for symbol in sorted(elements):
        total = total + case((words.like(f"% {symbol} %"), 1), else_=0)
    return total


def _phase(row: RowMapping) -> MeasuredPhase:
    return MeasuredPhase(
        formula=row["formula"],
        digest=row["digest"],
        campaign=row["campaign"],
        fidelity=row["fidelity"],
        origin=PhaseOrigin(row["oracle"], row["oracle_version"], row["settings_digest"]),
        value=row["value"],
        sigma=row["sigma"],
        censoring=Censoring(row["censoring"]),
        references_eV_per_atom=_references(row["zero"]),
        measurement_id=row["measurement_id"],
        candidate_id=row["candidate_id"],
        material_id=row["material_id"],
    )


def _references(zero: str | None) -> Mapping[str, float]:
    """What a measurement says of the elements' energies; nothing where it says something else by that name."""
    try:
        told = json.loads(zero or "{}")
    except ValueError:
        return {}
    if not isinstance(told, dict):
        return {}
    return {symbol: float(energy) for symbol, energy in told.items() if isinstance(energy, int | float)}
