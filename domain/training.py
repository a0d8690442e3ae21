"""What the surrogate learns from and what it decides: plain values, without tensors."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.blueprint import Blueprint
from domain.json_value import JsonValue
from domain.measurement import Censoring, require_number


@dataclass(frozen=True, slots=True)
class Observation:
    """One value that was paid for."""

    blueprint: Blueprint
    fidelity: str
    value: float
    """In the unit of the campaign's quantity."""
    sigma: float | None = None
    censoring: Censoring = Censoring.NONE
    temperature_K: float | None = None

    def __post_init__(self) -> None:
        require_number(self.value, sigma=self.sigma, temperature_K=self.temperature_K)


@dataclass(frozen=True, slots=True)
class PendingLook:
    """A look that is queued or under way, whose answer is not known yet."""

    blueprint: Blueprint
    fidelity: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a look was chosen: the card that is shown beside it."""

    reason: str
    """One sentence."""
    score: float | None
    """Log of value minus log of cost when it was chosen; None where nothing was known."""
    predicted_mean: float | None
    """What the surrogate expected at the target fidelity, in the quantity's unit."""
    predicted_sd: float | None
    """And how sure it was."""
    details: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pick:
    """A crystal and the fidelity at which to look at it next."""

    blueprint: Blueprint
    fidelity: str
    decision: Decision
    log_probability: float | None = None
    """Log-probability with which the generator drew it; None for crystals that it did not draw."""


@dataclass(frozen=True, slots=True)
class CandidateBelief:
    """What the surrogate expects of a candidate at the target fidelity."""

    candidate: int
    """Number of the candidate in the store."""
    mean: float
    """In the quantity's unit."""
    sd: float
    """Standard deviation of the crystal's true value at the target fidelity, as the surrogate sees it."""
