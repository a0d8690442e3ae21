"""How long a machine's claims live, and how it is stopped."""

import threading
from dataclasses import dataclass

from oracles.running.process import Answer, ReferenceAnswer, Refusal


class LookAbandonedError(Exception):
    """The machine is to stop before the look is over."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How long a claim lives, and when a look is given up."""

    lease_s: float
    """Seconds until a claim lapses unless a heartbeat comes."""
    stop: threading.Event
    """Set when the machine is to stop."""
    grace_s: float
    """Seconds that a look under way has to finish once the machine is to stop."""


def require_wanted(outcome: Answer | ReferenceAnswer | Refusal, watch: Watch) -> None:
    """Refuses what was broken off because the machine is to stop.

    Raises:
        LookAbandonedError: If it was.
    """
    was_interrupted = isinstance(outcome, Refusal) and outcome.details.get("error") == "Interrupted"
    if was_interrupted and watch.stop.is_set():
        raise LookAbandonedError
