"""Known materials and realizations as other programs see them, without anything internal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.blueprint import Blueprint
from domain.disorder import Arrangement
from domain.json_value import JsonObject
from domain.relaxation import Relaxation
from domain.structure import Structure
from services.materials.cell import CellView, cell_of_cif
from services.store.materials import MaterialRecord
from services.store.records import RealizationRecord


@dataclass(frozen=True, slots=True)
class MaterialView:
    """A known material."""

    id: int
    source: str
    """The collection that it comes from."""
    source_id: str
    """Its name there."""
    formula: str
    elements: tuple[str, ...]
    n_sites: int
    space_group: int | None
    """None where nobody knows."""
    is_ordered: bool
    """Whether every site belongs to one element alone."""
    blueprint: Blueprint | None
    """Its conventional cell; None where sites are shared or the symmetry is not known."""
    blueprint_digest: str | None
    group_id: int | None
    """Group whose members alone see it; None where everyone does."""
    added_by: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class MaterialDetails:
    """A known material with its sites and everything that its collection says of it."""

    material: MaterialView
    structure: Structure | None
    """None where only the blueprint is known."""
    properties: JsonObject
    """What else the collection says of it."""


@dataclass(frozen=True, slots=True)
class RealizationView:
    """Sites of a candidate."""

    id: int
    candidate_id: int
    digest: str
    method: str
    """How the sites were found."""
    seed: int
    energy_eV_per_atom: float | None
    """Energy by which it was picked; None if it was not ranked."""
    ranked_by: str | None
    is_relaxed: bool
    """Whether its cell was relaxed, and may differ from the blueprint's."""
    is_of_disordered: bool
    """Whether it is one ordered choice for a structure whose sites are shared or partly vacant; `method` says which."""
    arrangement: Arrangement | None
    """Its weight among the choices; None where it is none of several."""
    relaxations: tuple[Relaxation, ...]
    """Those that began from it, with how they ended, and the one that led to it; also where the crystal broke."""
    cell: CellView | None
    """Its cell as it is written; None where it cannot be read."""
    recorded_at: datetime


def material_view(record: MaterialRecord) -> MaterialView:
    """Shows a known material."""
    material = record.material
    return MaterialView(
        id=record.id,
        source=material.source,
        source_id=material.source_id,
        formula=material.formula,
        elements=material.elements,
        n_sites=material.n_sites,
        space_group=material.space_group,
        is_ordered=material.is_ordered,
        blueprint=material.blueprint,
        blueprint_digest=record.digest,
        group_id=record.group_id,
        added_by=record.added_by,
        added_at=record.added_at,
    )


def material_details(record: MaterialRecord) -> MaterialDetails:
    """Shows everything that is known of a material."""
    return MaterialDetails(material_view(record), record.material.structure, record.material.properties)


def realization_view(record: RealizationRecord, relaxations: Mapping[str, tuple[Relaxation, ...]]) -> RealizationView:
    """Shows a realization without its sites.

    Args:
        record: The realization.
        relaxations: What is told of its candidate's, by digest; see `relaxations_by_sites`.
    """
    realization = record.realization
    return RealizationView(
        id=record.id,
        candidate_id=record.candidate_id,
        digest=realization.digest,
        method=realization.method,
        seed=realization.seed,
        energy_eV_per_atom=realization.energy_eV_per_atom,
        ranked_by=realization.ranked_by,
        is_relaxed=realization.is_relaxed,
        is_of_disordered=realization.is_of_disordered,
        arrangement=realization.arrangement,
        relaxations=relaxations.get(realization.digest, ()),
        cell=cell_of_cif(realization.cif),
        recorded_at=record.recorded_at,
    )
