"""The laboratory's queue over all campaigns."""

from dataclasses import dataclass

from domain.blueprint import Blueprint
from domain.json_value import JsonObject
from domain.states import CampaignState, QueryState
from services.store import Store
from services.store.records import CampaignRecord


@dataclass(frozen=True, slots=True)
class LaboratoryQuery:
    """One sample that a campaign asks a laboratory to make and measure."""

    query_id: int
    campaign: str
    campaign_state: CampaignState
    """What a campaign asks that is paused or stopped cannot be claimed."""
    fidelity: str
    formula: str
    space_group: str
    quantity: str
    unit: str
    state: QueryState
    worker: str | None
    instructions: str
    """What the campaign's scientist asks of whoever makes the sample."""
    cell: str
    """Conventional cell in words: lengths in Å, angles in degrees."""
    declared: float
    """What the campaign pays, in its own unit."""

    def as_json(self) -> JsonObject:
        """The same as JSON."""
        return {
            "query": self.query_id,
            "campaign": self.campaign,
            "campaign_state": self.campaign_state.value,
            "fidelity": self.fidelity,
            "formula": self.formula,
            "space_group": self.space_group,
            "quantity": self.quantity,
            "unit": self.unit,
            "state": self.state.value,
            "worker": self.worker,
            "instructions": self.instructions,
            "cell": self.cell,
            "declared": self.declared,
        }


def laboratory_queries(
    store: Store, campaign: str | None, *, with_stopped: bool = False
) -> tuple[LaboratoryQuery, ...]:
    """What waits for a laboratory or is in its hands, oldest first.

    Args:
        store: The open store.
        campaign: Name of the one campaign to look at; None for all.
        with_stopped: Whether to show what stopped campaigns asked: nobody need make it, but what is there may come.

    Raises:
        NotFoundError: If there is no such campaign.
    """
    records = store.campaigns.list() if campaign is None else (store.campaigns.get(campaign),)
    wanted = (record for record in records if with_stopped or record.state is not CampaignState.STOPPED)
    found = [query for record in wanted for query in _of_campaign(store, record)]
    return tuple(sorted(found, key=lambda query: query.query_id))


def _of_campaign(store: Store, record: CampaignRecord) -> list[LaboratoryQuery]:
    measured = record.spec.objective.measured
    candidates = {candidate.id: candidate.blueprint for candidate in store.candidates.list(record.id)}
    states = frozenset({QueryState.QUEUED, QueryState.CLAIMED})
    return [
        LaboratoryQuery(
            query_id=query.id,
            campaign=record.name,
            campaign_state=record.state,
            fidelity=query.fidelity,
            formula=candidates[query.candidate_id].composition.formula,
            space_group=candidates[query.candidate_id].space_group.symbol,
            quantity=measured.name,
            unit=measured.unit,
            state=query.state,
            worker=query.worker,
            instructions=str(fidelity.settings.get("instructions", "")),
            cell=_cell(candidates[query.candidate_id]),
            declared=query.declared.amount,
        )
        for fidelity in record.spec.ladder
        if fidelity.is_laboratory
        for query in store.queries.list(record.id, states=states, fidelity=fidelity.name)
    ]


def _cell(blueprint: Blueprint) -> str:
    lattice = blueprint.lattice
    lengths = " × ".join(f"{length:.3f}" for length in lattice.lengths)
    return f"{lengths} Å, {', '.join(f'{angle:g}' for angle in lattice.angles)}°"
