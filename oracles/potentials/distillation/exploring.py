"""Molecular dynamics by an early student: its own mistakes are what the teacher corrects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from domain.digest import derive_seed
from oracles.potentials.distillation.crystals import TaughtCrystal
from oracles.potentials.distillation.preparing import marked_as
from oracles.potentials.distillation.recipe import ExplorationRecipe, Recipe
from oracles.structures import OVERLAP_RATIO, contact_ratios

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator

_FRICTION_PER_FS: Final = 0.02
_STRAIN: Final = 0.02
"""Standard deviation of the relative length of a cell's vectors, so that not all runs have the crystal's own volume."""
_EXAMINED_OF: Final = 6
"""One run of so many is of a crystal that is never taught, for the examination to know what runs are like."""
_CHECK_EVERY: Final = 5
"""Steps between looks at whether the crystal still exists."""
KIND: Final = "dynamics"


def explored(
    crystals: Sequence[Atoms], calculator: BaseCalculator, recipe: Recipe, *, report: Callable[[str], None]
) -> list[Atoms]:
    """Frames of short runs, one run for each crystal, with the marks of the crystals they come from.

    Args:
        crystals: At rest, with their marks in `info`.
        calculator: The early student.
        recipe: How long and how hot.
        report: Called with a line for each run.
    """
    import numpy as np

    plan = recipe.exploration
    order = np.random.default_rng(derive_seed(recipe.seed, "explored")).permutation(len(crystals)).tolist()
    examined = [index for index in order if crystals[index].info["split"] != "train"]
    trained = [index for index in order if crystals[index].info["split"] == "train"]
    n_examined = min(len(examined), plan.max_crystals // _EXAMINED_OF)
    chosen = [*examined[:n_examined], *trained[: plan.max_crystals - n_examined]]
    frames: list[Atoms] = []
    for number, index in enumerate(chosen):
        crystal = crystals[index]
        temperature_K = plan.temperatures_K[number % len(plan.temperatures_K)]
        rng = np.random.default_rng(derive_seed(recipe.seed, "run", str(crystal.info["crystal"])))
        found = _run(crystal, calculator, plan, temperature_K=temperature_K, rng=rng)
        frames += [marked_as(atoms, crystal_of(crystal), KIND) for atoms in found]
        report(f"explored {number + 1} of {len(chosen)}: {crystal.info['crystal']} at {temperature_K:.0f} K")
    return frames


def crystal_of(marked: Atoms) -> TaughtCrystal:
    """The crystal that a marked configuration belongs to."""
    info = marked.info
    return TaughtCrystal(str(info["crystal"]), marked, str(info["family"]), info["origin"], info["split"])


def _run(
    crystal: Atoms,
    calculator: BaseCalculator,
    plan: ExplorationRecipe,
    *,
    temperature_K: float,
    rng: np.random.Generator,
) -> list[Atoms]:
    """Frames at equal intervals; a run that loses its crystal ends there, with the last frame that is one."""
    import numpy as np
    from ase import units
    from ase.md.langevin import Langevin
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

    atoms = crystal.copy()
    atoms.info = {}
    atoms.set_cell(atoms.cell[:] * (1 + rng.normal(0.0, _STRAIN, (3, 1))), scale_atoms=True)
    atoms.calc = calculator
    MaxwellBoltzmannDistribution(atoms, temperature_K=temperature_K, rng=rng)
    dynamics = Langevin(
        atoms,
        plan.timestep_fs * units.fs,
        temperature_K=temperature_K,
        friction=_FRICTION_PER_FS / units.fs,
        rng=rng,
    )
    interval = max(1, plan.n_steps // plan.frames)
    frames: list[Atoms] = []
    last = atoms.copy()
    for step in range(_CHECK_EVERY, plan.n_steps + 1, _CHECK_EVERY):
        dynamics.run(_CHECK_EVERY)
        is_crystal = bool(np.isfinite(atoms.positions).all()) and contact_ratios(atoms)[0] > OVERLAP_RATIO
        if not is_crystal:
            return [*frames, last]
        last = atoms.copy()
        if step // interval > len(frames):
            frames.append(last)
    return frames
