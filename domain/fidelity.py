"""The ladder of looks, from the cheapest to the one that counts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Final

from domain.digest import content_digest, require_finite
from domain.errors import InvalidValueError
from domain.json_value import JsonValue

LABORATORY_ORACLE: Final = "laboratory"
"""The one oracle whose queries are answered by people."""


class AnsweredBy(StrEnum):
    """Who answers the computed queries of a fidelity."""

    RUNNER = "runner"
    """The process that runs the campaign, on oracle processes of its own."""
    MACHINES = "machines"
    """Any machine that claims them: they wait in the queue, and the campaign waits for the answers."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one computed look may use before it is ended and recorded as a failure."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    time_s: float = 900.0
    """Wall-clock seconds."""
    memory_GiB: float = 12.0
    """Address space of the worker process."""

    def __post_init__(self) -> None:
        if not (0 < self.time_s < math.inf and 0 < self.memory_GiB < math.inf):
            raise InvalidValueError(
                f"Limits of {self.time_s} s and {self.memory_GiB} GiB allow no look.",
                remedy="Give positive finite numbers.",
            )


@dataclass(frozen=True, slots=True)
class Fidelity:
    """One way of looking at a crystal, at a declared price."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: str
    """Unique in its ladder."""
    oracle: str
    """Name of a registered oracle."""
    cost: float
    """Declared price of one look in the campaign's unit."""
    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    """Settings of the oracle, validated by the oracle."""
    limits: Limits = field(default_factory=Limits)
    max_attempts: int = 2
    """Attempts before a look that fails transiently, or takes its machines down, is given up."""
    answered_by: AnsweredBy = AnsweredBy.RUNNER
    """Who computes the answers; of no meaning for the laboratory."""
    max_concurrent: int | None = None
    """Looks of the oracle at the same time, in all campaigns together; None where nothing limits them."""

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidValueError("A fidelity has no name.", remedy="Name it, for example 'dft'.")
        if not (math.isfinite(self.cost) and self.cost > 0):
            raise InvalidValueError(
                f"Fidelity '{self.name}' costs {self.cost}; a positive finite number was expected.",
                remedy="Declare what one look costs in the campaign's unit.",
            )
        if self.max_attempts < 1:
            raise InvalidValueError(
                f"Fidelity '{self.name}' allows {self.max_attempts} attempts.", remedy="Allow at least 1."
            )
        if self.max_concurrent is not None and self.max_concurrent < 1:
            raise InvalidValueError(
                f"Fidelity '{self.name}' allows {self.max_concurrent} looks at the same time.",
                remedy="Allow at least 1, or leave max_concurrent out.",
            )
        if self.is_laboratory and self.answered_by is AnsweredBy.MACHINES:
            raise InvalidValueError(
                f"Fidelity '{self.name}' is the laboratory's, which no machine answers.",
                remedy="Leave answered_by out; people claim its queries.",
            )
        require_finite(self.settings)

    @property
    def is_laboratory(self) -> bool:
        """Whether people answer, within weeks, and queries wait for them in the store."""
        return self.oracle == LABORATORY_ORACLE

    @property
    def waits_in_queue(self) -> bool:
        """Whether its queries wait in the store for people or machines, so that the campaign goes on without them."""
        return self.is_laboratory or self.answered_by is AnsweredBy.MACHINES

    @property
    def settings_digest(self) -> str:
        """Names the oracle's settings by content."""
        return settings_digest(self.oracle, self.settings)


def settings_digest(oracle: str, settings: Mapping[str, JsonValue]) -> str:
    """Names the settings of an oracle by content."""
    return content_digest({"oracle": oracle, "settings": dict(settings)})


@dataclass(frozen=True, slots=True)
class Capability:
    """An oracle that a machine offers."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    oracle: str
    """Name of a registered oracle."""
    settings_digest: str | None = None
    """Names the only settings that it answers; None where it answers any."""

    def answers(self, fidelity: Fidelity) -> bool:
        """Whether queries of a fidelity may be handed to it."""
        return (
            fidelity.answered_by is AnsweredBy.MACHINES
            and fidelity.oracle == self.oracle
            and self.settings_digest in {None, fidelity.settings_digest}
        )


@dataclass(frozen=True, slots=True)
class Ladder:
    """A campaign's fidelities in ascending rank; the last one is the target."""

    fidelities: tuple[Fidelity, ...]

    def __post_init__(self) -> None:
        names = [fidelity.name for fidelity in self.fidelities]
        if not names:
            raise InvalidValueError("The ladder has no fidelity.", remedy="Declare at least one, the target.")
        if len(set(names)) != len(names):
            raise InvalidValueError(
                f"The ladder names a fidelity twice: {', '.join(names)}.", remedy="Give each its own name."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names in ascending rank."""
        return tuple(fidelity.name for fidelity in self.fidelities)

    @property
    def costs(self) -> tuple[float, ...]:
        """Declared costs in ascending rank, in the campaign's unit."""
        return tuple(fidelity.cost for fidelity in self.fidelities)

    @property
    def target(self) -> Fidelity:
        """The fidelity that counts."""
        return self.fidelities[-1]

    def rank(self, name: str) -> int:
        """Position of a fidelity, 0 for the cheapest look.

        Raises:
            InvalidValueError: If the ladder has no such fidelity.
        """
        if name not in self.names:
            raise InvalidValueError(
                f"The ladder has no fidelity '{name}'.", remedy=f"Choose one of {', '.join(self.names)}."
            )
        return self.names.index(name)

    def fidelity(self, name: str) -> Fidelity:
        """Finds a fidelity by name.

        Raises:
            InvalidValueError: If the ladder has no such fidelity.
        """
        return self.fidelities[self.rank(name)]
