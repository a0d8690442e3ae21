"""Many blueprints as tensors: the one place where the domain knows torch.

Legend: B blueprints, E elements of the search space.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.errors import InvalidValueError
from domain.lattice import LatticeParameters
from domain.space_groups import SpaceGroup


@dataclass(frozen=True, slots=True)
class BlueprintBatch:
    """B blueprints over a fixed list of E elements."""

    elements: tuple[int, ...]
    """Atomic numbers of the columns of `counts`, ascending."""
    space_group: Tensor
    """`[B]` int64, space-group numbers 1 to 230."""
    counts: Tensor
    """`[B, E]` int64, atoms of each element in the conventional cell."""
    lattice: Tensor
    """`[B, 6]` float64: a, b, c in Å, then alpha, beta, gamma in degrees."""

    def __post_init__(self) -> None:
        if list(self.elements) != sorted(set(self.elements)):
            raise InvalidValueError(
                f"The columns {self.elements} are not distinct elements in ascending order.",
                remedy="Give SearchSpace.atomic_numbers.",
            )
        n_blueprints = self.space_group.shape[0]
        expected = ((n_blueprints,), (n_blueprints, len(self.elements)), (n_blueprints, 6))
        given = (tuple(self.space_group.shape), tuple(self.counts.shape), tuple(self.lattice.shape))
        if given != expected:
            raise InvalidValueError(
                f"A batch of shapes {given} is inconsistent; {expected} was expected.",
                remedy="Give [B], [B, E] and [B, 6].",
            )

    def __len__(self) -> int:
        return int(self.space_group.shape[0])

    @classmethod
    def from_blueprints(cls, blueprints: Sequence[Blueprint], elements: tuple[int, ...]) -> "BlueprintBatch":
        """Packs blueprints into tensors.

        Args:
            blueprints: B blueprints.
            elements: Atomic numbers of the columns, ascending.

        Raises:
            InvalidValueError: If a blueprint contains an element that is not listed.
        """
        column = {atomic_number: index for index, atomic_number in enumerate(elements)}
        counts = torch.zeros(len(blueprints), len(elements), dtype=torch.int64)
        for row, blueprint in enumerate(blueprints):
            for atomic_number, n_atoms in blueprint.composition.counts:
                if atomic_number not in column:
                    raise InvalidValueError(
                        f"{blueprint.composition.formula} contains an element outside of {elements}.",
                        remedy="List every element of the campaign's search space.",
                    )
                counts[row, column[atomic_number]] = n_atoms
        return cls(
            elements=elements,
            space_group=torch.tensor([b.space_group.number for b in blueprints], dtype=torch.int64),
            counts=counts,
            lattice=torch.tensor([b.lattice.parameters for b in blueprints], dtype=torch.float64).reshape(-1, 6),
        )

    def to_blueprints(self) -> tuple[Blueprint, ...]:
        """Unpacks the tensors; every blueprint is validated on the way.

        Raises:
            InvalidValueError: If a row is no possible blueprint.
        """
        rows = zip(self.space_group.tolist(), self.counts.tolist(), self.lattice.tolist(), strict=True)
        return tuple(
            Blueprint(
                space_group=SpaceGroup(number),
                composition=Composition(tuple((z, n) for z, n in zip(self.elements, counts, strict=True) if n)),
                lattice=LatticeParameters(*lattice),
            )
            for number, counts, lattice in rows
        )

    def select(self, index: Tensor) -> "BlueprintBatch":
        """Picks rows by an index or mask `[B]`."""
        return BlueprintBatch(self.elements, self.space_group[index], self.counts[index], self.lattice[index])
