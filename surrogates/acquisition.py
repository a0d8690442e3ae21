"""From the value of looks to what a generator is rewarded for.

Legend: B blueprints, M fidelities.
"""

import math
from typing import Final

import torch
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.fidelity import Ladder
from domain.ports import LogReward
from surrogates.ports import Belief
from surrogates.settings import RewardSettings

_NORMAL_FROM_QUARTILES: Final = 1.349
_SMALLEST_SPREAD: Final = 1e-6
DEFAULT_REWARD: Final = RewardSettings()


def log_value_per_cost(belief: Belief, ladder: Ladder, batch: BlueprintBatch) -> Tensor:
    """Log of the value of a look divided by its declared cost.

    Values are positive for every objective, so dividing by a cost never turns an order round, as it does for scores
    that may be negative.

    Returns:
        `[B, M]` float64, finite.
    """
    costs = torch.tensor(ladder.costs, dtype=torch.float64)
    return belief.log_value(batch) - costs.log()


def make_log_reward(belief: Belief, ladder: Ladder, settings: RewardSettings = DEFAULT_REWARD) -> LogReward:
    """Makes the log-reward that a generator is trained on.

        s = (log Σ_m value_m / cost_m - median) / spread         over the belief's reference crystals
        log-reward = β s                    for s ≥ 0
                     β d tanh(s / d)        for s < 0

    Typical crystals so lie within a few nats whatever the units of cost and value, the best ones keep their order and
    their distance, and hopeless ones, whose log-values reach down to hundreds of nats, level off at -β d. Before the
    first look every crystal has the log-reward 0.

    Args:
        belief: What is known.
        ladder: Declared costs.
        settings: β (`inverse_temperature`) and d (`depth`).
    """
    if not len(belief.reference):
        return lambda batch: torch.zeros(len(batch), dtype=torch.float64)
    median, spread = _typical(_log_total(belief, ladder, belief.reference))

    def log_reward(batch: BlueprintBatch) -> Tensor:
        s = (_log_total(belief, ladder, batch) - median) / spread
        levelled = settings.depth * torch.tanh(s.clamp_max(0) / settings.depth)
        return settings.inverse_temperature * (s.clamp_min(0) + levelled)

    return log_reward


def _log_total(belief: Belief, ladder: Ladder, batch: BlueprintBatch) -> Tensor:
    return log_value_per_cost(belief, ladder, batch).logsumexp(dim=1)


def _typical(log_totals: Tensor) -> tuple[float, float]:
    """Median and robust standard deviation; 1 where nothing varies."""
    low, median, high = log_totals.quantile(torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)).tolist()
    spread = (high - low) / _NORMAL_FROM_QUARTILES
    return median, spread if spread > _SMALLEST_SPREAD and math.isfinite(spread) else 1.0
