"""Settings of surrogates, as a campaign's spec writes them."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

from domain.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class RewardSettings:
    """How the value of looks becomes a log-reward that a generator can learn."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    inverse_temperature: float = 3.0
    """Nats by which one standard deviation of log-value per cost changes the log-reward."""
    depth: float = 4.0
    """Standard deviations below the typical crystal at which the log-reward levels off."""

    def __post_init__(self) -> None:
        for name in ("inverse_temperature", "depth"):
            if not 0 < getattr(self, name) < math.inf:
                raise InvalidValueError(f"{name} is {getattr(self, name)}.", remedy="Give a positive number.")


@dataclass(frozen=True, slots=True)
class GaussianProcessSettings:
    """How the Gaussian process is fitted."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    max_iterations: int = 75
    """L-BFGS iterations from each start. More cost time and change nothing that is visible."""
    n_max_values: int = 16
    """Values that the best crystal may have, over which the value of a look is averaged."""
    reward: RewardSettings = field(default_factory=RewardSettings)

    def __post_init__(self) -> None:
        for name in ("max_iterations", "n_max_values"):
            if getattr(self, name) < 1:
                raise InvalidValueError(f"{name} is {getattr(self, name)}.", remedy="Give at least 1.")
