"""All campaigns that a visitor may see."""

from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from domain.quantity import quantity
from domain.states import CampaignState
from services.access.principal import Principal
from services.access.roles import Role
from services.api.dependencies import LARGEST_NUMBER, Reader, TheStore
from services.api.routers import standings
from services.api.routers.standings import CampaignStanding, Wanted
from services.dashboard.sparkline import sparkline
from services.dashboard.view import TheView
from services.store import Store
from services.store.people import GroupRecord

router = APIRouter()

ON_A_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Filters:
    """What the visitor chose to see; what an empty form sends means nothing."""

    state: Annotated[str, Query(max_length=32)] = ""
    group: Annotated[str, Query(max_length=10)] = ""
    text: Annotated[str, Query(max_length=100)] = ""
    archived: bool = False

    def wanted(self) -> Wanted:
        """The same as the API reads it. What it does not know is left out."""
        known = self.state in {state.value for state in CampaignState}
        return Wanted(
            state=[CampaignState(self.state)] if known else None,
            group=int(self.group) if self.group.isdecimal() and 0 < int(self.group) <= LARGEST_NUMBER else None,
            text=self.text,
            archived=self.archived,
        )

    @property
    def chosen(self) -> dict[str, str]:
        """For an address: what is not as it always is."""
        given = {"state": self.state, "group": self.group, "text": self.text, "archived": "true" * self.archived}
        return {name: value for name, value in given.items() if value}


@router.get("/campaigns")
def show_campaigns(
    view: TheView,
    store: TheStore,
    principal: Reader,
    filters: Annotated[Filters, Depends()],
    before: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER)] = None,
) -> Response:
    """The list, the newest first, with what each campaign has cost and found, and whom it waits for."""
    page = standings.list_standings(store, principal, filters.wanted(), before=before, limit=ON_A_PAGE)
    here = {**filters.chosen, "before": str(before)} if before else filters.chosen
    return view.page(
        "pages/campaigns.html",
        page=page,
        curves={shown.campaign.id: _curve(shown) for shown in page.items},
        filters=filters,
        states=tuple(CampaignState),
        groups=choosable_groups(store, principal),
        here=f"/campaigns?{urlencode(here)}",
        older=f"/campaigns?{urlencode({**filters.chosen, 'before': str(page.next)})}" if page.next else None,
    )


def choosable_groups(store: Store, principal: Principal) -> tuple[GroupRecord, ...]:
    """The groups whose campaigns a visitor may see and make."""
    if principal.role is Role.ADMINISTRATOR:
        return store.people.list_groups()
    return tuple(store.people.group_by_id(number) for number in sorted(principal.groups))


def _curve(shown: CampaignStanding) -> str:
    scale = quantity(shown.campaign.quantity).scale
    return sparkline(shown.progress, scale=scale, n_rounds=shown.n_rounds)
