"""The Crystal-GFN: learns to imagine crystals in proportion to a reward.

Source: Hernandez-Garcia et al., Crystal-GFN: sampling crystals with desirable properties and constraints
(arXiv:2310.04925), rebuilt as a tree of tensors.

Legend: B crystals.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.errors import GeneratorError
from domain.parsing import to_json_value
from domain.ports import LogReward, Sample, TrainingStep, TrainingSummary
from domain.search_space import SearchSpace
from generators.losses import loss_of
from generators.moves import ON_POLICY, Exploration
from generators.policy import NetworkPolicy
from generators.replay import Replay
from generators.rewards import checked_log_reward
from generators.settings import CrystalGFNSettings
from generators.snapshot import identity_digest, read_snapshot, write_snapshot
from generators.states import States
from generators.tree import CrystalTree

VERSION: Final = "crystal-gfn 1"
_CHUNK: Final = 4096
"""Crystals drawn at once; bounds memory."""
_N_REPORTS: Final = 60
_LARGEST_GRADIENT: Final = 10.0
_LAST_LEARNING_RATE: Final = 0.01
"""Share of the learning rate that is left at the last step."""


class CrystalGFN:
    """A trained generator behind `domain.ports.Generator`."""

    def __init__(self, space: SearchSpace, settings: CrystalGFNSettings, *, seed: int) -> None:
        """Builds an untrained generator, which chooses uniformly at every step.

        Args:
            space: What it may imagine.
            settings: Size and training.
            seed: Seed of its first weights.

        Raises:
            EmptySpaceError: If the search space holds no crystal.
            SpecError: If it is too large.
        """
        self._settings = settings
        self._digest = identity_digest(VERSION, to_json_value(space), to_json_value(settings))
        self.tree = CrystalTree(space, n_components=settings.n_components)
        self.policy = NetworkPolicy(
            self.tree.encoder,
            [stage.head for stage in self.tree.stages],
            width=settings.hidden_width,
            n_layers=settings.n_hidden_layers,
            seed=seed,
        )
        self._replay = Replay(settings.replay_capacity, len(self.tree.elements))

    @property
    def version(self) -> str:
        """See `Generator.version`."""
        return VERSION

    def train(
        self, log_reward: LogReward, *, rng: torch.Generator, report: Callable[[TrainingStep], None]
    ) -> TrainingSummary:
        """Trains towards the reward, from the weights and the memory that it has.

        Args:
            log_reward: Log-density of the reward with respect to the measure that `cells` states.
            rng: Source of every draw.
            report: Is told about every sixtieth of the way.

        Raises:
            GeneratorError: If a log-reward or the loss is not finite.
        """
        settings = self._settings
        self._rescore(log_reward)
        log_z = torch.zeros((), dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam(
            [
                {"params": self.policy.parameters(), "lr": settings.learning_rate},
                {"params": [log_z], "lr": settings.log_z_learning_rate},
            ]
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _cosine(step / settings.n_steps))
        every = max(1, settings.n_steps // _N_REPORTS)
        for step in range(1, settings.n_steps + 1):
            states, rewards = self._training_batch(log_reward, rng)
            log_probability = self.tree.log_probability(self.policy, states)
            if step == 1:
                log_z.data = (rewards - log_probability.detach()).mean()
            loss = loss_of(settings.loss, log_probability, rewards, log_z=log_z)
            self._descend(loss, optimizer)
            schedule.step()
            now = TrainingStep(step, settings.n_steps, loss.item(), (rewards - log_probability.detach()).mean().item())
            if step % every == 0 or step == settings.n_steps:
                report(now)
        return TrainingSummary(now.n_steps, now.loss, now.log_z, n_trajectories=settings.n_steps * settings.batch_size)

    def sample(self, n_samples: int, *, rng: torch.Generator) -> Sample:
        """See `Generator.sample`."""
        parts = [
            self._sample_chunk(min(_CHUNK, n_samples - start), rng) for start in range(0, max(n_samples, 1), _CHUNK)
        ]
        states = States.concatenated([part[0] for part in parts])
        return Sample(self.tree.to_batch(states), torch.cat([part[1] for part in parts]))

    @torch.no_grad()
    def log_probability(self, batch: BlueprintBatch) -> Tensor:
        """Log-probability with which it draws given crystals, up to their rounding.

        Returns:
            `[B]` float64, a density with respect to the measure that `cells` states.

        Raises:
            GeneratorError: If a crystal lies outside of the search space.
        """
        return self.tree.log_probability(self.policy, self.tree.from_batch(batch))

    def save(self, path: Path) -> None:
        """See `Generator.save`; the memory is saved too, so that a restart changes nothing."""
        memory = self._replay.states
        tensors = {f"policy.{name}": value for name, value in self.policy.state_dict().items()}
        tensors |= {"replay.group": memory.group, "replay.counts": memory.counts, "replay.cube": memory.cube}
        write_snapshot(path, {**tensors, "replay.log_reward": self._replay.log_reward}, digest=self._digest)

    def load(self, path: Path) -> None:
        """See `Generator.load`."""
        tensors = read_snapshot(path, digest=self._digest)
        weights = {name.removeprefix("policy."): t for name, t in tensors.items() if name.startswith("policy.")}
        try:
            memory = States(tensors["replay.group"], tensors["replay.counts"], tensors["replay.cube"])
            self.policy.load_state_dict(weights)
            self._replay.replace(memory, tensors["replay.log_reward"])
        except (KeyError, RuntimeError) as error:
            raise GeneratorError(
                f"{path} does not hold the weights of this generator.", remedy="Train the generator anew."
            ) from error

    @torch.no_grad()
    def _sample_chunk(self, n_samples: int, rng: torch.Generator) -> tuple[States, Tensor]:
        return self.tree.sample(self.policy, n_samples, exploration=ON_POLICY, rng=rng)

    def _rescore(self, log_reward: LogReward) -> None:
        """The reward has changed since the crystals in memory were seen."""
        states = self._replay.states
        if len(states):
            self._replay.replace(states, checked_log_reward(log_reward, self.tree.to_batch(states)))

    def _training_batch(self, log_reward: LogReward, rng: torch.Generator) -> tuple[States, Tensor]:
        """Draws new crystals with exploration, remembers them, and adds some that were remembered before."""
        settings = self._settings
        n_replayed = round(settings.replay_share * settings.batch_size) if len(self._replay) else 0
        exploration = Exploration(settings.exploration, settings.temperature)
        with torch.no_grad():
            states, _ = self.tree.sample(
                self.policy, settings.batch_size - n_replayed, exploration=exploration, rng=rng
            )
        rewards = checked_log_reward(log_reward, self.tree.to_batch(states))
        if n_replayed:
            remembered, their_rewards = self._replay.draw(n_replayed, rng=rng)
            self._replay.add(states, rewards)
            return States.concatenated([states, remembered]), torch.cat([rewards, their_rewards])
        self._replay.add(states, rewards)
        return states, rewards

    def _descend(self, loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
        if not bool(loss.isfinite()):
            raise GeneratorError(
                f"The generator's loss became {loss.item()}.",
                remedy="Lower learning_rate, or bound the reward more tightly.",
            )
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), _LARGEST_GRADIENT)
        optimizer.step()


def _cosine(progress: float) -> float:
    """Falls from 1 to the last learning rate."""
    return _LAST_LEARNING_RATE + (1 - _LAST_LEARNING_RATE) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
