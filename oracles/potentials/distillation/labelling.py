"""Labels of a teacher that answers in an environment of its own, and what of them is taught."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.errors import OracleUnavailableError
from domain.json_value import JsonObject
from oracles.potentials.distillation.preparing import read_configurations
from oracles.potentials.distillation.recipe import Recipe
from oracles.potentials.programs import Report, run_reporting

if TYPE_CHECKING:
    from ase import Atoms

PROGRAM: Final = Path(__file__).with_name("teacher_program.py")


def require_teacher(recipe: Recipe, python: Path) -> Path:
    """The Python that the teacher of a recipe runs in: this one, but for SevenNet, which needs another e3nn.

    Args:
        recipe: Who the teacher is.
        python: Of the environment in which SevenNet is installed.

    Raises:
        OracleUnavailableError: If it is not there, with how to install it.
    """
    if recipe.teacher != "sevennet":
        return Path(sys.executable)
    if not python.is_file():
        raise OracleUnavailableError(
            f"The teacher SevenNet needs an environment of its own, and there is no Python at {python}.",
            remedy="Run tools/install_teacher.sh, or name the Python of such an environment.",
        )
    return python.absolute()


def label(configurations: Path, folder: Path, recipe: Recipe, *, python: Path, report: Report) -> None:
    """Lets the teacher label what it has not labelled yet; it can be stopped and repeated at will.

    Args:
        configurations: Extended XYZ.
        folder: Where the labels go.
        recipe: Who the teacher is.
        python: Of the environment in which SevenNet is installed.
        report: Called with each line that the teacher says.

    Raises:
        OracleUnavailableError: If the teacher is not there, or ends with an error.
    """
    command = [
        str(require_teacher(recipe, python)),
        *("-W", "ignore", str(PROGRAM), str(configurations), str(folder), recipe.teacher, recipe.teacher_model),
    ]
    run_reporting(command, folder.parent, what=f"The teacher {recipe.teacher}", report=report)


def labelled(folder: Path) -> list[Atoms]:
    """All labels, in the order of their keys."""
    frames = [atoms for path in sorted(folder.glob("*.xyz")) for atoms in read_configurations(path)]
    return sorted(frames, key=lambda atoms: str(atoms.info["key"]))


def teacher_identity(folder: Path) -> JsonObject:
    """Which software, model and weights answered.

    Raises:
        OracleUnavailableError: If nobody has answered yet.
    """
    path = folder / "teacher.json"
    if not path.is_file():
        raise OracleUnavailableError(f"There are no labels in {folder}.", remedy="Run the stage 'label' first.")
    identity: JsonObject = json.loads(path.read_text())
    return identity


def largest_force_eV_A(atoms: Atoms) -> float:
    """Length of the largest force of the teacher, eV/Å."""
    import numpy as np

    return float(np.linalg.norm(atoms.arrays["REF_forces"], axis=1).max())


def teachable(frames: Sequence[Atoms], recipe: Recipe) -> list[Atoms]:
    """Labels whose forces are within what a teacher has ever been taught."""
    return [atoms for atoms in frames if largest_force_eV_A(atoms) <= recipe.training.max_force_eV_A]
