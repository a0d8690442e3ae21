"""The honest baseline: feasible crystals drawn without learning anything.

Each step chooses uniformly among the allowed choices, and each lattice coordinate uniformly in [0, 1].
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Final

import torch

from domain.parsing import to_json_value
from domain.ports import LogReward, Sample, TrainingStep, TrainingSummary
from domain.search_space import SearchSpace
from generators.moves import ON_POLICY
from generators.policy import UniformPolicy
from generators.rewards import checked_log_reward
from generators.snapshot import identity_digest, read_snapshot, write_snapshot
from generators.tree import CrystalTree

VERSION: Final = "uniform 1"
_N_PROBES: Final = 256
"""Crystals from which the total reward is estimated."""


class UniformGenerator:
    """A generator without memory behind `domain.ports.Generator`."""

    def __init__(self, space: SearchSpace) -> None:
        """Builds the look-ahead tables.

        Raises:
            EmptySpaceError: If the search space holds no crystal.
            SpecError: If it is too large.
        """
        self._digest = identity_digest(VERSION, to_json_value(space), None)
        self.tree = CrystalTree(space, n_components=0)
        self.policy = UniformPolicy()

    @property
    def version(self) -> str:
        """See `Generator.version`."""
        return VERSION

    def train(
        self, log_reward: LogReward, *, rng: torch.Generator, report: Callable[[TrainingStep], None]
    ) -> TrainingSummary:
        """Learns nothing; estimates the total reward by importance sampling: Z = mean of R / p.

        Raises:
            GeneratorError: If a log-reward is not finite.
        """
        drawn = self.sample(_N_PROBES, rng=rng)
        log_ratio = checked_log_reward(log_reward, drawn.batch) - drawn.log_probability
        log_z = torch.logsumexp(log_ratio, dim=0).item() - math.log(_N_PROBES)
        report(TrainingStep(step=1, n_steps=1, loss=log_ratio.var(correction=0).item(), log_z=log_z))
        return TrainingSummary(1, log_ratio.var(correction=0).item(), log_z, n_trajectories=_N_PROBES)

    def sample(self, n_samples: int, *, rng: torch.Generator) -> Sample:
        """See `Generator.sample`."""
        states, log_probability = self.tree.sample(self.policy, n_samples, exploration=ON_POLICY, rng=rng)
        return Sample(self.tree.to_batch(states), log_probability)

    def save(self, path: Path) -> None:
        """Writes a file without weights, so that every generator has one."""
        write_snapshot(path, {}, digest=self._digest)

    def load(self, path: Path) -> None:
        """Checks that the file belongs to this search space."""
        read_snapshot(path, digest=self._digest)
