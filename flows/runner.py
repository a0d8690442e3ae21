"""Who runs a campaign: one process at a time, replaced when it dies."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psutil

from services.store import Store

RUNNER_PREFIX: Final = "runner:"
"""Begins the name of every worker that a campaign's runner employs."""
LEASE_S: Final = 60.0
RENEWAL_S: Final = 15.0


def runner_name() -> str:
    """Names this process: who runs a campaign, and who claimed a query."""
    return f"{RUNNER_PREFIX}{socket.gethostname()}:{os.getpid()}"


@contextmanager
def runner_lease(store: Store, campaign_id: int) -> Iterator[bool]:
    """Holds a campaign for this process and keeps the lease alive; yields whether it could be had.

    A runner that loses its lease (its machine slept, say) finds that out when it asks `Workplace.may_go_on`; what it
    had claimed is somebody else's by then, and its late answers are kept as evidence only.
    """
    holder = runner_name()
    _replace_dead_runner(store, campaign_id)
    if not store.campaigns.acquire_runner(campaign_id, holder, LEASE_S):
        yield False
        return
    over = threading.Event()

    def renew() -> None:
        while not over.wait(RENEWAL_S):
            store.campaigns.renew_runner(campaign_id, holder, LEASE_S)

    renewal = threading.Thread(target=renew, name="runner-lease", daemon=True)
    renewal.start()
    try:
        yield True
    finally:
        over.set()
        renewal.join()
        store.campaigns.release_runner(campaign_id, holder)


def _replace_dead_runner(store: Store, campaign_id: int) -> None:
    """Takes the lease from a runner of this machine that no longer lives, without waiting for it to lapse."""
    runner = store.campaigns.runner(campaign_id)
    if runner is None:
        return
    machine, _, process_id = runner.holder.rpartition(":")
    is_of_this_machine = machine == runner_name().rpartition(":")[0]
    if is_of_this_machine and process_id.isdigit() and not psutil.pid_exists(int(process_id)):
        store.campaigns.break_runner(campaign_id, runner.holder)
