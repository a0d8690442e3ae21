"""Reference energies as a machine finds them: asked of the service, else computed and shared through it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeVar

from domain.errors import ConflictError, ServiceAwayError
from domain.measurement import FailureKind, Provenance
from domain.ports import ComputedOracle
from flows.machine.client import MachineClient
from flows.machine.post import Post
from flows.machine.watch import LookAbandonedError, Watch, require_wanted
from oracles.running.process import OracleProcess, ReferenceAnswer, Refusal
from services.messages.claims import Claim, ReferenceMessage

T = TypeVar("T")

PATIENCE_S: Final = 5.0
"""How long a service that is away is left alone before it is asked again."""


class References:
    """Finds the energies per atom of the elements' reference structures.

    What is computed here while the service is away outlives this process, and is handed in later.

    Args:
        client: The service.
        post: Keeps what is computed here until the service has it.
        worker: Name of the machine.
        watch: How the machine is stopped.
    """

    def __init__(self, client: MachineClient, post: Post, *, worker: str, watch: Watch) -> None:
        self._client = client
        self._post = post
        self.worker = worker
        self.watch = watch

    def find(self, claim: Claim, oracle: ComputedOracle, process: OracleProcess) -> Mapping[str, float] | Refusal:
        """Energies (eV/atom) by element symbol, or why one of them is missing.

        Raises:
            LookAbandonedError: If the machine is to stop before they are found.
            PetaliteError: If the service refuses to hand out or to take them.
        """
        symbols = oracle.reference_elements(claim.blueprint)
        if not symbols:
            return {}
        digest = claim.fidelity.settings_digest
        asked = partial(self._client.references, oracle.name, oracle.version, digest, campaign=claim.query.campaign)
        known = dict(self._patiently(asked))
        for symbol in symbols:
            if symbol in known:
                continue
            answer = self._compute(process, symbol)
            if isinstance(answer, Refusal):
                reason = f"The reference energy of {symbol} is missing: {answer.reason}"
                return Refusal(FailureKind.REJECTED, reason, core_seconds=0.0, wall_s=0.0)
            provenance = Provenance(oracle.name, answer.oracle_version, digest, self.worker)
            message = ReferenceMessage(answer.reference, provenance, answer.core_seconds, claim.query.campaign)
            try:
                kept = self._patiently(partial(self._post.hand_in_reference, message))
            except ConflictError as refused:
                return Refusal(FailureKind.REJECTED, refused.problem, core_seconds=answer.core_seconds, wall_s=0.0)
            known[symbol] = kept.reference.energy_eV_per_atom
        return {symbol: known[symbol] for symbol in symbols}

    def _compute(self, process: OracleProcess, symbol: str) -> ReferenceAnswer | Refusal:
        answer = process.reference(symbol)
        require_wanted(answer, self.watch)
        if isinstance(answer, Refusal) and answer.kind is FailureKind.TRANSIENT:
            answer = process.reference(symbol)
            require_wanted(answer, self.watch)
        return answer

    def _patiently(self, call: Callable[[], T]) -> T:
        while True:
            try:
                return call()
            except ServiceAwayError:
                if self.watch.stop.wait(PATIENCE_S):
                    raise LookAbandonedError from None
