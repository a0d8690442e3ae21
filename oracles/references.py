"""Reference structures of the elements: what a formation energy is counted from.

Metals and group-14 solids stand in their ground states. Molecular and chain elements stand in the smallest crystal that
holds the right bonds, because the same structure must be cheap enough for density functional theory; what that leaves
out (the weak binding between molecules, a few 0.01 eV/atom) is said in words beside each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from domain.elements import element
from domain.errors import PermanentLookError

if TYPE_CHECKING:
    from ase import Atoms

Site = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ReferenceCrystal:
    """One element's crystal, by space group and asymmetric unit."""

    space_group: int
    cell: tuple[float, float, float, float, float, float]
    """Conventional cell: a, b, c in Å, then alpha, beta, gamma in degrees."""
    sites: tuple[Site, ...]
    """Fractional coordinates of the asymmetric unit."""
    words: str
    """Which structure it is, and how it differs from the ground state."""
    is_molecular: bool
    """Molecules that hardly bind: only sites are relaxed, as potentials without dispersion lose the cell."""
    magnetic_moment: float = 0.0
    """Initial moment of every atom in Bohr magnetons."""


BY_HAND: Final[Mapping[str, ReferenceCrystal]] = MappingProxyType(
    {
        "H": ReferenceCrystal(
            191,
            (3.6, 3.6, 3.6, 90, 90, 120),
            ((0, 0, 0.1042),),
            "H2, one molecule in a hexagonal cell (P6/mmm); the ground state packs them hcp",
            is_molecular=True,
        ),
        "B": ReferenceCrystal(
            166,
            (4.908, 4.908, 12.567, 90, 90, 120),
            ((0.1189, 0.8811, 0.8912), (0.1969, 0.8031, 0.0243)),
            "alpha rhombohedral boron (R-3m), 12 atoms in the primitive cell",
            is_molecular=False,
        ),
        "N": ReferenceCrystal(
            136,
            (3.957, 3.957, 5.109, 90, 90, 90),
            ((0.0983, 0.0983, 0),),
            "gamma nitrogen (P4_2/mnm), 4 atoms in the primitive cell; the ground state is cubic alpha nitrogen",
            is_molecular=True,
        ),
        "O": ReferenceCrystal(
            12,
            (5.403, 3.429, 5.086, 90, 132.53, 90),
            ((0.052, 0, 0.1495),),
            "alpha oxygen (C2/m), one triplet molecule in the primitive cell, its moments parallel from cell to cell; "
            "the ground state orders them antiparallel",
            is_molecular=True,
            magnetic_moment=1.0,
        ),
        "F": ReferenceCrystal(
            12,
            (5.50, 3.28, 5.00, 90, 132.0, 90),
            ((0.0565, 0, 0.1745),),
            "F2, one molecule in the primitive cell, packed as in alpha oxygen (C2/m); the ground state is C2/c",
            is_molecular=True,
        ),
        "P": ReferenceCrystal(
            64,
            (3.314, 10.478, 4.376, 90, 90, 90),
            ((0, 0.1017, 0.0806),),
            "black phosphorus (Cmce), 4 atoms in the primitive cell",
            is_molecular=True,
        ),
        "S": ReferenceCrystal(
            148,
            (10.818, 10.818, 4.280, 90, 90, 120),
            ((0.1454, 0.1882, 0.1055),),
            "rhombohedral sulfur of S6 rings (R-3), 6 atoms in the primitive cell; the ground state has S8 rings",
            is_molecular=True,
        ),
        "Cl": ReferenceCrystal(
            64,
            (6.145, 4.395, 8.154, 90, 90, 90),
            ((0, 0.1173, 0.1050),),
            "solid chlorine (Cmce), 2 molecules in the primitive cell",
            is_molecular=True,
        ),
        "Se": ReferenceCrystal(
            152,
            (4.366, 4.366, 4.954, 90, 90, 120),
            ((0.2254, 0, 1 / 3),),
            "trigonal selenium (P3_121), 3 atoms in the primitive cell",
            is_molecular=True,
        ),
        "Br": ReferenceCrystal(
            64,
            (6.597, 4.471, 8.669, 90, 90, 90),
            ((0, 0.1453, 0.1099),),
            "solid bromine (Cmce), 2 molecules in the primitive cell",
            is_molecular=True,
        ),
        "I": ReferenceCrystal(
            64,
            (7.136, 4.686, 9.784, 90, 90, 90),
            ((0, 0.1543, 0.1174),),
            "solid iodine (Cmce), 2 molecules in the primitive cell",
            is_molecular=True,
        ),
    }
)
"""Elements whose reference structure ASE cannot build."""

_CLOSE_PACKED: Final = frozenset({"bcc", "fcc", "hcp", "diamond"})
_FERROMAGNETS: Final[Mapping[str, float]] = MappingProxyType({"Fe": 2.3, "Co": 1.7, "Ni": 0.7})


@dataclass(frozen=True, slots=True)
class ReferenceStructure:
    """An element's reference structure, ready for a calculator."""

    symbol: str
    atoms: Atoms
    """Primitive cell with initial magnetic moments."""
    words: str
    """Which structure, in words."""
    is_molecular: bool
    """Whether only its sites are to be relaxed."""


def has_reference(symbol: str) -> bool:
    """Whether the element has a reference structure here."""
    return symbol in BY_HAND or _close_packed_structure(symbol) is not None


def reference_structure(symbol: str) -> ReferenceStructure:
    """Builds the reference structure of an element.

    Raises:
        InvalidValueError: If there is no such element.
        PermanentLookError: If the element has no reference structure here.
    """
    crystal = BY_HAND.get(symbol)
    if crystal is not None:
        return _by_hand(symbol, crystal)
    return _close_packed(symbol)


def _by_hand(symbol: str, crystal: ReferenceCrystal) -> ReferenceStructure:
    from ase.spacegroup import crystal as build_crystal

    atoms = build_crystal(
        [symbol] * len(crystal.sites),
        basis=crystal.sites,
        spacegroup=crystal.space_group,
        cellpar=crystal.cell,
        primitive_cell=True,
    )
    atoms.info.clear()
    atoms.set_initial_magnetic_moments([crystal.magnetic_moment] * len(atoms))
    return ReferenceStructure(symbol, atoms, crystal.words, crystal.is_molecular)


def _close_packed_structure(symbol: str) -> str | None:
    from ase.data import reference_states

    state = reference_states[element(symbol).atomic_number]
    structure = str(state["symmetry"]) if state else None
    return structure if structure in _CLOSE_PACKED else None


def _close_packed(symbol: str) -> ReferenceStructure:
    from ase.build import bulk

    structure = _close_packed_structure(symbol)
    if structure is None:
        raise PermanentLookError(
            f"{symbol} has no reference structure in Petalite, so its compounds have no formation energy.",
            remedy=f"Leave {symbol} out of the search space, or add its crystal to oracles/references.py.",
        )
    atoms = bulk(symbol)
    atoms.set_initial_magnetic_moments([_FERROMAGNETS.get(symbol, 0.0)] * len(atoms))
    words = f"{structure}, {len(atoms)} atom{'s' if len(atoms) > 1 else ''} in the primitive cell"
    return ReferenceStructure(symbol, atoms, words, is_molecular=False)
