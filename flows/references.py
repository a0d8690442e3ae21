"""Reference energies of the elements: computed once for an oracle and its settings, kept for a group's campaigns."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from domain.errors import ConflictError
from domain.events import EventKind
from domain.measurement import FailureKind, Provenance
from domain.ports import ComputedOracle
from flows.processes import serve_in_threads
from flows.workplace import Workplace
from oracles.running.process import OracleProcess, Refusal
from services.intake.references import record_reference


@dataclass(frozen=True, slots=True)
class MissingReference:
    """Why an element has no reference energy."""

    reason: str


def find_references(
    workplace: Workplace,
    oracle: ComputedOracle,
    fidelity: str,
    symbols: Sequence[str],
    processes: Sequence[OracleProcess],
) -> Mapping[str, float | MissingReference]:
    """Finds the reference energies (eV/atom) of elements, computing those that the store does not have.

    They belong to the campaign's group and are charged to nobody; their core-seconds are kept.
    """
    settings_digest = workplace.fidelity(fidelity).settings_digest
    stored = workplace.store.references.get(
        oracle.name, oracle.version, settings_digest, group_id=workplace.campaign.group_id
    )
    found: dict[str, float | MissingReference] = {
        found_symbol: record.reference.energy_eV_per_atom for found_symbol, record in stored.items()
    }
    missing: SimpleQueue[str] = SimpleQueue()
    for symbol in symbols:
        if symbol not in found:
            missing.put(symbol)
    lock = threading.Lock()

    def serve(process: OracleProcess, worker: str) -> None:
        while (symbol := _next(missing)) is not None:
            energy = _compute(workplace, oracle, fidelity, symbol, process, worker)
            with lock:
                found[symbol] = energy

    if not missing.empty():
        serve_in_threads(processes, serve, runner=workplace.runner, stop=lambda: _drain(missing))
    return found


def _compute(
    workplace: Workplace, oracle: ComputedOracle, fidelity: str, symbol: str, process: OracleProcess, worker: str
) -> float | MissingReference:
    answer = process.reference(symbol)
    if isinstance(answer, Refusal) and answer.kind is FailureKind.TRANSIENT:
        answer = process.reference(symbol)
    if isinstance(answer, Refusal):
        workplace.emit(
            EventKind.STAGE_NOTE, f"ask: no reference energy of {symbol} at {fidelity}: {answer.reason}", symbol=symbol
        )
        return MissingReference(f"The reference energy of {symbol} is missing: {answer.reason}")
    provenance = Provenance(
        oracle=oracle.name,
        oracle_version=answer.oracle_version,
        settings_digest=workplace.fidelity(fidelity).settings_digest,
        worker=worker,
    )
    try:
        record = record_reference(
            workplace.store,
            answer.reference,
            provenance=provenance,
            group_id=workplace.campaign.group_id,
            core_seconds=answer.core_seconds,
            campaign_id=workplace.campaign.id,
        )
    except ConflictError as refused:
        workplace.emit(EventKind.STAGE_NOTE, f"ask: {refused}", symbol=symbol)
        return MissingReference(refused.problem)
    energy = record.reference.energy_eV_per_atom
    workplace.emit(
        EventKind.REFERENCE_DONE,
        f"ask: reference {symbol} at {fidelity}: {energy:.4f} eV/atom "
        f"({answer.core_seconds:.1f} core-seconds, not charged)",
        symbol=symbol,
        fidelity=fidelity,
        core_seconds=answer.core_seconds,
    )
    return energy


def _next(symbols: SimpleQueue[str]) -> str | None:
    try:
        return symbols.get_nowait()
    except Empty:
        return None


def _drain(symbols: SimpleQueue[str]) -> None:
    while _next(symbols) is not None:
        pass
