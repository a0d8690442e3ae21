"""Energies, forces and stresses of many cells in one call of a MACE network.

Legend: A atoms of all replicas together, R replicas, P ordered pairs of atoms within the cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from domain.elements import Element
from domain.errors import UnsupportedCrystalError
from oracles.dynamics.forces import Cells, Evaluation, FloatArray, IntArray

if TYPE_CHECKING:
    from mace.calculators import MACECalculator
    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Ordered pairs of atoms of one batch; no pair joins two replicas."""

    indices: IntArray
    """`[2, P]`, sender and receiver."""
    images: FloatArray
    """`[P, 3]`, cells between the receiver and the image of it that is near, whole numbers."""


@dataclass(frozen=True, slots=True)
class MaceForces:
    """A MACE network over the graphs of all replicas, put into one batch.

    On processors the same cells give the same bits. On a GPU sums are taken in any order, so that they agree to
    rounding only.
    """

    name: str
    calculator: MACECalculator
    """Holds the network, on its device and in its precision."""

    def evaluate(self, cells: Cells) -> Evaluation:
        """Energies, forces and stresses; see `Forces`."""
        species = self._species(cells)
        # Wrapped in double precision, because the network may keep positions in single precision.
        wrapped = _wrapped(cells)
        pairs = _pairs(wrapped, self.calculator.r_max)
        answer = self.calculator.models[0](self._graph(wrapped, species, pairs), compute_stress=True)
        return Evaluation(_array(answer["energy"]), _array(answer["forces"]), _array(answer["stress"]))

    def _species(self, cells: Cells) -> IntArray:
        """`[A]`, place of each atom's element among those of the network."""
        known = np.asarray(self.calculator.z_table.zs)
        missing = sorted(set(cells.atomic_numbers.tolist()) - set(known.tolist()))
        if missing:
            symbols = ", ".join(Element(number).symbol for number in missing)
            raise UnsupportedCrystalError(
                f"The model knows no {symbols} ({self.name}).", remedy="Choose a model that was trained on it."
            )
        places = np.zeros(known.max() + 1, dtype=np.int64)
        places[known] = np.arange(len(known))
        return places[cells.atomic_numbers]

    def _graph(self, cells: Cells, species: IntArray, pairs: _Pairs) -> dict[str, Tensor]:
        import torch

        device, dtype = self.calculator.device, getattr(torch, self.calculator.default_dtype)
        head = self.calculator.available_heads.index(self.calculator.head)
        starts = np.concatenate([[0], np.cumsum(cells.atoms_per_replica)])
        shifts = np.einsum("pi,pij->pj", pairs.images, cells.cells_A[cells.replicas[pairs.indices[0]]])

        def real(array: FloatArray) -> Tensor:
            return torch.tensor(array, dtype=dtype, device=device)

        def whole(array: IntArray) -> Tensor:
            return torch.tensor(array, dtype=torch.long, device=device)

        return {
            "positions": real(cells.positions_A),
            "cell": real(cells.cells_A.reshape(-1, 3)),
            "edge_index": whole(pairs.indices),
            "unit_shifts": real(pairs.images),
            "shifts": real(shifts),
            "node_attrs": real(np.eye(len(self.calculator.z_table.zs))[species]),
            "batch": whole(cells.replicas),
            "ptr": whole(starts),
            "head": whole(np.full(cells.n_replicas, head)),
        }


def _wrapped(cells: Cells) -> Cells:
    """The same crystals with every atom in its cell."""
    own_cells = cells.cells_A[cells.replicas]
    fractional = np.einsum("ai,aij->aj", cells.positions_A, np.linalg.inv(cells.cells_A)[cells.replicas])
    return cells.moved(cells.positions_A - np.einsum("ai,aij->aj", np.floor(fractional), own_cells))


def _pairs(cells: Cells, cutoff_A: float) -> _Pairs:
    """All pairs within the cutoff, replica by replica, as mace finds them itself."""
    from matscipy.neighbours import neighbour_list

    indices, images = [], []
    for replica in range(cells.n_replicas):
        own = np.flatnonzero(cells.replicas == replica)
        first, second, image = neighbour_list(
            "ijS",
            positions=cells.positions_A[own],
            cell=cells.cells_A[replica],
            pbc=(True, True, True),
            cutoff=cutoff_A,
        )
        indices.append(np.stack([first, second]) + own[0])
        images.append(image)
    return _Pairs(np.concatenate(indices, axis=1), np.concatenate(images).astype(np.float64))


def _array(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor.detach().cpu().numpy().astype(np.float64)
    return array
