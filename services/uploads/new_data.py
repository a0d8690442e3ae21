"""A campaign's laboratory results as entries for OBELiX."""

from math import gcd
from typing import Final

from domain.errors import InvalidValueError
from domain.measurement import Censoring
from services.store import Store
from services.store.records import CampaignRecord, MeasurementRecord
from services.uploads.obelix import NewDatum

_ROOM_K: Final = (293.0, 303.0)
"""What counts as room temperature."""


def new_data_of(store: Store, campaign: CampaignRecord, *, doi: str, family: str = "") -> tuple[NewDatum, ...]:
    """Every conductivity that a laboratory measured at room temperature and that still stands.

    Args:
        store: The store.
        campaign: A campaign that looks for ion conductors.
        doi: Where the measurements are published; OBELiX takes nothing without.
        family: What chemists call the crystals.

    Raises:
        InvalidValueError: If the campaign measures something else, or the DOI is missing.
    """
    if campaign.spec.objective.quantity != "ionic_conductivity":
        raise InvalidValueError(
            f"Campaign '{campaign.name}' measures {campaign.spec.objective.quantity}; OBELiX takes ionic conductivity.",
            remedy="Choose a campaign that looks for ion conductors.",
        )
    if not doi.strip().startswith("10."):
        raise InvalidValueError(f"'{doi[:60]}' is no DOI.", remedy="Give where it is published, such as 10.1000/182.")
    laboratories = {rung.name for rung in campaign.spec.ladder if rung.is_laboratory}
    records = [
        record
        for record in store.measurements.list(campaign.id)
        if record.fidelity in laboratories and _is_at_room_temperature(record)
    ]
    superseded = {record.supersedes for record in store.measurements.list(campaign.id)}
    return tuple(
        _datum(store, record, doi=doi.strip(), family=family)
        for record in records
        if record.id not in superseded and not record.is_retracted
    )


def _is_at_room_temperature(record: MeasurementRecord) -> bool:
    low, high = _ROOM_K
    temperature = record.measurement.temperature_K
    return temperature is not None and low <= temperature <= high


def _datum(store: Store, record: MeasurementRecord, *, doi: str, family: str) -> NewDatum:
    blueprint = store.candidates.get(record.candidate_id).blueprint
    composition = blueprint.composition
    measurement = record.measurement
    use = measurement.details.get("resistance")
    value = measurement.value if measurement.censoring is Censoring.NONE else None
    sites = store.realizations.list(record.candidate_id)
    return NewDatum(
        id=f"p{record.id}",
        reduced_composition=composition.reduced_formula,
        z=gcd(*(n for _, n in composition.counts)),
        true_composition=composition.formula,
        conductivity_S_per_cm=measurement.value,
        censoring=measurement.censoring,
        space_group=blueprint.space_group.number,
        space_group_symbol=blueprint.space_group.symbol,
        cell=blueprint.lattice.parameters,
        doi=doi,
        total_S_per_cm=value if use == "total" else None,
        bulk_S_per_cm=value if use == "bulk" else None,
        family=family,
        cif=sites[-1].realization.cif if sites else None,
    )
