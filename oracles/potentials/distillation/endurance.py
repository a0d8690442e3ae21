"""Whether molecular dynamics by a potential goes on: hot crystals for a while, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from domain.digest import derive_seed
from domain.json_value import JsonValue
from oracles.structures import OVERLAP_RATIO, contact_ratios

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator

_TIMESTEP_FS: Final = 2.0
_FRICTION_PER_FS: Final = 0.01
_CHECK_EVERY: Final = 50
_HOTTEST: Final = 2.0
"""Times the temperature that is set; a crystal that is hotter gains energy out of nothing."""


def endured(
    crystals: Sequence[Atoms],
    calculator: BaseCalculator,
    *,
    temperature_K: float,
    duration_ps: float,
    seed: int,
    report: Callable[[str], None],
) -> list[JsonValue]:
    """Runs each crystal at the temperature and says how long it lived, its nearest contact and its mean temperature."""
    rows: list[JsonValue] = []
    for crystal in crystals:
        survived, lived_ps, nearest, mean_K = _run(crystal, calculator, temperature_K, duration_ps, seed)
        rows.append(
            {
                "crystal": str(crystal.info["crystal"]),
                "formula": crystal.get_chemical_formula(),
                "split": str(crystal.info["split"]),
                "survived": survived,
                "lived_ps": round(lived_ps, 2),
                "nearest_contact_ratio": round(nearest, 3),
                "mean_temperature_K": round(mean_K, 1),
            }
        )
        report(f"endured: {rows[-1]}")
    return rows


def _run(
    crystal: Atoms, calculator: BaseCalculator, temperature_K: float, duration_ps: float, seed: int
) -> tuple[bool, float, float, float]:
    """Whether it survived: one that breaks at the very end has lived as long as those that did."""
    import numpy as np
    from ase import units
    from ase.md.langevin import Langevin
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

    rng = np.random.default_rng(derive_seed(seed, "endurance", str(crystal.info["crystal"])))
    atoms = crystal.copy()
    atoms.calc = calculator
    MaxwellBoltzmannDistribution(atoms, temperature_K=temperature_K, rng=rng)
    dynamics = Langevin(
        atoms, _TIMESTEP_FS * units.fs, temperature_K=temperature_K, friction=_FRICTION_PER_FS / units.fs, rng=rng
    )
    n_steps = round(duration_ps * 1000 / _TIMESTEP_FS)
    nearest, temperatures = np.inf, []
    for step in range(_CHECK_EVERY, n_steps + 1, _CHECK_EVERY):
        dynamics.run(_CHECK_EVERY)
        is_finite = bool(np.isfinite(atoms.positions).all())
        nearest = min(nearest, contact_ratios(atoms)[0]) if is_finite else 0.0
        temperatures.append(atoms.get_temperature())
        if nearest < OVERLAP_RATIO or temperatures[-1] > _HOTTEST * temperature_K:
            return False, step * _TIMESTEP_FS / 1000, nearest, float(np.mean(temperatures))
    return True, duration_ps, nearest, float(np.mean(temperatures))
