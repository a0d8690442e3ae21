"""The worker: makes campaigns move, and survives everything but its own death.

    schedules ──► wishes in the store ◄── results, people
                        │
                     herald ──► Prefect ──► runner ──► one process for each campaign

The runner is a child that is replaced when it dies. A worker that is killed is replaced by any other: the leases of the
campaigns that it drove lapse within a minute.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

import structlog

from domain.errors import PetaliteError
from flows.prefect_api import PrefectApi
from flows.prefect_server import prefect_server
from flows.schedules import fire_due
from flows.upkeep import Upkeep
from flows.wake import Herald, PrefectDeployment
from services.children import Child
from services.health import WORKER_PREFIX
from services.notifications import Notifier
from services.settings import Settings
from services.store import Store, open_store

LOOK_S: Final = 1.0
"""How often the worker looks round."""
_SIGN_EVERY: Final = timedelta(seconds=10)
_FORGOTTEN_AFTER: Final = timedelta(days=1)
_PATIENCE_S: Final = 60.0
"""How long a runner may take to end its flow runs before it is killed."""


def work(settings: Settings, environ: MutableMapping[str, str]) -> None:
    """Works until SIGTERM or Ctrl-C.

    What is under way then is given back and asked again by the next worker; nothing is charged twice.

    Raises:
        PetaliteError: If the embedded Prefect server does not start, or the store is not there from the beginning.
    """
    environ["PETALITE_HOME"] = str(settings.home)
    stop = threading.Event()
    with (
        open_store(settings.store_url) as store,
        prefect_server(environ, home=settings.home),
        Child("runner", ["flows.deployment"], environ, patience_s=_PATIENCE_S) as runner,
        _notifying(settings, store, stop),
    ):
        prefect = PrefectApi(environ)
        herald = Herald(store, PrefectDeployment(prefect), n_slots=settings.campaigns)
        name = f"{WORKER_PREFIX}{socket.gethostname()[:32]}:{os.getpid()}-{secrets.token_hex(3)}"
        log = structlog.get_logger("petalite.worker")
        for number in (signal.SIGTERM, signal.SIGINT):  # only now: a start is broken off at once
            signal.signal(number, lambda _number, _frame: stop.set())
        log.info("worker started", worker=name)
        known_problem = ""
        signs, upkeep = _Signs(store, name), Upkeep(store, settings)
        try:
            while not stop.wait(LOOK_S):
                runner.keep_alive()
                problem = _look_round(store, herald, runner, signs, upkeep)
                if problem and problem != known_problem:
                    log.warning("worker waits", problem=problem)
                known_problem = problem
        finally:
            prefect.close()
            with contextlib.suppress(PetaliteError):
                store.cursors.forget(name)
            log.info("worker stopped", worker=name)


class _Signs:
    """The worker's signs of life: often enough to be believed, seldom enough to be no burden."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._last_at: datetime | None = None

    def give(self) -> None:
        """Gives one if the last one has been a while ago; the first time it forgets workers that died long ago."""
        now = self._store.now()
        if self._last_at is None:
            self._store.cursors.forget_silent(WORKER_PREFIX, since=now - _FORGOTTEN_AFTER)
        if self._last_at is None or now - self._last_at >= _SIGN_EVERY:
            self._store.cursors.give_sign(self._name)
            self._last_at = now


def _look_round(store: Store, herald: Herald, runner: Child, signs: _Signs, upkeep: Upkeep) -> str:
    """Gives a sign of life, ends lapsed claims, fires schedules, calls campaigns; returns what was in the way."""
    log = structlog.get_logger("petalite.worker")
    try:
        signs.give()
        if n_ended := upkeep.tend():
            log.warning("claims lapsed", claims=n_ended)
        for campaign in fire_due(store):
            log.info("schedule fired", campaign=campaign)
        for campaign in herald.look_round():
            log.info("campaign called", campaign=campaign)
            runner.poke()
    except PetaliteError as error:  # the store or Prefect is away; whatever waits goes on waiting
        return error.problem
    return ""


@contextmanager
def _notifying(settings: Settings, store: Store, stop: threading.Event) -> Iterator[None]:
    """Tells people what happens, in a thread of its own, so that a slow mail server holds nothing up."""
    if settings.notify_file is None:
        yield
        return
    notifier = Notifier.from_file(store, settings.notify_file, public_url=settings.public_url)
    thread = threading.Thread(target=notifier.run, args=(stop,), name="notifier", daemon=True)
    thread.start()
    yield
