"""The third stage: the lattice, drawn coordinate by coordinate in the unit cube of `cells`.

Legend: B states, N pairs of a state and a coordinate that is free in it.
"""

import torch
from torch import Tensor

from domain.space_groups import SpaceGroup
from generators.cells import FREE_SLOTS
from generators.moves import Exploration, UnitMixture
from generators.policy import Head, Policy
from generators.states import UNSET, Slot, States


class LatticeStage:
    """One number in [0, 1] for each coordinate that the group's cell shape leaves free."""

    def __init__(self, groups: tuple[int, ...], *, n_components: int) -> None:
        self._n_outputs = UnitMixture.n_outputs(n_components)
        self._is_free = torch.tensor(
            [[slot in FREE_SLOTS[SpaceGroup(number).cell_shape] for slot in Slot] for number in groups]
        )

    @property
    def head(self) -> Head:
        """Six steps, one mixture each."""
        return Head("lattice", n_steps=len(Slot), n_outputs=self._n_outputs)

    def sample(
        self, states: States, policy: Policy, *, exploration: Exploration, rng: torch.Generator
    ) -> tuple[States, Tensor]:
        """See `Stage.sample`."""
        cube = states.cube.clone()
        log_density = torch.zeros(len(states), dtype=torch.float64)
        for slot in Slot:
            free = self._is_free[states.group, slot].nonzero().squeeze(1)
            if len(free):
                partial = states.with_cube(cube).select(free)
                mixture = UnitMixture.of(policy.outputs(self.head, partial, torch.full_like(free, slot)))
                position = mixture.draw(exploration=exploration, rng=rng)
                cube[free, slot] = position
                log_density[free] += mixture.log_density(position)
        return states.with_cube(cube), log_density

    def log_probability(self, states: States, policy: Policy) -> Tensor:
        """See `Stage.log_probability`. All coordinates of all states go through the policy at once."""
        row, slot = self._is_free[states.group].nonzero(as_tuple=True)
        undrawn = torch.arange(len(Slot)) >= slot[:, None]
        before = States(
            group=states.group[row],
            counts=states.counts[row],
            cube=states.cube[row].masked_fill(undrawn, UNSET),
        )
        mixture = UnitMixture.of(policy.outputs(self.head, before, slot))
        log_moves = mixture.log_density(states.cube[row, slot])
        return torch.zeros(len(states), dtype=torch.float64).index_add(0, row, log_moves)
