"""A potential that is loaded, and the one door through which a crystal comes to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from domain.elements import Element
from domain.errors import UnsupportedCrystalError
from domain.json_value import JsonObject
from oracles.potentials.memory import MemoryRule
from oracles.structures import require_sound_structure

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator

    from oracles.dynamics.forces import Forces


@dataclass(frozen=True, slots=True)
class Potential:
    """A loaded potential."""

    name: str
    """Potential, version, model and precision, as they were loaded: a file may hold another model by now."""
    calculator: BaseCalculator
    """For one crystal at a time, as ASE's optimisers want it."""
    forces: Forces
    """For many crystals in one call, as molecular dynamics wants it."""
    atomic_numbers: frozenset[int] | None = None
    """Elements that the model was made for; None: every one that Petalite knows."""
    memory: MemoryRule | None = None
    """How much memory a crystal takes; None where nobody measured."""
    details: JsonObject = field(default_factory=dict)
    """What was loaded, for a result's details: the whole hash, precision, device, threads."""

    def require_elements(self, elements: Iterable[Element]) -> None:
        """Refuses elements that the model was not made for.

        Raises:
            UnsupportedCrystalError: If there are any.
        """
        if self.atomic_numbers is None:
            return
        missing = ", ".join(e.symbol for e in sorted(elements) if e.atomic_number not in self.atomic_numbers)
        if missing:
            raise UnsupportedCrystalError(
                f"The model knows no {missing} ({self.name}).",
                remedy=f"Leave {missing} out of the search space, or choose a model that was trained on it.",
            )

    def admit(self, atoms: Atoms, *, n_replicas: int = 1) -> None:
        """Refuses, before anything is computed, what the potential cannot or must not compute.

        Args:
            atoms: The cell that will be computed, not another one of the same crystal.
            n_replicas: How many such cells are computed in one call.

        Raises:
            UnsupportedCrystalError: If the model lacks an element, the structure is none (partial occupancies, atoms
                inside each other, a cell without volume) or the cell does not fit into memory.
        """
        self.require_elements({Element(int(number)) for number in atoms.numbers})
        require_sound_structure(atoms)
        if self.memory is not None:
            self.memory.require_room(atoms, n_replicas=n_replicas)
