"""Any ASE calculator as an oracle; GPAW (plane-wave density functional theory) is the tested one.

A look is one static calculation on the idealised primitive cell of the best sites that are known: relaxed ones where
there are any, else sites relaxed on the spot by a universal potential, else the best unrelaxed ones. Crystals are taken
to be non-magnetic; reference structures with moments (oxygen, iron, cobalt, nickel) are spin-polarized.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from domain.blueprint import Blueprint
from domain.errors import InvalidValueError, PermanentLookError
from domain.json_value import JsonObject, JsonValue
from domain.look import LookRequest, LookResult, ReferenceEnergy
from domain.parsing import parse
from domain.ports import Oracle, OracleMode
from domain.quantity import Quantity
from oracles.calculators import CalculatorChoice, kpoint_grid
from oracles.formation import (
    FORMATION_ENERGY,
    formation_energy_eV_per_atom,
    references_used,
    require_references,
    require_size,
)
from oracles.potential import PotentialSettings, relax_placement, require_admitted
from oracles.potentials import Potential
from oracles.realization import DrawSettings
from oracles.references import reference_structure
from oracles.sites import Placement, Placements, lowest_relaxed, rank, unrelaxed_placements
from oracles.structures import primitive_cell, require_sound_structure, to_cif
from oracles.versions import versions_of

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True, slots=True)
class AseSettings:
    """Settings of the oracle `ase`."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    calculator: str
    """`gpaw`, `emt`, `lj`, `morse`, or the dotted path of an ASE calculator class."""
    parameters: dict[str, JsonValue] = field(default_factory=dict)
    """Keyword arguments of the calculator."""
    kpoint_density_A: float | None = None
    """K-points per Å⁻¹ of each reciprocal vector of the primitive cell; None where `parameters` says it."""
    reference_kpoint_density_A: float | None = None
    """The same for references that are not molecular, metals most of them, which need a denser grid; None: as above."""
    property: Literal["formation_energy"] = "formation_energy"
    prerelax: PotentialSettings | None = None
    """Potential that relaxes sites where no relaxed ones are known; None to look at unrelaxed ones."""
    draws: int = 4
    """Random placements to choose from where `prerelax` is None; the first one is taken if nothing ranks them."""
    max_atoms: int = 64
    """Largest conventional cell that is taken."""

    def __post_init__(self) -> None:
        self.choice()
        for density in (self.kpoint_density_A, self.reference_kpoint_density_A):
            if density is not None and not (math.isfinite(density) and density > 0):
                raise InvalidValueError(f"A k-point density of {density} gives no grid.", remedy="Give about 2.")
        if self.kpoint_density_A is not None and "kpts" in self.parameters:
            raise InvalidValueError(
                "K-points are given twice, by kpoint_density_A and by parameters.kpts.", remedy="Leave one out."
            )

    def choice(self) -> CalculatorChoice:
        """The calculator."""
        return CalculatorChoice(self.calculator, self.parameters)


@dataclass(slots=True)
class AseOracle:
    """Formation energies by an ASE calculator."""

    settings: AseSettings
    name: str = "ase"
    quantity: Quantity = FORMATION_ENERGY
    mode: OracleMode = OracleMode.COMPUTED
    _prerelaxing: Potential | None = field(default=None, init=False, repr=False)

    @property
    def version(self) -> str:
        """Calculator, the potential that relaxes for it, and everything between them and the number."""
        software = versions_of(*self.settings.choice().distributions, "petalite", "ase", "pyxtal", "spglib")
        potential = self._prerelaxing or self.settings.prerelax
        sites = f", sites by {potential.name}" if potential else ""
        return f"{self.settings.choice().path}, {software}{sites}"

    def check(self) -> None:
        """Checks that the calculator and the potential are installed.

        Raises:
            OracleUnavailableError: If one is not.
        """
        self.settings.choice().check()
        if self.settings.prerelax is not None:
            self.settings.prerelax.check()

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
        """Computes the element's reference structure as it stands: one static calculation.

        Raises:
            PermanentLookError: If the element has no reference structure, or the calculation does not converge.
        """
        structure = reference_structure(symbol)
        density = self.settings.kpoint_density_A
        if not structure.is_molecular:
            density = self.settings.reference_kpoint_density_A or density
        energy, details = self._energy_eV_per_atom(structure.atoms, density)
        return ReferenceEnergy(symbol, energy, structure.words, to_cif(structure.atoms), details)

    def look(self, request: LookRequest) -> LookResult:
        """Finds the sites, computes their energy and counts from the references.

        Raises:
            InvalidValueError: If a reference energy is missing.
            PermanentLookError: If there are no sites, the crystal does not survive or the calculation fails.
        """
        placement, placements = self._sites(request)
        energy, details = self._energy_eV_per_atom(primitive_cell(placement.atoms), self.settings.kpoint_density_A)
        new = placements.new_realizations if placements else ()
        return LookResult(
            value=formation_energy_eV_per_atom(energy, request.blueprint.composition, request.references),
            realizations=(*new, placement.realization)
            if placement.realization.is_relaxed and placement.is_new
            else new,
            realization_digest=placement.realization.digest,
            details={
                "energy_eV_per_atom": energy,
                **references_used(request.blueprint.composition, request.references),
                "is_relaxed": placement.realization.is_relaxed,
                **(placements.details if placements else {}),
                **details,
            },
        )

    def _sites(self, request: LookRequest) -> tuple[Placement, Placements | None]:
        """The sites to look at, and what was drawn or tried for them."""
        relaxed = lowest_relaxed(request)
        if relaxed is not None:
            return relaxed, None
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
        realization, details = relax_placement(drawn.lowest, potential, prerelax)
        return Placement.of(realization, is_new=True), Placements(
            drawn.every, {**drawn.details, "prerelaxation": details}
        )

    def _energy_eV_per_atom(self, atoms: Atoms, kpoint_density_A: float | None) -> tuple[float, JsonObject]:
        """Energy of a structure as it stands; GPAW gets one retry where self-consistency is not reached."""
        from ase.calculators.calculator import CalculationFailed, SCFError

        require_sound_structure(atoms)
        try:
            return self._single_point(atoms, kpoint_density_A, is_retry=False)
        except (SCFError, CalculationFailed, *_gpaw_errors()) as error:
            if not self.settings.choice().is_gpaw:
                raise _not_converged(error) from error
        try:
            energy, details = self._single_point(atoms, kpoint_density_A, is_retry=True)
        except (SCFError, CalculationFailed, *_gpaw_errors()) as error:
            raise _not_converged(error) from error
        return energy, {**details, "retried": True}

    def _single_point(
        self, atoms: Atoms, kpoint_density_A: float | None, *, is_retry: bool
    ) -> tuple[float, JsonObject]:
        kpoints = None if kpoint_density_A is None else kpoint_grid(atoms, kpoint_density_A)
        is_spin_polarized = bool(atoms.get_initial_magnetic_moments().any())
        crystal = atoms.copy()
        crystal.calc = self.settings.choice().build(kpoints, is_spin_polarized=is_spin_polarized, is_retry=is_retry)
        # Energies extrapolated to zero smearing, which is what ASE's potential energy is.
        energy = float(crystal.get_potential_energy()) / len(crystal)
        details: dict[str, JsonValue] = {"n_atoms_primitive": len(crystal)}
        if kpoints is not None:
            details["kpoints"] = list(kpoints)
        if is_spin_polarized:
            details["magnetic_moment_per_atom"] = float(crystal.get_magnetic_moment()) / len(crystal)
        return energy, details


def _not_converged(error: Exception) -> PermanentLookError:
    return PermanentLookError(
        f"The calculation did not converge: {str(error) or type(error).__name__}.",
        remedy="Look at another crystal, or raise the calculator's smearing or its number of iterations.",
    )


def _gpaw_errors() -> tuple[type[Exception], ...]:
    """GPAW's own word for no convergence, where GPAW is loaded; it is no subclass of ASE's."""
    gpaw = sys.modules.get("gpaw")
    return () if gpaw is None else (gpaw.KohnShamConvergenceError,)


def build(settings: JsonObject) -> Oracle:
    """Builds the oracle from its settings.

    Raises:
        SpecError: If a setting is unknown, missing or impossible.
    """
    return AseOracle(parse(AseSettings, dict(settings), what="The settings of oracle 'ase'"))
