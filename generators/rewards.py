"""Asking for rewards, and refusing those that cannot be learned from.

Legend: B crystals.
"""

import torch
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.errors import GeneratorError
from domain.ports import LogReward


def checked_log_reward(log_reward: LogReward, batch: BlueprintBatch) -> Tensor:
    """Log-rewards `[B]` float64 of a batch.

    Raises:
        GeneratorError: If their shape is not `[B]`, or one is not finite.
    """
    values = log_reward(batch).detach().to(torch.float64)
    if values.shape != (len(batch),):
        raise GeneratorError(
            f"Log-rewards of shape {tuple(values.shape)} came back for {len(batch)} crystals.",
            remedy="Return one number for each crystal.",
        )
    is_finite = values.isfinite()
    if not bool(is_finite.all()):
        row = int((~is_finite).nonzero()[0])
        crystal = batch.select(torch.tensor([row])).to_blueprints()[0]
        raise GeneratorError(
            f"The log-reward of {crystal.composition.formula} in space group {crystal.space_group.number} is "
            f"{values[row].item()}; a finite number was expected.",
            remedy="Bound the reward from below and check the surrogate's predictions.",
        )
    return values
