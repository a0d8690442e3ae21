"""Which formation energies were counted from an element's reference energy."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, select

from domain.elements import element
from domain.json_value import JsonObject
from services.store.records import ReferenceRecord
from services.store.results import STANDING
from services.store.rows import campaign_record
from services.store.tables import campaigns, candidates, measurements

USED_REFERENCES = "references_eV_per_atom"
"""Where a look keeps the energies that it counted from: among its details, by symbol."""


@dataclass(frozen=True, slots=True)
class RestingMeasurement:
    """A measurement that was counted from a reference energy."""

    measurement_id: int
    campaign_id: int
    campaign: str
    query_id: int
    formula: str
    """Reduced."""
    fidelity: str
    value: float
    unit: str


def measurements_resting_on(connection: Connection, reference: ReferenceRecord) -> tuple[RestingMeasurement, ...]:
    """The measurements that count and were counted from a reference energy, inside a transaction.

    Looks say which energies they were counted from. Older ones do not: of them all that may have been are found.
    """
    rows = campaigns.c.group_id.is_(None) if reference.group_id is None else campaigns.c.group_id == reference.group_id
    found: list[RestingMeasurement] = []
    for row in connection.execute(select(campaigns).where(rows).order_by(campaigns.c.id)).mappings().all():
        found += _of_campaign(connection, row, reference)
    return tuple(found)


def _of_campaign(connection: Connection, row: RowMapping, reference: ReferenceRecord) -> Iterator[RestingMeasurement]:
    campaign, origin = campaign_record(row), reference.provenance
    fidelities = [
        rung.name
        for rung in campaign.spec.ladder
        if (rung.oracle, rung.settings_digest) == (origin.oracle, origin.settings_digest)
    ]
    if not fidelities:
        return
    statement = (
        select(measurements, candidates.c.blueprint, candidates.c.formula)
        .join(candidates, candidates.c.id == measurements.c.candidate_id)
        .where(measurements.c.campaign_id == campaign.id, measurements.c.fidelity.in_(fidelities), *STANDING)
        .order_by(measurements.c.id)
    )
    atomic_number = element(reference.reference.symbol).atomic_number
    for look in connection.execute(statement).mappings():
        has_element = atomic_number in (z for z, _ in look["blueprint"]["composition"]["counts"])
        is_same_version = look["provenance"]["oracle_version"] == origin.oracle_version
        if has_element and is_same_version and _may_have_used(look["details"], reference):
            yield RestingMeasurement(
                measurement_id=look["id"],
                campaign_id=campaign.id,
                campaign=campaign.name,
                query_id=look["query_id"],
                formula=look["formula"],
                fidelity=look["fidelity"],
                value=look["value"],
                unit=look["unit"],
            )


def _may_have_used(details: JsonObject, reference: ReferenceRecord) -> bool:
    used = details.get(USED_REFERENCES)
    if not isinstance(used, dict):
        return True
    return used.get(reference.reference.symbol) == reference.reference.energy_eV_per_atom
