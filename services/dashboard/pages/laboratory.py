"""The laboratory: what to make next, what somebody has taken on, and what came of it."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from domain.errors import ConflictError
from services.access.principal import Principal
from services.api.dependencies import Number, Reader, TheStore
from services.api.paging import After
from services.api.routers import laboratory, queries
from services.api.routers.laboratory import Before
from services.dashboard.pages.sample import show_conflict
from services.dashboard.view import TheView, address, link
from services.reports.laboratory import laboratory_fidelities
from services.store import Store
from services.store.records import CampaignRecord, CandidateRecord, FailureRecord, MeasurementRecord

router = APIRouter(prefix="/laboratory")

ON_A_PAGE = 50
_NEWEST = 10
"""Of each kind, where all of somebody's work is on one page."""
_MOST_COUNTED = 500
"""Looks that wait for approval."""
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
        n_unapproved=0 if page.items else _unapproved(store, principal, campaign or None),
        asking=_with_laboratory(store, principal),
        campaign=campaign,
        show=show,
        with_stopped=with_stopped,
        after=after,
    )


@router.get("/mine")
def show_own_work(view: TheView, store: TheStore, principal: Reader) -> Response:
    """What the visitor has taken on, handed in and measured."""
    uploads = laboratory.list_laboratory_uploads(store, principal, limit=_NEWEST, mine=True)
    measured = laboratory.list_laboratory_measurements(store, principal, limit=_NEWEST, mine=True)
    failed = laboratory.list_laboratory_failures(store, principal, limit=_NEWEST, mine=True).items
    crystals = _crystals(store, measured.items, failed)
    concerned = {upload.campaign_id for upload in uploads.items} | {one.campaign_id for one in crystals.values()}
    return view.page(
        "pages/laboratory_mine.html",
        held=laboratory.list_laboratory_queries(store, principal, limit=500, mine=True, with_stopped=True).items,
        uploads=uploads,
        measured=measured,
        failed=failed,
        crystals=crystals,
        campaigns=store.campaigns.names(concerned),
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
    measured = laboratory.list_laboratory_measurements(store, principal, before, ON_A_PAGE, campaign=only, mine=mine)
    failed = laboratory.list_laboratory_failures(store, principal, limit=ON_A_PAGE, campaign=only, mine=mine)
    shown = failed.items if before is None else ()
    crystals = _crystals(store, measured.items, shown)
    return view.page(
        "pages/laboratory_history.html",
        measured=measured,
        failed=shown,
        crystals=crystals,
        campaigns=store.campaigns.names({one.campaign_id for one in crystals.values()}),
        asking=_with_laboratory(store, principal),
        campaign=campaign,
        mine=mine,
    )


@router.post("/queries/{query_id}/claim")
def claim_sample(
    query_id: Number,
    view: TheView,
    change: laboratory.InLaboratory,
    back: Annotated[str, Form()] = "",
    campaign: Annotated[str, Form()] = "",
) -> Response:
    """Takes a sample on, and shows it, or the queue it was taken from; who holds it, where somebody was quicker."""
    try:
        laboratory.claim_sample(query_id, change)
    except ConflictError as error:
        return show_conflict(view, change.store, change.principal, query_id, error)
    if back == "queue":
        return view.go(address("/laboratory", campaign=campaign))
    return view.go(link("laboratory", "queries", query_id))


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


def _unapproved(store: Store, principal: Principal, campaign: str | None) -> int:
    """How many looks at a laboratory wait for somebody to say that they may cost so much."""
    waiting = queries.list_approvals(store, principal, limit=_MOST_COUNTED, campaign=campaign).items
    asked = set(laboratory_fidelities(laboratory.visible_campaigns(store, principal, campaign)))
    return sum((query.campaign_id, query.fidelity) in asked for query in waiting)


def _crystals(
    store: Store, measured: Sequence[MeasurementRecord], failed: Sequence[FailureRecord]
) -> Mapping[int, CandidateRecord]:
    """Of what was measured and what was not, by number."""
    of_measured, of_failed = ({record.candidate_id for record in records} for records in (measured, failed))
    return store.candidates.get_all(of_measured | of_failed)
