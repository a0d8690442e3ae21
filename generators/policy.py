"""What a policy is, and the network that learns one.

Legend: B states, E elements, G groups, C choices of a count, F features, N rows, O outputs of a head.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from generators.states import UNSET, Slot, States


@dataclass(frozen=True, slots=True)
class Head:
    """What a stage asks of a policy: O numbers for each of its steps."""

    name: str
    n_steps: int
    n_outputs: int


class Policy(Protocol):
    """Turns crystals under way into the parameters of the next move's distribution."""

    def outputs(self, head: Head, states: States, step: Tensor) -> Tensor:
        """Parameters of one move in each state.

        Args:
            head: Which stage asks.
            states: N states.
            step: `[N]` int64, the stage's step in each state.

        Returns:
            `[N, O]` floats without bounds. All zero means a uniform choice.
        """
        ...


class UniformPolicy:
    """Always zero: every allowed choice is equally likely."""

    def outputs(self, head: Head, states: States, step: Tensor) -> Tensor:  # noqa: ARG002 - looks at nothing
        """Zeros `[N, O]`."""
        return torch.zeros(len(states), head.n_outputs)


@dataclass(frozen=True, slots=True)
class Encoder:
    """Describes states to a network: one-hot categories, scaled numbers, and a flag for everything that is decided."""

    n_groups: int
    n_elements: int
    n_choices: int
    max_atoms: int

    @property
    def n_features(self) -> int:
        """F."""
        return self.n_groups + 1 + self.n_elements * (self.n_choices + 2) + 2 + 2 * len(Slot)

    def __call__(self, states: States) -> Tensor:
        """Features `[B, F]` float32."""
        counts = states.counts.clamp(min=0)
        present = (counts > 0).sum(dim=1, keepdim=True)
        decided = states.counts != UNSET
        drawn = states.cube != UNSET
        parts = (
            _one_hot(states.group, self.n_groups),
            (states.group != UNSET)[:, None],
            _one_hot(states.counts, self.n_choices).flatten(1),
            counts / self.max_atoms,
            decided,
            counts.sum(dim=1, keepdim=True) / self.max_atoms,
            present / self.n_elements,
            torch.where(drawn, 2 * states.cube - 1, 0.0),
            drawn,
        )
        return torch.cat([part.to(torch.float32) for part in parts], dim=1)


class NetworkPolicy(nn.Module):
    """One multilayer perceptron with a linear head for each stage; steps of a stage have outputs of their own.

    Heads start at zero, so that an untrained network chooses uniformly.
    """

    def __init__(self, encoder: Encoder, heads: Sequence[Head], *, width: int, n_layers: int, seed: int) -> None:
        super().__init__()
        self._encoder = encoder
        rng = torch.Generator().manual_seed(seed)
        layers: list[nn.Module] = []
        n_inputs = encoder.n_features
        for _ in range(n_layers):
            layers += [_linear(n_inputs, width, rng), nn.LeakyReLU()]
            n_inputs = width
        self.trunk = nn.Sequential(*layers)
        self.heads = nn.ModuleDict({h.name: _zero_linear(n_inputs, h.n_steps * h.n_outputs) for h in heads})

    def outputs(self, head: Head, states: States, step: Tensor) -> Tensor:
        """See `Policy.outputs`."""
        hidden = self.trunk(self._encoder(states))
        everything: Tensor = self.heads[head.name](hidden).view(-1, head.n_steps, head.n_outputs)
        return everything[torch.arange(len(states)), step]


def _one_hot(index: Tensor, n_classes: int) -> Tensor:
    """One-hot rows; all zero where unset."""
    return functional.one_hot(index + 1, n_classes + 1)[..., 1:]


def _linear(n_inputs: int, n_outputs: int, rng: torch.Generator) -> nn.Linear:
    """A layer whose first weights come from a generator of its own, never from the global one."""
    layer = _empty_linear(n_inputs, n_outputs)
    nn.init.kaiming_uniform_(layer.weight, a=0.01, nonlinearity="leaky_relu", generator=rng)
    bound = 1 / math.sqrt(n_inputs)
    nn.init.uniform_(layer.bias, -bound, bound, generator=rng)
    return layer


def _empty_linear(n_inputs: int, n_outputs: int) -> nn.Linear:
    """A layer whose weights were never drawn."""
    return nn.Linear(n_inputs, n_outputs, device="meta").to_empty(device="cpu")


def _zero_linear(n_inputs: int, n_outputs: int) -> nn.Linear:
    layer = _empty_linear(n_inputs, n_outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
