"""When campaigns are woken again and again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from domain.errors import NotFoundError
from domain.json_value import JsonObject
from domain.timing import Timing, TimingKind
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.dependencies import Name, Number, Reader, TheStore, visible_campaign
from services.api.paging import After, Limit, Page, keyset
from services.store import Store
from services.store.schedules import ScheduleRecord

router = APIRouter(tags=["schedules"])

N_DATES = 5
"""Next dates that are told."""
Scheduling = Annotated[Change, Depends(changing(Permission.CAMPAIGN_WRITE))]


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """When a campaign is to be woken."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    kind: TimingKind
    expression: Annotated[str, Field(min_length=1, max_length=100, examples=["0 6 * * 1"])]
    """Five cron fields, or an interval such as `6h`."""
    time_zone: Annotated[str, Field(min_length=1, max_length=64, examples=["Europe/Berlin"])] = "UTC"
    """Of the cron fields."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Whether a schedule is to fire."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    is_active: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule of a campaign."""

    id: int
    campaign: str
    kind: TimingKind
    expression: str
    time_zone: str
    is_active: bool
    created_by: str
    created_at: datetime
    next_at: datetime | None
    """When it fires next; null while it is paused."""
    last_at: datetime | None
    """When it fired last."""
    dates: tuple[datetime, ...]
    """The next ones; empty while it is paused."""


@router.get("/campaigns/{name}/schedules", summary="List the schedules of a campaign")
def list_schedules(
    name: Name,
    store: TheStore,
    principal: Reader,
    after: After = 0,
    limit: Limit = 50,
) -> Page[Schedule]:
    """When the campaign is woken, with the next five dates of each schedule."""
    campaign = visible_campaign(store, principal, name)
    now = store.now()
    return keyset(
        lambda most: store.schedules.list(campaign.id, after_id=after, limit=most),
        lambda record: _shown(record, now),
        limit=limit,
    )


@router.post("/campaigns/{name}/schedules", summary="Add a schedule", status_code=201, response_model=Schedule)
def add_schedule(name: Name, given: NewSchedule, change: Scheduling) -> Response:
    """Wakes the campaign by cron or at an interval from now on. A missed date is made up for once."""

    def work() -> Audited:
        campaign = visible_campaign(change.store, change.principal, name)
        timing = Timing(given.kind, given.expression, given.time_zone)
        record = change.store.schedules.add(campaign.id, timing, created_by=change.principal.name)
        return _audited("schedule.add", record, change.store, status=201)

    return change.make(work)


@router.patch("/schedules/{schedule_id}", summary="Pause a schedule, or let it go on", response_model=Schedule)
def set_schedule_active(schedule_id: Number, given: Activity, change: Scheduling) -> Response:
    """What a paused schedule would have done is not made up for."""

    def work() -> Audited:
        require_visible(change.store, change.principal, schedule_id)
        record = change.store.schedules.set_active(schedule_id, is_active=given.is_active)
        return _audited("schedule.resume" if given.is_active else "schedule.pause", record, change.store)

    return change.make(work)


@router.delete("/schedules/{schedule_id}", summary="Remove a schedule", status_code=204)
def remove_schedule(schedule_id: Number, change: Scheduling) -> Response:
    """The campaign is no longer woken by it."""

    def work() -> Audited:
        record = require_visible(change.store, change.principal, schedule_id)
        change.store.schedules.remove(schedule_id)
        return Audited("schedule.remove", _subject(record), None, _details(record), status=204)

    return change.make(work)


@router.get("/timings/next", summary="When would a schedule fire?")
def next_dates(
    store: TheStore,
    _principal: Reader,
    expression: Annotated[str, Query(min_length=1, max_length=100, examples=["0 6 * * 1"])],
    kind: Annotated[TimingKind, Query()] = TimingKind.CRON,
    time_zone: Annotated[str, Query(min_length=1, max_length=64, examples=["Europe/Berlin"])] = "UTC",
) -> tuple[datetime, ...]:
    """The next five dates of a timing, before a schedule is made of it."""
    return Timing(kind, expression, time_zone).dates(store.now(), N_DATES)


def require_visible(store: Store, principal: Principal, schedule_id: int) -> ScheduleRecord:
    """Finds a schedule of a campaign that the caller may see; the same answer for one that is not there."""
    try:
        record = store.schedules.get(schedule_id)
        visible_campaign(store, principal, record.campaign)
    except NotFoundError as error:
        raise NotFoundError(
            f"There is no schedule number {schedule_id}.", remedy="List those of the campaign to see which there are."
        ) from error
    return record


def _audited(action: str, record: ScheduleRecord, store: Store, *, status: int = 200) -> Audited:
    return Audited(action, _subject(record), _shown(record, store.now()), _details(record), status=status)


def _subject(record: ScheduleRecord) -> str:
    return f"campaign {record.campaign}, schedule {record.id}"


def _details(record: ScheduleRecord) -> JsonObject:
    timing = record.timing
    return {"kind": timing.kind.value, "expression": timing.expression, "time_zone": timing.time_zone}


def _shown(record: ScheduleRecord, now: datetime) -> Schedule:
    return Schedule(
        id=record.id,
        campaign=record.campaign,
        kind=record.timing.kind,
        expression=record.timing.expression,
        time_zone=record.timing.time_zone,
        is_active=record.is_active,
        created_by=record.created_by,
        created_at=record.created_at,
        next_at=record.next_at,
        last_at=record.last_at,
        dates=record.timing.dates(now, N_DATES) if record.is_active else (),
    )
