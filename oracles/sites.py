"""Which sites an oracle looks at: known ones first, new draws otherwise, and the lowest in energy of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.blueprint import Realization
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
    def lowest(self) -> Placement:
        """The placement of lowest energy; unranked ones come last, in the order of drawing."""
        return min(self.every, key=_energy)

    @property
    def new_realizations(self) -> tuple[Realization, ...]:
        """What the store has yet to keep."""
        return tuple(placement.realization for placement in self.every if placement.is_new)


def unrelaxed_placements(request: LookRequest, draws: DrawSettings) -> Placements:
    """Takes the unrelaxed sites that are known, or draws some; none of the drawn ones is ranked yet.

    Raises:
        PermanentLookError: If no sites can be drawn.
    """
    known = tuple(
        Placement.of(realization, is_new=False) for realization in request.realizations if not realization.is_relaxed
    )
    if known:
        return Placements(known, {"n_known": len(known)})
    drawn = draw_sites(request.blueprint, draws, seed=request.seed)
    return Placements(
        tuple(Placement(_unranked(request, draw.cif, draw.seed), draw.atoms, is_new=True) for draw in drawn.kept),
        {"draws": drawn.tallies},
    )


def rank(placements: Placements, calculator: Calculator, *, ranked_by: str) -> Placements:
    """Gives every placement the energy of its primitive cell; those that the same potential ranked keep theirs."""
    return Placements(
        tuple(_ranked(placement, calculator, ranked_by) for placement in placements.every), placements.details
    )


def lowest_relaxed(request: LookRequest) -> Placement | None:
    """The relaxed sites of lowest energy among those that are known; None where there are none."""
    relaxed = tuple(
        Placement.of(realization, is_new=False) for realization in request.realizations if realization.is_relaxed
    )
    return min(relaxed, key=_energy) if relaxed else None


def _energy(placement: Placement) -> float:
    energy = placement.realization.energy_eV_per_atom
    return float("inf") if energy is None else energy


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
    realization = Realization(
        blueprint_digest=known.blueprint_digest,
        cif=known.cif,
        method=known.method,
        seed=known.seed,
        energy_eV_per_atom=energy,
        ranked_by=ranked_by,
        is_relaxed=known.is_relaxed,
    )
    return Placement(realization, placement.atoms, placement.is_new)
