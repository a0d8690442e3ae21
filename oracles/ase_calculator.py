"""Any ASE calculator as an oracle: density functional theory by GPAW, Quantum ESPRESSO, VASP, ABINIT, CP2K and others.

A look computes the idealised primitive cell of the best sites that are known: relaxed ones where there are any, else
sites relaxed on the spot by a universal potential, else the best unrelaxed ones. Where asked, the calculator relaxes
them itself. Crystals are taken to be non-magnetic unless the settings give their elements moments; reference structures
with moments (oxygen, iron, cobalt, nickel) are spin-polarized.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from domain.blueprint import Blueprint, Realization
from domain.digest import content_digest
from domain.json_value import JsonObject, JsonValue
from domain.look import LookRequest, LookResult, ReferenceEnergy
from domain.parsing import parse, to_json_value
from domain.ports import Oracle, OracleMode, Workbench
from domain.quantity import Quantity, quantity
from domain.relaxation import RELAXATIONS
from oracles.dft.environment import environment_of
from oracles.dft.gap import band_gap
from oracles.dft.hubbard import NO_TERMS
from oracles.dft.progress import Progress
from oracles.dft.retries import RetryStep
from oracles.dft.settings import AseSettings
from oracles.dft.steady import Recipe, SteadyCalculator
from oracles.dynamics.forces import AseForces
from oracles.formation import formation_energy_eV_per_atom, references_used, require_references, require_size
from oracles.potential import require_admitted
from oracles.potentials import Potential
from oracles.realization import DrawSettings
from oracles.references import reference_structure
from oracles.relaxation import relax_cell, relax_sites
from oracles.relaxed_sites import UNCONVERGED, relax_lowest
from oracles.sites import Placement, Placements, disorder_of, lowest_relaxed, rank, unrelaxed_placements
from oracles.structures import primitive_cell, require_sound_structure, to_cif
from oracles.versions import versions_of

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(slots=True)
class AseOracle:
    """Formation energies or band gaps by an ASE calculator. A relaxation that was killed goes on."""

    settings: AseSettings
    name: str = "ase"
    mode: OracleMode = OracleMode.COMPUTED
    _prerelaxing: Potential | None = field(default=None, init=False, repr=False)

    @property
    def quantity(self) -> Quantity:
        """What the settings ask for."""
        return quantity(self.settings.quantity)

    @property
    def version(self) -> str:
        """Calculator, Hubbard terms, the potential that relaxes for it, and what lies between them and the number."""
        choice, hubbard = self.settings.choice, self.settings.hubbard
        potential = self._prerelaxing or self.settings.prerelax
        parts = [choice.path, choice.software, versions_of("petalite", "pyxtal", "spglib")]
        parts += [hubbard.chosen.name] if hubbard else []
        parts += [f"sites by {potential.name}"] if potential else []
        return ", ".join(parts)

    def check(self) -> None:
        """Checks that the calculator, its files and the potential are here.

        Raises:
            OracleUnavailableError: If one is not.
        """
        self.settings.choice.check()
        if self.settings.hubbard is not None:
            self.settings.choice.code.check_hubbard()
        if self.settings.prerelax is not None:
            self.settings.prerelax.check()

    def require_supported(self, blueprint: Blueprint) -> None:
        """Refuses crystals that are too large, or contain elements without a reference structure or pseudopotential.

        Raises:
            UnsupportedCrystalError: If it is one.
        """
        require_size(blueprint, max_atoms=self.settings.max_atoms)
        if self.settings.quantity == "formation_energy":
            require_references(blueprint)
        choice = self.settings.choice
        choice.code.require_setups(choice.parameters, _symbols(blueprint))

    def reference_elements(self, blueprint: Blueprint) -> tuple[str, ...]:
        """Every element of the crystal; none for gaps."""
        return _symbols(blueprint) if self.settings.quantity == "formation_energy" else ()

    def reference(self, symbol: str) -> ReferenceEnergy:
        """Computes the element's reference structure: as it stands, or relaxed where crystals are.

        Every crystal of the element is counted from it, so it is the number of the settings as given, or none: of the
        retries those alone are made that keep it.

        Raises:
            PermanentLookError: If the element has no reference structure, or calculation or relaxation do not converge.
        """
        structure = reference_structure(symbol)
        settings, density_A = self.settings, self.settings.kpoint_density_A
        if not structure.is_molecular:
            density_A = settings.reference_kpoint_density_A or density_A
        moments = {symbol: float(structure.atoms.get_initial_magnetic_moments()[0])}
        recipe = replace(self._recipe(structure.atoms, density_A, moments), retries=self._retries_of_references)
        calculator = SteadyCalculator(recipe, told=lambda _: None)
        with environment_of(settings.environment):
            if settings.relax == "none":
                atoms, relaxation = structure.atoms, {}
                energy = calculator.get_potential_energy(atoms) / len(atoms)
            else:
                relax = relax_sites if structure.is_molecular else relax_cell
                relaxed = relax(structure.atoms, calculator, settings.relaxing.limits).require_converged(symbol)
                atoms, energy, relaxation = relaxed.atoms, relaxed.energy_eV_per_atom, dict(relaxed.details)
        if any(moments.values()):
            relaxation["magnetic_moment_per_atom"] = calculator.magnetic_moment() / len(atoms)
        details = {"n_atoms_primitive": len(atoms), **calculator.details, **relaxation}
        return ReferenceEnergy(symbol, energy, structure.words, to_cif(atoms), details)

    def look(self, request: LookRequest) -> LookResult:
        """Finds the sites, relaxes them where asked, and computes the quantity.

        Raises:
            InvalidValueError: If a reference energy is missing.
            PermanentLookError: If there are no sites, the crystal does not survive or the calculation fails.
        """
        return self._look(request, None)

    def resume(self, request: LookRequest, workbench: Workbench) -> LookResult:
        """The same, going on from the last structure of a relaxation.

        Raises:
            InvalidValueError: If a reference energy is missing.
            PermanentLookError: If there are no sites, the crystal does not survive or the calculation fails.
        """
        return self._look(request, workbench)

    def _look(self, request: LookRequest, workbench: Workbench | None) -> LookResult:
        settings = self.settings
        start, placements = self._sites(request)
        require_sound_structure(start.atoms)
        recipe = self._recipe(primitive_cell(start.atoms), settings.kpoint_density_A, settings.magnetic_moments)
        progress = Progress(settings, workbench, purpose=content_digest([start.realization.digest, self._ranked_by]))
        calculator = SteadyCalculator(recipe, told=progress.tell)
        with environment_of(settings.environment):
            chosen, relaxation = self._relaxed(start, calculator, progress)
            crystal = primitive_cell(chosen.atoms)
            energy = calculator.get_potential_energy(crystal) / len(crystal)
            value, counted = self._value(request, energy, calculator)
        told = dict(placements.details) if placements else {}
        told[RELAXATIONS] = [*_relaxations(told), *_relaxations(relaxation)]
        return LookResult(
            value=value,
            realizations=_new(placements, start, chosen),
            realization_digest=chosen.realization.digest,
            details={
                "energy_eV_per_atom": energy,
                **counted,
                "is_relaxed": chosen.realization.is_relaxed,
                "n_atoms_primitive": len(crystal),
                **relaxation,
                **told,
                **disorder_of(chosen.realization),
                **calculator.details,
            },
        )

    def _relaxed(
        self, start: Placement, calculator: SteadyCalculator, progress: Progress
    ) -> tuple[Placement, JsonObject]:
        """The sites that the value belongs to, and how they were relaxed where this look does that."""
        known = start.realization
        is_done = known.is_relaxed and known.ranked_by == self._ranked_by and not known.method.endswith(UNCONVERGED)
        if self.settings.relax == "none" or is_done:
            return start, {}
        moving = Potential(self._ranked_by, calculator, AseForces(self._ranked_by, lambda: calculator))
        relaxed = relax_lowest(Placements((start,), {}), moving, self.settings.relaxing, journal=progress)
        progress.leave()
        details = {**relaxed.details, "n_structures_before": progress.n_before}
        return Placement.of(relaxed.chosen, is_new=True), details

    @property
    def _ranked_by(self) -> str:
        """What an energy of a realization is by: calculator, software and settings, of its relaxation as well."""
        settings, choice = self.settings, self.settings.choice
        given: list[JsonValue] = [dict(settings.parameters), settings.kpoint_density_A, settings.magnetic_moments]
        given.append([to_json_value(step) for step in settings.policy])
        given += [] if settings.relax == "none" else [settings.relax, settings.fmax_eV_A, settings.max_steps]
        hubbard = f", {settings.hubbard.chosen.name}" if settings.hubbard else ""
        return f"{choice.path} settings {content_digest(given)[:16]}, {choice.software}{hubbard}"

    @property
    def _retries_of_references(self) -> tuple[RetryStep, ...]:
        steadying = self.settings.choice.code.steadying
        return tuple(step for step in self.settings.policy if step.keeps_number(steadying))

    def _value(
        self, request: LookRequest, energy_eV_per_atom: float, calculator: SteadyCalculator
    ) -> tuple[float, JsonObject]:
        if self.settings.quantity == "band_gap":
            return band_gap(calculator.bands())
        composition = request.blueprint.composition
        value = formation_energy_eV_per_atom(energy_eV_per_atom, composition, request.references)
        return value, references_used(composition, request.references)

    def _recipe(self, start: Atoms, density_A: float | None, moments: Mapping[str, float]) -> Recipe:
        settings = self.settings
        terms = settings.hubbard.chosen.terms(set(start.symbols)) if settings.hubbard else NO_TERMS
        needs_bands = settings.quantity == "band_gap"
        return Recipe(settings.choice, settings.policy, start, density_A, moments, terms, needs_bands)

    def _sites(self, request: LookRequest) -> tuple[Placement, Placements | None]:
        """The sites to look at, and what was drawn or tried for them."""
        known = lowest_relaxed(request, preferably_by=self._ranked_by)
        if known is not None:
            return known, None
        prerelax = self.settings.prerelax
        if prerelax is None:
            placements = unrelaxed_placements(request, DrawSettings(draws=self.settings.draws))
            return placements.lowest, placements
        if self._prerelaxing is None:
            self._prerelaxing = prerelax.load()
        potential = self._prerelaxing
        potential.require_elements(request.blueprint.composition.elements)
        unranked = unrelaxed_placements(request, prerelax.drawing)
        require_admitted(unranked, potential)
        drawn = rank(unranked, potential.calculator, ranked_by=potential.name)
        relaxed = relax_lowest(drawn, potential, prerelax.relaxing)
        others = tuple(Placement.of(sites, is_new=True) for sites in relaxed.others)
        found = Placements((*drawn.every, *others), {**drawn.details, **relaxed.details})
        return Placement.of(relaxed.chosen, is_new=True), found


def _new(placements: Placements | None, *chosen: Placement) -> tuple[Realization, ...]:
    """What the store has yet to keep: what was drawn, then the relaxed sites that were found."""
    drawn = placements.new_realizations if placements else ()
    relaxed = [sites.realization for sites in chosen if sites.is_new and sites.realization.is_relaxed]
    return tuple({sites.digest: sites for sites in (*drawn, *relaxed)}.values())


def _relaxations(details: JsonObject) -> Sequence[JsonValue]:
    told = details.get(RELAXATIONS, ())
    return told if isinstance(told, Sequence) else ()


def _symbols(blueprint: Blueprint) -> tuple[str, ...]:
    return tuple(element.symbol for element in blueprint.composition.elements)


def build(settings: JsonObject) -> Oracle:
    """Builds the oracle from its settings.

    Raises:
        SpecError: If a setting is unknown, missing or impossible.
    """
    return AseOracle(parse(AseSettings, dict(settings), what="The settings of oracle 'ase'"))
