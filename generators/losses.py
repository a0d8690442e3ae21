"""What training makes small.

With one way to each crystal x (backward policy 1), sampling in proportion to the reward means log p(x) = log R(x) -
log Z for every x.

Legend: B trajectories.
"""

from torch import Tensor

from generators.settings import Loss


def loss_of(kind: Loss, log_probability: Tensor, log_reward: Tensor, *, log_z: Tensor) -> Tensor:
    """Loss of a batch.

    Args:
        kind: Which loss.
        log_probability: `[B]` of the policy, differentiable.
        log_reward: `[B]`.
        log_z: Scalar, the learned logarithm of the total reward; only trajectory balance looks at it.

    Returns:
        A scalar. Zero if and only if the policy is exact on the batch (up to a common factor for the log-variance).
    """
    match kind:
        case Loss.TRAJECTORY_BALANCE:
            return trajectory_balance(log_probability, log_reward, log_z)
        case Loss.LOG_VARIANCE:
            return log_variance(log_probability, log_reward)


def trajectory_balance(log_probability: Tensor, log_reward: Tensor, log_z: Tensor) -> Tensor:
    """Mean of (log Z + log p - log R)².

    Source: Malkin et al., Trajectory balance (NeurIPS 2022), equation 12.
    """
    return (log_z + log_probability - log_reward).square().mean()


def log_variance(log_probability: Tensor, log_reward: Tensor) -> Tensor:
    """Variance of log p - log R over the batch, which may have been drawn by any policy.

    Source: Richter et al., VarGrad (NeurIPS 2020); Zhang et al., Robust scheduling with GFlowNets (ICLR 2023).
    """
    return (log_probability - log_reward).var(correction=0)
