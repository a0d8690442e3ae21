"""The sites of a structure as people list them: one line for each set of equivalent ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from domain.errors import InvalidValueError
from domain.structure import Site, Structure, Vector
from services.materials.plain_cif import read_plain_cif
from services.materials.symmetry import TOLERANCE_A, symmetry_dataset

MOST_SITES: Final = 200
"""Of larger cells no list is made: nobody reads it."""
_IMAGES: Final = tuple(product((-1, 0, 1), repeat=3))


@dataclass(frozen=True, slots=True)
class Orbit:
    """Sites that the symmetry makes of one."""

    label: str
    """What sits there: a symbol, or several with their shares."""
    wyckoff: str
    """The Wyckoff letter."""
    n_sites: int
    """In the cell as it is written."""
    fractional: Vector
    """Of the first of them, each coordinate from 0 to 1."""
    neighbour: str
    """What sits nearest."""
    distance_A: float
    """How far away that is."""


@dataclass(frozen=True, slots=True)
class SiteList:
    """The sites of a cell."""

    space_group: int
    """Found within `tolerance_A`."""
    tolerance_A: float
    n_sites: int
    orbits: tuple[Orbit, ...]


def list_sites(cif: str) -> SiteList | None:
    """Lists the sites of a CIF in P1; None where they cannot be read, are too many, or no symmetry is found."""
    try:
        structure = read_plain_cif(cif)
    except InvalidValueError:
        return None
    found = symmetry_dataset(structure) if len(structure.sites) <= MOST_SITES else None
    if found is None:
        return None
    members: dict[int, list[int]] = {}
    for place, first in enumerate(found.equivalent_atoms):
        members.setdefault(int(first), []).append(place)
    nearest = _nearest(structure, [places[0] for places in members.values()])
    orbits = tuple(
        _orbit(structure, places, str(found.wyckoffs[places[0]]), neighbour)
        for places, neighbour in zip(members.values(), nearest, strict=True)
    )
    return SiteList(int(found.number), TOLERANCE_A, len(structure.sites), orbits)


def _orbit(structure: Structure, places: list[int], wyckoff: str, neighbour: tuple[int, float]) -> Orbit:
    site = structure.sites[places[0]]
    nearest, distance_A = neighbour
    x, y, z = (round(value % 1.0, 6) % 1.0 for value in site.fractional)
    return Orbit(_label(site), wyckoff, len(places), (x, y, z), _label(structure.sites[nearest]), distance_A)


def _label(site: Site) -> str:
    if site.occupation.is_full:
        return site.occupation.shares[0][0]
    return ", ".join(f"{symbol} {share:.2g}" for symbol, share in site.occupation.shares)


def _nearest(structure: Structure, places: Sequence[int]) -> list[tuple[int, float]]:
    """Which site, or image of one, is nearest to each of some sites, and how far away it is (Å)."""
    import numpy as np

    fractional = np.array([site.fractional for site in structure.sites])
    lattice_vectors = np.array(structure.lattice_vectors)
    images = np.array(_IMAGES) @ lattice_vectors  # [27, 3]
    found = []
    for place in places:
        apart = fractional - fractional[place]
        wrapped = (apart - np.floor(apart + 0.5)) @ lattice_vectors  # [N, 3]
        distances = np.sqrt(((wrapped[:, None, :] + images) ** 2).sum(axis=-1))  # [N, 27]
        distances[place, distances[place] <= TOLERANCE_A] = np.inf
        shortest = distances.min(axis=1)
        nearest = int(shortest.argmin())
        found.append((nearest, float(shortest[nearest])))
    return found
