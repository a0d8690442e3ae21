"""Where a relaxation stands, kept on the workbench, so that a look that was killed goes on from there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from domain.parsing import ParseError, parse_json, to_json
from domain.relaxation import RelaxationOutcome
from oracles.dynamics.checkpoint import write_atomically
from oracles.relaxation import Ending, Shape, Standing

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Structure:
    """Atoms in a cell."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    atomic_numbers: tuple[int, ...]
    cell_A: tuple[Vector, Vector, Vector]
    positions_A: tuple[Vector, ...]

    @classmethod
    def of(cls, atoms: Atoms) -> Structure:
        """Takes a structure down."""
        first, second, third = (_vector(row) for row in atoms.cell[:])
        return cls(
            tuple(int(number) for number in atoms.numbers),
            (first, second, third),
            tuple(_vector(row) for row in atoms.positions),
        )

    @property
    def atoms(self) -> Atoms:
        """The structure."""
        from ase import Atoms as AseAtoms

        return AseAtoms(numbers=self.atomic_numbers, cell=self.cell_A, positions=self.positions_A, pbc=True)


@dataclass(frozen=True, slots=True)
class Held:
    """How the stage under symmetry ended."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    outcome: RelaxationOutcome
    structure: Structure
    n_steps: int
    after: Shape
    energy_eV_per_atom: float
    largest_force_eV_A: float

    @classmethod
    def of(cls, ending: Ending) -> Held:
        """Takes the ending of a crystal that is whole down."""
        return cls(
            ending.outcome,
            Structure.of(ending.atoms),
            ending.n_steps,
            ending.after,
            ending.energy_eV_per_atom,
            ending.largest_force_eV_A,
        )

    def ending(self, before: Shape) -> Ending:
        """The ending of a relaxation that began with a crystal of this shape."""
        return Ending(
            self.outcome,
            self.structure.atoms,
            self.n_steps,
            before,
            self.after,
            self.energy_eV_per_atom,
            self.largest_force_eV_A,
        )


@dataclass(frozen=True, slots=True)
class Geometry:
    """A structure on its way."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    purpose: str
    """Names what is relaxed, from which sites and how: a geometry on the way to something else is not taken."""
    n_structures: int
    """Structures that were computed up to here."""
    structure: Structure
    before: Shape
    """Of the crystal that the relaxation began with."""
    n_steps: int
    """Of the stage that it is in."""
    held: Held | None
    """None in the stage under symmetry."""

    @property
    def standing(self) -> Standing:
        """Where the relaxation stands."""
        held = None if self.held is None else self.held.ending(self.before)
        return Standing(self.before, self.n_steps, held)

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
