"""What happens after something was handed in: who makes the campaign go on."""

from domain.states import HALTED_CAMPAIGNS, CampaignState
from services.health import live_workers
from services.store import Store


def what_follows(store: Store, campaign_id: int) -> str:
    """One sentence for people: what happens next, or what they are to do."""
    campaign = store.campaigns.by_id(campaign_id)
    if campaign.state in HALTED_CAMPAIGNS:
        return f"The campaign is {campaign.state.value}: petalite campaign resume {campaign.name} lets it go on."
    if campaign.state is CampaignState.READY and campaign.wake_at is None:
        return f"The campaign learns from it when it is started: petalite campaign start {campaign.name}"
    if store.campaigns.runner(campaign_id) is not None:
        return "The campaign is under way and learns from it in its next round."
    if live_workers(store):
        return "A worker goes on with the campaign by itself."
    return f"No worker is there: petalite run {campaign.name} goes on, or petalite serve."
