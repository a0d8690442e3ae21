"""Whether notes arrive: a test note to everybody who is told something."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.errors import InvalidValueError
from services.notifications.rules import load_targets
from services.notifications.senders import deliver, example_note
from services.notifications.webhook import UndeliveredError
from services.settings import Settings


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a test note."""

    title: str
    """Of the target; its address is a secret."""
    is_taken: bool
    problem: str = ""
    """Why it was not taken."""


def try_targets(settings: Settings, now: datetime) -> Iterator[Delivery]:
    """Sends a test note to each target of the notification file in turn.

    Raises:
        InvalidValueError: If no file is named.
        SpecError: If it is not understood.
    """
    if settings.notify_file is None:
        raise InvalidValueError(
            "No notification file is named.", remedy="Set PETALITE_NOTIFY_FILE; docs/operations.md shows one."
        )
    for target in load_targets(settings.notify_file):
        try:
            deliver(target, [example_note(settings.public_url, now)], now=now)
        except UndeliveredError as error:
            yield Delivery(target.title, is_taken=False, problem=str(error))
        else:
            yield Delivery(target.title, is_taken=True)
