"""What a stage is. The stages of a tree run one after the other; each decides one field of the states."""

from typing import Protocol

import torch
from torch import Tensor

from generators.moves import Exploration
from generators.policy import Head, Policy
from generators.states import States


class Stage(Protocol):
    """Decides one field of the states, in a fixed order of steps, so that each state has one way that leads to it."""

    @property
    def head(self) -> Head:
        """What it asks of a policy."""
        ...

    def sample(
        self, states: States, policy: Policy, *, exploration: Exploration, rng: torch.Generator
    ) -> tuple[States, Tensor]:
        """Decides the field in B states in which all earlier stages are over.

        Returns:
            The states, and the policy's own log-probability `[B]` float64 of what was drawn.
        """
        ...

    def log_probability(self, states: States, policy: Policy) -> Tensor:
        """Log-probability `[B]` float64 of the field in B states, given the fields of earlier stages."""
        ...
