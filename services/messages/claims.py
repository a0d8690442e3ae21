"""Claims, answers and reference energies as they travel between the service and a machine, as JSON.

A machine asks for work with a `ClaimRequest` and gets a `Claim`. It repeats the fence of the claim in whatever it says
about the query afterwards.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from domain.blueprint import Blueprint, Realization
from domain.errors import InvalidValueError
from domain.fidelity import Capability, Fidelity
from domain.look import MOST_FILES, LookProgress, ReferenceEnergy
from domain.measurement import Failure, Measurement, Provenance, SeriesPoint, require_short_series
from domain.quantity import Objective

_LARGEST_NUMBER: Final = 2**31 - 1
LONGEST_LEASE_S: Final = 7 * 86_400.0
"""A machine that says nothing for a week is gone."""


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """A machine asks for a query that it can answer. Its own unanswered one comes first."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    worker: str
    """Names the machine: one name, one look at a time."""
    lease_s: float
    """Seconds until the claim lapses unless a heartbeat comes."""
    oracles: tuple[Capability, ...]
    campaign: str | None = None
    """Only queries of this campaign; None for those of any that the machine may see."""

    def __post_init__(self) -> None:
        if not self.worker:
            raise InvalidValueError("The worker has no name.", remedy="Name the machine, for example by its host name.")
        if not self.oracles:
            raise InvalidValueError("The machine offers no oracle.", remedy="Name at least one.")
        _require_lease(self.lease_s)


@dataclass(frozen=True, slots=True)
class ClaimedQuery:
    """A query in a machine's hands."""

    id: int
    fence: int
    """Must come with everything that is said about the query under this claim."""
    lease_until: datetime
    """UTC-aware."""
    campaign: str
    """Name of its campaign."""
    fidelity: str
    """Name of its fidelity."""
    attempt: int
    """Counted from 1."""
    settings_digest: str = ""
    """Names the oracle's settings; is repeated in the provenance of the answer."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Everything that a machine needs to answer a query."""

    query: ClaimedQuery
    fidelity: Fidelity
    blueprint: Blueprint
    realizations: tuple[Realization, ...]
    """Sites that are known already."""
    seed: int
    """Of every random draw of the look."""
    objective: Objective


@dataclass(frozen=True, slots=True)
class HeartbeatRequest:
    """The machine is still at it."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    fence: int
    lease_s: float
    progress: LookProgress | None = None
    """How far the look has come, where it tells."""

    def __post_init__(self) -> None:
        _require_lease(self.lease_s)


@dataclass(frozen=True, slots=True)
class HeartbeatAnswer:
    """The claim was extended."""

    lease_until: datetime
    """UTC-aware."""


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """The machine gives the query back unanswered."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    fence: int


@dataclass(frozen=True, slots=True)
class MeasurementRequest:
    """The machine has looked and seen a value."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    fence: int
    measurement: Measurement
    realizations: tuple[Realization, ...] = ()
    """Sites that were found on the way."""
    series: tuple[SeriesPoint, ...] = ()
    """The same quantity at several temperatures, in the unit of the measurement."""
    files: tuple[int, ...] = ()
    """Numbers of the files that the look produced; each was handed in before."""

    def __post_init__(self) -> None:
        require_short_series(self.series)
        if len(self.files) > MOST_FILES or not all(1 <= number <= _LARGEST_NUMBER for number in self.files):
            raise InvalidValueError(
                f"The answer names {len(self.files)} files, of which at most {MOST_FILES} are kept, or a number that "
                "none has.",
                remedy="Name the numbers under which the service keeps them.",
            )


@dataclass(frozen=True, slots=True)
class FailureRequest:
    """The machine has looked and seen no value."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    fence: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class ReferenceMessage:
    """An element's reference energy with its origin: the oracle, its version and its settings."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    reference: ReferenceEnergy
    provenance: Provenance
    core_seconds: float | None = None
    """Processor time that it took."""
    campaign: str | None = None
    """For which campaign it was computed: its group's campaigns count from it. May be left out by whoever is in one
    group."""


@dataclass(frozen=True, slots=True)
class ReferencesAnswer:
    """All reference energies of an oracle, its version and its settings."""

    references: tuple[ReferenceMessage, ...]


def _require_lease(lease_s: float) -> None:
    if not 1 <= lease_s <= LONGEST_LEASE_S:
        raise InvalidValueError(
            f"A lease of {lease_s} s is impossible.", remedy=f"Give seconds from 1 to {LONGEST_LEASE_S:.0f}."
        )
