"""Relaxation of cell and sites under the crystal's own symmetry, and the ways in which it ends badly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.errors import PermanentLookError
from domain.json_value import JsonObject
from oracles.structures import OVERLAP_RATIO, contact_ratios, primitive_cell, space_group_number

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

_EXPLODED_VOLUME_RATIO: Final = 2.0
_EXPLODED_CONTACT_RATIO: Final = 1.6
"""An atom whose nearest neighbour is farther than this share of the sum of covalent radii has left the crystal."""
_CHECK_EVERY: Final = 20
"""Steps between two looks at whether the crystal still holds together."""


@dataclass(frozen=True, slots=True)
class Relaxed:
    """A relaxed crystal."""

    atoms: Atoms
    """Primitive cell."""
    energy_eV_per_atom: float
    details: JsonObject
    """Steps, convergence, largest force, volumes and groups before and after."""


def relax_cell(atoms: Atoms, calculator: Calculator, *, fmax_eV_A: float, max_steps: int) -> Relaxed:
    """Relaxes cell and sites of the primitive cell, keeping the symmetry that the structure has.

    FIRE on the exponential cell filter with symmetrised forces and stresses. A relaxation that does not converge in
    `max_steps` still has an energy (an upper bound) and says so in its details.

    Args:
        atoms: Any cell of the crystal.
        calculator: Gives energy, forces and stress.
        fmax_eV_A: Largest residual force, eV/Å (stress counted as the filter's generalised force).
        max_steps: Most optimiser steps.

    Raises:
        PermanentLookError: If the crystal explodes (more than twice the volume and an atom without neighbours) or
            collapses (atoms inside each other).
    """
    from ase.constraints import FixSymmetry
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE

    crystal = primitive_cell(atoms)
    before = _Shape.of(crystal)
    crystal.calc = calculator
    crystal.set_constraint(FixSymmetry(crystal))
    optimizer = FIRE(FrechetCellFilter(crystal), logfile=None)
    converged = False
    while not converged and optimizer.nsteps < max_steps:
        converged = bool(optimizer.run(fmax=fmax_eV_A, steps=min(_CHECK_EVERY, max_steps - optimizer.nsteps)))
        _require_intact(crystal, before)
    crystal.set_constraint()
    after = _Shape.of(crystal)
    details: dict[str, bool | int | float] = {
        "converged": converged,
        "n_steps": int(optimizer.nsteps),
        "volume_before_A3_per_atom": before.volume_A3_per_atom,
        "volume_after_A3_per_atom": after.volume_A3_per_atom,
        "space_group_before": before.space_group,
        "space_group_after": after.space_group,
    }
    energy = float(crystal.get_potential_energy()) / len(crystal)
    crystal.calc = None
    return Relaxed(crystal, energy, details)


def relax_sites(atoms: Atoms, calculator: Calculator, *, fmax_eV_A: float, max_steps: int) -> Relaxed:
    """Relaxes sites in a fixed cell, for molecular crystals whose cell a potential without dispersion cannot hold."""
    from ase.optimize import FIRE

    crystal = atoms.copy()
    crystal.calc = calculator
    optimizer = FIRE(crystal, logfile=None)
    converged = bool(optimizer.run(fmax=fmax_eV_A, steps=max_steps))
    energy = float(crystal.get_potential_energy()) / len(crystal)
    crystal.calc = None
    return Relaxed(crystal, energy, {"converged": converged, "n_steps": int(optimizer.nsteps)})


@dataclass(frozen=True, slots=True)
class _Shape:
    volume_A3_per_atom: float
    space_group: int

    @classmethod
    def of(cls, atoms: Atoms) -> _Shape:
        return cls(float(atoms.get_volume()) / len(atoms), space_group_number(atoms))


def _require_intact(crystal: Atoms, before: _Shape) -> None:
    volume_ratio = float(crystal.get_volume()) / len(crystal) / before.volume_A3_per_atom
    nearest, loneliest = contact_ratios(crystal)
    if volume_ratio > _EXPLODED_VOLUME_RATIO and loneliest > _EXPLODED_CONTACT_RATIO:
        raise PermanentLookError(
            f"The crystal exploded in relaxation: {volume_ratio:.1f} times its volume, and an atom without neighbours.",
            remedy="Look at another crystal: this one is not held together.",
        )
    if nearest < OVERLAP_RATIO:
        raise PermanentLookError(
            f"The crystal collapsed in relaxation: atoms at {nearest:.2f} of the sum of their covalent radii, "
            f"{volume_ratio:.2f} times its volume.",
            remedy="Look at another crystal: the potential is not valid where atoms overlap.",
        )
