"""A whole campaign as one JSON document: every pick with its cost, its answer and where the number came from."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from domain.json_value import JsonObject, JsonValue
from domain.parsing import to_json_object, to_json_value
from services.materials.show import material_view
from services.store import Store
from services.store.beliefs import NOTE as BELIEFS
from services.store.records import (
    CampaignRecord,
    CandidateRecord,
    FailureRecord,
    MeasurementRecord,
    QueryRecord,
    RoundRecord,
)
from services.store.series import Series

Answer = TypeVar("Answer", MeasurementRecord, FailureRecord)


def campaign_document(store: Store, campaign: str) -> JsonObject:
    """Gathers everything that the store holds on a campaign, but for structures, events and what rounds expected.

    Each closed round expects something of every crystal: together that is far more than everything else.

    Raises:
        NotFoundError: If there is no such campaign.
    """
    record = store.campaigns.get(campaign)
    return {
        **campaign_summary(store, record),
        "spec": to_json_value(record.spec),
        "spec_digest": record.spec_digest,
        "rounds": [_round(opened) for opened in store.rounds.every(record.id)],
        "picks": _picks(store, record),
        "known_materials": _known_materials(store, record),
        "references": _references(store, record),
        "ledger": [to_json_value(row) for row in store.ledger.rows(record.id)],
    }


def campaign_summary(store: Store, record: CampaignRecord) -> JsonObject:
    """What a list of campaigns shows of one."""
    balance = store.ledger.balance(record.id)
    return {
        "name": record.name,
        "state": record.state.value,
        "is_driven": record.is_driven(store.now()),
        "created_at": record.created_at.isoformat(),
        "updated_at": record.updated_at.isoformat(),
        "rounds_opened": store.rounds.count(record.id),
        "unit": record.spec.budget.unit,
        "balance": {**to_json_object(balance), "left": balance.left},
    }


def _round(opened: RoundRecord) -> JsonObject:
    notes = {key: value for key, value in opened.closing_notes.items() if key != BELIEFS}
    return to_json_object(replace(opened, closing_notes=notes))


def _picks(store: Store, record: CampaignRecord) -> list[JsonValue]:
    candidates = {candidate.id: candidate for candidate in store.candidates.list(record.id)}
    measured = _by_query(store.measurements.list(record.id))
    failed = _by_query(store.failures.list(record.id))
    series = store.series.of({one.id for found in measured.values() for one in found})
    return [
        _pick(query, candidates[query.candidate_id], measured[query.id], failed[query.id], series)
        for query in store.queries.list(record.id)
    ]


def _pick(
    query: QueryRecord,
    candidate: CandidateRecord,
    measured: list[MeasurementRecord],
    failed: list[FailureRecord],
    series: Series,
) -> JsonObject:
    blueprint = candidate.blueprint
    return {
        "query": query.id,
        "round": query.round_index,
        "fidelity": query.fidelity,
        "state": query.state.value,
        "formula": blueprint.composition.reduced_formula,
        "space_group": blueprint.space_group.number,
        "blueprint": to_json_value(blueprint),
        "blueprint_digest": candidate.digest,
        "generator_version": candidate.generator_version,
        "log_probability": candidate.log_probability,
        "decision": to_json_value(query.decision),
        "cost_declared": to_json_value(query.declared),
        "cost_measured": [to_json_value(record.measurement.cost) for record in measured]
        + [to_json_value(record.failure.cost) for record in failed],
        "attempts": query.attempts,
        "measurements": [
            {**to_json_object(record), "series": [to_json_value(point) for point in series.get(record.id, ())]}
            for record in measured
        ],
        "failures": [to_json_value(record) for record in failed],
    }


def _known_materials(store: Store, record: CampaignRecord) -> list[JsonValue]:
    """What was measured about known materials for the campaign."""
    values = tuple(store.material_values.every(record.id))
    known = store.materials.get_all({value.material_id for value in values})
    series = store.series.of_material_values({value.id for value in values})
    return [
        {
            **to_json_object(value),
            "material": to_json_value(material_view(known[value.material_id])),
            "series": [to_json_value(point) for point in series.get(value.id, ())],
        }
        for value in values
    ]


def _references(store: Store, record: CampaignRecord) -> list[JsonValue]:
    """The reference energies that the campaign's numbers rest on, with their corrections.

    Those of its oracles, versions and settings.
    """
    origins = {
        (found.oracle, found.oracle_version, found.settings_digest)
        for found in (measured.measurement.provenance for measured in store.measurements.list(record.id))
    }
    return [
        to_json_value(reference)
        for origin in sorted(origins)
        for reference in store.references.history(*origin, group_id=record.group_id)
    ]


def _by_query(records: Iterable[Answer]) -> defaultdict[int, list[Answer]]:
    grouped: defaultdict[int, list[Answer]] = defaultdict(list)
    for record in records:
        grouped[record.query_id].append(record)
    return grouped
