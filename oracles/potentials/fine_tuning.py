"""The same network, continued on energies of somebody else, such as a campaign's own DFT, in a process of its own.

Usage: python -m oracles.potentials.fine_tuning REQUEST.json

What is learned from is energies of crystals. Forces are anchored to the network's own: a crystal that is shaken a
little must feel what it felt before, or a handful of energies would bend the landscape between them at will. First the
energy of each element's atom is fitted, which takes up that other settings have another zero; then all weights, slowly.

Legend: K crystals.
"""

from __future__ import annotations

import copy
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from domain.errors import InvalidValueError, UnsupportedCrystalError
from domain.json_value import JsonObject
from domain.parsing import parse, to_json_object
from oracles.potentials.portable import build_network, read_portable, read_weights, write_portable
from oracles.potentials.programs import Report, run_reporting
from oracles.structures import from_cif, require_sound_structure

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from mace.tools.torch_geometric.batch import Batch
    from numpy.typing import NDArray
    from torch import Tensor
    from torch.nn import Module

FEWEST: Final = 8
"""Crystals below which nothing is learned that another crystal would confirm."""
_ONE_IN: Final = 5
"""Of so many crystals one is kept to choose by between two networks, and another one to judge what was chosen."""
_RIDGE_EV2: Final = 1e-3
"""By which fitted energies of atoms are held near what they were."""
_SHAKE_A: Final = 0.1
_FORCE_WEIGHT: Final = 10.0
_MEV: Final = 1000.0


@dataclass(frozen=True, slots=True)
class TaughtEnergy:
    """A crystal with the energy that somebody found."""

    cif: str
    energy_eV_per_atom: float


@dataclass(frozen=True, slots=True)
class FineTuningRequest:
    """What is continued, on what, and where it goes."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    network: str
    """Path of the description."""
    output: str
    """Folder."""
    name: str
    seed: int
    source: str
    """Where the energies come from, in words, for the card."""
    energies: tuple[TaughtEnergy, ...]
    n_epochs: int = 60
    learning_rate: float = 3e-4


def fine_tune(request: FineTuningRequest) -> JsonObject:
    """Continues a network and writes it beside the errors before and after, on crystals that it was not continued on.

    Raises:
        InvalidValueError: If there are too few crystals of elements that the network knows.
    """
    import numpy as np
    import torch

    path = Path(request.network)
    described = read_portable(path)
    network = build_network(described, read_weights(described, path)).double()
    crystals = known_crystals(request.energies, described.atomic_numbers)
    rng = np.random.default_rng(request.seed)
    torch.manual_seed(request.seed)
    order = rng.permutation(len(crystals)).tolist()
    parts = split([crystals[index] for index in order])
    before = _error_meV(network, parts.judging)
    _shift_atoms(network, parts.taught)
    shifted = _error_meV(network, parts.judging)
    tuned = _continued(network, parts.taught, request, rng)
    # What is not better is not handed out: the shift alone is then the honest answer.
    is_better = _error_meV(tuned, parts.choosing) < _error_meV(network, parts.choosing)
    chosen = tuned if is_better else network
    told: JsonObject = {
        "source": request.source,
        "taught_crystals": len(parts.taught),
        "choosing_crystals": len(parts.choosing),
        "judged_crystals": len(parts.judging),
        "left_out_crystals": len(request.energies) - len(crystals),
        "error_before_meV_per_atom": round(before, 2),
        "error_with_other_atoms_meV_per_atom": round(shifted, 2),
        "error_after_meV_per_atom": round(_error_meV(chosen, parts.judging), 2),
        "weights_were_changed": is_better,
        "learned_from": "energies only; forces are anchored to those of the network it was continued from",
    }
    card = {**described.card, "continued_from": described.name, "fine_tuning": told}
    dtype = getattr(torch, described.architecture.dtype)
    write_portable(chosen.to(dtype), Path(request.output), name=request.name, licence=described.licence, card=card)
    return told


@dataclass(frozen=True, slots=True)
class Parts:
    """Crystals with their energies, each in one part alone."""

    taught: list[tuple[Atoms, float]]
    choosing: list[tuple[Atoms, float]]
    """By which one network of two is taken: its error on these is too small to be told."""
    judging: list[tuple[Atoms, float]]


def split(crystals: Sequence[tuple[Atoms, float]]) -> Parts:
    """Parts crystals that come in random order."""
    parts = Parts([], [], [])
    for place, crystal in enumerate(crystals):
        {0: parts.judging, 1: parts.choosing}.get(place % _ONE_IN, parts.taught).append(crystal)
    return parts


def known_crystals(energies: Sequence[TaughtEnergy], numbers: Sequence[int]) -> list[tuple[Atoms, float]]:
    """Crystals of elements that the network knows, without those that are unsound.

    Raises:
        InvalidValueError: If they are too few.
    """
    read = [(from_cif(one.cif), one.energy_eV_per_atom) for one in energies]
    known = [one for one in read if set(one[0].numbers.tolist()) <= set(numbers) and _is_sound(one[0])]
    require_enough(len(known))
    return known


def _is_sound(atoms: Atoms) -> bool:
    try:
        require_sound_structure(atoms)
    except UnsupportedCrystalError:
        return False
    return True


def require_enough(n_crystals: int) -> None:
    """Refuses too few crystals.

    Raises:
        InvalidValueError: If there are fewer than `FEWEST`.
    """
    if n_crystals < FEWEST:
        raise InvalidValueError(
            f"{n_crystals} crystals have an energy, sound sites and only elements that the network knows; at least "
            f"{FEWEST} are needed.",
            remedy="Let the campaign look at more crystals with DFT, or name another fidelity or network.",
        )


def _shift_atoms(network: Module, taught: Sequence[tuple[Atoms, float]]) -> None:
    """Fits the energy of each element's atom by least squares, held near what it was."""
    import numpy as np
    import torch

    numbers = network.get_buffer("atomic_numbers").tolist()
    counts = np.array([[(atoms.numbers == z).mean() for z in numbers] for atoms, _ in taught])
    missing = np.array([energy for _, energy in taught]) - _energies(network, [atoms for atoms, _ in taught])
    ridge = _RIDGE_EV2 * np.eye(len(numbers))
    shift = np.linalg.solve(counts.T @ counts + ridge, counts.T @ missing)
    energies = network.get_buffer("atomic_energies_fn.atomic_energies")
    energies += torch.tensor(shift, dtype=energies.dtype).reshape(energies.shape)


def _continued(
    network: Module, taught: Sequence[tuple[Atoms, float]], request: FineTuningRequest, rng: np.random.Generator
) -> Module:
    """A copy of the network that has been continued."""
    import torch

    student = copy.deepcopy(network)
    optimiser = torch.optim.Adam(student.parameters(), lr=request.learning_rate)
    shaken = [_shaken(atoms, rng) for atoms, _ in taught]
    anchors = [_forces(network, atoms).detach() for atoms in shaken]
    for epoch in range(request.n_epochs):
        for group in optimiser.param_groups:
            group["lr"] = request.learning_rate * (1 + math.cos(math.pi * epoch / request.n_epochs)) / 2
        for index in rng.permutation(len(taught)).tolist():
            atoms, energy = taught[index]
            answer = student(_graph(student, atoms).to_dict(), training=True, compute_force=False)
            difference = answer["energy"] / len(atoms) - energy
            pull = _forces(student, shaken[index], training=True) - anchors[index]
            loss = difference.abs().sum() + _FORCE_WEIGHT * (pull**2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return student


def _shaken(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    moved = atoms.copy()
    moved.positions += rng.normal(0.0, _SHAKE_A, moved.positions.shape)
    return moved


def _graph(network: Module, atoms: Atoms) -> Batch:
    """Mace's own graph of one crystal, in double precision."""
    import torch
    from mace.data import AtomicData, config_from_atoms
    from mace.tools import AtomicNumberTable
    from mace.tools.torch_geometric.batch import Batch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        table = AtomicNumberTable(network.get_buffer("atomic_numbers").tolist())
        data = AtomicData.from_config(
            config_from_atoms(atoms), z_table=table, cutoff=float(network.get_buffer("r_max"))
        )
        return Batch.from_data_list([data])
    finally:
        torch.set_default_dtype(before)


def _forces(network: Module, atoms: Atoms, *, training: bool = False) -> Tensor:
    answer = network(_graph(network, atoms).to_dict(), training=training)
    forces: Tensor = answer["forces"]
    return forces


def _energies(network: Module, crystals: Sequence[Atoms]) -> NDArray[np.float64]:
    """`[K]` eV per atom."""
    import numpy as np

    return np.array(
        [
            float(network(_graph(network, atoms).to_dict(), compute_force=False)["energy"]) / len(atoms)
            for atoms in crystals
        ]
    )


def _error_meV(network: Module, judged: Sequence[tuple[Atoms, float]]) -> float:
    """Mean absolute error of the energy, meV per atom."""
    import numpy as np

    expected = np.array([energy for _, energy in judged])
    return _MEV * float(np.abs(_energies(network, [atoms for atoms, _ in judged]) - expected).mean())


def run_fine_tuning(request: FineTuningRequest, *, report: Report) -> None:
    """Continues in a process of its own, because mace's import switches off safe loading for a whole process.

    Raises:
        InvalidValueError: If the request holds too few crystals.
        OracleUnavailableError: If that ends with an error.
    """
    require_enough(len(request.energies))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(to_json_object(request), file)
        file.flush()
        command = [sys.executable, "-W", "ignore", "-m", "oracles.potentials.fine_tuning", file.name]
        run_reporting(command, Path(request.output), what=f"Continuing {request.name}", report=report)


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text())
    told = fine_tune(parse(FineTuningRequest, asked, what="The request"))
    Path(asked["output"], "fine_tuning.json").write_text(json.dumps(told, indent=1))
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
