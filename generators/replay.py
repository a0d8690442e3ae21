"""The best crystals seen so far, to be trained on again.

Legend: B crystals, M crystals in memory.
"""

from typing import Final

import numpy as np
import torch
from torch import Tensor

from generators.states import UNSET, States

_BINS: Final = 16
"""Crystals that agree in group, composition and sixteenths of the cube count as one: no peak fills the memory."""
_RANK_OFFSET: Final = 0.01
"""Crystals are drawn with weight 1 / (offset · M + rank): the reward's scale does not matter.

Source: Tripp et al., Sample-efficient optimization by weighted retraining (NeurIPS 2020), equation 3.
"""


class Replay:
    """Complete states with their log-rewards, best first."""

    def __init__(self, capacity: int, n_elements: int) -> None:
        self._capacity = capacity
        self._states = States.empty(0, n_elements)
        self._log_reward = torch.zeros(0, dtype=torch.float64)

    def __len__(self) -> int:
        return len(self._states)

    @property
    def states(self) -> States:
        """The M states."""
        return self._states

    @property
    def log_reward(self) -> Tensor:
        """Their log-rewards `[M]` float64, descending."""
        return self._log_reward

    def add(self, states: States, log_reward: Tensor) -> None:
        """Remembers B states if they are among the best; of near duplicates the best."""
        everything = States.concatenated([self._states, states])
        rewards = torch.cat([self._log_reward, log_reward])
        order = rewards.argsort(descending=True, stable=True)
        kept = order[_first_of_each(_keys(everything.select(order)))[: self._capacity]]
        self._states, self._log_reward = everything.select(kept), rewards[kept]

    def replace(self, states: States, log_reward: Tensor) -> None:
        """Forgets everything and remembers these: for rewards that changed, or a file that was read."""
        self._states, self._log_reward = states.select(torch.arange(0)), log_reward[:0]
        self.add(states, log_reward)

    def draw(self, n_draws: int, *, rng: torch.Generator) -> tuple[States, Tensor]:
        """Draws states with replacement, the best most often, with their log-rewards."""
        rank = torch.arange(len(self), dtype=torch.float64)
        index = torch.multinomial(1 / (_RANK_OFFSET * len(self) + rank), n_draws, replacement=True, generator=rng)
        return self._states.select(index), self._log_reward[index]


def _first_of_each(keys: Tensor) -> Tensor:
    """Ascending indices of the first of each kind of row in `[B, ...]`."""
    rows = keys.numpy()
    order = np.lexsort(rows.T)  # stable: equal rows stay in order
    is_first = np.ones(len(rows), dtype=bool)
    is_first[1:] = (rows[order][1:] != rows[order][:-1]).any(axis=1)
    return torch.from_numpy(np.sort(order[is_first]))


def _keys(states: States) -> Tensor:
    """`[B, ...]` int64 rows that are equal for near duplicates."""
    bins = torch.where(states.cube == UNSET, UNSET, (states.cube * _BINS).floor().clamp(max=_BINS - 1))
    return torch.cat([states.group[:, None], states.counts, bins.to(torch.int64)], dim=1)
