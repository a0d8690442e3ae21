"""Which sites an oracle looks at: known ones first, new draws otherwise, and the lowest in energy of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from domain.blueprint import Realization
from domain.disorder import DISORDER, TOLD
from domain.json_value import JsonObject
from domain.look import LookRequest
from oracles.realization import METHOD, DrawSettings, draw_sites
from oracles.structures import from_cif, primitive_cell

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator


@dataclass(frozen=True, slots=True)
class Placement:
    """A realization with its atoms."""

    realization: Realization
    atoms: Atoms
    is_new: bool
    """Whether this look found it, so that the store has yet to keep it."""

    @classmethod
    def of(cls, realization: Realization, *, is_new: bool) -> Placement:
        """Reads the atoms from the realization's own text, so that a value belongs to exactly that."""
        return cls(realization, from_cif(realization.cif), is_new)


@dataclass(frozen=True, slots=True)
class Placements:
    """The sites that a look may choose from; at least one."""

    every: tuple[Placement, ...]
    details: JsonObject
    """How the draws went; empty where nothing was drawn."""

    @property
    def by_preference(self) -> tuple[Placement, ...]:
        """The lowest in energy first; unranked ones come last, in the order of drawing.

        Ordered choices for a disordered crystal come by their weight instead: the likeliest is what is looked at.
        """
        return tuple(sorted(self.every, key=_preference))

    @property
    def lowest(self) -> Placement:
        """The first of them."""
        return self.by_preference[0]

    @property
    def are_arrangements(self) -> bool:
        """Whether they are ordered choices for one disordered crystal."""
        return all(placement.realization.arrangement is not None for placement in self.every)

    @property
    def new_realizations(self) -> tuple[Realization, ...]:
        """What the store has yet to keep."""
        return tuple(placement.realization for placement in self.every if placement.is_new)


def unrelaxed_placements(request: LookRequest, draws: DrawSettings) -> Placements:
    """Takes the unrelaxed sites that are known, or draws some; none of the drawn ones is ranked yet.

    Where ordered choices for a disordered crystal are known, these alone are taken.

    Raises:
        PermanentLookError: If no sites can be drawn.
    """
    known = tuple(
        Placement.of(realization, is_new=False) for realization in request.realizations if not realization.is_relaxed
    )
    arranged = tuple(placement for placement in known if placement.realization.arrangement is not None)
    if arranged or known:
        return Placements(arranged or known, {"n_known": len(arranged or known)})
    drawn = draw_sites(request.blueprint, draws, seed=request.seed)
    return Placements(
        tuple(Placement(_unranked(request, draw.cif, draw.seed), draw.atoms, is_new=True) for draw in drawn.kept),
        {"draws": drawn.tallies},
    )


def disorder_of(realization: Realization) -> JsonObject:
    """What a look says among its details where it was made at one ordered choice for a disordered crystal."""
    arrangement = realization.arrangement
    if arrangement is None:
        return {}
    told = f"{arrangement.words}, the likeliest, with {arrangement.weight:.0%} of their weight"
    return {DISORDER: {TOLD: told, "taken": "likeliest", "weighed_by": arrangement.weighed_by}}


def preference(realization: Realization) -> tuple[float, float]:
    """The smallest is taken: of ordered choices for a disordered crystal the heaviest, then the lowest in energy."""
    weight = 0.0 if realization.arrangement is None else realization.arrangement.weight
    energy = realization.energy_eV_per_atom
    return -weight, float("inf") if energy is None else energy


def rank(placements: Placements, calculator: Calculator, *, ranked_by: str) -> Placements:
    """Gives every placement the energy of its primitive cell; those that the same potential ranked keep theirs."""
    return Placements(
        tuple(_ranked(placement, calculator, ranked_by) for placement in placements.every), placements.details
    )


def lowest_relaxed(request: LookRequest, *, preferably_by: str | None = None) -> Placement | None:
    """The relaxed sites of lowest energy among those that are known; None where there are none.

    Of ordered choices for a disordered crystal it is the likeliest.
    Energies of one potential or calculator cannot be compared with those of another, so only those by one are.

    Args:
        request: With the known sites.
        preferably_by: Whose energies count if it gave any; else those of whoever gave the last ones.
    """
    relaxed = [realization for realization in request.realizations if realization.is_relaxed]
    if not relaxed:
        return None
    by = preferably_by if any(sites.ranked_by == preferably_by for sites in relaxed) else relaxed[-1].ranked_by
    return min((Placement.of(sites, is_new=False) for sites in relaxed if sites.ranked_by == by), key=_preference)


def _preference(placement: Placement) -> tuple[float, float]:
    return preference(placement.realization)


def _unranked(request: LookRequest, cif: str, seed: int) -> Realization:
    return Realization(
        blueprint_digest=request.blueprint.digest,
        cif=cif,
        method=METHOD,
        seed=seed,
        energy_eV_per_atom=None,
        ranked_by=None,
        is_relaxed=False,
    )


def _ranked(placement: Placement, calculator: Calculator, ranked_by: str) -> Placement:
    known = placement.realization
    if known.ranked_by == ranked_by:
        return placement
    crystal = primitive_cell(placement.atoms)
    crystal.calc = calculator
    energy = float(crystal.get_potential_energy()) / len(crystal)
    realization = replace(known, energy_eV_per_atom=energy, ranked_by=ranked_by)
    return Placement(realization, placement.atoms, placement.is_new)
