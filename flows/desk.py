"""The desk where queries of one fidelity are handed to oracle processes and answers are taken to intake."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime

from domain.blueprint import Blueprint
from domain.cost import Cost
from domain.errors import InvalidValueError
from domain.look import LookRequest
from domain.measurement import Failure, FailureKind, Measurement, Provenance
from domain.ports import ComputedOracle
from domain.states import QueryState
from flows.references import MissingReference
from flows.workplace import Workplace
from oracles.process import Answer, OracleProcess, Refusal
from services.intake import record_failure, record_measurement
from services.store.records import QueryRecord

LEASE_MARGIN_S = 60.0
"""A look that reaches its time limit is ended by us; its lease lapses only after that."""


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
        if self._closed.is_set() or not self._workplace.may_go_on():
            return None
        for query in queued_queries(self._workplace, self._fidelity.name, self._round_index):
            lease_s = self._fidelity.limits.time_s + LEASE_MARGIN_S
            claimed = self._workplace.store.queries.claim(query.id, worker=worker, lease_s=lease_s)
            if claimed is not None:
                return claimed
        return None

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
        """The same at every fidelity, so that all of them look at the same draws."""
        return self._workplace.seed("look", blueprint.digest)

    def _record(self, query: QueryRecord, blueprint: Blueprint, answer: Answer) -> None:
        try:
            record_measurement(
                self._workplace.store,
                query.id,
                fence=query.fence,
                measurement=self._measurement(query, blueprint, answer),
                realizations=answer.result.realizations,
            )
        except InvalidValueError as implausible:
            self._fail(query, _as_refusal(answer, implausible))

    def _measurement(self, query: QueryRecord, blueprint: Blueprint, answer: Answer) -> Measurement:
        return Measurement(
            value=answer.result.value,
            unit=self._oracle.quantity.unit,
            sigma=answer.result.sigma,
            provenance=Provenance(
                oracle=self._oracle.name,
                oracle_version=answer.oracle_version,
                settings_digest=self._fidelity.settings_digest,
                worker=query.worker or "",
                seed=self._seed(blueprint),
                realization_digest=answer.result.realization_digest,
            ),
            cost=Cost(amount=self._fidelity.cost, core_seconds=answer.core_seconds),
            measured_at=datetime.now(UTC),
            details=answer.result.details,
        )

    def _fail(self, query: QueryRecord, refusal: Refusal) -> None:
        failure = Failure(
            kind=refusal.kind,
            reason=refusal.reason,
            worker=query.worker or "",
            cost=Cost(amount=self._fidelity.cost, core_seconds=refusal.core_seconds),
            failed_at=datetime.now(UTC),
            details=refusal.details,
        )
        record_failure(self._workplace.store, query.id, fence=query.fence, failure=failure)


def queued_queries(workplace: Workplace, fidelity: str, round_index: int) -> tuple[QueryRecord, ...]:
    """The queries of a round and fidelity that wait for somebody."""
    return workplace.store.queries.list(
        workplace.campaign.id, states=frozenset({QueryState.QUEUED}), fidelity=fidelity, round_index=round_index
    )


def _as_refusal(answer: Answer, implausible: InvalidValueError) -> Refusal:
    return Refusal(
        kind=FailureKind.PERMANENT,
        reason=implausible.problem,
        core_seconds=answer.core_seconds,
        wall_s=answer.wall_s,
        details=answer.result.details,
    )
