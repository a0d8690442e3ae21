"""The sites of a structure as people list them: one line for each set of equivalent ones."""

import math
from dataclasses import dataclass
from itertools import product
from typing import Final

from domain.errors import InvalidValueError
from domain.structure import Site, Structure, Vector
from services.materials.plain_cif import read_plain_cif
from services.materials.symmetry import TOLERANCE_A, symmetry_dataset

MOST_SITES: Final = 200
"""Of larger cells no list is made: nobody reads it, and it would keep the page waiting."""
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
    orbits = tuple(_orbit(structure, places, str(found.wyckoffs[places[0]])) for places in members.values())
    return SiteList(int(found.number), TOLERANCE_A, len(structure.sites), orbits)


def _orbit(structure: Structure, places: list[int], wyckoff: str) -> Orbit:
    site = structure.sites[places[0]]
    distance, nearest = min(
        ((_apart(structure, site, other), _label(other)) for other in structure.sites), key=lambda found: found[0]
    )
    x, y, z = (round(value % 1.0, 6) % 1.0 for value in site.fractional)
    return Orbit(_label(site), wyckoff, len(places), (x, y, z), nearest, distance)


def _label(site: Site) -> str:
    if site.occupation.is_full:
        return site.occupation.shares[0][0]
    return ", ".join(f"{symbol} {share:.2g}" for symbol, share in site.occupation.shares)


def _apart(structure: Structure, site: Site, other: Site) -> float:
    """The shortest distance (Å) to any image of another site; of the site itself, to its nearest image."""
    here = structure.cartesian(site)
    pairs = zip(other.fractional, site.fractional, strict=True)
    wrapped = [value - math.floor(value - centre + 0.5) for value, centre in pairs]
    distances = []
    for i, j, k in _IMAGES:
        image = Site(other.occupation, (wrapped[0] + i, wrapped[1] + j, wrapped[2] + k))
        distances.append(math.dist(here, structure.cartesian(image)))
    return min(distance for distance in distances if other is not site or distance > TOLERANCE_A)
