"""Crystals under way as tensors. Every mask and every network input is computed from these tensors alone.

Legend: B states, E elements.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

import torch
from torch import Tensor

UNSET: Final = -1
"""Marks what is not decided yet. No decided value is negative."""


class Slot(IntEnum):
    """A coordinate of the unit cube that a lattice is drawn from, in the order of drawing."""

    ALPHA = 0
    BETA = 1
    GAMMA = 2
    VOLUME = 3
    """Volume per atom."""
    LENGTH_A = 4
    """Logarithm of a (and of b where they are equal)."""
    LENGTH_B = 5
    """Logarithm of b."""


@dataclass(frozen=True, slots=True)
class States:
    """B crystals under way."""

    group: Tensor
    """`[B]` int64, index of the space group among the feasible ones."""
    counts: Tensor
    """`[B, E]` int64, atoms of each element in the conventional cell."""
    cube: Tensor
    """`[B, 6]` float64, coordinates in [0, 1] by `Slot`. What a cell shape fixes stays unset for ever."""

    def __len__(self) -> int:
        return int(self.group.shape[0])

    @classmethod
    def empty(cls, n_states: int, n_elements: int) -> "States":
        """States in which nothing is decided."""
        return cls(
            group=torch.full((n_states,), UNSET, dtype=torch.int64),
            counts=torch.full((n_states, n_elements), UNSET, dtype=torch.int64),
            cube=torch.full((n_states, len(Slot)), float(UNSET), dtype=torch.float64),
        )

    @classmethod
    def concatenated(cls, parts: Sequence["States"]) -> "States":
        """All states of several parts in order."""
        return cls(
            group=torch.cat([part.group for part in parts]),
            counts=torch.cat([part.counts for part in parts]),
            cube=torch.cat([part.cube for part in parts]),
        )

    def select(self, index: Tensor) -> "States":
        """Picks rows by an index or mask `[B]`."""
        return States(self.group[index], self.counts[index], self.cube[index])

    def with_group(self, group: Tensor) -> "States":
        """The states with this `group`."""
        return replace(self, group=group)

    def with_counts(self, counts: Tensor) -> "States":
        """The states with these `counts`."""
        return replace(self, counts=counts)

    def with_cube(self, cube: Tensor) -> "States":
        """The states with these `cube` coordinates."""
        return replace(self, cube=cube)
