"""The desk where queries of one fidelity are handed to oracle processes and answers are taken to intake."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from domain.blueprint import Blueprint
from domain.errors import InvalidValueError, LookUnderWayError, StoreError
from domain.look import LookProgress, LookRequest
from domain.measurement import FailureKind
from domain.ports import ComputedOracle
from flows.answers import as_refusal, failure_of, measurement_of, without_files
from flows.look_files import keep_files
from flows.outage import outlast
from flows.references import MissingReference
from flows.standing import held_queries, queued_queries
from flows.workplace import Workplace
from oracles.running.process import Answer, OracleProcess, Refusal
from services.intake import Findings, record_failure, record_measurement
from services.store.records import QueryRecord

LEASE_MARGIN_S = 60.0
"""A look that reaches its time limit is ended by us; its lease lapses only after that."""
PATIENCE_S = 1.0
"""How long a busy oracle is left alone before it is asked again."""
TELL_EVERY_S = 5.0
"""How often the store is told how far a look has come."""
UNDER_WAY_S = 30.0
"""How long a look is left alone that another process of this computer is still at; that is no attempt."""


class Desk:
    """Serves the queued queries of one round and fidelity. Several threads may serve at once.

    Args:
        workplace: The campaign.
        oracle: The fidelity's oracle, asked only what costs nothing; looks run in processes.
        fidelity: Name of the fidelity.
        round_index: Number of the round.
        references: Reference energies in eV/atom by element, or why there is none.
        only: Number of the one query that is handed out here; None for all.
    """

    def __init__(
        self,
        workplace: Workplace,
        oracle: ComputedOracle,
        *,
        fidelity: str,
        round_index: int,
        references: Mapping[str, float | MissingReference],
        only: int | None = None,
    ) -> None:
        self._workplace = workplace
        self._oracle = oracle
        self._fidelity = workplace.fidelity(fidelity)
        self._round_index = round_index
        self._references = references
        self._only = only
        self._folders = workplace.look_folders
        self._closed = threading.Event()

    def close(self) -> None:
        """Lets no further answer in: what is under way goes back to the queue."""
        self._closed.set()

    def serve(self, process: OracleProcess, worker: str) -> None:
        """Claims one query after the other until none is queued, the desk closes, or the campaign may not go on.

        A store that is away for a while is waited for: looks go on meanwhile, and their answers are recorded then.
        """
        while (query := outlast(lambda: self._claim_next(worker), self._closed)) is not None:
            try:
                self._answer(query, process)
            except BaseException:
                self._give_back(query)
                raise

    def _answer(self, query: QueryRecord, process: OracleProcess) -> None:
        request = outlast(lambda: self._request(query), self._closed)
        outcome = self._missing_reference(request.blueprint) or self._look(query, request, process)
        if self._closed.is_set():
            self._give_back(query)
        elif isinstance(outcome, Refusal) and outcome.details.get("error") == LookUnderWayError.__name__:
            self._give_back(query)
            self._closed.wait(UNDER_WAY_S)
        elif isinstance(outcome, Refusal):
            self._fail(query, outcome, request.blueprint)
        else:
            self._record(query, request, outcome)

    def _look(self, query: QueryRecord, request: LookRequest, process: OracleProcess) -> Answer | Refusal:
        next_at = 0.0

        def tell(progress: LookProgress) -> None:
            nonlocal next_at
            if time.monotonic() >= next_at:
                with suppress(StoreError):  # nobody sees it then, and the look goes on
                    if not self._workplace.store.look_progress.tell(query.id, query.fence, progress):
                        process.interrupt()  # given up, or somebody else's by now
                next_at = time.monotonic() + TELL_EVERY_S

        return process.look(request, folder=self._folders.of(query.id, request.blueprint), on_progress=tell)

    def _give_back(self, query: QueryRecord) -> None:
        self._workplace.store.queries.release(query.id, query.fence)

    def _claim_next(self, worker: str) -> QueryRecord | None:
        lease_s = self._fidelity.limits.time_s + LEASE_MARGIN_S
        while self._workplace.may_go_on() and (queued := self._to_claim(worker)):
            for query in queued:
                claimed = self._workplace.store.queries.claim(query.id, worker=worker, lease_s=lease_s)
                if claimed is not None:
                    return claimed
            if self._to_claim(worker):
                # Another campaign keeps the oracle busy.
                self._closed.wait(PATIENCE_S)
        return None

    def _to_claim(self, worker: str) -> tuple[QueryRecord, ...]:
        """What the worker holds without knowing it comes first, because the store's reply was lost on its way.

        A worker has one look at a time, and asks for the next only when it has none.
        """
        if self._closed.is_set():
            return ()
        fidelity, index = self._fidelity.name, self._round_index
        held = held_queries(self._workplace, fidelity, index, worker=worker)
        queued = queued_queries(self._workplace, fidelity, index)
        return tuple(query for query in (*held, *queued) if self._only in {None, query.id})

    def _missing_reference(self, blueprint: Blueprint) -> Refusal | None:
        for symbol in self._oracle.reference_elements(blueprint):
            reference = self._references[symbol]
            if isinstance(reference, MissingReference):
                return Refusal(FailureKind.REJECTED, reference.reason, core_seconds=0.0, wall_s=0.0)
        return None

    def _request(self, query: QueryRecord) -> LookRequest:
        blueprint = self._workplace.store.candidates.get(query.candidate_id).blueprint
        found = {symbol: self._references[symbol] for symbol in self._oracle.reference_elements(blueprint)}
        return LookRequest(
            blueprint=blueprint,
            seed=self._workplace.spec.look_seed(blueprint),
            realizations=tuple(r.realization for r in self._workplace.store.realizations.list(query.candidate_id)),
            references={s: energy for s, energy in found.items() if not isinstance(energy, MissingReference)},
        )

    def _record(self, query: QueryRecord, request: LookRequest, answer: Answer) -> None:
        worker, seen = query.worker or "", answer.result
        folder = self._folders.of(query.id, request.blueprint)
        keep = partial(keep_files, self._workplace, seen.files, folder=folder, worker=worker, query_id=query.id)
        kept = outlast(keep, self._closed)
        # Made once: what is handed in again must be the same, for it may have arrived.
        whole = measurement_of(answer, self._oracle, self._fidelity, worker=worker, seed=request.seed)
        measurement = without_files(whole, kept.missing)
        found = Findings(seen.realizations, seen.series, kept.numbers)
        record = partial(record_measurement, self._workplace.store, query.id, fence=query.fence)
        try:
            outlast(lambda: record(measurement=measurement, found=found), self._closed)
        except InvalidValueError as implausible:
            self._fail(query, as_refusal(answer, implausible), request.blueprint)
        else:
            self._folders.forget(query.id, request.blueprint)

    def _fail(self, query: QueryRecord, refusal: Refusal, blueprint: Blueprint) -> None:
        failure = failure_of(refusal, self._fidelity, worker=query.worker or "")
        outlast(
            lambda: record_failure(self._workplace.store, query.id, fence=query.fence, failure=failure), self._closed
        )
        if refusal.kind is not FailureKind.TRANSIENT:
            self._folders.forget(query.id, blueprint)
