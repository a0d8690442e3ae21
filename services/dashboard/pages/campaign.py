"""One campaign: how it stands, what it found, and the buttons that move it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from domain.errors import NotFoundError
from domain.events import EventKind
from domain.quantity import Goal
from domain.states import CampaignState, QueryState
from services.access.roles import Permission
from services.api.change import Change, changing
from services.api.dependencies import Name, Number, Reader, TheService, TheStore, visible_campaign, visible_query
from services.api.routers import campaigns, queries
from services.api.views import campaign_details
from services.dashboard.pages.frame import campaign_frame, is_anything_known
from services.dashboard.view import TheView, link
from services.reports.figures import Plot
from services.reports.waiting import waiting
from services.store import Store
from services.store.crystals import CrystalFilter, CrystalOrder, CrystalRow, CrystalSort
from services.store.records import CampaignRecord

router = APIRouter(prefix="/campaigns/{name}")

Running = Annotated[Change, Depends(changing(Permission.CAMPAIGN_RUN, takes_key=False))]
Reason = Annotated[str, Form(max_length=1000)]

MOST_RUNNING: Final = 20
MOST_FOUND: Final = 4
"""Crystals that the overview names; the leader table has them all."""

_FIRST_VALUE: Final = "It begins with the first value that comes in."
_FIRST_TARGET: Final = "It begins with the second value at the target."
_EXPECTED_FIRST: Final = "It needs crystals that were measured at the target after something was expected of them."
FIGURES: Final[Mapping[str, Mapping[Plot, tuple[str, str]]]] = MappingProxyType(
    {
        "What the money bought": {
            Plot.BEST_BY_MONEY: ("Best value so far, by money spent", _FIRST_VALUE),
            Plot.BEST_BY_TIME: ("Best value so far, by time", _FIRST_VALUE),
            Plot.REGRET_BY_MONEY: ("How far it was from today's best, by money spent", _FIRST_TARGET),
            Plot.REGRET_BY_TIME: ("How far it was from today's best, by time", _FIRST_TARGET),
            Plot.SPENDING: ("What was bought in each round, and what is left", "Nothing has been paid for yet."),
        },
        "How far it can be trusted": {
            Plot.PREDICTIONS: ("Expected before the look (95 %), and measured", _EXPECTED_FIRST),
            Plot.CALIBRATION: ("How far the stated uncertainties can be trusted", _EXPECTED_FIRST),
            Plot.FIDELITIES: (
                "What the cheaper look was worth",
                "It needs crystals that were measured at two neighbouring fidelities.",
            ),
        },
        "The generator, and what was explored": {
            Plot.TRAINING: (
                "The generator's training",
                "It begins with the second round: the first one is imagined untrained. Not every generator trains.",
            ),
            Plot.VARIETY: (
                "How far the crystals drawn differ",
                "It begins when the generator draws the next crystals.",
            ),
            Plot.COVERAGE: ("Crystal systems that were looked at", _FIRST_VALUE),
            Plot.PAIRS: ("Elements that were looked at together", _FIRST_VALUE),
            Plot.ELEMENTS: ("Elements that were looked at", _FIRST_VALUE),
        },
    }
)
"""By what they tell of: what each figure shows, and what brings it data."""
_STAGES: Final = (EventKind.STAGE_STARTED, EventKind.STAGE_NOTE, EventKind.TRAINING, EventKind.ADVANCE_FAILED)
_MOVING: Final = frozenset({CampaignState.READY, CampaignState.RUNNING})


@router.get("")
def show_campaign(name: Name, view: TheView, store: TheStore, principal: Reader) -> Response:
    """The overview, which keeps itself up to date."""
    record = visible_campaign(store, principal, name)
    frame = campaign_frame(store, record, "overview")
    running = store.queries.list_page(record.id, states=[QueryState.CLAIMED], limit=MOST_RUNNING)
    newest = store.events.last_id(record.id)
    stages = store.events.latest(record.id, _STAGES, up_to_id=newest, limit=1)
    best = _best_measured(store, record)
    return view.page(
        "pages/campaign.html",
        frame=frame,
        details=campaign_details(store, record),
        best=next(iter(best), None),
        runners_up=best[1:],
        promising=_most_promising(store, record) if is_anything_known(store, record) else None,
        running=running,
        candidates=store.candidates.get_all({query.candidate_id for query in running}),
        progress=store.look_progress.of({query.id for query in running}),
        stage=stages[0] if stages and record.state in _MOVING else None,
        waits=waiting(store, record),
        needs_worker=_needs_worker(store, record),
        figures=FIGURES,
    )


@router.get("/scorecard")
def show_scorecard(name: Name, view: TheView, store: TheStore, service: TheService, principal: Reader) -> Response:
    """What each fidelity tells of the next: a part of the overview that takes longer than the rest."""
    record = visible_campaign(store, principal, name)
    frame = campaign_frame(store, record, "overview")
    scores = service.figures.get(store, record, Plot.FIDELITIES).meta
    return view.page("pages/scorecard.html", frame=frame, scores=scores)


@router.post("/looks/{query_id}/cancel")
def cancel_look(name: Name, query_id: Number, view: TheView, change: Running, reason: Reason = "") -> Response:
    """Gives a look of this campaign up.

    Raises:
        NotFoundError: If it is another campaign's.
    """
    campaign, query = visible_query(change.store, change.principal, query_id)
    if campaign.name != name:
        raise NotFoundError(f"Campaign {name} has no look number {query.id}.", remedy="List its looks.")
    queries.cancel_query(query_id, change, queries.Approval(reason))
    return view.go(link("campaigns", name))


@router.post("/start")
def start_campaign(name: Name, view: TheView, change: Running) -> Response:
    """Asks a worker to advance it."""
    campaigns.start_campaign(name, change)
    return view.go(link("campaigns", name))


@router.post("/pause")
def pause_campaign(name: Name, view: TheView, change: Running, reason: Reason = "") -> Response:
    """Asks nothing new until it is resumed."""
    return _move(campaigns.pause_campaign, name, view, change, reason)


@router.post("/resume")
def resume_campaign(name: Name, view: TheView, change: Running, reason: Reason = "") -> Response:
    """Lets it go on."""
    return _move(campaigns.resume_campaign, name, view, change, reason)


@router.post("/stop")
def stop_campaign(name: Name, view: TheView, change: Running, reason: Reason = "") -> Response:
    """Ends it after the looks that are under way."""
    return _move(campaigns.stop_campaign, name, view, change, reason)


def _move(
    step: Callable[[str, Change, campaigns.Reason], Response], name: str, view: TheView, change: Change, reason: str
) -> Response:
    step(name, change, campaigns.Reason(reason))
    return view.go(link("campaigns", name))


def _best_measured(store: Store, campaign: CampaignRecord) -> tuple[CrystalRow, ...]:
    """The crystals with the best values at the target, the best one first."""
    goal, target = campaign.spec.objective, campaign.spec.fidelities.target.name
    is_descending = goal.goal is Goal.MAXIMIZE
    sort = CrystalSort(CrystalOrder.VALUE, goal.sign, target, goal.measured.scale, is_descending=is_descending)
    after, found = None, list[CrystalRow]()
    while True:
        page = store.crystals.page(campaign.id, sort, wanted=CrystalFilter(), after=after)
        for row in page.items:
            look = row.look_at(target)
            if look is not None and goal.can_be_best(look.censoring):
                found.append(row)
        if page.next is None or len(found) >= MOST_FOUND:
            return tuple(found[:MOST_FOUND])
        after = page.next


def _most_promising(store: Store, campaign: CampaignRecord) -> CrystalRow | None:
    """The crystal of which most can be promised; None before the first round has closed."""
    goal = campaign.spec.objective
    sort = CrystalSort(CrystalOrder.PROMISE, goal.sign, campaign.spec.fidelities.target.name, goal.measured.scale)
    return next(iter(store.crystals.page(campaign.id, sort, wanted=CrystalFilter(), limit=1).items), None)


def _needs_worker(store: Store, campaign: CampaignRecord) -> bool:
    """Whether a campaign wants to go on and no worker has taken it."""
    if campaign.state is CampaignState.READY:
        return campaign.wake_at is not None
    return campaign.state is CampaignState.RUNNING and not campaign.is_driven(store.now())
