"""One claim on one machine: the claim kept alive, the reference energies found, the look made."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from domain.errors import PetaliteError, ServiceAwayError
from domain.look import LookRequest
from domain.measurement import FailureKind, Provenance
from domain.ports import ComputedOracle
from flows.answers import failure_of, measurement_of
from flows.machine.client import MachineClient
from flows.machine.spool import Parcel
from oracles.process import Answer, OracleProcess, ReferenceAnswer, Refusal
from services.messages.claims import Claim, FailureRequest, MeasurementRequest, ReferenceMessage

T = TypeVar("T")

TICK_S: Final = 0.2
"""How often the watch over a look wakes up."""
BEATS_PER_LEASE: Final = 3.0
PATIENCE_S: Final = 5.0
"""How long a service that is away is left alone before it is asked again."""


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


def answer_claim(
    client: MachineClient, claim: Claim, oracle: ComputedOracle, process: OracleProcess, *, worker: str, watch: Watch
) -> Parcel:
    """Makes the look that a claim asks for. What the oracle does wrong is a failure, not an error.

    Raises:
        LookAbandonedError: If the machine is to stop and the look takes longer than the grace.
        PetaliteError: If the service refuses to hand out or to take reference energies.
    """
    with _kept_alive(client, claim, process, watch):
        references = _references(client, claim, oracle, process, worker=worker, watch=watch)
        if isinstance(references, Refusal):
            return _parcel(claim, references, oracle, worker)
        request = LookRequest(claim.blueprint, claim.seed, claim.realizations, references)
        outcome = process.look(request)
        _require_wanted(outcome, watch)
        return _parcel(claim, outcome, oracle, worker)


@contextmanager
def _kept_alive(client: MachineClient, claim: Claim, process: OracleProcess, watch: Watch) -> Iterator[None]:
    """Sends heartbeats until the context ends, and ends the look where the machine is to stop.

    A claim that is lost meanwhile changes nothing here: the answer is handed in and kept as evidence.
    """
    over = threading.Event()
    thread = threading.Thread(target=_keep_watch, args=(client, claim, process, watch, over), name="claim", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _keep_watch(
    client: MachineClient, claim: Claim, process: OracleProcess, watch: Watch, over: threading.Event
) -> None:
    period_s = watch.lease_s / BEATS_PER_LEASE
    next_beat = time.monotonic() + period_s
    end: float | None = None
    is_held = True
    while not over.wait(TICK_S):
        now = time.monotonic()
        if watch.stop.is_set():
            end = end if end is not None else now + watch.grace_s
            if now >= end:
                process.interrupt()
        if is_held and now >= next_beat:
            is_held = _beat(client, claim, watch.lease_s)
            next_beat = now + period_s


def _beat(client: MachineClient, claim: Claim, lease_s: float) -> bool:
    try:
        return client.heartbeat(claim.query.id, claim.query.fence, lease_s)
    except ServiceAwayError:
        return True
    except PetaliteError:
        return False  # the answer will be refused in the same words, where people see them


def _references(
    client: MachineClient,
    claim: Claim,
    oracle: ComputedOracle,
    process: OracleProcess,
    *,
    worker: str,
    watch: Watch,
) -> Mapping[str, float] | Refusal:
    """Energies per atom (eV) of the elements' reference structures; those that nobody has computed are computed."""
    symbols = oracle.reference_elements(claim.blueprint)
    if not symbols:
        return {}
    digest = claim.fidelity.settings_digest
    known = dict(_patiently(partial(client.references, oracle.name, oracle.version, digest), watch))
    for symbol in symbols:
        if symbol in known:
            continue
        answer = _reference(process, symbol, watch)
        if isinstance(answer, Refusal):
            reason = f"The reference energy of {symbol} is missing: {answer.reason}"
            return Refusal(FailureKind.REJECTED, reason, core_seconds=0.0, wall_s=0.0)
        provenance = Provenance(oracle.name, answer.oracle_version, digest, worker)
        message = ReferenceMessage(answer.reference, provenance, answer.core_seconds)
        kept = _patiently(partial(client.put_reference, message), watch)
        known[symbol] = kept.reference.energy_eV_per_atom
    return {symbol: known[symbol] for symbol in symbols}


def _reference(process: OracleProcess, symbol: str, watch: Watch) -> ReferenceAnswer | Refusal:
    answer = process.reference(symbol)
    _require_wanted(answer, watch)
    if isinstance(answer, Refusal) and answer.kind is FailureKind.TRANSIENT:
        answer = process.reference(symbol)
        _require_wanted(answer, watch)
    return answer


def _require_wanted(outcome: Answer | ReferenceAnswer | Refusal, watch: Watch) -> None:
    was_interrupted = isinstance(outcome, Refusal) and outcome.details.get("error") == "Interrupted"
    if was_interrupted and watch.stop.is_set():
        raise LookAbandonedError


def _patiently(call: Callable[[], T], watch: Watch) -> T:
    while True:
        try:
            return call()
        except ServiceAwayError:
            if watch.stop.wait(PATIENCE_S):
                raise LookAbandonedError from None


def _parcel(claim: Claim, outcome: Answer | Refusal, oracle: ComputedOracle, worker: str) -> Parcel:
    fence = claim.query.fence
    if isinstance(outcome, Refusal):
        failure = failure_of(outcome, claim.fidelity, worker=worker)
        return Parcel(claim.query.id, failure=FailureRequest(fence, failure))
    measurement = measurement_of(outcome, oracle, claim.fidelity, worker=worker, seed=claim.seed)
    return Parcel(
        claim.query.id, measurement=MeasurementRequest(fence, measurement, tuple(outcome.result.realizations))
    )
