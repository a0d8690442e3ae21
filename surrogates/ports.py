"""What a surrogate promises: beliefs about crystals, and what a look at each fidelity is worth.

Legend: B blueprints, M fidelities in ascending rank (the last one is the target).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from domain.training import Observation, PendingLook
from surrogates.diagnostics import Diagnostics
from surrogates.settings import RewardSettings

if TYPE_CHECKING:
    from torch import Tensor

    from domain.batch import BlueprintBatch

LOWEST_LOG_VALUE = -500.0
"""A look whose log-value is this low tells nothing. Nobody should buy it."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is expected of B crystals at one fidelity, in the quantity's unit."""

    mean: Tensor
    """`[B]` float64. The median where values were warped, which is the mean where they were not."""
    sd: Tensor
    """`[B]` float64. Half the width of the central 68 % interval, without measurement noise."""


class Belief(Protocol):
    """What is believed after some observations. Immutable."""

    @property
    def diagnostics(self) -> Diagnostics:
        """How far the belief can be trusted."""
        ...

    @property
    def reference(self) -> BlueprintBatch:
        """Typical crystals on which log-values can be standardised; empty where nothing was looked at."""
        ...

    def predict(self, batch: BlueprintBatch, fidelity: str) -> Prediction:
        """Predicts the values that looks would give.

        Raises:
            InvalidValueError: If the ladder has no such fidelity.
        """
        ...

    def log_value(self, batch: BlueprintBatch) -> Tensor:
        """Log of the value of a look at each fidelity, whatever it costs.

        Returns:
            `[B, M]` float64, at least `LOWEST_LOG_VALUE`.
        """
        ...

    def log_improvement(self, batch: BlueprintBatch) -> Tensor:
        """Log of the expected improvement at the target over the incumbent.

        The incumbent is the best expected value at the target among the crystals that were looked at.

        Returns:
            `[B]` float64, finite.
        """
        ...

    def condition(self, batch: BlueprintBatch, fidelity: str) -> Belief:
        """The belief while looks at these crystals are pending, each answered as expected."""
        ...

    def with_candidates(self, batch: BlueprintBatch) -> Belief:
        """The belief whose value of a look also asks whether the best crystal is among these."""
        ...


class Surrogate(Protocol):
    """Learns beliefs from observations."""

    @property
    def version(self) -> str:
        """Names the algorithm, its version and its settings."""
        ...

    @property
    def reward(self) -> RewardSettings:
        """How a generator is rewarded by its beliefs."""
        ...

    def fit(self, observations: Sequence[Observation], *, pending: Sequence[PendingLook] = (), seed: int) -> Belief:
        """Learns from observations, in whatever order they come.

        Args:
            observations: What was paid for; none at all is allowed.
            pending: Looks that are under way, so that they lose their value for the next round.
            seed: Seed of every random draw.

        Raises:
            SurrogateError: If a value is not positive and the quantity's scale is logarithmic.
            InvalidValueError: If a fidelity is not on the ladder.
        """
        ...
