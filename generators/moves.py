"""Distributions of a single move: a choice among the allowed ones, or a number in [0, 1].

Legend: N rows, C choices, K mixture components.
"""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

_NARROWEST: Final = 0.01
_WIDEST: Final = 1.0
_LOG_ROOT_TWO_PI: Final = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, slots=True)
class Exploration:
    """How training moves differ from the policy's own."""

    uniform_share: float = 0.0
    """Share of moves drawn uniformly from the allowed ones."""
    temperature: float = 1.0
    """Divides the logits of choices."""


ON_POLICY: Final = Exploration()


def log_choice(logits: Tensor, allowed: Tensor) -> Tensor:
    """Log-probability of each choice, normalised over the allowed ones.

    Args:
        logits: `[N, C]`.
        allowed: `[N, C]` bool, at least one in each row.

    Returns:
        `[N, C]` float64, minus infinity where not allowed, exactly 0 where only one choice is.
    """
    return functional.log_softmax(logits.to(torch.float64).masked_fill(~allowed, -math.inf), dim=1)


def draw_choice(logits: Tensor, allowed: Tensor, *, exploration: Exploration, rng: torch.Generator) -> Tensor:
    """Draws a choice in each row, `[N]` int64."""
    share = exploration.uniform_share
    chances = log_choice(logits / exploration.temperature, allowed).exp()
    uniform = allowed / allowed.sum(dim=1, keepdim=True)
    mixed = (1 - share) * chances + share * uniform
    return torch.multinomial(mixed, 1, generator=rng).squeeze(1)


def picked(values: Tensor, choice: Tensor) -> Tensor:
    """The value of the choice `[N]` in each row of `[N, C]`."""
    return values.gather(1, choice[:, None]).squeeze(1)


@dataclass(frozen=True, slots=True)
class UnitMixture:
    """A density on [0, 1]: a uniform one mixed with K normal ones that are truncated to the interval.

    p(u) = w_0 + sum_k w_k f_k(u) / (F_k(1) - F_k(0)) with f the normal density of centre m and scale s and F its
    distribution function. It is exactly normalised and is sampled by inverting F.
    """

    log_weight: Tensor
    """`[N, 1 + K]` float64, the uniform one first."""
    center: Tensor
    """`[N, K]` float64."""
    scale: Tensor
    """`[N, K]` float64."""

    @staticmethod
    def n_outputs(n_components: int) -> int:
        """Numbers that a policy gives for a mixture with K components besides the uniform one."""
        return 1 + 3 * n_components

    @classmethod
    def of(cls, outputs: Tensor) -> "UnitMixture":
        """Reads a policy's outputs `[N, 1 + 3 K]`. At zero the centres are spread evenly."""
        n_components = (outputs.shape[1] - 1) // 3
        sizes = (1 + n_components, n_components, n_components)
        weight, center, scale = torch.split_with_sizes(outputs.to(torch.float64), sizes, dim=1)
        even = (torch.arange(n_components, dtype=torch.float64) + 0.5) / max(n_components, 1)
        log_ratio = math.log(_WIDEST / _NARROWEST)
        return cls(
            log_weight=functional.log_softmax(weight, dim=1),
            center=torch.sigmoid(torch.logit(even) + center),
            scale=_NARROWEST * torch.exp(log_ratio * torch.sigmoid(scale + 0.5)),
        )

    def log_density(self, position: Tensor) -> Tensor:
        """Log-density at positions `[N]` in [0, 1], `[N]` float64."""
        z = (position[:, None] - self.center) / self.scale
        low, high = self._levels()
        normal = -0.5 * z.square() - _LOG_ROOT_TWO_PI - self.scale.log() - torch.log(high - low)
        flat = torch.zeros(len(position), 1, dtype=torch.float64)
        return torch.logsumexp(self.log_weight + torch.cat([flat, normal], dim=1), dim=1)

    def draw(self, *, exploration: Exploration, rng: torch.Generator) -> Tensor:
        """Draws positions `[N]` float64."""
        n_rows = len(self.log_weight)
        component = torch.multinomial(self.log_weight.exp(), 1, generator=rng).squeeze(1)
        quantile = torch.rand(n_rows, dtype=torch.float64, generator=rng)
        explores = torch.rand(n_rows, dtype=torch.float64, generator=rng) < exploration.uniform_share
        if self.center.shape[1] == 0:
            return quantile
        rows, index = torch.arange(n_rows), (component - 1).clamp(min=0)
        low, high = (level[rows, index] for level in self._levels())
        normal = self.center[rows, index] + self.scale[rows, index] * torch.special.ndtri(low + quantile * (high - low))
        return torch.where(explores | (component == 0), quantile, normal).clamp(0.0, 1.0)

    def _levels(self) -> tuple[Tensor, Tensor]:
        """Distribution functions at 0 and 1. Centres lie inside, so that they differ by a third or more."""
        return torch.special.ndtr(-self.center / self.scale), torch.special.ndtr((1 - self.center) / self.scale)
