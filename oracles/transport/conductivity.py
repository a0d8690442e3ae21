"""Ionic conductivity from diffusivity, by Nernst and Einstein.

    σ = n (z e)² D / (k_B T H)

with n ions of charge z e per volume, and the Haven ratio H = D / D_σ of the tracer's diffusivity to that of the charge.
H is 1 where ions move independently. In fast lithium conductors they move in concert, H is below 1, and σ with H = 1 is
too small by that factor.

Source: He, Zhu, Epstein, Mo, npj Comput. Mater. 4, 18 (2018); Marcolongo, Marzari, Phys. Rev. Mater. 1, 025402 (2017)
for the Haven ratio.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from domain.constants import BOLTZMANN_EV_PER_K
from domain.errors import InvalidValueError
from domain.measurement import Censoring
from oracles.transport.diffusion import Diffusivity
from oracles.transport.trajectory import IonTrajectory

ELEMENTARY_CHARGE_C: Final = 1.602176634e-19
"""Exact since 2019."""
_CM3_PER_A3: Final = 1e-24


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a conductivity takes for granted."""

    haven_ratio: float = 1.0
    """D / D_σ; 1 says that ions move independently."""
    charge_e: float = 1.0
    """Charge of an ion, in elementary charges."""

    def __post_init__(self) -> None:
        if not 0 < self.haven_ratio < math.inf:
            raise InvalidValueError(
                f"A Haven ratio of {self.haven_ratio} is impossible.", remedy="Give a number above 0, such as 1."
            )

    def __str__(self) -> str:
        """The assumptions in words."""
        independent = ": ions are taken to move independently" if self.haven_ratio == 1 else ""
        return f"Nernst-Einstein with a Haven ratio of {self.haven_ratio:g}{independent}; charge {self.charge_e:+g} e."


@dataclass(frozen=True, slots=True)
class Conductivity:
    """An ionic conductivity at one temperature, or what it is below."""

    value_S_per_cm: float
    """The estimate; where it is censored, the bound."""
    low_S_per_cm: float
    """Lower end of the 95 % interval; 0 for a bound."""
    high_S_per_cm: float
    """Upper end of the 95 % interval; the bound itself for a bound."""
    log_sigma: float
    """Standard deviation of ln σ, as that of the diffusivity."""
    temperature_K: float
    assumptions: Assumptions
    censoring: Censoring = Censoring.NONE

    @property
    def sigma_S_per_cm(self) -> float | None:
        """Standard deviation, to first order in that of ln σ, to which learning takes it back; None for a bound."""
        return self.value_S_per_cm * self.log_sigma if self.censoring is Censoring.NONE else None


def nernst_einstein(
    diffusivity_cm2_per_s: float, *, n_per_cm3: float, temperature_K: float, assumptions: Assumptions
) -> float:
    """The conductivity in S/cm of ions of one kind."""
    per_volt = ELEMENTARY_CHARGE_C / (BOLTZMANN_EV_PER_K * temperature_K)  # e² / (k_B T), of the unit C/V
    charged = n_per_cm3 * assumptions.charge_e**2 * per_volt
    return charged * diffusivity_cm2_per_s / assumptions.haven_ratio


def conductivity_of(trajectory: IonTrajectory, diffusivity: Diffusivity, *, haven_ratio: float = 1.0) -> Conductivity:
    """Turns a diffusivity, or its bound, into a conductivity.

    Args:
        trajectory: The run that it was seen in: gives the number of ions in a volume, their charge and the temperature.
        diffusivity: Of the tracer.
        haven_ratio: Assumed, not measured.
    """
    assumptions = Assumptions(haven_ratio=haven_ratio, charge_e=trajectory.charge_e)
    factor = nernst_einstein(
        1.0,
        n_per_cm3=trajectory.n_ions / (trajectory.volume_A3 * _CM3_PER_A3),
        temperature_K=trajectory.temperature_K,
        assumptions=assumptions,
    )
    return Conductivity(
        value_S_per_cm=factor * diffusivity.value_cm2_per_s,
        low_S_per_cm=factor * diffusivity.low_cm2_per_s,
        high_S_per_cm=factor * diffusivity.high_cm2_per_s,
        log_sigma=diffusivity.log_sigma,
        temperature_K=trajectory.temperature_K,
        assumptions=assumptions,
        censoring=diffusivity.censoring,
    )
