"""The stages from files of crystals to a potential. Each goes on where it was stopped, and can be run alone."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from domain.digest import content_digest
from domain.errors import InvalidValueError, SpecError
from domain.json_value import JsonValue
from domain.parsing import to_json_object
from oracles.potentials.converting import run_conversion
from oracles.potentials.distillation.card import LICENCE, card_of
from oracles.potentials.distillation.labelling import label, labelled, teacher_identity
from oracles.potentials.distillation.preparing import (
    configurations,
    read_files,
    taught_crystals,
    write_configurations,
)
from oracles.potentials.distillation.recipe import Recipe, read_recipe
from oracles.potentials.distillation.training import latest_checkpoint, train
from oracles.potentials.distillation.written_card import written_card
from oracles.potentials.portable import read_portable
from oracles.potentials.programs import Report, run_reporting
from oracles.versions import versions_of

if TYPE_CHECKING:
    from ase import Atoms


_RECIPES: Final = Path(__file__).with_name("recipes")
_TIMED_ATOMS: Final = 50
"""Size of the cell by which speeds are compared."""


class Stage(StrEnum):
    """In the order in which they run."""

    PREPARE = "prepare"
    """Files become ordered crystals, and these become configurations."""
    LABEL = "label"
    """The teacher answers for each."""
    EXPLORE = "explore"
    """An early student runs molecular dynamics, and the teacher answers for what it visits."""
    TRAIN = "train"
    CARD = "card"
    """Examination, card and the files that are shipped."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """A folder in which one potential is made."""

    folder: Path
    recipe_path: Path
    recipe: Recipe
    teacher_python: Path
    """Of the environment in which SevenNet is installed."""

    @classmethod
    def opened(cls, folder: Path, recipe_path: Path, *, teacher_python: Path) -> Workplace:
        """Opens the folder of a recipe, which stays that recipe's.

        Raises:
            InvalidValueError: If something else was begun in it.
            SpecError: If there is no such recipe.
        """
        recipe = read_recipe(recipe_path)
        folder.mkdir(parents=True, exist_ok=True)
        # What is only told on the card may be worded anew.
        plan = dict(to_json_object(replace(recipe, sources={}, notes=())))
        del plan["unfit_for"]
        digest, known = content_digest(plan), folder / "recipe.sha256"
        if known.exists() and known.read_text() != digest:
            raise InvalidValueError(
                f"{folder} holds another recipe's work.",
                remedy="Give another folder, or remove this one if what it holds is not needed any more.",
            )
        known.write_text(digest)
        return cls(folder.absolute(), recipe_path.absolute(), recipe, teacher_python)

    @property
    def configurations(self) -> Path:
        """Crystals at rest and bent."""
        return self.folder / "configurations.xyz"

    @property
    def explored(self) -> Path:
        """Frames that the early student visited."""
        return self.folder / "explored.xyz"

    @property
    def labels(self) -> Path:
        """The teacher's answers."""
        return self.folder / "labels"

    @property
    def early(self) -> Path:
        """Where the trainer writes the early student, which only explores."""
        return self.folder / "early"

    @property
    def network(self) -> Path:
        """Where the trainer writes the student."""
        return self.folder / "network"

    def result(self, name: str) -> Path:
        """A file of the card: errors, speed, endurance."""
        return self.folder / f"{name}.json"


def recipe_named(name: str) -> Path:
    """The file of a recipe: Petalite's own by its name, or any by its path.

    Raises:
        SpecError: If there is no such recipe.
    """
    own = _RECIPES / f"{name}.yaml"
    if own.is_file() or Path(name).is_file():
        return own if own.is_file() else Path(name)
    names = ", ".join(sorted(path.stem for path in _RECIPES.glob("*.yaml")))
    raise SpecError(f"There is no recipe '{name}'.", remedy=f"Give a YAML file, or one of {names}.")


def prepare(work: Workplace, cifs: Path, table: Path | None, *, report: Report) -> None:
    """Writes the configurations, unless they are there.

    Args:
        work: Where they go.
        cifs: Folder or tar archive.
        table: CSV with the columns `ID` and `Family`; None: families are unknown.
        report: Called with a line for each crystal.

    Raises:
        InvalidValueError: If there is no CIF, or no crystal is left.
    """
    if work.configurations.exists():
        return
    crystals = taught_crystals(read_files(cifs, table), work.recipe, report=report)
    frames = configurations(crystals, work.recipe)
    write_configurations(work.configurations, frames)
    report(f"{len(frames)} configurations of {len(crystals)} crystals, {sum(map(len, frames))} atoms")


def label_all(work: Workplace, *, report: Report) -> None:
    """Lets the teacher answer for all configurations that are there."""
    for path in (work.configurations, work.explored):
        if path.exists():
            label(path, work.labels, work.recipe, python=work.teacher_python, report=report)


def explore(work: Workplace, *, report: Report) -> None:
    """Trains an early student, lets it run, and lets the teacher answer, unless that is done."""
    if work.explored.exists() or work.recipe.exploration.max_crystals == 0:
        return
    epochs = work.recipe.exploration.epochs
    checkpoint = train(labelled(work.labels), work.early, work.recipe, n_epochs=epochs, report=report)
    asked = {"checkpoint": checkpoint, "configurations": work.configurations, "output": work.explored}
    run_student(work, "explore", asked, report=report)
    label(work.explored, work.labels, work.recipe, python=work.teacher_python, report=report)


def train_student(work: Workplace, *, report: Report) -> Path:
    """Trains the student to the end and returns the trainer's checkpoint."""
    epochs = work.recipe.training.epochs
    return train(labelled(work.labels), work.network, work.recipe, n_epochs=epochs, report=report)


def write_card(work: Workplace, *, command: str, report: Report) -> Path:
    """Examines the student and writes it, with its card, as it is shipped.

    Args:
        work: With a trained student.
        command: Which makes the potential again, for the card.
        report: Called with each line.

    Returns:
        The network's description.

    Raises:
        InvalidValueError: If nothing is trained yet.
    """
    checkpoint = latest_checkpoint(work.network, work.recipe)
    frames = labelled(work.labels)
    measured = _measured(work, checkpoint, frames, report=report)
    card = card_of(
        work.recipe,
        frames,
        teacher=teacher_identity(work.labels),
        measured=measured,
        software=versions_of("petalite", "mace-torch", "e3nn", "torch"),
        command=command,
    )
    folder = work.folder / "shipped"
    run_conversion(checkpoint, folder, name=work.recipe.name, licence=LICENCE, card=card, report=report)
    path = folder / f"{work.recipe.name}.json"
    path.with_suffix(".md").write_text(written_card(read_portable(path)))
    return path


def _measured(work: Workplace, checkpoint: Path, frames: Sequence[Atoms], *, report: Report) -> dict[str, JsonValue]:
    """Errors, speed and endurance of a checkpoint; what was measured of this one is not measured again."""
    rest = [atoms for atoms in frames if atoms.info["kind"] == "rest"]
    timed = min(rest, key=lambda atoms: abs(len(atoms) - _TIMED_ATOMS))
    write_configurations(work.folder / "timed.xyz", [timed])
    given = {
        "checkpoint": checkpoint,
        "labels": work.labels,
        "configurations": work.configurations,
        "timed": work.folder / "timed.xyz",
    }
    sha256 = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    measured: dict[str, JsonValue] = {}
    for verb in ("examine", "endure"):
        path = work.result(f"{verb}-{sha256[:12]}")
        if not path.exists():
            run_student(work, verb, {**given, "output": path}, report=report)
        measured[verb] = json.loads(path.read_text())
    costs = [float(atoms.info["teacher_cpu_s"]) / len(atoms) for atoms in frames if "teacher_cpu_s" in atoms.info]
    if costs:
        measured["teacher_cpu_s_per_atom"] = round(median(costs), 5)
    return measured


def run_student(work: Workplace, verb: str, paths: Mapping[str, Path], *, report: Report) -> None:
    """Runs what needs the student in a process of its own.

    Raises:
        OracleUnavailableError: If it ends with an error.
    """
    request = work.folder / f"{verb}.request.json"
    asked = {"recipe": work.recipe_path, **paths}
    request.write_text(json.dumps({key: str(path) for key, path in asked.items()}))
    command = [sys.executable, "-W", "ignore", "-m", "oracles.potentials.distillation.student_program", verb]
    run_reporting([*command, str(request)], work.folder, what=f"The student's '{verb}'", report=report)
