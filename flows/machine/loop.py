"""The life of a machine: deliver, claim, look, deliver; until it is told to stop."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Final

from domain.errors import (
    OracleUnavailableError,
    PetaliteError,
    ServiceAwayError,
    SpecError,
    UnknownOracleError,
)
from domain.fidelity import Capability, Fidelity
from domain.ports import ComputedOracle
from flows.machine.client import MachineClient
from flows.machine.looking import answer_claim
from flows.machine.post import Post
from flows.machine.references import References
from flows.machine.spool import Parcel, Spool
from flows.machine.watch import LookAbandonedError, Watch
from oracles.registry import build_oracle
from oracles.running.process import OracleProcess
from services.messages.claims import Claim

POLL_S: Final = 10.0
"""How long a machine rests when nothing waits for it or the service is away."""
PATIENCE_S: Final = 300.0
"""How long a machine that is to answer one query goes on trying while the service is away."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a machine offers."""

    worker: str
    """Its name: one name, one look at a time."""
    oracles: tuple[Capability, ...]
    campaign: str | None = None
    """Only queries of this campaign; None for those of any that it may see."""
    poll_s: float = POLL_S


class _Turn(Enum):
    """How one turn of a machine ended."""

    ANSWERED = auto()
    IDLE = auto()
    """Nothing waits for this machine."""
    AWAY = auto()
    """The service does not answer."""


class Machine:
    """Answers queries one after the other.

    A finished answer is on this machine's disk before it is sent, and is sent until the service has it: nothing is
    computed twice. A machine that was killed gets its query again under the same name.

    Args:
        client: The service.
        spool: Where finished answers wait for it.
        offer: What the machine offers.
        watch: How long its claims live, and how it is stopped.
        report: Told in one line what happens.
        scratch: Folder for the temporary files of looks; the system's by default.
        clock: Seconds that pass, as `time.monotonic`.
    """

    def __init__(
        self,
        client: MachineClient,
        spool: Spool,
        offer: Offer,
        watch: Watch,
        report: Callable[[str], None],
        *,
        scratch: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._spool = spool
        self._post = Post(client, spool, report, lease_s=watch.lease_s)
        self._offer = offer
        self._watch = watch
        self._report = report
        self._clock = clock
        self._bench = _Bench(scratch)

    def run(self) -> None:
        """Answers queries until it is told to stop.

        Raises:
            ConflictError: If a machine of this name is running already on this computer.
            PetaliteError: If the service refuses the machine, or hands it a query that it cannot answer.
        """
        with self._spool.held(), closing(self._bench):
            self._spool.looks.forget_abandoned()
            while not self._watch.stop.is_set():
                if self._take_turn() is not _Turn.ANSWERED:
                    self._watch.stop.wait(self._offer.poll_s)

    def run_once(self, *, patience_s: float = PATIENCE_S) -> None:
        """Answers one query, if one waits, and hands it in.

        Args:
            patience_s: Seconds after which a service that is away is given up; what is finished stays on the disk.

        Raises:
            ServiceAwayError: If the service was away for so long.
            ConflictError: If a machine of this name is running already on this computer.
            PetaliteError: If the service refuses the machine, or hands it a query that it cannot answer.
        """
        with self._spool.held(), closing(self._bench):
            turn = self._insist(self._take_turn, patience_s)
            if turn is _Turn.ANSWERED and not self._watch.stop.is_set():
                self._insist(lambda: _Turn.ANSWERED if self.deliver() else _Turn.AWAY, patience_s)

    def _insist(self, work: Callable[[], _Turn], patience_s: float) -> _Turn:
        """Tries again while the service is away, until the patience is over or the machine is told to stop."""
        end = self._clock() + patience_s
        while (turn := work()) is _Turn.AWAY and not self._watch.stop.is_set():
            left_s = end - self._clock()
            if left_s <= 0:
                raise ServiceAwayError(
                    f"The service was away for {patience_s:g} s.",
                    remedy="What is finished is kept here: start the machine again under the same name, or run "
                    "petalite machine deliver, when the service is back.",
                )
            self._watch.stop.wait(min(left_s, self._offer.poll_s))
        return turn

    def deliver(self) -> bool:
        """Delivers everything that is finished; False if the service is away."""
        return self._post.deliver()

    def _take_turn(self) -> _Turn:
        """Answers one query."""
        # What is finished goes first: until the service has it, it would hand the same query out again.
        if not self.deliver():
            return _Turn.AWAY
        try:
            claim = self._client.claim(
                self._offer.worker,
                self._offer.oracles,
                lease_s=self._watch.lease_s,
                campaign=self._offer.campaign,
            )
        except ServiceAwayError as away:
            self._report(str(away))
            return _Turn.AWAY
        if claim is None:
            return _Turn.IDLE
        if not self._spool.has(claim.query.id, claim.query.fence):
            self._answer(claim)
        self.deliver()
        return _Turn.ANSWERED

    def _answer(self, claim: Claim) -> None:
        what = f"query {claim.query.id}, {claim.blueprint.title} at {claim.query.fidelity}"
        self._report(f"Claimed {what}, of {claim.query.campaign}")
        folder = self._spool.looks.of(claim.query.id, claim.blueprint)
        try:
            oracle = _build(claim.fidelity)
            process = self._bench.process_for(claim.fidelity)
            parcel = answer_claim(
                self._client,
                claim,
                oracle,
                process,
                references=References(self._client, self._post, worker=self._offer.worker, watch=self._watch),
                folder=folder,
            )
        except LookAbandonedError:
            self._release(claim)
            self._report(f"Gave {what} back")
        except BaseException:
            self._release(claim)
            raise
        else:
            self._spool.take(parcel, folder)
            if not parcel.may_be_repeated:
                self._spool.looks.forget(claim.query.id, claim.blueprint)
            self._report(f"Answered {what}: {_told(parcel)}")

    def _release(self, claim: Claim) -> None:
        try:
            self._client.release(claim.query.id, claim.query.fence)
        except PetaliteError as error:
            self._report(f"Query {claim.query.id} could not be given back and will lapse: {error.problem}")


@dataclass(slots=True)
class _Bench:
    """The one warm oracle process, replaced when another fidelity is asked."""

    scratch: Path | None
    fidelity: Fidelity | None = None
    process: OracleProcess | None = field(default=None)

    def process_for(self, fidelity: Fidelity) -> OracleProcess:
        if self.process is None or fidelity != self.fidelity:
            self.close()
            self.fidelity, self.process = fidelity, OracleProcess(fidelity, scratch=self.scratch)
        return self.process

    def close(self) -> None:
        if self.process is not None:
            self.process.close()


def _build(fidelity: Fidelity) -> ComputedOracle:
    """Builds the oracle that is asked, and checks that its software is here.

    Raises:
        OracleUnavailableError: If this machine cannot answer at all.
    """
    remedy = f"Install it, or offer '{fidelity.oracle}' with the settings that this machine can answer."
    try:
        oracle = build_oracle(fidelity.oracle, fidelity.settings)
        oracle.check()
    except (UnknownOracleError, SpecError, OracleUnavailableError) as error:
        raise OracleUnavailableError(
            f"This machine cannot look at fidelity '{fidelity.name}': {error.problem}", remedy=remedy
        ) from error
    if not isinstance(oracle, ComputedOracle):
        raise OracleUnavailableError(f"No machine answers the oracle '{fidelity.oracle}': people do.", remedy=remedy)
    return oracle


def _told(parcel: Parcel) -> str:
    if parcel.measurement is not None:
        measured = parcel.measurement.measurement
        return f"{measured.value:.4g} {measured.unit}"
    return "no value" if parcel.failure is None else parcel.failure.failure.reason
