"""The desk where queries of one fidelity are handed to oracle processes and answers are taken to intake."""

import threading
from collections.abc import Mapping

from domain.blueprint import Blueprint
from domain.errors import InvalidValueError
from domain.look import LookRequest
from domain.measurement import FailureKind
from domain.ports import ComputedOracle
from flows.answers import as_refusal, failure_of, measurement_of
from flows.references import MissingReference
from flows.standing import queued_queries
from flows.workplace import Workplace
from oracles.process import Answer, OracleProcess, Refusal
from services.intake import record_failure, record_measurement
from services.store.records import QueryRecord

LEASE_MARGIN_S = 60.0
"""A look that reaches its time limit is ended by us; its lease lapses only after that."""
PATIENCE_S = 1.0
"""How long a busy oracle is left alone before it is asked again."""


class Desk:
    """Serves the queued queries of one round and fidelity. Several threads may serve at once.

    Args:
        workplace: The campaign.
        oracle: The fidelity's oracle, asked only what costs nothing; looks run in processes.
        fidelity: Name of the fidelity.
        round_index: Number of the round.
        references: Reference energies in eV/atom by element, or why there is none.
    """

    def __init__(
        self,
        workplace: Workplace,
        oracle: ComputedOracle,
        *,
        fidelity: str,
        round_index: int,
        references: Mapping[str, float | MissingReference],
    ) -> None:
        self._workplace = workplace
        self._oracle = oracle
        self._fidelity = workplace.fidelity(fidelity)
        self._round_index = round_index
        self._references = references
        self._closed = threading.Event()

    def close(self) -> None:
        """Lets no further answer in: what is under way goes back to the queue."""
        self._closed.set()

    def serve(self, process: OracleProcess, worker: str) -> None:
        """Claims one query after the other until none is queued, the desk closes, or the campaign may not go on."""
        while (query := self._claim_next(worker)) is not None:
            try:
                self._answer(query, process)
            except BaseException:
                self._give_back(query)
                raise

    def _answer(self, query: QueryRecord, process: OracleProcess) -> None:
        blueprint = self._workplace.store.candidates.get(query.candidate_id).blueprint
        outcome = self._missing_reference(blueprint) or process.look(self._request(query, blueprint))
        if self._closed.is_set():
            self._give_back(query)
        elif isinstance(outcome, Refusal):
            self._fail(query, outcome)
        else:
            self._record(query, blueprint, outcome)

    def _give_back(self, query: QueryRecord) -> None:
        self._workplace.store.queries.release(query.id, query.fence)

    def _claim_next(self, worker: str) -> QueryRecord | None:
        while self._workplace.may_go_on() and (queued := self._queued()):
            for query in queued:
                lease_s = self._fidelity.limits.time_s + LEASE_MARGIN_S
                claimed = self._workplace.store.queries.claim(query.id, worker=worker, lease_s=lease_s)
                if claimed is not None:
                    return claimed
            if self._queued():
                # Another campaign keeps the oracle busy.
                self._closed.wait(PATIENCE_S)
        return None

    def _queued(self) -> tuple[QueryRecord, ...]:
        if self._closed.is_set():
            return ()
        return queued_queries(self._workplace, self._fidelity.name, self._round_index)

    def _missing_reference(self, blueprint: Blueprint) -> Refusal | None:
        for symbol in self._oracle.reference_elements(blueprint):
            reference = self._references[symbol]
            if isinstance(reference, MissingReference):
                return Refusal(FailureKind.REJECTED, reference.reason, core_seconds=0.0, wall_s=0.0)
        return None

    def _request(self, query: QueryRecord, blueprint: Blueprint) -> LookRequest:
        found = {symbol: self._references[symbol] for symbol in self._oracle.reference_elements(blueprint)}
        return LookRequest(
            blueprint=blueprint,
            seed=self._seed(blueprint),
            realizations=tuple(r.realization for r in self._workplace.store.realizations.list(query.candidate_id)),
            references={s: energy for s, energy in found.items() if not isinstance(energy, MissingReference)},
        )

    def _seed(self, blueprint: Blueprint) -> int:
        return self._workplace.spec.look_seed(blueprint)

    def _record(self, query: QueryRecord, blueprint: Blueprint, answer: Answer) -> None:
        try:
            record_measurement(
                self._workplace.store,
                query.id,
                fence=query.fence,
                measurement=measurement_of(
                    answer, self._oracle, self._fidelity, worker=query.worker or "", seed=self._seed(blueprint)
                ),
                realizations=answer.result.realizations,
            )
        except InvalidValueError as implausible:
            self._fail(query, as_refusal(answer, implausible))

    def _fail(self, query: QueryRecord, refusal: Refusal) -> None:
        failure = failure_of(refusal, self._fidelity, worker=query.worker or "")
        record_failure(self._workplace.store, query.id, fence=query.fence, failure=failure)
