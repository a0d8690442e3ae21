"""The lowest of several placements, relaxed: every relaxation is told, whichever of them is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from domain.blueprint import Realization
from domain.digest import derive_seed
from domain.errors import InvalidValueError, PermanentLookError
from domain.json_value import JsonObject
from domain.parsing import to_json_value
from domain.relaxation import RELAXATIONS, Relaxation, RelaxationOutcome
from oracles.potentials import Potential
from oracles.relaxation import Ending, Journal, RelaxationLimits, relax_cell, relax_freely
from oracles.sites import Placement, Placements, preference
from oracles.structures import conventional_cell, to_cif

UNCONVERGED: Final = " unconverged"
"""Ends the method of sites whose relaxation used its steps up: they may be relaxed further."""


@dataclass(frozen=True, slots=True)
class RelaxationPlan:
    """Which placements are relaxed, and how."""

    mode: Literal["cell", "free"]
    """`cell`: cell and sites under the crystal's symmetry; `free`: after that once more without it."""
    lowest: int
    """How many placements are relaxed, those of lowest energy first."""
    limits: RelaxationLimits

    def __post_init__(self) -> None:
        if self.lowest < 1:
            raise InvalidValueError(f"{self.lowest} placements leave nothing to relax.", remedy="Give at least 1.")


@dataclass(frozen=True, slots=True)
class RelaxedSites:
    """What came of relaxing placements."""

    chosen: Realization
    """The lowest in energy of those that are left; of ordered choices for a disordered crystal the likeliest."""
    others: tuple[Realization, ...]
    """The rest of them."""
    details: JsonObject
    """Every relaxation, also of crystals that broke."""

    @property
    def every(self) -> tuple[Realization, ...]:
        """All relaxed sites, the chosen ones last."""
        return (*self.others, self.chosen)


def relax_lowest(
    placements: Placements, potential: Potential, plan: RelaxationPlan, *, journal: Journal | None = None
) -> RelaxedSites:
    """Relaxes the lowest placements and takes the lowest of what comes of them.

    Args:
        placements: Ranked by the potential.
        potential: Moves the atoms.
        plan: Which ones, and how.
        journal: Keeps where the relaxation stands, of a plan with one placement; None: nobody does.

    Raises:
        InvalidValueError: If a journal shall keep several relaxations.
        PermanentLookError: If every crystal breaks.
    """
    if journal is not None and plan.lowest > 1:
        raise InvalidValueError(
            f"One journal cannot keep {plan.lowest} relaxations.", remedy="Relax one placement, or keep none."
        )
    tried = [_relax(placement, potential, plan, journal) for placement in placements.by_preference[: plan.lowest]]
    kept: dict[str, Realization] = {sites.digest: sites for _, sites in tried if sites is not None}
    relaxations = [relaxation for relaxation, _ in tried]
    if not kept:
        raise _all_broken(relaxations)
    chosen = min(kept.values(), key=preference)
    return RelaxedSites(
        chosen=chosen,
        others=tuple(sites for digest, sites in kept.items() if digest != chosen.digest),
        details={RELAXATIONS: [to_json_value(relaxation) for relaxation in relaxations]},
    )


def _relax(
    placement: Placement, potential: Potential, plan: RelaxationPlan, journal: Journal | None
) -> tuple[Relaxation, Realization | None]:
    start = placement.realization
    ending = _run(placement, potential, plan, journal)
    sites = None
    if not ending.outcome.is_broken:
        sites = Realization(
            blueprint_digest=start.blueprint_digest,
            cif=to_cif(conventional_cell(ending.atoms)),
            method=f"{start.method}+relax{UNCONVERGED if ending.outcome is RelaxationOutcome.NOT_CONVERGED else ''}",
            seed=start.seed,
            energy_eV_per_atom=ending.energy_eV_per_atom,
            ranked_by=potential.name,
            is_relaxed=True,
            arrangement=start.arrangement,
        )
    return _told(start, sites, ending), sites


def _run(placement: Placement, potential: Potential, plan: RelaxationPlan, journal: Journal | None) -> Ending:
    import numpy as np

    if plan.mode == "cell":
        return relax_cell(placement.atoms, potential.calculator, plan.limits, journal=journal)
    rng = np.random.default_rng(derive_seed(placement.realization.seed, "free relaxation"))
    return relax_freely(placement.atoms, potential.calculator, plan.limits, rng=rng, journal=journal)


def _told(start: Realization, sites: Realization | None, ending: Ending) -> Relaxation:
    return Relaxation(
        start=start.digest,
        sites=None if sites is None else sites.digest,
        outcome=ending.outcome,
        n_steps=ending.n_steps,
        space_group_before=ending.before.space_group,
        space_group_after=ending.after.space_group,
        volume_before_A3_per_atom=ending.before.volume_A3_per_atom,
        volume_after_A3_per_atom=ending.after.volume_A3_per_atom,
        energy_eV_per_atom=None if sites is None else ending.energy_eV_per_atom,
        largest_force_eV_A=None if sites is None else ending.largest_force_eV_A,
        energy_under_symmetry_eV_per_atom=ending.energy_under_symmetry_eV_per_atom,
        problem=ending.problem,
    )


def _all_broken(relaxations: Sequence[Relaxation]) -> PermanentLookError:
    problems = dict.fromkeys(relaxation.problem for relaxation in relaxations)
    told = f"None of {len(relaxations)} placements held together. " if len(relaxations) > 1 else ""
    return PermanentLookError(
        told + " ".join(problems), remedy="Look at another crystal: this one is not held together."
    )
