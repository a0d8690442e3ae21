"""The universal potential as an oracle: formation energy of the best of several random placements, relaxed or not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from domain.blueprint import Blueprint, Realization
from domain.errors import InvalidValueError, UnsupportedCrystalError
from domain.json_value import JsonObject
from domain.look import LookRequest, LookResult, ReferenceEnergy
from domain.parsing import parse
from domain.ports import Oracle, OracleMode
from domain.quantity import Quantity
from oracles.averaging import mean_energy_eV_per_atom
from oracles.formation import (
    FORMATION_ENERGY,
    formation_energy_eV_per_atom,
    references_used,
    require_references,
    require_size,
)
from oracles.potentials import Potential, PotentialChoice
from oracles.realization import DrawSettings
from oracles.references import reference_structure
from oracles.relaxation import RelaxationLimits, relax_cell, relax_sites
from oracles.relaxed_sites import RelaxationPlan, relax_lowest
from oracles.sites import Placements, disorder_of, rank, unrelaxed_placements
from oracles.structures import primitive_cell, to_cif
from oracles.versions import versions_of

_REFERENCE_LIMITS = RelaxationLimits(fmax_eV_A=0.02, max_steps=1000)
_MOST_GROWTH = 1.5
"""Times its volume to which an element's reference crystal may grow; beyond it is atoms that hardly feel each other."""

_RELAXED_ELSEWHERE = (
    "Say 'relax: none' beside 'model' (molecular dynamics relaxes unless that stands there), and let a cheaper "
    "fidelity relax the crystals with another potential; or take another model here."
)


@dataclass(frozen=True, slots=True)
class PotentialSettings(PotentialChoice):
    """Settings of the oracle `potential`, and of others that let one rank and relax sites."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    relax: Literal["none", "cell", "free"] = "none"
    """`none`: energy of the best placement as drawn. `cell`: cell and sites relaxed under the crystal's symmetry.
    `free`: after that once more without it."""
    relax_lowest: int = 1
    """Placements that are relaxed, those of lowest energy first; the lowest of what comes of them is taken."""
    disorder: Literal["average", "likeliest"] = "average"
    """Where sites are ordered choices for a disordered crystal: their mean by weight, or the heaviest of them."""
    fmax_eV_A: float = 0.05
    """Residual force at which a relaxation is converged, eV/Å."""
    max_steps: int = 200
    """Most steps of a relaxation; of each of the two where it is `free`."""
    draws: int = 4
    """Random placements to choose from."""
    min_distance_ratio: float = 0.7
    """Smallest distance between two atoms as a share of the sum of their covalent radii."""
    max_atoms: int = 200
    """Largest conventional cell that is taken."""

    def __post_init__(self) -> None:
        PotentialChoice.__post_init__(self)
        _ = self.drawing, self.relaxing
        if self.relax != "none":
            self.require_fit("relaxation", remedy=_RELAXED_ELSEWHERE)

    @property
    def drawing(self) -> DrawSettings:
        """How sites are drawn."""
        return DrawSettings(self.draws, self.min_distance_ratio)

    @property
    def relaxing(self) -> RelaxationPlan:
        """How sites are relaxed where they are: `cell` where `relax` says nothing of it."""
        limits = RelaxationLimits(self.fmax_eV_A, self.max_steps)
        return RelaxationPlan("free" if self.relax == "free" else "cell", self.relax_lowest, limits)


@dataclass(frozen=True, slots=True)
class FormationSettings(PotentialSettings):
    """The same where the potential itself says formation energies."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    def __post_init__(self) -> None:
        self.require_fit("formation energy", remedy="Take another model, such as potential: chgnet.")
        PotentialSettings.__post_init__(self)


@dataclass(slots=True)
class PotentialOracle:
    """Formation energies by a universal potential. The potential is loaded by the first look and kept."""

    settings: PotentialSettings
    name: str = "potential"
    quantity: Quantity = FORMATION_ENERGY
    mode: OracleMode = OracleMode.COMPUTED
    _potential: Potential | None = field(default=None, init=False, repr=False)

    @property
    def version(self) -> str:
        """Potential, model and everything between it and the number."""
        potential = self._potential or self.settings
        return f"{potential.name}, {versions_of('petalite', 'ase', 'pyxtal', 'spglib', 'torch')}"

    def check(self) -> None:
        """Checks that the potential is installed.

        Raises:
            OracleUnavailableError: If it is not.
        """
        self.settings.check()

    def require_supported(self, blueprint: Blueprint) -> None:
        """Refuses crystals that are too large or contain elements without a reference structure.

        Raises:
            UnsupportedCrystalError: If it is one.
        """
        require_size(blueprint, max_atoms=self.settings.max_atoms)
        require_references(blueprint)

    def reference_elements(self, blueprint: Blueprint) -> tuple[str, ...]:
        """Every element of the crystal."""
        return tuple(element.symbol for element in blueprint.composition.elements)

    def reference(self, symbol: str) -> ReferenceEnergy:
        """Relaxes the element's reference structure (sites only where it is molecular), whatever `relax` says.

        Elements are relaxed for static looks as well, so that fidelities of one potential share one zero.

        Raises:
            PermanentLookError: If the element has no reference structure, or its relaxation does not converge.
            UnsupportedCrystalError: If the model was not made for the element, or does not bind it.
        """
        structure = reference_structure(symbol)
        potential = self._loaded()
        potential.admit(structure.atoms)
        relax = relax_sites if structure.is_molecular else relax_cell
        relaxed = relax(structure.atoms, potential.calculator, _REFERENCE_LIMITS).require_whole()
        growth = relaxed.after.volume_A3_per_atom / relaxed.before.volume_A3_per_atom
        if growth > _MOST_GROWTH:
            raise UnsupportedCrystalError(
                f"The model does not hold the element {symbol} together: its crystal grew to {growth:.1f} times its "
                f"volume ({potential.name}).",
                remedy="Formation energies need another model; this one may still do for molecular dynamics.",
            )
        relaxed.require_converged(symbol)
        return ReferenceEnergy(
            symbol, relaxed.energy_eV_per_atom, structure.words, to_cif(relaxed.atoms), relaxed.details
        )

    def look(self, request: LookRequest) -> LookResult:
        """Places atoms, ranks the placements, relaxes the best one where asked, and counts from the references.

        Raises:
            InvalidValueError: If a reference energy is missing.
            PermanentLookError: If no sites can be drawn, or the crystal does not survive.
            UnsupportedCrystalError: If the potential does not admit the crystal; see `Potential.admit`.
        """
        potential = self._loaded()
        potential.require_elements(request.blueprint.composition.elements)
        unranked = unrelaxed_placements(request, self.settings.drawing)
        require_admitted(unranked, potential)
        placements = rank(unranked, potential.calculator, ranked_by=potential.name)
        is_averaged = placements.are_arrangements and self.settings.disorder == "average"
        if self.settings.relax == "none":
            seen = _Seen(placements.lowest.realization, tuple(one.realization for one in placements.every), {})
            return self._result(request, placements, seen, is_averaged=is_averaged)
        plan = self.settings.relaxing
        if is_averaged:
            plan = replace(plan, lowest=len(placements.every))
        relaxed = relax_lowest(placements, potential, plan)
        seen = _Seen(relaxed.chosen, relaxed.every, relaxed.details)
        return self._result(request, placements, seen, is_averaged=is_averaged)

    def _loaded(self) -> Potential:
        if self._potential is None:
            self._potential = self.settings.load()
        return self._potential

    def _result(self, request: LookRequest, placements: Placements, seen: _Seen, *, is_averaged: bool) -> LookResult:
        energy, disorder = seen.chosen.energy_eV_per_atom, disorder_of(seen.chosen)
        if is_averaged:
            energy, disorder = mean_energy_eV_per_atom(seen.every)
        if energy is None:
            raise InvalidValueError("The chosen sites have no energy.", remedy="Rank them first.")
        relaxed = tuple(sites for sites in seen.every if sites.is_relaxed)
        return LookResult(
            value=formation_energy_eV_per_atom(energy, request.blueprint.composition, request.references),
            realizations=(*placements.new_realizations, *relaxed),
            realization_digest=seen.chosen.digest,
            details={
                "energy_eV_per_atom": energy,
                **references_used(request.blueprint.composition, request.references),
                **placements.details,
                **seen.details,
                **disorder,
                "potential": self._loaded().details,
            },
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """The sites whose energies a look found."""

    chosen: Realization
    every: tuple[Realization, ...]
    details: JsonObject
    """How they were relaxed."""


def require_admitted(placements: Placements, potential: Potential) -> None:
    """Refuses placements that the potential must not see, in the cell that it would see.

    Raises:
        UnsupportedCrystalError: If there is one; see `Potential.admit`.
    """
    for placement in placements.every:
        potential.admit(primitive_cell(placement.atoms))


def build(settings: JsonObject) -> Oracle:
    """Builds the oracle from its settings.

    Raises:
        SpecError: If a setting is unknown or impossible.
    """
    return PotentialOracle(parse(FormationSettings, dict(settings), what="The settings of oracle 'potential'"))
