"""The symmetry of a disordered structure: which of its sites are equivalent, and how it permutes a supercell's sites.

Legend: S sites of the supercell, P permutations.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from domain.structure import Occupation, Structure
from oracles.disorder.cells import VACANT, Sublattice
from oracles.structures import GROUP_TOLERANCE_A, old_spglib_errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

_SHARE_DECIMALS: Final = 4
_FULL_WITHIN: Final = 1e-3
"""Shares that add up to 1 within the rounding of published occupancies leave nothing vacant."""


def sublattices_of(structure: Structure) -> tuple[Sublattice, ...]:
    """Groups the sites of a structure that its symmetry makes equivalent; sites of other occupations never are."""
    by_orbit: dict[int, list[int]] = defaultdict(list)
    for site, orbit in enumerate(_orbits(structure)):
        by_orbit[orbit].append(site)
    return tuple(Sublattice(tuple(sites), _shares(structure.sites[sites[0]].occupation)) for sites in by_orbit.values())


def site_permutations(structure: Structure, repeats: tuple[int, int, int]) -> Integers:
    """How the symmetry of the disordered structure permutes the sites of a supercell.

    Args:
        structure: The disordered cell.
        repeats: Cells of the supercell along each lattice vector; its sites are numbered cell by cell.

    Returns:
        `[P, S]`: the site onto which each site is moved, once for each operation that the supercell's shape keeps.
    """
    import numpy as np

    fractional = np.array([site.fractional for site in structure.sites])
    cells = np.array(list(np.ndindex(*repeats)))
    found = []
    for rotation, translation in zip(*_operations(structure), strict=True):
        if not _keeps_shape(rotation, repeats):
            continue
        moved = fractional @ rotation.T + translation
        onto = _nearest(moved, fractional)
        offset = np.rint(moved - fractional[onto]).astype(np.int64)
        for shift in cells:
            target = (cells[:, None] @ rotation.T + offset[None] + shift) % np.array(repeats)
            number = np.ravel_multi_index(tuple(np.moveaxis(target, -1, 0)), repeats)
            found.append((number * len(fractional) + onto[None]).ravel())
    return np.unique(np.array(found), axis=0)


def _keeps_shape(rotation: Integers, repeats: tuple[int, int, int]) -> bool:
    """Whether a rotation maps the supercell's lattice onto itself."""
    return all(
        (int(rotation[i, j]) * repeats[j]) % repeats[i] == 0 for i in range(len(repeats)) for j in range(len(repeats))
    )


def _nearest(moved: Floats, fractional: Floats) -> Integers:
    import numpy as np

    apart = moved[:, None] - fractional[None]
    distance = np.linalg.norm(apart - np.rint(apart), axis=-1)
    nearest: Integers = distance.argmin(axis=1)
    return nearest


def _shares(occupation: Occupation) -> tuple[tuple[str, float], ...]:
    total = sum(share for _, share in occupation.shares)
    if total > 1 - _FULL_WITHIN:
        return tuple((symbol, share / total) for symbol, share in occupation.shares)
    return (*occupation.shares, (VACANT, 1 - total))


def _orbits(structure: Structure) -> list[int]:
    import spglib

    with old_spglib_errors():
        dataset = spglib.get_symmetry_dataset(_cell(structure), symprec=GROUP_TOLERANCE_A)
    if dataset is None:
        return list(range(len(structure.sites)))
    return [int(orbit) for orbit in dataset.equivalent_atoms]


def _operations(structure: Structure) -> tuple[Integers, Floats]:
    import numpy as np
    import spglib

    with old_spglib_errors():
        found = spglib.get_symmetry(_cell(structure), symprec=GROUP_TOLERANCE_A)
    if found is None:
        return np.eye(3, dtype=np.int64)[None], np.zeros((1, 3))
    return found["rotations"], found["translations"]


def _cell(structure: Structure) -> tuple[list[list[float]], list[list[float]], list[int]]:
    """For spglib: kinds of occupations in place of atomic numbers."""
    kinds: dict[tuple[tuple[str, float], ...], int] = {}
    numbers = []
    for site in structure.sites:
        shares = tuple((symbol, round(share, _SHARE_DECIMALS)) for symbol, share in site.occupation.shares)
        numbers.append(kinds.setdefault(shares, len(kinds) + 1))
    return (
        [list(vector) for vector in structure.lattice_vectors],
        [list(site.fractional) for site in structure.sites],
        numbers,
    )
