"""What a student computes, in a process of its own: mace's import switches off safe loading for the whole process.

Usage: python -m oracles.potentials.distillation.student_program explore|examine|endure REQUEST.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.errors import OracleUnavailableError
from domain.json_value import JsonValue
from oracles.potentials.chgnet import Chgnet
from oracles.potentials.computing import Computing
from oracles.potentials.distillation.crystals import system_of
from oracles.potentials.distillation.endurance import endured
from oracles.potentials.distillation.examination import cpu_seconds_per_call, examined, mean_force_eV_A
from oracles.potentials.distillation.exploring import explored
from oracles.potentials.distillation.labelling import labelled, teachable
from oracles.potentials.distillation.preparing import read_configurations, write_configurations
from oracles.potentials.distillation.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator
    from mace.calculators import MACECalculator

Paths = Mapping[str, Path]


def explore(paths: Paths, recipe: Recipe) -> None:
    """Runs the early student from every crystal at rest."""
    crystals = [atoms for atoms in read_configurations(paths["configurations"]) if atoms.info["kind"] == "rest"]
    frames = explored(crystals, _student(paths["checkpoint"]), recipe, report=_say)
    write_configurations(paths["output"], frames)


def examine(paths: Paths, recipe: Recipe) -> None:
    """Compares the student, and CHGNet where it is installed, with the teacher on what was never taught."""
    frames = teachable([atoms for atoms in labelled(paths["labels"]) if atoms.info["split"] == "test"], recipe)
    calculators: dict[str, BaseCalculator] = {recipe.name: _student(paths["checkpoint"])}
    chgnet = Chgnet(None, None, Computing("cpu", "float32", 1))
    try:
        calculators["chgnet"] = chgnet.load().calculator
    except OracleUnavailableError as error:
        _say(f"without CHGNet: {error.problem}")
    timed = read_configurations(paths["timed"])[0]
    found: dict[str, JsonValue] = {
        "errors": examined(frames, calculators, report=_say),
        "mean_force_meV_A": round(1000 * mean_force_eV_A(frames), 1),
        "cpu_s_per_call": {name: round(cpu_seconds_per_call(timed, one), 4) for name, one in calculators.items()},
        "timed": f"{timed.get_chemical_formula()}, {len(timed)} atoms, one thread",
    }
    paths["output"].write_text(json.dumps(found, indent=1))


def endure(paths: Paths, recipe: Recipe) -> None:
    """Runs hot crystals for a while, the examination's first."""
    plan = recipe.endurance
    crystals = [atoms for atoms in read_configurations(paths["configurations"]) if atoms.info["kind"] == "rest"]
    small = [atoms for atoms in crystals if len(atoms) <= plan.max_atoms and atoms.info["origin"] == "file"]
    held_out = _one_of_each_system([atoms for atoms in small if atoms.info["split"] == "test"])[: plan.held_out]
    taught = _one_of_each_system([atoms for atoms in small if atoms.info["split"] == "train"])[: plan.taught]
    rows = endured(
        [*held_out, *taught],
        _student(paths["checkpoint"]),
        temperature_K=plan.temperature_K,
        duration_ps=plan.duration_ps,
        seed=recipe.seed,
        report=_say,
    )
    found = {"temperature_K": plan.temperature_K, "duration_ps": plan.duration_ps, "runs": rows}
    paths["output"].write_text(json.dumps(found, indent=1))


def _one_of_each_system(crystals: Iterable[Atoms]) -> list[Atoms]:
    """The first crystal of each chemical system."""
    return list({system_of(atoms.get_chemical_symbols()): atoms for atoms in reversed(list(crystals))}.values())[::-1]


_VERBS: Final[Mapping[str, Callable[[Paths, Recipe], None]]] = {
    "explore": explore,
    "examine": examine,
    "endure": endure,
}


def _student(checkpoint: Path) -> MACECalculator:
    from mace.calculators import MACECalculator

    return MACECalculator(model_paths=[str(checkpoint)], device="cpu", default_dtype="float32")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asked = {key: Path(value) for key, value in json.loads(Path(sys.argv[2]).read_text()).items()}
    _VERBS[sys.argv[1]](asked, read_recipe(asked["recipe"]))
