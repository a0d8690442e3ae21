"""What was measured about known materials as entities of schema.org: who, with what, when, and whether it counts."""

from collections.abc import Iterator, Mapping, Sequence

from services.reports.crate_entities import Entity, agent_entity, oracle_entity, value_entity
from services.store import Store
from services.store.material_values import MaterialMeasurementRecord, standing_values
from services.store.materials import MaterialRecord
from services.store.records import CampaignRecord


def known_material_entities(
    store: Store, campaign: CampaignRecord, handed_in: Mapping[int, Sequence[str]]
) -> Iterator[Entity]:
    """Materials, looks and numbers; agents and instruments may come several times, always the same.

    Args:
        store: The store.
        campaign: The campaign.
        handed_in: Files that measurements rest on, by number of the measurement.
    """
    values = tuple(store.material_values.every(campaign.id))
    standing = standing_values(values)
    known = store.materials.get_all({value.material_id for value in values})
    for number in sorted(known):
        yield _material(known[number])
    for value in values:
        looked_at = [_material_id(value.material_id), *handed_in.get(value.id, ())]
        named = known[value.material_id].material.formula
        yield from _look(campaign, value, named, looked_at, is_standing=value.id in standing)


def _material(record: MaterialRecord) -> Entity:
    material = record.material
    return {
        "@id": _material_id(record.id),
        "@type": "ChemicalSubstance",
        "name": material.formula,
        "identifier": f"{material.source}: {material.source_id}",
        "chemicalComposition": material.formula,
        "description": "A known material, "
        + (f"space group {material.space_group}" if material.space_group else "its space group is not known"),
    }


def _look(
    campaign: CampaignRecord,
    value: MaterialMeasurementRecord,
    formula: str,
    looked_at: Sequence[str],
    *,
    is_standing: bool,
) -> Iterator[Entity]:
    origin = value.measurement.provenance
    agent = agent_entity(origin.worker, campaign.spec.fidelities.fidelity(value.fidelity))
    instrument = oracle_entity(origin)
    yield agent
    yield instrument
    yield {
        "@id": f"#material-look-{value.id}",
        "@type": "CreateAction",
        "name": f"Look at known material {formula}: {value.fidelity}",
        "agent": {"@id": agent["@id"]},
        "instrument": {"@id": instrument["@id"]},
        "object": [{"@id": name} for name in looked_at],
        "result": {"@id": f"#material-value-{value.id}"},
        "endTime": value.measurement.measured_at.isoformat(),
        "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
        "description": "Nobody had asked; nothing was charged.",
    }
    yield value_entity(
        campaign.spec.objective.quantity,
        value,
        prefix="#material-value-",
        description=_standing(value, is_standing=is_standing),
    )


def _standing(value: MaterialMeasurementRecord, *, is_standing: bool) -> str:
    if is_standing:
        return "Counts."
    return "Takes the measurement that it is based on back." if value.is_retracted else "Was corrected or taken back."


def _material_id(number: int) -> str:
    return f"#material-{number}"
