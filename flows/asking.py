"""ask: a round's queries at one fidelity, on warm oracle processes."""

from functools import partial

from domain.blueprint import Blueprint
from domain.events import EventKind
from domain.ports import ComputedOracle
from flows.desk import Desk
from flows.processes import oracle_processes, serve_in_threads
from flows.references import find_references
from flows.standing import queries_not_asked, queued_queries
from flows.workplace import Workplace
from services.store.records import QueryRecord, RoundRecord


def ask_fidelity(workplace: Workplace, opened: RoundRecord, fidelity: str) -> None:
    """Runs the round's queued queries at one fidelity until none is left.

    What people or machines answer stays in the queue, and what costs too much waits for approval. A look that crashes,
    hangs or gives no number becomes a recorded failure. Queries that have become pointless since the round was opened
    are cancelled, and their money is free again.
    """
    _cancel_pointless(workplace, opened, fidelity)
    queued = queued_queries(workplace, fidelity, opened.index)
    if not queued or fidelity in workplace.waiting_fidelities:
        return
    oracle = workplace.oracles[fidelity]
    if not isinstance(oracle, ComputedOracle):
        return
    workplace.emit(
        EventKind.STAGE_STARTED, f"ask: {len(queued)} × {fidelity}", stage="ask", fidelity=fidelity, round=opened.index
    )
    limit = workplace.fidelity(fidelity).max_concurrent
    n_processes = min(workplace.settings.workers, len(queued), limit or len(queued))
    scratch = workplace.settings.scratch
    with oracle_processes(workplace.fidelity(fidelity), n_processes, scratch=scratch) as processes:
        symbols = _reference_elements(oracle, _blueprints(workplace, queued))
        references = find_references(workplace, oracle, fidelity, symbols, processes)
        new_desk = partial(Desk, workplace, oracle, fidelity=fidelity, round_index=opened.index, references=references)
        # One of these may have taken the computer down. Each by itself: the guilty one takes no innocent one with it.
        suspects = workplace.store.queries.lost(workplace.campaign.id) & {query.id for query in queued}
        for suspect in sorted(suspects):
            alone = new_desk(only=suspect)
            serve_in_threads(processes[:1], alone.serve, runner=workplace.runner, stop=alone.close)
        desk = new_desk()
        serve_in_threads(processes, desk.serve, runner=workplace.runner, stop=desk.close)


def _cancel_pointless(workplace: Workplace, opened: RoundRecord, fidelity: str) -> None:
    """Cancels what cannot be asked any more: the oracle has gone, or a cheaper look at the crystal failed for good."""
    hopeless = workplace.hopeless_candidates()
    for query in queries_not_asked(workplace, fidelity, opened.index):
        if fidelity in workplace.missing_oracles:
            workplace.store.queries.cancel(query.id, reason="its oracle is not here any more")
        elif query.candidate_id in hopeless:
            workplace.store.queries.cancel(query.id, reason="another look at the crystal failed for good")


def _blueprints(workplace: Workplace, queries: tuple[QueryRecord, ...]) -> tuple[Blueprint, ...]:
    return tuple(workplace.store.candidates.get(query.candidate_id).blueprint for query in queries)


def _reference_elements(oracle: ComputedOracle, blueprints: tuple[Blueprint, ...]) -> tuple[str, ...]:
    return tuple(sorted({symbol for blueprint in blueprints for symbol in oracle.reference_elements(blueprint)}))
