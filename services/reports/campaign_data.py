"""What figures are drawn of: a campaign read once from the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.store import Store
from services.store.records import CampaignRecord, CandidateRecord, LedgerRow, MeasurementRecord, QueryRecord


@dataclass(frozen=True, slots=True)
class CampaignData:
    """A campaign with its candidates, queries, measurements that count, and money."""

    campaign: CampaignRecord
    candidates: Mapping[int, CandidateRecord]
    queries: Mapping[int, QueryRecord]
    standing: Sequence[MeasurementRecord]
    """Neither late, nor taken back, nor corrected."""
    ledger: Sequence[LedgerRow]

    @property
    def target(self) -> str:
        """Name of the fidelity that counts."""
        return self.campaign.spec.fidelities.target.name


def read_campaign_data(store: Store, campaign: CampaignRecord) -> CampaignData:
    """Reads a campaign for its figures."""
    return CampaignData(
        campaign=campaign,
        candidates={candidate.id: candidate for candidate in store.candidates.list(campaign.id)},
        queries={query.id: query for query in store.queries.list(campaign.id)},
        standing=store.measurements.standing(campaign.id),
        ledger=store.ledger.rows(campaign.id),
    )
