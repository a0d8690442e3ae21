"""What every page of one campaign has: its head, its tabs, and news as they come."""

from dataclasses import dataclass

from domain.campaign import CampaignSpec
from domain.events import EventKind
from domain.states import QueryState
from services.api.views import CampaignView, campaign_view
from services.dashboard.view import link
from services.store import Store
from services.store.records import CampaignRecord


@dataclass(frozen=True, slots=True)
class CampaignFrame:
    """The campaign around a page."""

    shown: CampaignView
    tab: str
    """The page that is open."""
    here: str
    """Path of the campaign's pages."""
    spec: CampaignSpec
    newest_event: int
    event_kinds: tuple[EventKind, ...]


def campaign_frame(store: Store, campaign: CampaignRecord, tab: str) -> CampaignFrame:
    """What the template `campaign_layout.html` is filled with."""
    return CampaignFrame(
        shown=campaign_view(campaign, now=store.now()),
        tab=tab,
        here=link("campaigns", campaign.name),
        spec=campaign.spec,
        newest_event=store.events.last_id(campaign.id),
        event_kinds=tuple(EventKind),
    )


def is_anything_known(store: Store, campaign: CampaignRecord) -> bool:
    """Whether any look was answered. Before, what is expected is what anybody would guess of any crystal."""
    return bool(store.queries.list_page(campaign.id, states=[QueryState.DONE], limit=1))
