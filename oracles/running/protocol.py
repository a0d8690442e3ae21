"""What a worker process and its parent say to each other: one JSON object a line.

The parent writes a `Job` first, then `Task`s to the worker's standard input. The worker answers each task with one
`Reply` on a pipe of its own, so that nothing that a library prints can be mistaken for an answer. Replies that only
tell how far a look has come may go before it.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from domain.json_value import JsonObject, JsonValue
from domain.look import LookProgress, LookRequest, LookResult, ReferenceEnergy
from domain.measurement import FailureKind

LINE_LIMIT_BYTES: Final = 64 * 2**20
"""Longest line that either side accepts."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the worker is for."""

    oracle: str
    settings: JsonObject
    memory_GiB: float


class TaskKind(StrEnum):
    """What a task asks for."""

    LOOK = "look"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do."""

    number: int
    """Counts up, so that an answer belongs to its task."""
    kind: TaskKind
    request: LookRequest | None = None
    """The look; None for a reference."""
    symbol: str | None = None
    """The element; None for a look."""
    folder: str | None = None
    """Where a look keeps what it needs to go on after it was killed; None: nothing is kept."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why there is no answer."""

    kind: FailureKind
    reason: str
    details: dict[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a task: exactly one of `result`, `reference`, `refused` and `progress`."""

    number: int
    core_seconds: float
    """Processor time of the worker and its children since the task began."""
    oracle_version: str = ""
    result: LookResult | None = None
    reference: ReferenceEnergy | None = None
    refused: Refused | None = None
    progress: LookProgress | None = None
    """The task goes on; its answer comes later."""
    is_last: bool = False
    """Whether the worker leaves after this answer, because its memory cannot be trusted any more."""
