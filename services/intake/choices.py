"""Ordered choices for a disordered known material, as sites of a crystal that it is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from domain.blueprint import Blueprint, Realization
from domain.errors import InvalidValueError
from domain.material import KnownMaterial
from services.intake.matching import cell_deviation
from services.store import Store

_VOLUMES_DIFFER: Final = 0.06
"""Share by which volumes for an atom may differ: what three lengths that differ by 2 % each come to."""


def give_choices(
    store: Store, candidate_id: int, material: KnownMaterial, choice: Blueprint, sites: Sequence[Realization]
) -> None:
    """Makes the ordered choices for a disordered material sites of a crystal; those that are known stay as they are.

    Looks at the crystal take these sites and no others. So it must be the material: of its composition, of its space
    group or of that of its likeliest choice, and with as much room for an atom; a polymorph is another crystal.

    Args:
        store: The store.
        candidate_id: The crystal.
        material: The disordered material.
        choice: Blueprint of the likeliest choice.
        sites: All choices.

    Raises:
        NotFoundError: If there is no such crystal.
        InvalidValueError: If the crystal is another than the material.
    """
    crystal = store.candidates.get(candidate_id).blueprint
    _require_same(candidate_id, crystal, material, choice)
    store.realizations.add(candidate_id, [replace(one, blueprint_digest=crystal.digest) for one in sites])


def _require_same(candidate_id: int, crystal: Blueprint, material: KnownMaterial, choice: Blueprint) -> None:
    own, other = crystal.composition.reduced_formula, choice.composition.reduced_formula
    if own != other:
        raise InvalidValueError(
            f"Crystal {candidate_id} is {own}, and the ordered choices are {other}.",
            remedy="Give a crystal of the same composition.",
        )
    group, groups = crystal.space_group.number, (material.space_group, choice.space_group.number)
    if group not in groups:
        known = "unknown" if material.space_group is None else str(material.space_group)
        raise InvalidValueError(
            f"Crystal {candidate_id} has space group {group}; the disordered material's is {known}, that of its "
            f"likeliest ordered choice {choice.space_group.number}. It is another polymorph.",
            remedy="Give a crystal of one of these space groups.",
        )
    share = crystal.volume_per_atom_A3 / choice.volume_per_atom_A3 - 1
    if abs(share) > _VOLUMES_DIFFER or not _have_one_cell(crystal, choice):
        raise InvalidValueError(
            f"Crystal {candidate_id} has another cell than the ordered choices: {crystal.volume_per_atom_A3:.2f} Å³ "
            f"for an atom beside {choice.volume_per_atom_A3:.2f} Å³.",
            remedy="Give a crystal whose lengths differ by no more than 2 % from the material's.",
        )


def _have_one_cell(crystal: Blueprint, choice: Blueprint) -> bool:
    """Whether the cells are one crystal's, as far as they can be compared: those of the same group and size."""
    is_comparable = crystal.space_group == choice.space_group and crystal.composition == choice.composition
    return not is_comparable or cell_deviation(crystal.lattice, choice.lattice) is not None
