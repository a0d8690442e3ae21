"""From rows to records."""

import json
from typing import Final, TypeAlias, TypeVar

from sqlalchemy import RowMapping

from domain.blueprint import Blueprint, Realization
from domain.campaign import CampaignSpec
from domain.cost import Cost
from domain.disorder import Arrangement
from domain.errors import SpecError, StoreCorruptError
from domain.events import Event, EventKind
from domain.json_value import JsonValue
from domain.look import ReferenceEnergy
from domain.measurement import Censoring, Failure, FailureKind, Measurement, Provenance
from domain.parsing import parse
from domain.states import CampaignState, QueryState, RoundState
from domain.training import Decision
from services.store.content_cache import ContentCache
from services.store.records import (
    CampaignRecord,
    CandidateRecord,
    EventRecord,
    FailureRecord,
    LedgerKind,
    LedgerRow,
    MeasurementRecord,
    QueryRecord,
    RealizationRecord,
    ReferenceRecord,
    RoundHead,
    RoundRecord,
)

T = TypeVar("T")
Row: TypeAlias = RowMapping
SPECS: Final[ContentCache[CampaignSpec]] = ContentCache(256)
"""Reading a spec costs a hundred times what finding it costs, and a campaign's never changes."""


def stored(cls: type[T], data: JsonValue) -> T:
    """Reads a domain value back from its JSON column.

    Raises:
        StoreCorruptError: If the column does not hold one.
    """
    try:
        return parse(cls, data, what=f"A stored {cls.__name__}")
    except SpecError as error:
        raise StoreCorruptError(error.problem, remedy="Restore the store from a backup.") from error


def campaign_record(row: Row) -> CampaignRecord:
    """Reads a row of `campaigns`."""
    return CampaignRecord(
        id=row["id"],
        name=row["name"],
        spec=SPECS.get(row["spec_digest"], lambda: _spec(row["spec"])),
        spec_digest=row["spec_digest"],
        state=CampaignState(row["state"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        group_id=row["group_id"],
        priority=row["priority"],
        wake_at=row["wake_at"],
        driven_until=row["runner_until"],
        archived_at=row["archived_at"],
    )


def _spec(column: JsonValue) -> CampaignSpec:
    """Reads a spec from its column, which may be asked for as text."""
    return stored(CampaignSpec, json.loads(column) if isinstance(column, str) else column)


def round_head(row: Row) -> RoundHead:
    """Reads a row of `rounds` without its closing notes."""
    return RoundHead(
        id=row["id"],
        campaign_id=row["campaign_id"],
        index=row["round_index"],
        state=RoundState(row["state"]),
        generator_version=row["generator_version"],
        surrogate_version=row["surrogate_version"],
        notes=row["notes"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
    )


def round_record(row: Row) -> RoundRecord:
    """Reads a row of `rounds`."""
    head = round_head(row)
    return RoundRecord(
        id=head.id,
        campaign_id=head.campaign_id,
        index=head.index,
        state=head.state,
        generator_version=head.generator_version,
        surrogate_version=head.surrogate_version,
        notes=head.notes,
        opened_at=head.opened_at,
        closed_at=head.closed_at,
        closing_notes=row["closing_notes"],
    )


def candidate_record(row: Row) -> CandidateRecord:
    """Reads a row of `candidates`."""
    return CandidateRecord(
        id=row["id"],
        campaign_id=row["campaign_id"],
        round_index=row["round_index"],
        blueprint=stored(Blueprint, row["blueprint"]),
        digest=row["digest"],
        generator_version=row["generator_version"],
        log_probability=row["log_probability"],
        created_at=row["created_at"],
    )


def realization_record(row: Row, blueprint_digest: str) -> RealizationRecord:
    """Reads a row of `realizations`."""
    return RealizationRecord(
        id=row["id"],
        candidate_id=row["candidate_id"],
        realization=Realization(
            blueprint_digest=blueprint_digest,
            cif=row["cif"],
            method=row["method"],
            seed=row["seed"],
            energy_eV_per_atom=row["energy_eV_per_atom"],
            ranked_by=row["ranked_by"],
            is_relaxed=row["is_relaxed"],
            arrangement=None if row["arrangement"] is None else stored(Arrangement, row["arrangement"]),
        ),
        recorded_at=row["recorded_at"],
    )


def query_record(row: Row) -> QueryRecord:
    """Reads a row of `queries`."""
    return QueryRecord(
        id=row["id"],
        campaign_id=row["campaign_id"],
        round_index=row["round_index"],
        candidate_id=row["candidate_id"],
        fidelity=row["fidelity"],
        state=QueryState(row["state"]),
        key=row["key"],
        declared=Cost(row["declared_amount"]),
        attempts=row["attempts"],
        worker=row["worker"],
        lease_until=row["lease_until"],
        fence=row["fence"],
        decision=stored(Decision, row["decision"]),
        created_at=row["created_at"],
        claimed_at=row["claimed_at"],
        finished_at=row["finished_at"],
        judged_by=row["judged_by"],
        judged_at=row["judged_at"],
        judgement=row["judgement"],
    )


def _cost(row: Row) -> Cost:
    return Cost(row["amount"], core_seconds=row["core_seconds"], money=row["money"])


def measured(row: Row, cost: Cost) -> Measurement:
    """Reads the columns that every table of measurements has."""
    return Measurement(
        value=row["value"],
        unit=row["unit"],
        sigma=row["sigma"],
        provenance=stored(Provenance, row["provenance"]),
        cost=cost,
        measured_at=row["measured_at"],
        censoring=Censoring(row["censoring"]),
        temperature_K=row["temperature_K"],
        details=row["details"],
    )


def measurement_record(row: Row) -> MeasurementRecord:
    """Reads a row of `measurements`."""
    return MeasurementRecord(
        id=row["id"],
        query_id=row["query_id"],
        candidate_id=row["candidate_id"],
        fidelity=row["fidelity"],
        measurement=measured(row, _cost(row)),
        recorded_at=row["recorded_at"],
        supersedes=row["supersedes"],
        is_retracted=row["is_retracted"],
        is_evidence=row["is_evidence"],
        reported_value=row["reported_value"],
        reported_unit=row["reported_unit"],
    )


def failure_record(row: Row) -> FailureRecord:
    """Reads a row of `failures`."""
    return FailureRecord(
        id=row["id"],
        query_id=row["query_id"],
        candidate_id=row["candidate_id"],
        fidelity=row["fidelity"],
        attempt=row["attempt"],
        failure=Failure(
            kind=FailureKind(row["kind"]),
            reason=row["reason"],
            worker=row["worker"],
            cost=_cost(row),
            failed_at=row["failed_at"],
            details=row["details"],
        ),
        recorded_at=row["recorded_at"],
        is_final=row["is_final"],
        is_evidence=row["is_evidence"],
    )


def ledger_row(row: Row) -> LedgerRow:
    """Reads a row of `ledger`."""
    return LedgerRow(
        id=row["id"],
        campaign_id=row["campaign_id"],
        query_id=row["query_id"],
        kind=LedgerKind(row["kind"]),
        amount=row["amount"],
        core_seconds=row["core_seconds"],
        money=row["money"],
        at=row["at"],
    )


def event_record(row: Row, campaign: str) -> EventRecord:
    """Reads a row of `events`."""
    return EventRecord(
        id=row["id"],
        event=Event(
            kind=EventKind(row["kind"]),
            campaign=campaign,
            message=row["message"],
            payload=row["payload"],
            at=row["at"],
        ),
    )


def reference_record(row: Row) -> ReferenceRecord:
    """Reads a row of `reference_energies`."""
    return ReferenceRecord(
        id=row["id"],
        reference=ReferenceEnergy(
            symbol=row["symbol"],
            energy_eV_per_atom=row["energy_eV_per_atom"],
            structure=row["structure"],
            cif=row["cif"],
            details=row["details"],
        ),
        provenance=stored(Provenance, row["provenance"]),
        core_seconds=row["core_seconds"],
        recorded_at=row["recorded_at"],
        group_id=row["group_id"],
        supersedes=row["supersedes"],
        is_retracted=row["is_retracted"],
        reason=row["reason"],
        said_by=row["said_by"],
        remarks=tuple(row["remarks"]),
    )
