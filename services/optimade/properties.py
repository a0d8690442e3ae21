"""What can be asked of a structure by name: the specification's properties and our own."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, TypeAlias

from sqlalchemy import ColumnElement, Integer, Text, case, cast, func, literal, null

from services.optimade.measured import PREFIX, MeasuredProperty
from services.store.intake_tables import structures
from services.store.structure_contents import exact_value

Searched: TypeAlias = ColumnElement[str] | ColumnElement[int] | ColumnElement[float] | ColumnElement[datetime]
"""A column of the index, or what is computed from some."""


class Kind(Enum):
    """What a property is compared with."""

    TEXT = "string"
    INTEGER = "integer"
    FLOAT = "float"
    TIME = "timestamp"
    WORDS = "list"
    """A list of words, kept between spaces."""
    SIZE = "list of which only the length is searched"


@dataclass(frozen=True, slots=True)
class SearchProperty:
    """A property that filters may name."""

    kind: Kind
    column: Searched
    length: ColumnElement[int] | None = None
    """How many items a list has."""


def search_properties(measured: Iterable[MeasuredProperty]) -> Mapping[str, SearchProperty]:
    """Every property that filters may name, the measured ones of some campaigns among them."""
    own: dict[str, defaultdict[str, set[int]]] = {}
    for found in measured:
        own.setdefault(found.name, defaultdict(set))[found.fidelity].add(found.campaign_id)
    values = {name: SearchProperty(Kind.FLOAT, exact_value(fidelities)) for name, fidelities in own.items()}
    return {**_STANDARD, **values}


def _integer(number: int) -> ColumnElement[int]:
    return cast(literal(number), Integer)


_COLUMNS = structures.c
_STANDARD: Final[Mapping[str, SearchProperty]] = {
    "id": SearchProperty(Kind.TEXT, _COLUMNS.name),
    "type": SearchProperty(Kind.TEXT, cast(literal("structures"), Text)),
    "immutable_id": SearchProperty(Kind.TEXT, cast(null(), Text)),
    "last_modified": SearchProperty(Kind.TIME, _COLUMNS.modified_at),
    "elements": SearchProperty(Kind.WORDS, _COLUMNS.elements, _COLUMNS.n_elements),
    "nelements": SearchProperty(Kind.INTEGER, _COLUMNS.n_elements),
    "elements_ratios": SearchProperty(Kind.SIZE, _COLUMNS.elements, _COLUMNS.n_elements),
    "chemical_formula_descriptive": SearchProperty(Kind.TEXT, _COLUMNS.formula_descriptive),
    "chemical_formula_reduced": SearchProperty(Kind.TEXT, _COLUMNS.formula_reduced),
    "chemical_formula_anonymous": SearchProperty(Kind.TEXT, _COLUMNS.formula_anonymous),
    "chemical_formula_hill": SearchProperty(Kind.TEXT, cast(null(), Text)),
    "dimension_types": SearchProperty(Kind.SIZE, _COLUMNS.elements, _integer(3)),
    "nperiodic_dimensions": SearchProperty(Kind.INTEGER, _integer(3)),
    "lattice_vectors": SearchProperty(Kind.SIZE, _COLUMNS.elements, _integer(3)),
    "space_group_it_number": SearchProperty(Kind.INTEGER, _COLUMNS.space_group),
    "nsites": SearchProperty(Kind.INTEGER, _COLUMNS.n_sites),
    "cartesian_site_positions": SearchProperty(Kind.SIZE, _COLUMNS.elements, _COLUMNS.n_sites),
    "species_at_sites": SearchProperty(Kind.SIZE, _COLUMNS.elements, _COLUMNS.n_sites),
    "structure_features": SearchProperty(
        Kind.WORDS, _COLUMNS.features, case((func.trim(_COLUMNS.features) == "", 0), else_=1)
    ),
    f"{PREFIX}kind": SearchProperty(
        Kind.TEXT, case((_COLUMNS.material_id.is_not(None), "material"), else_="realization")
    ),
}
