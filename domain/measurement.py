"""What came back from a look: a measurement with its provenance, or a failure with its reason."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.cost import Cost
from domain.errors import InvalidValueError
from domain.json_value import JsonValue

MOST_POINTS: Final = 1000
"""Of one series."""


class Censoring(StrEnum):
    """Whether a value is known exactly or only bounded."""

    NONE = "="
    BELOW = "<"
    ABOVE = ">"


class FailureKind(StrEnum):
    """Whether a failed look is worth repeating."""

    TRANSIENT = "transient"
    """The same look may succeed when repeated."""
    PERMANENT = "permanent"
    """The same look would fail again."""
    REJECTED = "rejected"
    """The oracle or the laboratory refused the crystal unseen; nothing is charged."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a number comes from, so that it can be traced and repeated."""

    oracle: str
    """Name of the oracle."""
    oracle_version: str
    """Everything with a version that determines the number."""
    settings_digest: str
    """Digest of the oracle's settings."""
    worker: str
    """Who looked: a machine, or a person."""
    seed: int | None = None
    """Seed of the look; None where nothing was drawn."""
    realization_digest: str | None = None
    """The sites that were looked at; None where none were needed."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number about a crystal. Append-only: a correction supersedes, it never edits."""

    value: float
    unit: str
    sigma: float | None
    """Known standard deviation in the same unit; None where nobody knows."""
    provenance: Provenance
    cost: Cost
    """What the look really cost."""
    measured_at: datetime
    """UTC-aware."""
    censoring: Censoring = Censoring.NONE
    temperature_K: float | None = None
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    """What else the oracle has to say, such as energies and steps."""

    def __post_init__(self) -> None:
        require_number(self.value, sigma=self.sigma, temperature_K=self.temperature_K)
        require_utc(self.measured_at)


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """The measured quantity at one of several temperatures, in the unit of the measurement that it stands beside."""

    temperature_K: float
    value: float
    """Where it is censored, the bound."""
    sigma: float | None = None
    """Known standard deviation; None where nobody knows, and for a bound."""
    censoring: Censoring = Censoring.NONE

    def __post_init__(self) -> None:
        require_number(self.value, sigma=self.sigma, temperature_K=self.temperature_K)


@dataclass(frozen=True, slots=True)
class Failure:
    """A look that gave no number, kept for ever."""

    kind: FailureKind
    reason: str
    """One sentence in the user's words."""
    worker: str
    """Who looked."""
    cost: Cost
    """What was spent on it."""
    failed_at: datetime
    """UTC-aware."""
    details: Mapping[str, JsonValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.reason:
            raise InvalidValueError("A failure has no reason.", remedy="Say what happened.")
        require_utc(self.failed_at)


def require_number(value: float, *, sigma: float | None, temperature_K: float | None) -> None:
    """Refuses a value, its standard deviation or its temperature where no measurement can have it.

    Raises:
        InvalidValueError: If the value is not finite, sigma is negative or the temperature is not above 0 K.
    """
    if not math.isfinite(value):
        raise InvalidValueError(f"A measured value of {value} is no number.", remedy="Record a failure instead.")
    if sigma is not None and not 0 <= sigma < math.inf:
        raise InvalidValueError(
            f"A standard deviation of {sigma} is impossible.", remedy="Give a number of at least 0, or none."
        )
    if temperature_K is not None and not 0 < temperature_K < math.inf:
        raise InvalidValueError(f"A temperature of {temperature_K} K is impossible.", remedy="Give kelvin above 0.")


def require_short_series(series: Sequence[SeriesPoint]) -> None:
    """Refuses a series that is longer than any that was measured at several temperatures.

    Raises:
        InvalidValueError: If it has more than `MOST_POINTS` points.
    """
    if len(series) > MOST_POINTS:
        raise InvalidValueError(
            f"A series of {len(series)} temperatures is too long; at most {MOST_POINTS} are kept.",
            remedy="Leave some out, or hand them in as a file.",
        )


def require_utc(instant: datetime) -> None:
    """Refuses a time without a zone.

    Raises:
        InvalidValueError: If the time is naive.
    """
    if instant.utcoffset() is None:
        raise InvalidValueError(f"The time {instant} has no time zone.", remedy="Use datetime.now(UTC).")
