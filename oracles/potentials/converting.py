"""From a trainer's checkpoint to a network without a program in it, in a process of its own.

Usage: python -m oracles.potentials.converting REQUEST.json

The request names `checkpoint`, `output` (a folder), `name`, `licence` and `card`. A checkpoint is a program: whoever
starts this has seen to it that the checkpoint is to be trusted.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.errors import InvalidValueError
from domain.json_value import JsonValue
from oracles.potentials.portable import build_network, read_portable, read_weights, write_portable
from oracles.potentials.programs import run_reporting

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray
    from torch.nn import Module

    Floats = NDArray[np.float64]

_TOLERANCE: Final = 1e-6
"""Largest difference in a force (eV/Å) or an energy (eV per atom) between a checkpoint and what is made of it."""
_SPACING_A: Final = 2.6
_SEED: Final = 7


def convert(checkpoint: Path, folder: Path, *, name: str, licence: str, card: Mapping[str, JsonValue]) -> Path:
    """Writes a checkpoint's network as two files, rebuilds it from them and compares the two.

    Args:
        checkpoint: A whole network as mace's trainer writes it. It is run.
        folder: Where the files go.
        name: Of the network.
        licence: Of its numbers.
        card: What is known of it.

    Returns:
        The description's path.

    Raises:
        InvalidValueError: If the file holds another network, or what was rebuilt answers otherwise.
    """
    from mace.calculators import MACECalculator

    # Without a precision it keeps the checkpoint's own.
    original = MACECalculator(model_paths=[str(checkpoint)], device="cpu").models[0]
    path = write_portable(original, folder, name=name, licence=licence, card=card)
    network = read_portable(path)
    difference = largest_difference(build_network(network, read_weights(network, path)), original)
    if difference > _TOLERANCE:
        path.unlink()
        raise InvalidValueError(
            f"The network that was rebuilt differs from {checkpoint.name} by {difference:.1e} eV/Å.",
            remedy="It has a part that this version cannot write; use the checkpoint itself, in a trusted folder.",
        )
    return path


def largest_difference(first: Module, second: Module) -> float:
    """Largest difference in a force (eV/Å) or in the energy (eV per atom) on a crystal of all elements."""
    import numpy as np

    answers = [_answer(network) for network in (first, second)]
    return max(float(np.abs(a - b).max()) for a, b in zip(*answers, strict=True))


def _answer(network: Module) -> tuple[Floats, Floats]:
    import numpy as np
    from mace.calculators import MACECalculator

    # In double precision: what is compared is the networks, not the rounding of their sums.
    calculator = MACECalculator(models=[network], device="cpu", default_dtype="float64")
    atoms = _every_element(calculator.z_table.zs)
    atoms.calc = calculator
    return atoms.get_forces(), np.array([atoms.get_potential_energy() / len(atoms)])


def _every_element(numbers: list[int]) -> Atoms:
    """A shaken simple cubic crystal in which every element has neighbours of others."""
    import numpy as np
    from ase import Atoms as AseAtoms

    rng = np.random.default_rng(_SEED)
    sites = np.array([(i, j, k) for i in range(4) for j in range(4) for k in range(4)], dtype=float) * _SPACING_A
    species = rng.permutation(np.resize(np.array(numbers), len(sites)))
    shaken = sites + rng.normal(0.0, 0.1, sites.shape)
    return AseAtoms(numbers=species, positions=shaken, cell=[4 * _SPACING_A] * 3, pbc=True)


def run_conversion(
    checkpoint: Path,
    folder: Path,
    *,
    name: str,
    licence: str,
    card: Mapping[str, JsonValue],
    report: Callable[[str], None],
) -> None:
    """Converts in a process of its own, because mace's import switches off safe loading for a whole process.

    Raises:
        OracleUnavailableError: If that ends with an error.
    """
    asked = {"checkpoint": str(checkpoint), "output": str(folder), "name": name, "licence": licence, "card": dict(card)}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as request:
        json.dump(asked, request)
        request.flush()
        command = [sys.executable, "-W", "ignore", "-m", "oracles.potentials.converting", request.name]
        run_reporting(command, folder, what=f"The conversion of {checkpoint.name}", report=report)


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text())
    written = convert(
        Path(asked["checkpoint"]),
        Path(asked["output"]),
        name=asked["name"],
        licence=asked["licence"],
        card=asked["card"],
    )
    sys.stdout.write(f"written {written}\n")
