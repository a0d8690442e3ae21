"""What can be set about the generators."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from domain.errors import InvalidValueError


class Loss(StrEnum):
    """What training makes small. Both vanish exactly where the policy samples in proportion to the reward."""

    LOG_VARIANCE = "log-variance"
    """Needs no estimate of the total reward, which jumps whenever the reward changes."""
    TRAJECTORY_BALANCE = "trajectory-balance"
    """Learns the logarithm of the total reward beside the policy."""


@dataclass(frozen=True, slots=True)
class CrystalGFNSettings:
    """Size and training of a Crystal-GFN."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    loss: Loss = Loss.LOG_VARIANCE
    n_steps: int = 600
    """Gradient steps each time it is trained."""
    batch_size: int = 128
    """Trajectories in a step, replayed ones included."""
    hidden_width: int = 128
    n_hidden_layers: int = 2
    n_components: int = 6
    """Components of each lattice coordinate's mixture besides the uniform one."""
    learning_rate: float = 5e-3
    """At the beginning; it decays to a hundredth along a cosine."""
    log_z_learning_rate: float = 0.1
    """For the total reward of trajectory balance."""
    exploration: float = 0.05
    """Share of training moves that are drawn uniformly from the allowed ones."""
    temperature: float = 1.0
    """Divides the logits of training moves; above 1 explores."""
    replay_share: float = 0.25
    """Share of a batch that is drawn from the best crystals seen before."""
    replay_capacity: int = 1000
    """Crystals that are remembered."""

    def __post_init__(self) -> None:
        for name in ("n_steps", "hidden_width", "n_hidden_layers", "n_components", "replay_capacity"):
            _require(name, getattr(self, name), low=1, high=10_000_000)
        _require("batch_size", self.batch_size, low=4, high=1_000_000)
        _require("learning_rate", self.learning_rate, low=1e-8, high=1.0)
        _require("log_z_learning_rate", self.log_z_learning_rate, low=1e-8, high=10.0)
        _require("exploration", self.exploration, low=0.0, high=1.0)
        _require("temperature", self.temperature, low=0.1, high=100.0)
        _require("replay_share", self.replay_share, low=0.0, high=0.9)


@dataclass(frozen=True, slots=True)
class UniformSettings:
    """The uniform generator has nothing to set."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}


def _require(name: str, value: float, *, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise InvalidValueError(f"{name} is {value}.", remedy=f"Give a number from {low:g} to {high:g}.")
