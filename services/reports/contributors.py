"""Who answered lately: machines, the service's own workers and people, by name."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from services.store import Store
from services.store.machines import Ended

RUNNER: Final = "runner"
"""Begins the names of the service's workers: `runner:machine:process…`."""
_RUNNER_PARTS: Final = 3


@dataclass(slots=True)
class _Tally:
    n_answers: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    last_at: datetime | None = None
    oracles: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Contributor:
    """Somebody, or some machine, and what came from them lately."""

    name: str
    """Of the service's own workers, the machine that they run on."""
    is_service: bool
    """Whether it is the service's own worker."""
    n_answers: int
    failures: Mapping[str, int]
    """How many of each kind."""
    last_at: datetime
    """When they last handed something in."""
    oracles: tuple[str, ...]
    """Which they answered by."""


def contributors(store: Store, campaign_ids: Collection[int]) -> tuple[Contributor, ...]:
    """Everybody among the newest looks of all campaigns that answered these, whoever came last first."""
    tallies: dict[tuple[str, bool], _Tally] = {}
    for look in store.machines.ended_lately(campaign_ids):
        _count(tallies.setdefault(machine_of(look.worker), _Tally()), look)
    found = [
        Contributor(name, is_service, tally.n_answers, tally.failures, tally.last_at, tuple(sorted(tally.oracles)))
        for (name, is_service), tally in tallies.items()
        if tally.last_at is not None
    ]
    return tuple(sorted(found, key=lambda one: one.last_at, reverse=True))


def machine_of(worker: str) -> tuple[str, bool]:
    """The name by which people know a worker, and whether it is the service's own, known by its machine."""
    parts = worker.split(":")
    is_service = parts[0] == RUNNER and len(parts) >= _RUNNER_PARTS
    return (parts[1], True) if is_service else (worker, False)


def _count(tally: _Tally, look: Ended) -> None:
    if look.failure is None:
        tally.n_answers += 1
    else:
        tally.failures[look.failure] = tally.failures.get(look.failure, 0) + 1
    tally.last_at = max(filter(None, (tally.last_at, look.at)))
    if look.oracle:
        tally.oracles.add(look.oracle)
