"""Looks, rounds, numbers, people and software of a campaign as entities of schema.org."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Final, TypeAlias

from domain.digest import content_digest
from domain.fidelity import Fidelity
from domain.json_value import JsonValue
from domain.measurement import Provenance
from domain.rounds import round_number
from services.reports.campaign_records import CampaignRecords
from services.store.material_values import MaterialMeasurementRecord
from services.store.records import CandidateRecord, FailureRecord, MeasurementRecord, QueryRecord, RoundHead

Entity: TypeAlias = dict[str, JsonValue]
CrystalFiles: TypeAlias = Mapping[tuple[int, str], str]
"""Files of realizations by number of the candidate and digest."""

_DONE: Final = {"@id": "http://schema.org/CompletedActionStatus"}
_FAILED: Final = {"@id": "http://schema.org/FailedActionStatus"}
_PETALITE: Final = "#petalite"


def campaign_entities(
    data: CampaignRecords,
    *,
    rounds: Sequence[RoundHead],
    measurements: Sequence[MeasurementRecord],
    failures: Sequence[FailureRecord],
    files: CrystalFiles,
    handed_in: Mapping[int, Sequence[str]],
) -> Iterator[Entity]:
    """Everything of a campaign that is no file; agents and instruments may come several times, always the same.

    Args:
        data: The campaign.
        rounds: All its rounds.
        measurements: All its measurements, corrected and late ones among them.
        failures: All its failures.
        files: Where the realizations are.
        handed_in: Files that measurements rest on, by number of the measurement.
    """
    yield {
        "@id": _PETALITE,
        "@type": "SoftwareApplication",
        "name": "Petalite",
        "softwareVersion": version("petalite"),
    }
    for opened in rounds:
        yield from _round(opened)
    for candidate in data.candidates.values():
        yield _crystal(candidate)
    standing = {record.id for record in data.standing}
    for record in measurements:
        sites = files.get((record.candidate_id, record.measurement.provenance.realization_digest or ""))
        seen = [*([sites] if sites else ()), *handed_in.get(record.id, ())]
        yield from _measurement(data, record, seen, is_standing=record.id in standing)
    for failed in failures:
        yield from _failure(data, failed)


def _round(opened: RoundHead) -> Iterator[Entity]:
    generator, surrogate = _software(opened.generator_version), _software(opened.surrogate_version)
    yield generator
    yield surrogate
    action: Entity = {
        "@id": _round_id(opened.index),
        "@type": "CreateAction",
        "name": f"Round {round_number(opened.index)}: crystals were imagined and looks chosen",
        "agent": {"@id": _PETALITE},
        "instrument": [{"@id": generator["@id"]}, {"@id": surrogate["@id"]}],
        "object": {"@id": "spec.json"},
        "result": {"@id": "campaign.json"},
        "startTime": opened.opened_at.isoformat(),
        "actionStatus": _DONE,
    }
    if opened.closed_at is not None:
        action["endTime"] = opened.closed_at.isoformat()
    yield action


def _software(name: str) -> Entity:
    return {"@id": f"#software-{content_digest(name)[:16]}", "@type": "SoftwareApplication", "name": name}


def _crystal(candidate: CandidateRecord) -> Entity:
    blueprint = candidate.blueprint
    return {
        "@id": _crystal_id(candidate.id),
        "@type": "ChemicalSubstance",
        "name": blueprint.title,
        "identifier": candidate.digest,
        "chemicalComposition": blueprint.composition.formula,
        "description": f"Space group {blueprint.space_group.number}, conventional cell {blueprint.lattice.parameters} "
        "(Å, degrees)",
        "isBasedOn": {"@id": _round_id(candidate.round_index)},
    }


def _measurement(
    data: CampaignRecords, record: MeasurementRecord, seen: Sequence[str], *, is_standing: bool
) -> Iterator[Entity]:
    measured, query = record.measurement, data.queries[record.query_id]
    origin = measured.provenance
    fidelity = data.campaign.spec.fidelities.fidelity(record.fidelity)
    agent, instrument = agent_entity(origin.worker, fidelity), oracle_entity(origin)
    yield agent
    yield instrument
    objects: list[JsonValue] = [{"@id": _crystal_id(record.candidate_id)}, *({"@id": name} for name in seen)]
    yield {
        "@id": f"#look-{record.id}",
        "@type": "CreateAction",
        "name": f"Look at {data.candidates[record.candidate_id].blueprint.title}: {record.fidelity}",
        "agent": {"@id": agent["@id"]},
        "instrument": {"@id": instrument["@id"]},
        "object": objects,
        "result": {"@id": f"#value-{record.id}"},
        "endTime": measured.measured_at.isoformat(),
        "actionStatus": _DONE,
        "description": query.decision.reason,
        "isPartOf": {"@id": _round_id(query.round_index)},
        "additionalProperty": {"@id": f"#cost-{record.id}"},
    }
    yield value_entity(
        data.campaign.spec.objective.quantity,
        record,
        prefix="#value-",
        description=_standing(record, is_standing=is_standing),
    )
    yield _cost(data, record, query)


def value_entity(
    quantity: str, record: MeasurementRecord | MaterialMeasurementRecord, *, prefix: str, description: str
) -> Entity:
    """A number, or the bound that it is.

    Args:
        quantity: What was measured.
        record: The measurement.
        prefix: Of its name and of the name of what it supersedes.
        description: Whether it counts.
    """
    measured = record.measurement
    value: Entity = {
        "@id": f"{prefix}{record.id}",
        "@type": "PropertyValue",
        "name": quantity,
        "unitText": measured.unit,
        "measurementTechnique": record.fidelity,
        "description": description,
    }
    match measured.censoring.value:
        case "<":
            value["maxValue"] = measured.value
        case ">":
            value["minValue"] = measured.value
        case _:
            value["value"] = measured.value
    if measured.sigma is not None:
        value["marginOfError"] = measured.sigma
    if measured.temperature_K is not None:
        value["valueReference"] = f"at {measured.temperature_K:g} K"
    if record.supersedes is not None:
        value["isBasedOn"] = {"@id": f"{prefix}{record.supersedes}"}
    return value


def _standing(record: MeasurementRecord, *, is_standing: bool) -> str:
    if is_standing:
        return "Counts."
    if record.is_evidence:
        return "Came too late: kept as evidence, never charged, never learned from."
    if record.is_retracted:
        return "Takes the measurement that it is based on back."
    return "Was corrected or taken back."


def _cost(data: CampaignRecords, record: MeasurementRecord, query: QueryRecord) -> Entity:
    cost = record.measurement.cost
    parts = [f"declared {query.declared.amount:g} {data.campaign.spec.budget.unit}"]
    if cost.core_seconds is not None:
        parts.append(f"took {cost.core_seconds:g} core-seconds")
    if cost.money is not None:
        parts.append(f"paid {cost.money:g}")
    return {
        "@id": f"#cost-{record.id}",
        "@type": "PropertyValue",
        "name": "cost",
        "value": query.declared.amount,
        "unitText": data.campaign.spec.budget.unit,
        "description": ", ".join(parts),
    }


def _failure(data: CampaignRecords, record: FailureRecord) -> Iterator[Entity]:
    failure, query = record.failure, data.queries[record.query_id]
    agent = agent_entity(failure.worker, data.campaign.spec.fidelities.fidelity(record.fidelity))
    yield agent
    yield {
        "@id": f"#failure-{record.id}",
        "@type": "CreateAction",
        "name": f"Failed look at {data.candidates[record.candidate_id].blueprint.title}: {record.fidelity}",
        "agent": {"@id": agent["@id"]},
        "object": {"@id": _crystal_id(record.candidate_id)},
        "endTime": failure.failed_at.isoformat(),
        "actionStatus": _FAILED,
        "error": f"{failure.kind.value}: {failure.reason}",
        "isPartOf": {"@id": _round_id(query.round_index)},
    }


def agent_entity(worker: str, fidelity: Fidelity) -> Entity:
    """Who looked: a person in a laboratory, or a program."""
    kind = "Person" if fidelity.is_laboratory else "SoftwareApplication"
    return {"@id": f"#agent-{kind.lower()}-{content_digest(worker)[:16]}", "@type": kind, "name": worker}


def oracle_entity(origin: Provenance) -> Entity:
    """With what was looked."""
    digest = content_digest([origin.oracle, origin.oracle_version, origin.settings_digest])
    return {
        "@id": f"#oracle-{digest[:16]}",
        "@type": "SoftwareApplication",
        "name": origin.oracle,
        "softwareVersion": origin.oracle_version,
        "identifier": origin.settings_digest,
    }


def _crystal_id(candidate_id: int) -> str:
    return f"#crystal-{candidate_id}"


def _round_id(index: int) -> str:
    return f"#round-{index}"
