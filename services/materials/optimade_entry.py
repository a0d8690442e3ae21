"""Structures of other OPTIMADE providers as known materials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidValueError
from domain.json_value import JsonObject, JsonValue
from domain.material import KnownMaterial
from domain.parsing import parse
from domain.structure import Occupation, Site, Structure, Vector, fractional_coordinates
from services.materials.symmetry import known_material
from services.store.database import storable

VACANCY: Final = "vacancy"
LONGEST_NAME: Final = 500
"""Characters of a structure's name."""
_MISLEADING: Final = frozenset({"implicit_atoms", "site_attachments", "unknown_positions"})
"""Features of structures whose sites do not say what the crystal is made of."""
_KEPT: Final = ("chemical_formula_descriptive", "last_modified", "immutable_id", "structure_features")


@dataclass(frozen=True, slots=True)
class _Species:
    name: str
    chemical_symbols: tuple[str, ...]
    concentration: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Attributes:
    """What is needed of a structure's attributes; providers add more."""

    lattice_vectors: tuple[Vector, Vector, Vector]
    cartesian_site_positions: tuple[Vector, ...]
    species: tuple[_Species, ...]
    species_at_sites: tuple[str, ...]
    structure_features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    type: str
    attributes: Mapping[str, JsonValue]


def material_from_optimade(entry: JsonValue, *, source: str) -> KnownMaterial:
    """Reads a structure resource of the OPTIMADE specification, from whoever sent it.

    Args:
        entry: The resource object, with `id`, `type` and `attributes`.
        source: Names the provider.

    Raises:
        ParseError: If it is no such resource.
        InvalidValueError: If its cell or sites are impossible, or do not say what the crystal is made of.
    """
    resource = parse(_Entry, storable(entry), what="The structure resource")
    if not 1 <= len(resource.id) <= LONGEST_NAME:
        raise InvalidValueError(
            f"A structure has a name of {len(resource.id)} characters.", remedy=f"Give 1 to {LONGEST_NAME}."
        )
    if resource.type != "structures":
        raise InvalidValueError(f"{resource.id} is of type {resource.type}.", remedy="Ask for structures.")
    attributes = parse(_Attributes, resource.attributes, what=f"The structure {resource.id}", prefix=("attributes",))
    misleading = sorted(_MISLEADING.intersection(attributes.structure_features))
    if misleading:
        raise InvalidValueError(
            f"The sites of {resource.id} leave atoms out ({', '.join(misleading)}).",
            remedy="Import its CIF from the provider instead.",
        )
    return known_material(
        _structure(attributes), source=source, source_id=resource.id, properties=_kept(resource.attributes)
    )


def _structure(attributes: _Attributes) -> Structure:
    occupations = {species.name: _occupation(species) for species in attributes.species}
    unknown = set(attributes.species_at_sites) - set(occupations)
    if unknown or len(attributes.species_at_sites) != len(attributes.cartesian_site_positions):
        raise InvalidValueError(
            "The sites do not fit the species or the positions.", remedy="Report it to the provider."
        )
    places = fractional_coordinates(attributes.lattice_vectors, attributes.cartesian_site_positions)
    return Structure(
        attributes.lattice_vectors,
        tuple(Site(occupations[name], place) for name, place in zip(attributes.species_at_sites, places, strict=True)),
    )


def _occupation(species: _Species) -> Occupation:
    if len(species.chemical_symbols) != len(species.concentration):
        raise InvalidValueError(
            f"Species {species.name} has other symbols than concentrations.", remedy="Report it to the provider."
        )
    shares: dict[str, float] = {}
    for symbol, share in zip(species.chemical_symbols, species.concentration, strict=True):
        if symbol != VACANCY and share > 0:
            shares[symbol] = shares.get(symbol, 0.0) + share
    return Occupation.of(shares)


def _kept(attributes: JsonObject) -> dict[str, JsonValue]:
    """The provider's own properties, as far as they are plain numbers, texts and lists of these."""
    return {
        name: value
        for name, value in attributes.items()
        if value is not None and (name in _KEPT or (name.startswith("_") and _is_plain(value)))
    }


def _is_plain(value: JsonValue) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return len(value) <= 100 and all(isinstance(item, str | int | float) for item in value)
    return isinstance(value, str | int | float)
