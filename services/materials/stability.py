"""How far a crystal is above the hull of what is known here: against energies of its own kind, and of no other.

Formation energies are compared that the same oracle gave in the same version with the same settings, counted from the
same energies of the elements. What a collection of known materials says of its own is a hull of its own.
"""

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.blueprint import Blueprint
from domain.elements import Element
from domain.json_value import JsonObject
from domain.material import formula_amounts
from domain.measurement import Censoring
from services.materials.hull import Decomposition, Phase, decompose, element_phase
from services.store import Store
from services.store.phases import CollectedPhase, LowestPhase, MeasuredPhase

ENERGY_NAMES: Final = re.compile(r"_(?!petalite_)[a-z0-9]+_(formation_energy(_per_atom|_peratom)?|delta_e)")
"""What collections call formation energies in eV/atom, such as Alexandria (`formation_energy_per_atom`) and OQMD
(`delta_e`) by OPTIMADE. Other installations of Petalite mix fidelities under one name."""
MOST_RESEMBLING: Final = 5
_SAME_REFERENCE_EV: Final = 1e-6


@dataclass(frozen=True, slots=True)
class HullPhase:
    """A phase that a composition falls apart into."""

    formula: str
    share: float
    """Of all atoms."""
    formation_energy_eV_per_atom: float
    candidate_id: int | None = None
    """Where it is a crystal that a campaign looked at."""
    campaign: str | None = None
    material_id: int | None = None
    """Where it is a known material. Where it is neither, it is an element, whose formation energy is 0."""


@dataclass(frozen=True, slots=True)
class HullDistance:
    """How far one formation energy of a crystal is from the hull of all others of its kind."""

    measurement_id: int
    fidelity: str
    formation_energy_eV_per_atom: float
    censoring: Censoring
    """Where the energy is a bound, so is the distance."""
    above_hull_eV_per_atom: float
    """Energy above the hull of the other phases; below 0 it would be on the hull, and this far below what it was."""
    sigma: float | None
    """Standard deviation of the distance; None where that of one of the energies is not known."""
    decomposition: tuple[HullPhase, ...]
    """The mixture on the hull, the largest part first."""
    n_phases: int
    """Compounds that were compared, the elements left out."""
    n_left_out: int
    """Looks of the same kind that were not: bounds, and those counted from other energies of the elements."""
    summary: str


@dataclass(frozen=True, slots=True)
class ResemblingMaterial:
    """A known material of the crystal's formula, on its own collection's hull."""

    material_id: int
    space_group: int | None
    is_same_space_group: bool
    formation_energy_eV_per_atom: float
    above_hull_eV_per_atom: float


@dataclass(frozen=True, slots=True)
class CollectionHull:
    """What a collection of known materials says of a composition; never mixed with energies from elsewhere."""

    source: str
    hull_eV_per_atom: float
    """Formation energy of the lowest mixture."""
    decomposition: tuple[HullPhase, ...]
    n_phases: int
    resembling: tuple[ResemblingMaterial, ...]
    """Its materials of the crystal's formula, those of its space group first, then the lowest."""


@dataclass(frozen=True, slots=True)
class Stability:
    """A crystal against what it may fall apart into, as far as that is known here."""

    summary: str
    by_look: tuple[HullDistance, ...]
    """For each formation energy that counts, in the order in which they came."""
    by_collection: tuple[CollectionHull, ...]
    """For each collection of known materials that says formation energies."""


def stability(store: Store, candidate_id: int, blueprint: Blueprint, *, groups: Collection[int] | None) -> Stability:
    """Compares a crystal with everything of its elements that has an energy of the same kind.

    Args:
        store: Holds the energies.
        candidate_id: The crystal.
        blueprint: Its blueprint.
        groups: Groups whose campaigns and materials may be seen; None for all there are.
    """
    elements = [element.symbol for element in blueprint.composition.elements]
    own = store.phases.of_candidate(candidate_id, groups=groups)
    of_kind = {
        origin: store.phases.lowest(elements, groups=groups, origin=origin, but=blueprint.digest)
        for origin in {look.origin for look in own}
    }
    by_look = tuple(_distance(look, of_kind[look.origin], elements) for look in own)
    collections = _collections(store.phases.collected(elements, groups=groups), blueprint)
    if by_look:
        summary = by_look[-1].summary
    else:
        summary = "No formation energy of this crystal was measured, so that it cannot be held against the hull."
    return Stability(summary, by_look, collections)


def _distance(own: MeasuredPhase, of_kind: Sequence[LowestPhase], elements: Sequence[str]) -> HullDistance:
    compared = [one for one in of_kind if one.phase.censoring is Censoring.NONE and _is_same_zero(own, one.phase)]
    others = [one.phase for one in compared]
    phases = [
        *(Phase(formula_amounts(other.formula), other.value, other.sigma) for other in others),
        *map(element_phase, elements),
    ]
    mixture = decompose(formula_amounts(own.formula), phases)
    parts = tuple(
        _measured_part(others[index], share)
        if index < len(others)
        else HullPhase(elements[index - len(others)], share, 0.0)
        for index, share in mixture.amounts
    )
    above = own.value - mixture.energy_eV_per_atom
    sigma = _sigma(own, mixture)
    n_phases = sum(one.n_crystals for one in compared if len(formula_amounts(one.phase.formula)) > 1)
    return HullDistance(
        measurement_id=own.measurement_id or 0,
        fidelity=own.fidelity,
        formation_energy_eV_per_atom=own.value,
        censoring=own.censoring,
        above_hull_eV_per_atom=above,
        sigma=sigma,
        decomposition=parts,
        n_phases=n_phases,
        n_left_out=sum(one.n_looks for one in of_kind) - sum(one.n_looks for one in compared),
        summary=_summary(above, sigma, parts, n_phases),
    )


def _is_same_zero(own: MeasuredPhase, other: MeasuredPhase) -> bool:
    """Whether two energies are counted from the same ones of the elements that they share, as far as is told."""
    shared = own.references_eV_per_atom.keys() & other.references_eV_per_atom.keys()
    return all(
        math.isclose(
            own.references_eV_per_atom[symbol], other.references_eV_per_atom[symbol], abs_tol=_SAME_REFERENCE_EV
        )
        for symbol in shared
    )


def _measured_part(phase: MeasuredPhase, share: float) -> HullPhase:
    return HullPhase(
        formula=phase.formula,
        share=share,
        formation_energy_eV_per_atom=phase.value,
        candidate_id=phase.candidate_id,
        campaign=phase.campaign if phase.candidate_id is not None else None,
        material_id=phase.material_id,
    )


def _sigma(own: MeasuredPhase, mixture: Decomposition) -> float | None:
    if own.sigma is None or mixture.sigma is None:
        return None
    return math.hypot(own.sigma, mixture.sigma)


def _summary(above: float, sigma: float | None, parts: Sequence[HullPhase], n_phases: int) -> str:
    within = "" if sigma is None else f" ± {sigma:.3f}"
    mixture = " and ".join(f"{part.formula} ({part.share:.0%} of its atoms)" for part in parts)
    distance = f"{abs(above):.3f}{within} eV/atom"
    if not n_phases:
        side = "above" if above > 0 else "below"
        return f"{distance} {side} its elements. No other phase of them has an energy of the same kind here."
    hull = f"the hull of {n_phases} phase{'s' if n_phases > 1 else ''}"
    if above > 0:
        return f"{distance} above {hull}: it would fall apart into {mixture}."
    return f"On {hull}: {distance} below {mixture}."


def _collections(found: Iterable[CollectedPhase], blueprint: Blueprint) -> tuple[CollectionHull, ...]:
    by_source: defaultdict[str, list[tuple[CollectedPhase, float]]] = defaultdict(list)
    for material in found:
        energy = formation_energy_told(material.properties)
        if energy is not None:
            by_source[material.source].append((material, energy))
    return tuple(_collection(source, by_source[source], blueprint) for source in sorted(by_source))


def formation_energy_told(properties: JsonObject) -> float | None:
    """The formation energy (eV/atom) that a collection says of a material; None where it says none."""
    for name in sorted(properties):
        value = properties[name]
        if ENERGY_NAMES.fullmatch(name) and isinstance(value, int | float) and math.isfinite(value):
            return float(value)
    return None


def _collection(source: str, told: Sequence[tuple[CollectedPhase, float]], blueprint: Blueprint) -> CollectionHull:
    amounts: Mapping[str, float] = {Element(z).symbol: float(n) for z, n in blueprint.composition.counts}
    elements = sorted(amounts)
    lowest = _lowest(told)
    phases = [*(Phase(one.amounts, energy) for one, energy in lowest), *map(element_phase, elements)]
    mixture = decompose(amounts, phases)
    group = blueprint.space_group.number
    alike = sorted(
        (one.space_group != group, energy, one.material_id, one)
        for one, energy in told
        if one.formula == blueprint.composition.reduced_formula
    )
    return CollectionHull(
        source=source,
        hull_eV_per_atom=mixture.energy_eV_per_atom,
        decomposition=tuple(
            HullPhase(lowest[index][0].formula, share, lowest[index][1], material_id=lowest[index][0].material_id)
            if index < len(lowest)
            else HullPhase(elements[index - len(lowest)], share, 0.0)
            for index, share in mixture.amounts
        ),
        n_phases=sum(len(one.amounts) > 1 for one, _ in told),
        resembling=tuple(
            ResemblingMaterial(
                material_id=number,
                space_group=one.space_group,
                is_same_space_group=not is_other,
                formation_energy_eV_per_atom=energy,
                above_hull_eV_per_atom=energy - mixture.energy_eV_per_atom,
            )
            for is_other, energy, number, one in alike[:MOST_RESEMBLING]
        ),
    )


def _lowest(told: Iterable[tuple[CollectedPhase, float]]) -> Sequence[tuple[CollectedPhase, float]]:
    """The lowest of each formula: no other can be part of a hull."""
    found: dict[str, tuple[CollectedPhase, float]] = {}
    for material, energy in told:
        known = found.get(material.formula)
        if known is None or energy < known[1]:
            found[material.formula] = (material, energy)
    return tuple(found.values())
