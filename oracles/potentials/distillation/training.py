"""Training with mace's own trainer, in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.errors import InvalidValueError
from oracles.potentials.distillation.labelling import teachable
from oracles.potentials.distillation.preparing import write_configurations
from oracles.potentials.distillation.recipe import Recipe, TrainingRecipe
from oracles.potentials.programs import Report, run_reporting

if TYPE_CHECKING:
    from ase import Atoms

_SEED_BITS: Final = 31
"""The trainer's seeds are smaller than ours."""


def train(frames: Sequence[Atoms], folder: Path, recipe: Recipe, *, n_epochs: int, report: Report) -> Path:
    """Trains the student, or goes on training it where it was stopped.

    Args:
        frames: Labelled; what is for the examination is not touched.
        folder: Where the trainer writes.
        recipe: Network and training.
        n_epochs: After how many epochs training is over.
        report: Called with each line of the trainer.

    Returns:
        The checkpoint.

    Raises:
        InvalidValueError: If there is nothing to train on, or to watch training with.
        OracleUnavailableError: If the trainer ends with an error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "valid"):
        chosen = teachable([atoms for atoms in frames if atoms.info["split"] == split], recipe)
        if not chosen:
            raise InvalidValueError(
                f"No labelled configuration is there for '{split}'.",
                remedy="Give more crystals of more chemical systems, or label more of them first.",
            )
        write_configurations(folder / f"{split}.xyz", chosen)
    elements = sorted({int(z) for atoms in frames if atoms.info["split"] == "train" for z in atoms.numbers})
    command = [sys.executable, "-W", "ignore", "-m", "mace.cli.run_train"]
    run_reporting([*command, *_arguments(recipe, elements, n_epochs)], folder, what="mace's trainer", report=report)
    return latest_checkpoint(folder, recipe)


def latest_checkpoint(folder: Path, recipe: Recipe) -> Path:
    """The checkpoint of the second stage where it was reached, else that of the first.

    Raises:
        InvalidValueError: If nothing has been trained to an end.
    """
    for ending in ("_stagetwo.model", ".model"):
        path = folder / f"{recipe.name}{ending}"
        if path.is_file():
            return path
    raise InvalidValueError(f"Nothing has been trained in {folder}.", remedy="Run the stage 'train' first.")


def _arguments(recipe: Recipe, elements: Sequence[int], n_epochs: int) -> list[str]:
    """The trainer's own options. Energies come late: first the shape of the landscape, then its height."""
    plan = recipe.training
    options: dict[str, str | int | float] = {
        "name": recipe.name,
        "seed": recipe.seed % 2**_SEED_BITS,
        "train_file": "train.xyz",
        "valid_file": "valid.xyz",
        "model": "MACE",
        "hidden_irreps": _irreps(plan),
        "MLP_irreps": "16x0e",
        "correlation": plan.correlation,
        "num_interactions": plan.n_interactions,
        "r_max": plan.cutoff_A,
        "avg_num_neighbors": plan.mean_neighbours,
        "compute_avg_num_neighbors": "False",
        "atomic_numbers": str(list(elements)),
        "E0s": "average",
        "scaling": "rms_forces_scaling",
        "loss": "universal",
        "energy_weight": 5,
        "forces_weight": 10,
        "stress_weight": 10,
        "compute_stress": "True",
        "error_table": "PerAtomMAE",
        "batch_size": plan.batch_size,
        "valid_batch_size": 2 * plan.batch_size,
        "max_num_epochs": n_epochs,
        "start_swa": plan.second_stage_from,
        "swa_lr": plan.learning_rate / 10,
        "swa_energy_weight": 20,
        "swa_forces_weight": 10,
        "swa_stress_weight": 10,
        "lr": plan.learning_rate,
        "scheduler": "ExponentialLR",
        "lr_scheduler_gamma": plan.decay,
        "ema_decay": 0.99,
        "clip_grad": 10,
        "eval_interval": plan.check_every,
        "patience": n_epochs,
        "default_dtype": "float32",
        "device": "cpu",
        "num_workers": 0,
        "plot": "False",
        "distance_transform": "Agnesi",
    }
    # Every epoch is kept: a small validation is too noisy to choose by, and what is stopped goes on from its last one.
    flags = ["--ema", "--amsgrad", "--swa", "--pair_repulsion", "--restart_latest", "--save_all_checkpoints"]
    return [f"--{name}={value}" for name, value in options.items()] + flags


def _irreps(plan: TrainingRecipe) -> str:
    """Channels of each degree, such as `32x0e + 32x1o`."""
    return " + ".join(f"{plan.channels}x{degree}{'eo'[degree % 2]}" for degree in range(plan.max_degree + 1))
