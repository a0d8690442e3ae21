"""One claim on one machine: the claim kept alive, the look made."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from domain.errors import PetaliteError, ServiceAwayError
from domain.look import LookProgress, LookRequest
from domain.ports import ComputedOracle
from flows.answers import failure_of, measurement_of
from flows.machine.client import MachineClient
from flows.machine.references import References
from flows.machine.spool import Parcel, SpooledFile
from flows.machine.watch import Watch, require_wanted
from oracles.running.process import Answer, OracleProcess, Refusal
from services.messages.claims import Claim, FailureRequest, MeasurementRequest

TICK_S: Final = 0.2
"""How often the watch over a look wakes up."""
BEATS_PER_LEASE: Final = 3.0
TELL_EVERY_S: Final = 10.0
"""How soon after a heartbeat the next may tell how far the look has come."""


def answer_claim(
    client: MachineClient,
    claim: Claim,
    oracle: ComputedOracle,
    process: OracleProcess,
    *,
    references: References,
    folder: Path,
) -> Parcel:
    """Makes the look that a claim asks for. What the oracle does wrong is a failure, not an error.

    Args:
        client: The service.
        claim: What is asked.
        oracle: The oracle, asked only what costs nothing.
        process: Where it looks.
        references: Where reference energies come from.
        folder: Keeps what a look that takes long needs to go on after it was killed.

    Raises:
        LookAbandonedError: If the machine is to stop and the look takes longer than the grace.
        PetaliteError: If the service refuses to hand out or to take reference energies.
    """
    worker, watch = references.worker, references.watch
    with _kept_alive(client, claim, process, watch) as word:
        found = references.find(claim, oracle, process)
        if isinstance(found, Refusal):
            return _parcel(claim, found, oracle, worker)
        request = LookRequest(claim.blueprint, claim.seed, claim.realizations, found)
        outcome = process.look(request, folder=folder, on_progress=word.hear)
        require_wanted(outcome, watch)
        return _parcel(claim, outcome, oracle, worker)


class _Word:
    """How far a look has come, on its way from the thread that looks to the one that tells the service."""

    def __init__(self) -> None:
        self._newest: LookProgress | None = None
        self._lock = threading.Lock()

    def hear(self, progress: LookProgress) -> None:
        """Replaces what was not told yet."""
        with self._lock:
            self._newest = progress

    def is_new(self) -> bool:
        """Whether there is something to tell."""
        return self._newest is not None

    def take(self) -> LookProgress | None:
        """What was not told yet."""
        with self._lock:
            newest, self._newest = self._newest, None
            return newest


@contextmanager
def _kept_alive(client: MachineClient, claim: Claim, process: OracleProcess, watch: Watch) -> Iterator[_Word]:
    """Sends heartbeats until the context ends, and ends the look where the machine is to stop.

    A claim that is lost meanwhile changes nothing here: the answer is handed in and kept as evidence.
    """
    over, word = threading.Event(), _Word()
    arguments = (client, claim, process, watch, word, over)
    thread = threading.Thread(target=_keep_watch, args=arguments, name="claim", daemon=True)
    thread.start()
    try:
        yield word
    finally:
        over.set()
        thread.join()


def _keep_watch(
    client: MachineClient, claim: Claim, process: OracleProcess, watch: Watch, word: _Word, over: threading.Event
) -> None:
    period_s = watch.lease_s / BEATS_PER_LEASE
    beaten_at = time.monotonic()
    end: float | None = None
    is_held = True
    while not over.wait(TICK_S):
        now = time.monotonic()
        if watch.stop.is_set():
            end = end if end is not None else now + watch.grace_s
            if now >= end:
                process.interrupt()
        since_s = now - beaten_at
        if is_held and (since_s >= period_s or (word.is_new() and since_s >= TELL_EVERY_S)):
            is_held = _beat(client, claim, watch.lease_s, word.take())
            beaten_at = now


def _beat(client: MachineClient, claim: Claim, lease_s: float, progress: LookProgress | None) -> bool:
    try:
        return client.heartbeat(claim.query.id, claim.query.fence, lease_s, progress)
    except ServiceAwayError:
        return True
    except PetaliteError:
        return False  # the answer will be refused in the same words, where people see them


def _parcel(claim: Claim, outcome: Answer | Refusal, oracle: ComputedOracle, worker: str) -> Parcel:
    fence = claim.query.fence
    if isinstance(outcome, Refusal):
        failure = failure_of(outcome, claim.fidelity, worker=worker)
        return Parcel(claim.query.id, failure=FailureRequest(fence, failure))
    measurement = measurement_of(outcome, oracle, claim.fidelity, worker=worker, seed=claim.seed)
    seen = outcome.result
    answer = MeasurementRequest(fence, measurement, seen.realizations, seen.series)
    return Parcel(claim.query.id, measurement=answer, files=tuple(SpooledFile(file) for file in seen.files))
