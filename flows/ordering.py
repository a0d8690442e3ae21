"""Ordered choices for a disordered known material, as sites that one blueprint has several of."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from domain.blueprint import Blueprint, Realization
from domain.errors import UnsupportedCrystalError
from domain.material import KnownMaterial
from oracles.disorder.ordering import OrderingSettings, order
from oracles.disorder.realizing import realization_of

if TYPE_CHECKING:
    from oracles.disorder.ordering import Orderings


@dataclass(frozen=True, slots=True)
class OrderedMaterial:
    """What stands for a disordered material where whole atoms are needed."""

    blueprint: Blueprint
    """Of the likeliest choice, in its own conventional cell."""
    realizations: tuple[Realization, ...]
    """All choices as sites of that blueprint, the heaviest first; each in a cell of its own."""
    titles: tuple[str, ...]
    """Formula and space group of each."""
    orderings: "Orderings"
    """How they were found."""


def order_material(material: KnownMaterial, settings: OrderingSettings, *, seed: int) -> OrderedMaterial:
    """Puts whole atoms on the sites of a disordered material. The same seed gives the same.

    Raises:
        UnsupportedCrystalError: If its sites are not known, none are shared or vacant, or it cannot be ordered.
    """
    import numpy as np

    if material.structure is None or material.is_ordered:
        lack = "are not known" if material.structure is None else "have one element each already"
        raise UnsupportedCrystalError(
            f"The sites of {material.source_id} {lack}, so there is nothing to order.",
            remedy="Order a material whose sites are shared or partly vacant: petalite material list shows which.",
        )
    orderings = order(material.structure, settings, rng=np.random.default_rng(seed))
    found = [realization_of(ordering, orderings, seed=seed) for ordering in orderings.every]
    blueprint = found[0][0]
    return OrderedMaterial(
        blueprint=blueprint,
        realizations=tuple(replace(sites, blueprint_digest=blueprint.digest) for _, sites in found),
        titles=tuple(own.title for own, _ in found),
        orderings=orderings,
    )
