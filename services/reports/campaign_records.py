"""A campaign with everything that the store keeps of it: for an archive, which leaves nothing out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.store import Store
from services.store.records import CampaignRecord, CandidateRecord, MeasurementRecord, QueryRecord


@dataclass(frozen=True, slots=True)
class CampaignRecords:
    """A campaign with its candidates, queries and measurements that count."""

    campaign: CampaignRecord
    candidates: Mapping[int, CandidateRecord]
    queries: Mapping[int, QueryRecord]
    standing: Sequence[MeasurementRecord]
    """Neither late, nor taken back, nor corrected."""


def read_campaign_records(store: Store, campaign: CampaignRecord) -> CampaignRecords:
    """Reads a campaign as a whole."""
    return CampaignRecords(
        campaign=campaign,
        candidates={candidate.id: candidate for candidate in store.candidates.list(campaign.id)},
        queries={query.id: query for query in store.queries.list(campaign.id)},
        standing=store.measurements.standing(campaign.id),
    )
