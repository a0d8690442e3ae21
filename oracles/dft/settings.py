"""Settings of the oracle `ase`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from domain.elements import element
from domain.errors import InvalidValueError
from domain.json_value import JsonValue
from oracles.allowed_calculators import require_environment
from oracles.calculators import CalculatorChoice
from oracles.dft.hubbard import HubbardSettings
from oracles.dft.retries import RetryStep
from oracles.potential import PotentialSettings
from oracles.relaxation import RelaxationLimits
from oracles.relaxed_sites import RelaxationPlan


@dataclass(frozen=True, slots=True)
class AseSettings:
    """Settings of the oracle `ase`. Everything here is part of the fidelity: another U or cutoff is another one."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    calculator: str
    """`gpaw`, `espresso`, `vasp`, `abinit`, `cp2k`, `emt`, `lj`, `morse`, or the dotted path of an ASE calculator."""
    parameters: dict[str, JsonValue] = field(default_factory=dict)
    """Keyword arguments of the calculator, pseudopotentials and setups among them."""
    quantity: Literal["formation_energy", "band_gap"] = "formation_energy"
    kpoint_density_A: float | None = None
    """K-points per Å⁻¹ of each reciprocal vector of the primitive cell; None where `parameters` says it."""
    reference_kpoint_density_A: float | None = None
    """The same for references that are not molecular, metals most of them, which need a denser grid; None: as above."""
    relax: Literal["none", "cell", "free"] = "none"
    """Whether the calculator relaxes the sites itself: `cell` and sites under the crystal's symmetry, then `free`."""
    fmax_eV_A: float = 0.05
    """Residual force at which that is converged, eV/Å."""
    max_steps: int = 60
    """Most steps of that; of each of the two where it is `free`."""
    restart: Literal["geometry", "none"] = "geometry"
    """What a look that was killed goes on from: the last structure of its relaxation, or nothing."""
    retries: tuple[RetryStep, ...] | None = None
    """What is tried where self-consistency is not reached, one after the other; None: what suits the code."""
    hubbard: HubbardSettings | None = None
    """Who says which Hubbard terms a crystal has; None: it has none."""
    magnetic_moments: dict[str, float] = field(default_factory=dict)
    """Initial moments of a crystal's atoms by symbol, Bohr magnetons, all in parallel; elements left out have none."""
    environment: dict[str, str] = field(default_factory=dict)
    """Variables of a code that runs as a program: threads and how they are bound."""
    prerelax: PotentialSettings | None = None
    """Potential that relaxes sites where no relaxed ones are known; None to look at unrelaxed ones."""
    draws: int = 4
    """Random placements to choose from where `prerelax` is None; the first one is taken if nothing ranks them."""
    max_atoms: int = 64
    """Largest conventional cell that is taken."""

    def __post_init__(self) -> None:
        self._require_grid()
        self._require_environment()
        if self.prerelax is not None:
            self.prerelax.require_fit("relaxation", remedy="Let another potential relax, such as potential: chgnet.")
        for symbol, moment in self.magnetic_moments.items():
            if not (math.isfinite(moment) and abs(element(symbol).atomic_number) >= abs(moment)):
                raise InvalidValueError(
                    f"A moment of {moment} Bohr magnetons on {symbol} is impossible.", remedy="Give about 5 for iron."
                )
        self._require_terms([self.choice, *(self.choice.changed(step) for step in self.policy)])
        self._require_bands()
        _ = self.relaxing

    @property
    def choice(self) -> CalculatorChoice:
        """The calculator."""
        return CalculatorChoice(self.calculator, self.parameters)

    @property
    def policy(self) -> tuple[RetryStep, ...]:
        """The retries."""
        return self.choice.code.retries if self.retries is None else self.retries

    @property
    def relaxing(self) -> RelaxationPlan:
        """How the calculator relaxes, where it does."""
        limits = RelaxationLimits(self.fmax_eV_A, self.max_steps)
        return RelaxationPlan("free" if self.relax == "free" else "cell", 1, limits)

    def _require_grid(self) -> None:
        for density in (self.kpoint_density_A, self.reference_kpoint_density_A):
            if density is not None and not (math.isfinite(density) and density > 0):
                raise InvalidValueError(f"A k-point density of {density} gives no grid.", remedy="Give about 2.")
        given = {"kpts", "kspacing"} & set(self.choice.parameters)
        if self.kpoint_density_A is not None and given:
            raise InvalidValueError(
                f"K-points are given twice, by kpoint_density_A and by parameters.{min(given)}.",
                remedy="Leave one out.",
            )
        denser = [step.words for step in self.policy if step.kpoint_density_factor != 1]
        if denser and self.kpoint_density_A is None:
            raise InvalidValueError(
                f"The retry '{denser[0]}' changes the density of k-points, and there is none.",
                remedy="Give kpoint_density_A.",
            )

    def _require_environment(self) -> None:
        require_environment(self.environment)
        if self.environment and not self.choice.code.runs_a_program:
            raise InvalidValueError(
                f"'environment' does nothing for {self.calculator}: it runs within the worker, whose threads are "
                "counted when it starts.",
                remedy="Leave it out; espresso, vasp, abinit and cp2k run as programs, which take it.",
            )

    def _require_terms(self, choices: Sequence[CalculatorChoice]) -> None:
        if self.hubbard is None:
            return
        for choice in choices:
            choice.code.require_hubbard(choice.parameters, self.hubbard.chosen.every)
        if self.hubbard.provider == "table" and self.quantity == "formation_energy":
            raise InvalidValueError(
                "Formation energies with U from a table would count crystals that have a U from elements that have "
                "none, which is no energy of formation.",
                remedy="Set 'provider: explicit', whose values hold in the elements as well, or quantity: band_gap.",
            )

    def _require_bands(self) -> None:
        if self.quantity == "band_gap" and not self.choice.code.has_bands:
            raise InvalidValueError(
                f"ASE reads no eigenvalues of {self.choice.code.name}, so it has no band gap.",
                remedy="Choose gpaw, espresso, vasp or abinit for gaps.",
            )
