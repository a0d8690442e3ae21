"""From sites to a blueprint: the conventional standard cell that spglib finds."""

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.elements import element
from domain.errors import InvalidValueError
from domain.json_value import JsonValue
from domain.lattice import LatticeParameters
from domain.material import KnownMaterial
from domain.space_groups import CellShape, SpaceGroup
from domain.structure import Structure

if TYPE_CHECKING:
    from spglib import SpglibDataset

TOLERANCE_A: Final = 1e-2
"""Distance within which atoms count as equivalent, Å: published coordinates are rounded."""
MOST_SITES: Final = 500
"""Symmetry is not looked for in larger cells: it takes minutes, and they are supercells or worse."""


@dataclass(frozen=True, slots=True)
class Symmetry:
    """What a structure's symmetry is."""

    space_group: int
    blueprint: Blueprint | None
    """Its conventional standard cell; None where sites are shared."""


def find_symmetry(structure: Structure) -> Symmetry | None:
    """Finds the space group and the conventional cell of a structure; None where there is none to be found.

    Shared sites count as a kind of atom of their own, so that they have a group but no blueprint: a blueprint counts
    whole atoms.
    """
    found = symmetry_dataset(structure)
    if found is None:
        return None
    number = int(found.number)
    if not structure.is_ordered:
        return Symmetry(number, None)
    vectors = [tuple(float(x) for x in row) for row in found.std_lattice]
    counts: dict[int, int] = {}
    for kind in found.std_types:
        counts[int(kind)] = counts.get(int(kind), 0) + 1
    return Symmetry(number, _blueprint(SpaceGroup(number), counts, vectors))


def symmetry_dataset(structure: Structure) -> "SpglibDataset | None":
    """What spglib finds of a structure; None where it finds nothing, or was not asked because the cell is too large."""
    if len(structure.sites) > MOST_SITES:
        return None
    import spglib

    occupations = list(dict.fromkeys(site.occupation for site in structure.sites))
    is_ordered = structure.is_ordered
    kinds = [
        element(site.occupation.shares[0][0]).atomic_number if is_ordered else 1 + occupations.index(site.occupation)
        for site in structure.sites
    ]
    cell = ([list(v) for v in structure.lattice_vectors], [list(site.fractional) for site in structure.sites], kinds)
    with _old_errors():
        return spglib.get_symmetry_dataset(cell, symprec=TOLERANCE_A)


def known_material(
    structure: Structure,
    *,
    source: str,
    source_id: str,
    cif: str | None = None,
    properties: Mapping[str, JsonValue] | None = None,
) -> KnownMaterial:
    """Makes a known material of a structure, with its space group and, where no site is shared, its blueprint.

    Args:
        structure: The sites.
        source: The collection that it comes from.
        source_id: Its name there.
        cif: The file that it came in.
        properties: What else the collection says of it.
    """
    symmetry = find_symmetry(structure)
    return KnownMaterial(
        source=source,
        source_id=source_id,
        amounts=structure.amounts,
        n_sites=len(structure.sites),
        space_group=None if symmetry is None else symmetry.space_group,
        blueprint=None if symmetry is None else symmetry.blueprint,
        structure=structure,
        cif=cif,
        properties=dict(properties or {}),
    )


def _blueprint(group: SpaceGroup, counts: Mapping[int, int], vectors: list[tuple[float, ...]]) -> Blueprint | None:
    lengths = [math.sqrt(sum(x * x for x in vector)) for vector in vectors]
    angles = [_angle(vectors[i], vectors[j]) for i, j in ((1, 2), (0, 2), (0, 1))]
    lattice = _idealised(group.cell_shape, lengths, angles)
    try:
        return Blueprint(group, Composition(tuple(sorted(counts.items()))), LatticeParameters(*lattice))
    except InvalidValueError:
        return None  # a cell beyond what a blueprint may be is still a known material


def _idealised(shape: CellShape, lengths: list[float], angles: list[float]) -> tuple[float, ...]:
    """Makes exact what the shape demands and numbers only approach."""
    a, b, c = lengths
    alpha, beta, gamma = angles
    match shape:
        case CellShape.TRICLINIC:
            return a, b, c, alpha, beta, gamma
        case CellShape.MONOCLINIC:
            return a, b, c, 90.0, beta, 90.0
        case CellShape.ORTHORHOMBIC:
            return a, b, c, 90.0, 90.0, 90.0
        case CellShape.TETRAGONAL:
            return (a + b) / 2, (a + b) / 2, c, 90.0, 90.0, 90.0
        case CellShape.HEXAGONAL:
            return (a + b) / 2, (a + b) / 2, c, 90.0, 90.0, 120.0
        case CellShape.CUBIC:
            mean = (a + b + c) / 3
            return mean, mean, mean, 90.0, 90.0, 90.0


def _angle(left: tuple[float, ...], right: tuple[float, ...]) -> float:
    product = sum(x * y for x, y in zip(left, right, strict=True))
    norms = math.sqrt(sum(x * x for x in left) * sum(y * y for y in right))
    return math.degrees(math.acos(max(-1.0, min(1.0, product / norms))))


@contextmanager
def _old_errors() -> Iterator[None]:
    """Spglib still answers None where it finds nothing, and announces on every call that it will raise instead."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*OLD_ERROR_HANDLING", category=DeprecationWarning)
        yield
