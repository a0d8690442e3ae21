"""Reads the events and tells every target what it wants to know, at least once, in no one's way."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self, TypeAlias

import structlog

from domain.errors import PetaliteError
from services.notifications.notes import Note, note_of
from services.notifications.rules import Target, load_targets
from services.notifications.senders import deliver
from services.notifications.webhook import UndeliveredError
from services.store import Store

Deliver: TypeAlias = Callable[[Target, Sequence[Note], datetime], None]

LOOK_S: Final = 5.0
"""How often new events are looked for."""
SETTLED_S: Final = 5.0
"""Events are told when they are so old: by then every event with a lower number is there too."""
HOLD_S: Final = 300.0
"""How long a process may take to deliver before another one tries."""
_SHORTEST_WAIT_S: Final = 30.0
_LONGEST_WAIT_S: Final = 3600.0


class Notifier:
    """Tells targets about events, each behind a cursor of its own, so that one that is down holds up no other.

    Any number of processes may run one: a cursor is held by one of them at a time. A process that is killed between
    delivery and the moving of its cursor lets the message be delivered again.

    Args:
        store: Whose events.
        targets: Who is told.
        public_url: Where people see more.
    """

    def __init__(
        self, store: Store, targets: Sequence[Target], *, public_url: str, send: Deliver | None = None
    ) -> None:
        self._store = store
        self._targets = tuple(targets)
        self._public_url = public_url
        self._send = send or (lambda target, notes, now: deliver(target, notes, now=now))
        self._waits: dict[str, _Wait] = {}
        for target in self._targets:
            store.cursors.begin(_cursor(target), store.events.newest_id())

    @classmethod
    def from_file(cls, store: Store, path: Path, *, public_url: str) -> Self:
        """Reads who is told from the notification file.

        Raises:
            SpecError: If the file cannot be read or is not understood.
        """
        return cls(store, load_targets(path), public_url=public_url)

    def run(self, stop: threading.Event) -> None:
        """Tells what happens until it is told to stop."""
        log = structlog.get_logger("petalite.notifications")
        while not stop.wait(LOOK_S):
            try:
                self.look_round()
            except PetaliteError as error:  # the store is away
                log.warning("notifications wait", problem=error.problem)

    def look_round(self) -> None:
        """Tells each target what is new for it; one that cannot be reached is tried again later, ever more rarely."""
        for target in self._targets:
            wait = self._waits.get(target.key)
            if wait is None or self._store.now() >= wait.until:
                self._tell(target)

    def _tell(self, target: Target) -> None:
        now = self._store.now()
        place = self._store.cursors.take(_cursor(target), HOLD_S)
        if place is None:
            return
        reached = place
        try:
            events = self._store.events.since(place, until=now - timedelta(seconds=SETTLED_S))
            made = (note_of(self._store, record, public_url=self._public_url) for record in events)
            notes = [note for note in made if note is not None and target.wants(note)]
            if notes:
                self._send(target, notes, now)
            reached = events[-1].id if events else place
            self._waits.pop(target.key, None)
        except UndeliveredError as error:
            self._wait_longer(target, error, now)
        finally:
            self._store.cursors.move(_cursor(target), reached)

    def _wait_longer(self, target: Target, error: UndeliveredError, now: datetime) -> None:
        before = self._waits.get(target.key)
        seconds = min(before.seconds * 2, _LONGEST_WAIT_S) if before else _SHORTEST_WAIT_S
        self._waits[target.key] = _Wait(seconds, now + timedelta(seconds=seconds))
        structlog.get_logger("petalite.notifications").warning(
            "undelivered", target=target.title, problem=error.problem, again_in_s=seconds
        )


@dataclass(frozen=True, slots=True)
class _Wait:
    """How long a target that could not be reached is left alone."""

    seconds: float
    until: datetime


def _cursor(target: Target) -> str:
    return f"notify:{target.key}"
