"""Structures as text and as cells: canonical CIF, primitive and conventional cells, contacts between atoms.

Legend: A atoms.
"""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from domain.elements import Element
from domain.errors import PermanentLookError, UnsupportedCrystalError

if TYPE_CHECKING:
    from ase import Atoms

_CIF_HEADER: Final = """\
data_{name}
_chemical_formula_sum '{formula}'
_cell_length_a {0:.8f}
_cell_length_b {1:.8f}
_cell_length_c {2:.8f}
_cell_angle_alpha {3:.8f}
_cell_angle_beta {4:.8f}
_cell_angle_gamma {5:.8f}
_space_group_name_H-M_alt 'P 1'
_space_group_IT_number 1
loop_
_space_group_symop_operation_xyz
'x, y, z'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""
_DECIMALS: Final = 8
SYMMETRY_TOLERANCE_A: Final = 1e-3
"""Distance within which atoms count as equivalent when a cell is reduced, Å."""
GROUP_TOLERANCE_A: Final = 1e-2
"""The same when a space group is only reported, Å; spglib's and the field's usual value."""
OVERLAP_RATIO: Final = 0.5
"""Atoms nearer than this share of the sum of their covalent radii are inside each other: no potential holds there."""


def to_cif(atoms: Atoms) -> str:
    """Writes a CIF in P1, numbers to 1e-8 and sites in canonical order, so that equal cells have equal texts."""
    positions = (atoms.get_scaled_positions().round(_DECIMALS) + 0.0) % 1.0
    sites = sorted(
        (int(number), tuple(f"{x:.{_DECIMALS}f}" for x in row))
        for number, row in zip(atoms.numbers, positions, strict=True)
    )
    counts: Counter[str] = Counter()
    lines = []
    for number, coordinates in sites:
        symbol = Element(number).symbol
        counts[symbol] += 1
        lines.append(" ".join((f"{symbol}{counts[symbol]}", symbol, *coordinates, "1")))
    header = _CIF_HEADER.format(
        *atoms.cell.cellpar(),
        name="".join(f"{symbol}{n}" for symbol, n in counts.items()),
        formula=" ".join(f"{symbol}{n}" for symbol, n in counts.items()),
    )
    return header + "\n".join(lines) + "\n"


def from_cif(text: str) -> Atoms:
    """Reads a structure that Petalite wrote itself. Not for uploads: a hostile CIF can hang any parser.

    Raises:
        PermanentLookError: If the text holds no structure.
        UnsupportedCrystalError: If a site is occupied in part: ASE would silently take one of its elements.
    """
    from ase.io import ParseError, read

    try:
        atoms = read(io.StringIO(text), format="cif")
    except (ParseError, ValueError, KeyError, IndexError, StopIteration, AssertionError) as error:
        raise PermanentLookError(
            "The CIF of a known realization cannot be read.", remedy="Ask for the look without it."
        ) from error
    _require_whole_atoms(atoms)
    atoms.info.clear()
    return atoms


def require_sound_structure(atoms: Atoms) -> None:
    """Refuses what is no crystal to compute: the door before every potential and calculator.

    Raises:
        UnsupportedCrystalError: If sites are occupied in part, atoms are inside each other, or there is no cell.
    """
    import numpy as np

    _require_whole_atoms(atoms)
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell[:]).all() and abs(atoms.cell.volume) > 0):
        raise UnsupportedCrystalError(
            f"{atoms.get_chemical_formula()} has a position that is no number, or a cell without volume.",
            remedy="Give three lattice vectors that span a cell, and finite positions.",
        )
    _require_apart(atoms)


def _require_whole_atoms(atoms: Atoms) -> None:
    """ASE keeps partial occupancies beside the atoms, which name one of the elements of a site."""
    for site in atoms.info.get("occupancy", {}).values():
        if list(site.values()) != [1]:
            shares = ", ".join(f"{symbol} {share:g}" for symbol, share in sorted(site.items()))
            raise UnsupportedCrystalError(
                f"A site is occupied in part ({shares}), so the structure is an average of many and has no energy.",
                remedy="Order it first: choose which atom sits on each site of a supercell.",
            )


def _require_apart(atoms: Atoms) -> None:
    from ase.data import covalent_radii
    from matscipy.neighbours import neighbour_list

    radii = covalent_radii[atoms.numbers]
    first, second, distances_A = neighbour_list(
        "ijd",
        positions=atoms.positions,
        cell=atoms.cell[:],
        pbc=(True, True, True),
        cutoff=2 * OVERLAP_RATIO * max(radii),
    )
    ratios = distances_A / (radii[first] + radii[second])
    if len(ratios) and ratios.min() < OVERLAP_RATIO:
        worst = ratios.argmin()
        pair = "-".join(str(atoms.symbols[index]) for index in (first[worst], second[worst]))
        raise UnsupportedCrystalError(
            f"Atoms lie inside each other: {pair} at {distances_A[worst]:.2f} Å, {ratios[worst]:.2f} of the sum of "
            f"their covalent radii, and {OVERLAP_RATIO:g} is the least that is computed.",
            remedy="Correct the structure, or draw its sites with a larger min_distance_ratio.",
        )


def primitive_cell(atoms: Atoms) -> Atoms:
    """Reduces to the idealised primitive cell, the cheapest one with the same energy per atom."""
    return _standard_cell(atoms, to_primitive=True)


def conventional_cell(atoms: Atoms) -> Atoms:
    """Expands to the idealised conventional cell of the symmetry found."""
    return _standard_cell(atoms, to_primitive=False)


def _standard_cell(atoms: Atoms, *, to_primitive: bool) -> Atoms:
    import spglib
    from ase import Atoms as AseAtoms

    with old_spglib_errors():
        standard = spglib.standardize_cell(
            (atoms.cell[:], atoms.get_scaled_positions(), atoms.numbers),
            to_primitive=to_primitive,
            symprec=SYMMETRY_TOLERANCE_A,
        )
    if standard is None:
        return atoms.copy()
    cell, positions, numbers = standard
    return AseAtoms(numbers=numbers, cell=cell, scaled_positions=positions, pbc=True)


def space_group_number(atoms: Atoms, tolerance_A: float = GROUP_TOLERANCE_A) -> int:
    """Finds the space group that a structure really has; 1 where none is found."""
    import spglib

    with old_spglib_errors():
        found = spglib.get_spacegroup((atoms.cell[:], atoms.get_scaled_positions(), atoms.numbers), symprec=tolerance_A)
    return int(found.rsplit("(", 1)[1].rstrip(")")) if found else 1


@contextmanager
def old_spglib_errors() -> Iterator[None]:
    """Spglib still answers None where it finds nothing, and announces on every call that it will raise instead."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*OLD_ERROR_HANDLING", category=DeprecationWarning)
        yield


def contact_ratios(atoms: Atoms) -> tuple[float, float]:
    """Compares interatomic distances with sums of covalent radii.

    Both numbers are of each atom's nearest contact, d_ij / (r_i + r_j), periodic images included.

    Returns:
        The smallest (about 1 in a crystal, far below where atoms overlap) and the largest (far above 1 where an atom
        has lost its neighbours).
    """
    import numpy as np
    from ase.data import covalent_radii
    from ase.geometry import minkowski_reduce

    radii = covalent_radii[atoms.numbers]
    cell, _ = minkowski_reduce(atoms.cell[:])
    shifts = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)], dtype=float)
    fractional = atoms.positions @ np.linalg.inv(cell)
    difference = fractional[:, None] - fractional[None]
    difference -= difference.round()
    distances = np.linalg.norm((difference[:, :, None] + shifts) @ cell, axis=-1)
    distances[distances < SYMMETRY_TOLERANCE_A * np.eye(len(atoms))[:, :, None]] = np.inf
    nearest = (distances.min(axis=-1) / (radii[:, None] + radii[None])).min(axis=1)
    return float(nearest.min()), float(nearest.max())
