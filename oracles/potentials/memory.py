"""How much memory a crystal will take, said before anything is computed.

The hard limit of a worker process ends a look that has been paid for; this one refuses it before. What a graph network
holds in memory while it differentiates is a handful of numbers for every pair of atoms within its cutoff and, where it
has angles, for every two bonds of an atom. Both are counted exactly, each is worth the bytes that were measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.errors import UnsupportedCrystalError
from oracles.potentials.computing import Device

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

_GIB: Final = 2**30


@dataclass(frozen=True, slots=True)
class MemoryRule:
    """Bytes for each part of a crystal's graph, as measured, and where they are taken from."""

    device: Device
    pair_cutoff_A: float
    bytes_per_pair: float
    """Of each ordered pair of atoms (i, j) within the cutoff."""
    angle_cutoff_A: float = 0.0
    """Length up to which a pair is a bond that has angles; 0: no angles."""
    bytes_per_angle: float = 0.0
    """Of each ordered pair of bonds of one atom."""
    is_batched: bool = False
    """Whether all cells of a call are in memory together, or one after the other."""

    def predicted_GiB(self, atoms: Atoms) -> float:
        """What one cell takes beside the loaded software, GiB."""
        import numpy as np

        pairs = float(_neighbours(atoms, self.pair_cutoff_A).sum())
        bonds = _neighbours(atoms, self.angle_cutoff_A) if self.angle_cutoff_A > 0 else np.zeros(1)
        angles = float((bonds * (bonds - 1)).sum())
        return (pairs * self.bytes_per_pair + angles * self.bytes_per_angle) / _GIB

    def require_room(self, atoms: Atoms, *, n_replicas: int) -> None:
        """Refuses cells that will not fit.

        Args:
            atoms: One of the cells.
            n_replicas: How many like it are computed in one call.

        Raises:
            UnsupportedCrystalError: If more memory is needed than there is, with both numbers.
        """
        n_together = n_replicas if self.is_batched else 1
        needed_GiB, left_GiB = n_together * self.predicted_GiB(atoms), _left_GiB(self.device)
        if needed_GiB > left_GiB:
            cells = f"{n_together} cells of {len(atoms)} atoms need"
            if n_together == 1:
                cells = f"A cell of {len(atoms)} atoms needs"
            where = "the GPU" if self.device == "cuda" else "this look"
            raise UnsupportedCrystalError(
                f"{cells} about {needed_GiB:.1f} GiB of memory; {where} leaves {left_GiB:.1f} GiB.",
                remedy="Raise the fidelity's memory_GiB, or choose smaller cells, fewer replicas or a smaller model.",
            )


def _neighbours(atoms: Atoms, cutoff_A: float) -> NDArray[np.int64]:
    """Neighbours of each atom within a distance, periodic images included."""
    import numpy as np
    from matscipy.neighbours import neighbour_list

    first = neighbour_list("i", positions=atoms.positions, cell=atoms.cell[:], pbc=(True, True, True), cutoff=cutoff_A)
    return np.bincount(first, minlength=len(atoms))


def _left_GiB(device: Device) -> float:
    """What is left of this process's limit and of the whole machine, whatever others use of it at this moment.

    A refusal is for good, so it must not depend on the hour.
    """
    if device == "cuda":
        import torch

        _, total = torch.cuda.mem_get_info()
        return float(total - torch.cuda.memory_allocated()) / _GIB
    import resource

    import psutil

    process, total = psutil.Process().memory_info(), psutil.virtual_memory().total
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    left = total - process.rss
    return (left if limit == resource.RLIM_INFINITY else min(left, limit - process.vms)) / _GIB
