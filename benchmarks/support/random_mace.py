"""A MACE network with random weights, as large as the student: it knows nothing and is as fast."""

import subprocess
import sys
from pathlib import Path
from typing import Final

_ELEMENTS: Final = (3, 8, 16, 17)
_BUILD: Final = """
import sys

import numpy
import torch
from mace import modules  # before e3nn, which loads only after it
from e3nn import o3

torch.manual_seed(11)
numbers = [int(number) for number in sys.argv[2:]]
interaction = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
model = modules.ScaleShiftMACE(
    r_max=5.0, num_bessel=8, num_polynomial_cutoff=5, max_ell=2,
    interaction_cls=interaction, interaction_cls_first=interaction, num_interactions=2,
    num_elements=len(numbers), atomic_numbers=numbers, atomic_energies=numpy.zeros(len(numbers)),
    hidden_irreps=o3.Irreps("32x0e"), MLP_irreps=o3.Irreps("16x0e"), radial_MLP=[64, 64, 64],
    avg_num_neighbors=30.0, correlation=2, gate=torch.nn.functional.silu,
    atomic_inter_scale=0.01, atomic_inter_shift=0.0,
)
torch.save(model, sys.argv[1])
"""


def write_random_mace(folder: Path) -> Path:
    """Writes a checkpoint for Li, O, S and Cl.

    In a process of its own: importing mace switches off safe loading of torch's files for the whole process.
    """
    path = folder / "random.model"
    numbers = [str(number) for number in _ELEMENTS]
    subprocess.run([sys.executable, "-W", "ignore", "-c", _BUILD, str(path), *numbers], check=True)
    return path
