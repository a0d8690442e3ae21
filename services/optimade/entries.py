"""Structures as resource objects of the specification."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from domain.elements import Element
from domain.errors import InvalidValueError
from domain.json_value import JsonObject, JsonValue
from domain.material import alphabetical_formula, anonymous_formula, whole_proportions
from domain.measurement import Censoring
from domain.structure import Occupation, Structure
from services.materials.optimade_entry import VACANCY
from services.materials.plain_cif import read_plain_cif
from services.optimade.measured import PREFIX, MeasuredProperty
from services.store import Store
from services.store.materials import MaterialRecord
from services.store.structure_contents import RealizationContents
from services.store.structures import DISORDER, StructureRow

_SHARE_DECIMALS: Final = 6
_PERIODIC: Final[Mapping[str, JsonValue]] = MappingProxyType({"dimension_types": [1, 1, 1], "nperiodic_dimensions": 3})


def structure_resources(
    store: Store,
    rows: Sequence[StructureRow],
    *,
    measured: Sequence[MeasuredProperty],
    fields: Collection[str] | None,
) -> list[JsonValue]:
    """Turns entries of the index into resource objects.

    Args:
        store: The store.
        rows: The entries.
        measured: What the visible campaigns measure.
        fields: Names of the only properties wanted; None for all.
    """
    materials = store.materials.get_all([row.material_id for row in rows if row.material_id is not None])
    realizations = store.structures.realizations([row.realization_id for row in rows if row.realization_id is not None])
    resources: list[JsonValue] = []
    for row in rows:
        if row.material_id is not None:
            attributes = _of_material(materials[row.material_id])
        elif row.realization_id is not None:
            attributes = _of_realization(realizations[row.realization_id], measured)
        else:
            continue
        attributes |= {"last_modified": row.modified_at.strftime("%Y-%m-%dT%H:%M:%SZ"), "immutable_id": None}
        resources.append({"id": row.name, "type": "structures", "attributes": _chosen(attributes, fields)})
    return resources


def structure_attributes(structure: Structure) -> dict[str, JsonValue]:
    """Cell and sites in the words of the specification."""
    occupations = dict.fromkeys(site.occupation for site in structure.sites)
    shares = {occupation: _shares(occupation) for occupation in occupations}
    names = {occupation: _species_name(shares[occupation]) for occupation in occupations}
    species = {names[occupation]: _species(names[occupation], shares[occupation]) for occupation in occupations}
    return {
        **_PERIODIC,
        "nsites": len(structure.sites),
        "lattice_vectors": [list(vector) for vector in structure.lattice_vectors],
        "cartesian_site_positions": [list(structure.cartesian(site)) for site in structure.sites],
        "species": list(species.values()),
        "species_at_sites": [names[site.occupation] for site in structure.sites],
        "structure_features": [DISORDER] if any(len(shared) > 1 for shared in shares.values()) else [],
    }


def _chosen(attributes: Mapping[str, JsonValue], fields: Collection[str] | None) -> JsonObject:
    if fields is None:
        return dict(attributes)
    return {name: attributes.get(name) for name in fields if name not in {"id", "type"}}


def _of_material(record: MaterialRecord) -> dict[str, JsonValue]:
    material = record.material
    return {
        **_composition(material.amounts, material.formula),
        **_sites(material.structure, material.n_sites),
        "space_group_it_number": material.space_group,
        f"{PREFIX}kind": "material",
        f"{PREFIX}source": material.source,
        f"{PREFIX}source_id": material.source_id,
        f"{PREFIX}blueprint_digest": record.digest,
    }


def _of_realization(contents: RealizationContents, measured: Sequence[MeasuredProperty]) -> dict[str, JsonValue]:
    realization, blueprint = contents.record.realization, contents.blueprint
    amounts = {Element(number).symbol: float(n) for number, n in blueprint.composition.counts}
    attributes: dict[str, JsonValue] = {
        **_composition(amounts, blueprint.composition.reduced_formula),
        **_sites(_read(realization.cif), blueprint.composition.n_atoms),
        "space_group_it_number": None,
        f"{PREFIX}kind": "realization",
        f"{PREFIX}blueprint_digest": realization.blueprint_digest,
        f"{PREFIX}blueprint_space_group": blueprint.space_group.number,
        f"{PREFIX}method": realization.method,
        f"{PREFIX}is_relaxed": realization.is_relaxed,
        f"{PREFIX}energy_ev_per_atom": realization.energy_eV_per_atom,
        f"{PREFIX}ranked_by": realization.ranked_by,
    }
    exact = {value.fidelity: value.value for value in contents.values if value.censoring is Censoring.NONE}
    for found in measured:
        if found.campaign_id == contents.campaign_id:
            attributes[found.name] = exact.get(found.fidelity)
    return attributes


def _composition(amounts: Mapping[str, float], formula: str) -> dict[str, JsonValue]:
    whole = whole_proportions(amounts)
    total = sum(amounts.values())
    symbols = sorted(amounts)
    return {
        "elements": list(symbols),
        "nelements": len(symbols),
        "elements_ratios": [amounts[symbol] / total for symbol in symbols],
        "chemical_formula_descriptive": formula,
        "chemical_formula_reduced": None if whole is None else alphabetical_formula(whole),
        "chemical_formula_anonymous": None if whole is None else anonymous_formula(whole),
        "chemical_formula_hill": None,
    }


def _sites(structure: Structure | None, n_sites: int) -> dict[str, JsonValue]:
    if structure is not None:
        return structure_attributes(structure)
    unknown = ("lattice_vectors", "cartesian_site_positions", "species", "species_at_sites")
    return {**_PERIODIC, "nsites": n_sites, **dict.fromkeys(unknown), "structure_features": []}


def _shares(occupation: Occupation) -> dict[str, float]:
    """What a site holds, vacancies named, in shares that add up to 1."""
    if occupation.is_full:
        return {occupation.shares[0][0]: 1.0}
    shares = dict(occupation.shares)
    held = sum(shares.values())
    if held < 1:
        shares[VACANCY] = round(1 - held, _SHARE_DECIMALS)
    return shares


def _species_name(shares: Mapping[str, float]) -> str:
    if len(shares) == 1:
        return next(iter(shares))
    return " ".join(f"{symbol}{share:g}" for symbol, share in shares.items())


def _species(name: str, shares: Mapping[str, float]) -> JsonObject:
    return {"name": name, "chemical_symbols": list(shares), "concentration": list(shares.values())}


def _read(cif: str) -> Structure | None:
    """The sites of a realization; None where somebody handed in a CIF whose symmetry has to be worked out."""
    try:
        return read_plain_cif(cif)
    except InvalidValueError:
        return None
