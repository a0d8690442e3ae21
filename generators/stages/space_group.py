"""The first stage: a space group, out of those that host some composition.

Legend: B states, G groups.
"""

import torch
from torch import Tensor

from generators.moves import Exploration, draw_choice, log_choice, picked
from generators.policy import Head, Policy
from generators.states import States


class SpaceGroupStage:
    """One choice among G groups."""

    def __init__(self, n_groups: int) -> None:
        self._n_groups = n_groups

    @property
    def head(self) -> Head:
        """One step of G logits."""
        return Head("space_group", n_steps=1, n_outputs=self._n_groups)

    def sample(
        self, states: States, policy: Policy, *, exploration: Exploration, rng: torch.Generator
    ) -> tuple[States, Tensor]:
        """See `Stage.sample`."""
        logits, allowed = self._logits(states, policy)
        group = draw_choice(logits, allowed, exploration=exploration, rng=rng)
        return states.with_group(group), picked(log_choice(logits, allowed), group)

    def log_probability(self, states: States, policy: Policy) -> Tensor:
        """See `Stage.log_probability`."""
        before = States.empty(len(states), states.counts.shape[1])
        return picked(log_choice(*self._logits(before, policy)), states.group)

    def _logits(self, states: States, policy: Policy) -> tuple[Tensor, Tensor]:
        logits = policy.outputs(self.head, states, torch.zeros(len(states), dtype=torch.int64))
        return logits, torch.ones_like(logits, dtype=torch.bool)
