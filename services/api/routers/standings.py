"""How campaigns stand, the newest first: a list for people, in one request."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from domain.measurement import Censoring
from domain.states import CampaignState
from services.api.dependencies import LARGEST_NUMBER, Reader, TheStore, groups_among
from services.api.paging import LARGEST_PAGE
from services.api.views import BalanceView, CampaignView, campaign_view
from services.store.records import CampaignRecord
from services.store.standings import BestSoFar, Standing

router = APIRouter(prefix="/standings", tags=["campaigns"])


@dataclass(frozen=True, slots=True)
class BestView:
    """The best value at the fidelity that counts."""

    value: float
    unit: str
    sigma: float | None
    """One standard deviation, in the same unit."""
    censoring: Censoring
    """`<` or `>` where the value is only a bound."""
    fidelity: str


@dataclass(frozen=True, slots=True)
class CampaignStanding:
    """A campaign, what it has spent and found, and whom it waits for."""

    campaign: CampaignView
    goal: str
    """`minimize` or `maximize`."""
    balance: BalanceView
    n_rounds: int
    """That were opened."""
    max_rounds: int
    looks: dict[str, int]
    """How many are in each state."""
    n_awaiting_approval: int
    """Looks that somebody must approve before they are asked."""
    n_for_laboratory: int
    """Looks that a laboratory has still to answer."""
    n_for_machines: int
    """Looks that wait for any machine to claim them."""
    best: BestView | None
    """Null while nothing was measured at the fidelity that counts."""
    progress: tuple[BestSoFar, ...]
    """The best so far after each round that measured something there."""
    next_at: datetime | None
    """When a schedule wakes it next."""


@dataclass(frozen=True, slots=True)
class StandingsPage:
    """Some campaigns, the newest first, and where the next page begins."""

    items: tuple[CampaignStanding, ...]
    next: int | None
    """Give it as `before` for the next page; null on the last one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which campaigns are listed."""

    state: Annotated[list[CampaignState] | None, Query(description="Only those in these states.")] = None
    group: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER, description="Only those of this group.")] = None
    text: Annotated[str, Query(max_length=100, description="Only those whose name or description holds it.")] = ""
    archived: Annotated[bool, Query(description="Only those that were archived; otherwise only the others.")] = False


@router.get("", summary="How do the campaigns stand?")
def list_standings(
    store: TheStore,
    principal: Reader,
    wanted: Annotated[Wanted, Depends()],
    before: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
) -> StandingsPage:
    """The campaigns that the caller may see, the newest first, with what each has spent and found."""
    found = store.campaigns.list_newest(
        groups_among(principal, wanted.group),
        before_id=before,
        limit=limit + 1,
        states=wanted.state,
        are_archived=wanted.archived,
        text=wanted.text.strip(),
    )
    shown = found[:limit]
    standings = store.standings.of(shown)
    now = store.now()
    items = tuple(standing_shown(record, standings[record.id], now) for record in shown)
    return StandingsPage(items, shown[-1].id if len(found) > limit else None)


def standing_shown(record: CampaignRecord, standing: Standing, now: datetime) -> CampaignStanding:
    """Shows how a campaign stands."""
    spec, best = record.spec, standing.best
    left = spec.budget.total - standing.booked - standing.reserved
    return CampaignStanding(
        campaign=campaign_view(record, now=now),
        goal=spec.objective.goal.value,
        balance=BalanceView(spec.budget.unit, spec.budget.total, standing.reserved, standing.booked, left),
        n_rounds=standing.n_rounds,
        max_rounds=spec.max_rounds,
        looks=dict(standing.looks),
        n_awaiting_approval=standing.n_awaiting_approval,
        n_for_laboratory=standing.n_for_laboratory,
        n_for_machines=standing.n_for_machines,
        best=None
        if best is None
        else BestView(
            best.value, spec.objective.measured.unit, best.sigma, best.censoring, spec.fidelities.target.name
        ),
        progress=standing.progress,
        next_at=standing.next_at,
    )
