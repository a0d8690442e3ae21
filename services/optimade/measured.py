"""Measured values as properties of structures: one name for each quantity at each fidelity."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from services.store.records import CampaignRecord

PREFIX: Final = "_petalite_"
"""Of our own properties, as the specification wants them told from others'."""


@dataclass(frozen=True, slots=True)
class MeasuredProperty:
    """What a campaign measures at one of its fidelities."""

    name: str
    """Such as `_petalite_formation_energy_dft`."""
    campaign_id: int
    fidelity: str
    quantity: str
    unit: str


def measured_properties(campaigns: Iterable[CampaignRecord]) -> tuple[MeasuredProperty, ...]:
    """What some campaigns measure."""
    return tuple(
        MeasuredProperty(
            name=f"{PREFIX}{_word(campaign.spec.objective.quantity)}_{_word(fidelity.name)}",
            campaign_id=campaign.id,
            fidelity=fidelity.name,
            quantity=campaign.spec.objective.quantity,
            unit=campaign.spec.objective.measured.unit,
        )
        for campaign in campaigns
        for fidelity in campaign.spec.ladder
    )


def _word(name: str) -> str:
    """A name in the letters that the specification allows."""
    return re.sub(r"[^a-z0-9_]", "_", name.lower())
