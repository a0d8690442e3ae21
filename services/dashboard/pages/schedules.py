"""When a campaign is woken again and again."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import InvalidValueError, PetaliteError
from domain.timing import Timing
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Change, changing
from services.api.dependencies import Name, Number, Reader, TheStore, visible_campaign
from services.api.problems import status_of
from services.api.routers import schedules
from services.api.views import campaign_view
from services.dashboard.posted import Posted
from services.dashboard.timings import (
    INTERVALS,
    WAYS,
    WEEKDAYS,
    chosen_timing,
    describe,
    in_words,
    next_dates,
    time_zones,
)
from services.dashboard.view import TheView, View, link
from services.store import Store

router = APIRouter()

ON_A_PAGE = 50
Scheduling = Annotated[Change, Depends(changing(Permission.CAMPAIGN_WRITE, takes_key=False))]


@router.get("/campaigns/{name}/schedules")
def show_schedules(
    name: Name, view: TheView, store: TheStore, principal: Reader, after: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """The campaign's schedules with their next dates, and a form for another one."""
    return _page(view, store, principal, name, after=after)


@router.post("/campaigns/{name}/schedules")
def add_schedule(name: Name, view: TheView, change: Scheduling, posted: Posted) -> Response:
    """Adds one; what cannot be understood comes back with what was typed."""
    try:
        timing = chosen_timing(posted)
        if timing is None:
            raise InvalidValueError("It is not said when.", remedy="Choose when the campaign is to be woken.")
        wanted = schedules.NewSchedule(timing.kind, timing.expression, timing.time_zone)
        schedules.add_schedule(name, wanted, change)
    except InvalidValueError as error:
        return _page(view, change.store, change.principal, name, posted=posted, problem=error)
    return view.go(link("campaigns", name, "schedules"))


@router.post("/schedules/{schedule_id}/{step}")
def change_schedule(schedule_id: Number, step: str, view: TheView, store: TheStore, change: Scheduling) -> Response:
    """Lets a schedule rest (`pause`), go on (`resume`), or takes it away (`remove`)."""
    schedules.require_visible(store, change.principal, schedule_id)
    campaign = store.schedules.get(schedule_id).campaign
    if step == "remove":
        schedules.remove_schedule(schedule_id, change)
    elif step in {"pause", "resume"}:
        schedules.set_schedule_active(schedule_id, schedules.Activity(step == "resume"), change)
    else:
        raise InvalidValueError(
            f"'{step[:20]}' is nothing to do with a schedule.", remedy="Pause, resume or remove it."
        )
    return view.go(link("campaigns", campaign, "schedules"))


@router.get("/timings/preview")
def preview_timing(request: Request, view: TheView, store: TheStore, _principal: Reader) -> Response:
    """The next dates of what is chosen in a form, before anything is kept."""
    try:
        timing = chosen_timing(request.query_params)
        dates = next_dates(timing, store.now()) if timing is not None else ()
    except InvalidValueError as error:
        return view.page("parts/next_dates.html", problem=error, dates=(), timing=None)
    return view.page("parts/next_dates.html", problem=None, dates=dates, timing=timing)


def _page(
    view: View,
    store: Store,
    principal: Principal,
    name: str,
    *,
    after: int = 0,
    posted: Posted | None = None,
    problem: PetaliteError | None = None,
) -> Response:
    record = visible_campaign(store, principal, name)
    page = schedules.list_schedules(name, store, principal, after=after, limit=ON_A_PAGE)
    timings = {shown.id: Timing(shown.kind, shown.expression, shown.time_zone) for shown in page.items}
    return view.page(
        "pages/schedules.html",
        status=200 if problem is None else status_of(problem).value,
        shown=campaign_view(record, now=store.now()),
        page=page,
        more=f"?{urlencode({'after': page.next})}" if page.next else None,
        dates={shown.id: next_dates(timings[shown.id], store.now()) if shown.is_active else () for shown in page.items},
        words={number: describe(timing) for number, timing in timings.items()},
        in_words=in_words,
        posted=posted or {},
        problem=problem,
        ways=WAYS,
        intervals=INTERVALS,
        weekdays=WEEKDAYS,
        zones=time_zones(),
    )
