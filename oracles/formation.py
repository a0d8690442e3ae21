"""Formation energy from total energies and the references of the elements."""

from collections.abc import Mapping
from typing import Final

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.errors import InvalidValueError, PermanentLookError, UnsupportedCrystalError
from domain.json_value import JsonObject
from domain.quantity import QUANTITIES, Quantity
from oracles.references import has_reference

FORMATION_ENERGY: Final[Quantity] = QUANTITIES["formation_energy"]


def formation_energy_eV_per_atom(
    energy_eV_per_atom: float, composition: Composition, references: Mapping[str, float]
) -> float:
    """Formation energy per atom, e - sum_i x_i mu_i.

    Args:
        energy_eV_per_atom: Total energy e of the crystal, eV/atom.
        composition: Gives the atomic fractions x_i.
        references: Energies mu_i of the elements' reference structures by symbol, eV/atom, from the same calculator and
            settings; anything else gives a number without meaning.

    Raises:
        InvalidValueError: If a reference is missing.
        PermanentLookError: If the number is implausible, as where a calculator fails without saying so.
    """
    missing = [element.symbol for element in composition.elements if element.symbol not in references]
    if missing:
        raise InvalidValueError(
            f"The reference energy of {', '.join(missing)} is missing, so {composition.reduced_formula} has no "
            f"formation energy.",
            remedy="Compute the oracle's reference energies first and send them with the request.",
        )
    reference = sum(
        references[e.symbol] * n for e, (_, n) in zip(composition.elements, composition.counts, strict=True)
    )
    value = energy_eV_per_atom - reference / composition.n_atoms
    try:
        FORMATION_ENERGY.require_plausible(value)
    except InvalidValueError as error:
        raise PermanentLookError(
            error.problem, remedy="Look at another crystal: this one is outside of what the calculator can describe."
        ) from error
    return value


def references_used(composition: Composition, references: Mapping[str, float]) -> JsonObject:
    """What a look says among its details of the energies (eV/atom) that it was counted from, by symbol."""
    return {"references_eV_per_atom": {e.symbol: references[e.symbol] for e in composition.elements}}


def require_references(blueprint: Blueprint) -> None:
    """Refuses a crystal of elements that formation energies cannot be counted from.

    Raises:
        UnsupportedCrystalError: If an element has no reference structure.
    """
    missing = [element.symbol for element in blueprint.composition.elements if not has_reference(element.symbol)]
    if missing:
        raise UnsupportedCrystalError(
            f"{', '.join(missing)} has no reference structure in Petalite, so {blueprint.composition.reduced_formula} "
            "has no formation energy.",
            remedy=f"Leave {', '.join(missing)} out of the search space, or add the crystal to oracles/references.py.",
        )


def require_size(blueprint: Blueprint, *, max_atoms: int) -> None:
    """Refuses a crystal that is too large to compute.

    Raises:
        UnsupportedCrystalError: If it has more atoms in the conventional cell.
    """
    if blueprint.composition.n_atoms > max_atoms:
        raise UnsupportedCrystalError(
            f"{blueprint.composition.formula} has {blueprint.composition.n_atoms} atoms in the cell; this oracle takes "
            f"at most {max_atoms}.",
            remedy="Raise the oracle's max_atoms or lower the search space's.",
        )
