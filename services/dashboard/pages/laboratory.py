"""The laboratory: what to make next, what somebody has taken on, and what came of it."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from services.access.principal import Principal
from services.api.dependencies import Number, Reader, TheStore
from services.api.paging import After
from services.api.routers import laboratory
from services.api.routers.laboratory import Before
from services.dashboard.view import TheView, link
from services.store import Store
from services.store.records import CampaignRecord

router = APIRouter(prefix="/laboratory")

ON_A_PAGE = 50
_NEWEST = 10
"""Of each kind, where all of somebody's work is on one page."""
OfCampaign = Annotated[str, Query(max_length=63)]


@router.get("")
def show_queue(
    view: TheView,
    store: TheStore,
    principal: Reader,
    after: After = 0,
    *,
    campaign: OfCampaign = "",
    show: Annotated[str, Query(pattern="^(all|free|mine)$")] = "all",
    with_stopped: bool = False,
) -> Response:
    """What to make and measure, the most urgent first."""
    page = laboratory.list_laboratory_queries(
        store,
        principal,
        after=after,
        limit=ON_A_PAGE,
        campaign=campaign or None,
        mine=show == "mine",
        free=show == "free",
        with_stopped=with_stopped,
    )
    return view.page(
        "pages/laboratory.html",
        page=page,
        asking=_with_laboratory(store, principal),
        campaign=campaign,
        show=show,
        with_stopped=with_stopped,
        after=after,
    )


@router.get("/mine")
def show_own_work(view: TheView, store: TheStore, principal: Reader) -> Response:
    """What the visitor has taken on, handed in and measured."""
    return view.page(
        "pages/laboratory_mine.html",
        held=laboratory.list_laboratory_queries(store, principal, limit=500, mine=True, with_stopped=True).items,
        uploads=laboratory.list_laboratory_uploads(store, principal, limit=_NEWEST, mine=True),
        measured=laboratory.list_laboratory_measurements(store, principal, limit=_NEWEST, mine=True),
        failed=laboratory.list_laboratory_failures(store, principal, limit=_NEWEST, mine=True).items,
        campaigns=_names(store),
    )


@router.get("/history")
def show_history(
    view: TheView,
    store: TheStore,
    principal: Reader,
    before: Before = None,
    *,
    campaign: OfCampaign = "",
    mine: bool = False,
) -> Response:
    """What laboratories measured and could not measure, the newest first."""
    only = campaign or None
    failed = laboratory.list_laboratory_failures(store, principal, limit=ON_A_PAGE, campaign=only, mine=mine)
    return view.page(
        "pages/laboratory_history.html",
        measured=laboratory.list_laboratory_measurements(store, principal, before, ON_A_PAGE, campaign=only, mine=mine),
        failed=failed.items if before is None else (),
        asking=_with_laboratory(store, principal),
        campaign=campaign,
        mine=mine,
    )


@router.post("/queries/{query_id}/claim")
def claim_sample(
    query_id: Number, view: TheView, change: laboratory.InLaboratory, back: Annotated[str, Form()] = ""
) -> Response:
    """Takes a sample on, and shows it."""
    laboratory.claim_sample(query_id, change)
    return view.go("/laboratory" if back == "queue" else link("laboratory", "queries", query_id))


@router.post("/queries/{query_id}/release")
def release_sample(
    query_id: Number, view: TheView, change: laboratory.InLaboratory, back: Annotated[str, Form()] = ""
) -> Response:
    """Gives it back."""
    laboratory.release_sample(query_id, change)
    return view.go("/laboratory" if back == "queue" else link("laboratory", "queries", query_id))


def _with_laboratory(store: Store, principal: Principal) -> tuple[CampaignRecord, ...]:
    """Those campaigns that ask laboratories, for the filter."""
    found = laboratory.visible_campaigns(store, principal)
    return tuple(record for record in found if any(rung.is_laboratory for rung in record.spec.ladder))


def _names(store: Store) -> dict[int, str]:
    return {record.id: record.name for record in store.campaigns.list()}
