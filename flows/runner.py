"""Who runs a campaign: one process at a time, replaced when it dies."""

import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from domain.digest import content_digest
from domain.errors import StoreError
from flows.outage import TRIES_EVERY_S
from services.store import Store

RUNNER_PREFIX: Final = "runner:"
"""Begins the name of every worker that a campaign's runner employs."""
LEASE_S: Final = 60.0
RENEWAL_S: Final = 15.0
_STARTED_AT: Final = 19
"""Place of a process's start (ticks since the boot) among the fields behind its name in /proc/…/stat; see proc(5)."""


@contextmanager
def runner_lease(store: Store, campaign_id: int) -> Iterator[str | None]:
    """Holds a campaign for the caller and keeps the lease alive; yields the holder's name, or None if it is held.

    A runner that loses its lease (its machine slept, say) finds that out when it asks `Workplace.may_go_on`; what it
    had claimed is somebody else's by then, and its late answers are kept as evidence only.
    """
    holder = f"{RUNNER_PREFIX}{_machine()}:{os.getpid()}:{_began(os.getpid())}-{secrets.token_hex(4)}"
    _replace_dead_runner(store, campaign_id)
    if not store.campaigns.acquire_runner(campaign_id, holder, LEASE_S):
        yield None
        return
    over = threading.Event()

    def renew() -> None:
        wait_s = RENEWAL_S
        while not over.wait(wait_s):
            try:
                store.campaigns.renew_runner(campaign_id, holder, LEASE_S)
                wait_s = RENEWAL_S
            except StoreError:  # when the store is back, whoever comes first has the campaign
                wait_s = TRIES_EVERY_S

    renewal = threading.Thread(target=renew, name="runner-lease", daemon=True)
    renewal.start()
    try:
        yield holder
    finally:
        over.set()
        renewal.join()
        store.campaigns.release_runner(campaign_id, holder)


def is_alive(worker: str) -> bool:
    """Whether a runner, or who works for it, is known to live: its process is one of this machine's."""
    return _lives(worker) is True


def _lives(worker: str) -> bool | None:
    """Whether a runner's process lives; None where it is another machine's, of which nobody knows."""
    machine, _, process = worker.removeprefix(RUNNER_PREFIX).partition(":")
    process_id, _, token = process.partition(":")
    if machine != _machine() or not process_id.isdigit():
        return None
    began, is_told, _ = token.partition("-")
    try:
        # In a container that was started again its numbers are given out again, too.
        is_another = bool(is_told) and began != _began(int(process_id))
        return not is_another and psutil.Process(int(process_id)).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _began(process_id: int) -> str:
    """When a process began, as the system counts it: tells two apart that had the same number."""
    fields = _read(f"/proc/{process_id}/stat").rpartition(")")[2].split()  # a program's name may hold spaces
    return fields[_STARTED_AT] if fields else f"{psutil.Process(process_id).create_time():.0f}"


def _machine() -> str:
    """Names this machine, this boot of it and this container: only there does a process number mean anything."""
    parts = [socket.gethostname(), *(_read(name) for name in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"))]
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return f"{socket.gethostname()}-{content_digest(list(parts))[:12]}"


def _read(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _replace_dead_runner(store: Store, campaign_id: int) -> None:
    """Takes the lease from a runner of this machine that no longer lives, without waiting for it to lapse."""
    runner = store.campaigns.runner(campaign_id)
    if runner is not None and _lives(runner.holder) is False:
        store.campaigns.release_runner(campaign_id, runner.holder)
