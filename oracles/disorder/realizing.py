"""Ordered crystals as blueprints with realizations that say what they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.blueprint import ORDERED, Blueprint, Realization
from domain.composition import Composition
from domain.disorder import Arrangement
from domain.elements import Element
from domain.errors import UnsupportedCrystalError
from domain.lattice import LatticeParameters
from domain.space_groups import SpaceGroup
from oracles.disorder.ordering import Ordering, Orderings
from oracles.structures import SYMMETRY_TOLERANCE_A, old_spglib_errors, to_cif

if TYPE_CHECKING:
    from ase import Atoms


def realization_of(ordering: Ordering, among: Orderings, *, seed: int) -> tuple[Blueprint, Realization]:
    """Names an ordered crystal by its own cell, and says in the realization's method how it was chosen.

    Args:
        ordering: One of them.
        among: All that were returned.
        seed: Of the generator that they were drawn with.

    Raises:
        UnsupportedCrystalError: If no symmetry is found, which happens where atoms overlap.
    """
    atoms, space_group = _standard_cell(ordering.atoms)
    counts = {Element(int(z)).symbol: int((atoms.numbers == z).sum()) for z in set(atoms.numbers.tolist())}
    blueprint = Blueprint(SpaceGroup(space_group), Composition.of(counts), LatticeParameters(*atoms.cell.cellpar()))
    return blueprint, Realization(
        blueprint_digest=blueprint.digest,
        cif=to_cif(atoms),
        method=method_of(ordering, among),
        seed=seed,
        energy_eV_per_atom=None,
        ranked_by=None,
        is_relaxed=False,
        arrangement=Arrangement(
            weight=ordering.weight,
            n_kept=len(among.every),
            n_all=_written(among.filling.n_arrangements),
            weighed_by=among.weighed_by,
        ),
    )


def method_of(ordering: Ordering, among: Orderings) -> str:
    """What people read of an ordered crystal: how it was chosen, its weight, and what the whole numbers cost."""
    filling = among.filling
    i, j, k = filling.repeats
    return (
        f"{ORDERED} by {among.method} of {_written(filling.n_arrangements)} arrangements in {i}×{j}×{k} cells, "
        f"weight {ordering.weight:.2g} of {len(among.every)}, composition within {filling.composition_error:.1g}"
    )


def _written(number: int) -> str:
    """A count that people can read: 9 digits are as good as all."""
    return str(number) if number < 10**6 else f"10^{len(str(number)) - 1}"


def _standard_cell(atoms: Atoms) -> tuple[Atoms, int]:
    """The idealised conventional cell, with the number of its space group."""
    import spglib
    from ase import Atoms as AseAtoms

    with old_spglib_errors():
        found = spglib.get_symmetry_dataset(
            (atoms.cell[:], atoms.get_scaled_positions(), atoms.numbers), symprec=SYMMETRY_TOLERANCE_A
        )
    if found is None:
        raise UnsupportedCrystalError(
            "An ordered crystal has no symmetry that can be found.", remedy="Check the sites."
        )
    standard = AseAtoms(found.std_types, scaled_positions=found.std_positions, cell=found.std_lattice, pbc=True)
    return standard, int(found.number)
