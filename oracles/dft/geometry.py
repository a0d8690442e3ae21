"""Where a relaxation stands, kept on the workbench, so that a look that was killed goes on from there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from domain.parsing import ParseError, parse_json, to_json
from oracles.dynamics.checkpoint import write_atomically

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Geometry:
    """A structure on its way."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    purpose: str
    """Names what is relaxed, from which sites and how: a geometry on the way to something else is not taken."""
    n_structures: int
    """Structures that were computed up to here."""
    atomic_numbers: tuple[int, ...]
    cell_A: tuple[Vector, Vector, Vector]
    positions_A: tuple[Vector, ...]

    @classmethod
    def of(cls, atoms: Atoms, *, purpose: str, n_structures: int) -> Geometry:
        """Takes a structure down."""
        first, second, third = (_vector(row) for row in atoms.cell[:])
        return cls(
            purpose,
            n_structures,
            tuple(int(number) for number in atoms.numbers),
            (first, second, third),
            tuple(_vector(row) for row in atoms.positions),
        )

    @property
    def atoms(self) -> Atoms:
        """The structure."""
        from ase import Atoms as AseAtoms

        return AseAtoms(numbers=self.atomic_numbers, cell=self.cell_A, positions=self.positions_A, pbc=True)

    def write(self, path: Path) -> None:
        """Keeps it, in place of what was kept."""
        write_atomically(path, to_json(self).encode())


def read_geometry(path: Path, *, purpose: str) -> Geometry | None:
    """What was kept for this purpose; None where nothing was, or it cannot be read."""
    try:
        kept = parse_json(Geometry, path.read_bytes())
    except (OSError, ParseError):
        return None
    return kept if kept.purpose == purpose else None


def _vector(row: NDArray[np.float64]) -> Vector:
    x, y, z = (float(number) for number in row)
    return (x, y, z)
