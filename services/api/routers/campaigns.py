"""Campaigns: written, checked, started, paused, stopped and listed."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Final

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from domain.campaign import CampaignSpec
from domain.errors import ConflictError, NotFoundError
from domain.json_value import JsonObject
from domain.parsing import LocatedError, Problem
from domain.states import CampaignState
from services.access.people import give_campaign
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.conditional import IfMatch, IfNoneMatch, answer_unless_known, require_unchanged
from services.api.dependencies import (
    LARGEST_NUMBER,
    Name,
    Reader,
    TheService,
    TheStore,
    groups_among,
    own_group,
    require,
    visible_campaign,
)
from services.api.paging import After, Limit, Page, keyset
from services.api.spec_checker import SpecChecker
from services.api.spec_summary import SpecSummary, understand_spec
from services.api.views import CampaignDetails, CampaignView, campaign_details, campaign_view
from services.specs import dump_spec
from services.store import Store
from services.store.campaigns import require_startable
from services.store.records import CampaignRecord

router = APIRouter(prefix="/campaigns", tags=["campaigns"])

Writing = Annotated[Change, Depends(changing(Permission.CAMPAIGN_WRITE))]
Running = Annotated[Change, Depends(changing(Permission.CAMPAIGN_RUN))]
HIGHEST_PRIORITY: Final = 1000
_YAML: Final = "application/yaml"


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """A campaign as its scientist hands it in."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    spec: CampaignSpec
    group: Annotated[str, Field(max_length=63)] | None = None
    """Name of the group whose it is to be, one of the caller's. May be left out by whoever is in one group."""


@dataclass(frozen=True, slots=True)
class CampaignChange:
    """What may be changed in a campaign. What is left out stays."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    priority: Annotated[int, Field(ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY)] | None = None
    group: Annotated[str, Field(max_length=63)] | None = None
    """Name of the group that it is given to."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is done."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    reason: Annotated[str, Field(max_length=1000)] = ""


@router.get("", summary="List campaigns")
def list_campaigns(
    store: TheStore,
    principal: Reader,
    after: After = 0,
    limit: Limit = 100,
    state: Annotated[list[CampaignState] | None, Query(description="Only those in these states.")] = None,
    group: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER, description="Only those of this group.")] = None,
    *,
    archived: Annotated[bool, Query(description="Only those that were archived; otherwise only the others.")] = False,
) -> Page[CampaignView]:
    """The campaigns that the caller may see, oldest first."""
    groups = groups_among(principal, group)
    return keyset(
        lambda n: store.campaigns.list_page(groups, after_id=after, limit=n, states=state, are_archived=archived),
        partial(campaign_view, now=store.now()),
        limit=limit,
    )


@router.post("", summary="Create a campaign", status_code=201, response_model=CampaignView)
def create_campaign(new: NewCampaign, change: Writing, service: TheService) -> Response:
    """Keeps a campaign under its spec's name. The same spec again is the same campaign; it runs once it is started.

    A spec that cannot be run is refused as by `validate`, with every problem and its place.
    """
    _require_runnable(change.store, service.checker, new.spec)

    def create() -> Audited:
        group_id = own_group(change.store, change.principal, new.group)
        record = _created(change, new.spec, group_id)
        details: JsonObject = {"spec_digest": record.spec_digest, "group_id": record.group_id}
        return Audited("campaign.create", _subject(record), _view(change, record), details, status=201)

    return change.make(create)


@router.post(
    "/validate",
    summary="Check a spec without creating anything",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "object"}},
                _YAML: {"schema": {"type": "string"}},
            },
        }
    },
)
async def validate_campaign(
    request: Request,
    service: TheService,
    _principal: Annotated[Principal, Depends(require(Permission.CAMPAIGN_WRITE))],
) -> SpecSummary:
    """Reads a spec, as JSON or YAML, and says what it would ask and cost; or every problem with its line and field.

    Checks everything that `petalite campaign validate` checks: settings of oracles, generator and surrogate, and
    whether any crystal fits the space.
    """
    # Reading YAML takes long enough to hold up others.
    return await run_in_threadpool(understand_spec, await request.body(), service.checker)


@router.get("/{name}", summary="Show a campaign", response_model=CampaignDetails, responses={304: {}})
def show_campaign(name: Name, store: TheStore, principal: Reader, if_none_match: IfNoneMatch = None) -> Response:
    """A campaign with its spec, its budget and how far it has come. Carries an ETag."""
    record = visible_campaign(store, principal, name)
    return answer_unless_known(campaign_details(store, record), if_none_match, edited=_edited(record))


@router.get("/{name}/spec", summary="A campaign's spec as a file", responses={200: {"content": {_YAML: {}}}})
def show_spec(name: Name, store: TheStore, principal: Reader) -> Response:
    """The spec as YAML, as `petalite run` and `validate` read it."""
    record = visible_campaign(store, principal, name)
    return Response(dump_spec(record.spec), media_type=_YAML)


@router.patch("/{name}", summary="Change a campaign's priority or owner", response_model=CampaignDetails)
def change_campaign(name: Name, wanted: CampaignChange, change: Writing, if_match: IfMatch = None) -> Response:
    """Changes what is given. With If-Match, only if the campaign is still as the caller saw it."""
    store, principal = change.store, change.principal

    def edit() -> Audited:
        record = visible_campaign(store, principal, name)
        require_unchanged(_edited(record), if_match)
        if wanted.priority is not None:
            record = store.campaigns.set_priority(record.id, wanted.priority)
        if wanted.group is not None:
            own_group(store, principal, wanted.group)
            give_campaign(store, name, wanted.group, by=principal)
            record = store.campaigns.by_id(record.id)
        details: JsonObject = {"priority": wanted.priority, "group": wanted.group}
        return Audited("campaign.change", _subject(record), campaign_details(store, record), details)

    return change.make(edit)


@router.post("/{name}/start", summary="Start a campaign", response_model=CampaignView)
def start_campaign(name: Name, change: Running) -> Response:
    """Asks a worker to advance it. Harmless where it runs already; one that is paused or stopped is resumed instead."""

    def start() -> Audited:
        record = visible_campaign(change.store, change.principal, name)
        require_startable(record)
        change.store.campaigns.wake(record.id)
        return _ran(change, record.id, "campaign.start")

    return change.make(start)


@router.post("/{name}/pause", summary="Pause a campaign", response_model=CampaignView)
def pause_campaign(name: Name, change: Running, why: Reason | None = None) -> Response:
    """Asks nothing new until it is resumed. Answers to what was claimed before still count."""
    return change.make(lambda: _moved(change, name, CampaignState.PAUSED, _reason(why)))


@router.post("/{name}/resume", summary="Resume a campaign", response_model=CampaignView)
def resume_campaign(name: Name, change: Running, why: Reason | None = None) -> Response:
    """Lets a campaign that was paused or stopped go on."""

    def resume() -> Audited:
        record = visible_campaign(change.store, change.principal, name)
        if record.state is CampaignState.COMPLETED:
            raise ConflictError(f"Campaign {name} is completed.", remedy="Create a new one to go on.")
        change.store.campaigns.resume(record.id, reason=_reason(why))
        return _ran(change, record.id, "campaign.resume")

    return change.make(resume)


@router.post("/{name}/stop", summary="Stop a campaign", response_model=CampaignView)
def stop_campaign(name: Name, change: Running, why: Reason | None = None) -> Response:
    """Stops it after the looks that are under way. It can be resumed."""
    return change.make(lambda: _moved(change, name, CampaignState.STOPPED, _reason(why)))


@router.post("/{name}/archive", summary="Archive a campaign that is over", response_model=CampaignView)
def archive_campaign(name: Name, change: Writing) -> Response:
    """Takes a stopped or completed campaign out of lists; its schedules rest. All that is in it is kept and shown."""

    def put_away() -> Audited:
        record = visible_campaign(change.store, change.principal, name)
        change.store.archive.put_away(record.id, by=change.principal.name)
        return _ran(change, record.id, "campaign.archive")

    return change.make(put_away)


@router.post("/{name}/unarchive", summary="Bring an archived campaign back", response_model=CampaignView)
def unarchive_campaign(name: Name, change: Writing) -> Response:
    """Shows it in lists again. It can then be resumed."""

    def bring_back() -> Audited:
        record = visible_campaign(change.store, change.principal, name)
        change.store.archive.bring_back(record.id, by=change.principal.name)
        return _ran(change, record.id, "campaign.unarchive")

    return change.make(bring_back)


@router.delete("/{name}", summary="Delete a campaign that never began", status_code=204)
def delete_campaign(name: Name, change: Writing) -> Response:
    """Its name is free again. One that has asked anything, or was handed anything, is archived instead (409)."""

    def delete() -> Audited:
        record = visible_campaign(change.store, change.principal, name)
        change.store.archive.delete(record.id)
        return Audited("campaign.delete", _subject(record), None, {"spec_digest": record.spec_digest}, status=204)

    return change.make(delete)


def _require_runnable(store: Store, checker: SpecChecker, spec: CampaignSpec) -> None:
    """Refuses a spec that cannot be run, unless its name is taken, which is answered by itself."""
    with suppress(NotFoundError):
        store.campaigns.get(spec.name)
        return
    try:
        checker.require_runnable(spec)
    except LocatedError as error:
        located = tuple(Problem(("body", "spec", *found.location), found.message) for found in error.problems)
        raise LocatedError(error.problem, remedy=error.remedy, problems=located) from error


def _created(change: Change, spec: CampaignSpec, group_id: int | None) -> CampaignRecord:
    """Creates a campaign or finds the same one.

    Raises:
        ConflictError: If the name is taken: which fields differ is told of the caller's own campaigns alone.
    """
    differing: ConflictError | None = None
    try:
        record = change.store.campaigns.create(spec, group_id=group_id)
    except ConflictError as error:
        record, differing = change.store.campaigns.get(spec.name), error
    if not change.principal.may_see(record):
        raise ConflictError(
            f"A campaign cannot be called '{record.name}' here: no two campaigns of this service share a name.",
            remedy=f"Choose another name, for example with your group's in front: yours-{record.name}.",
        )
    if differing is not None:
        raise differing
    return record


def _moved(change: Change, name: str, state: CampaignState, reason: str) -> Audited:
    record = visible_campaign(change.store, change.principal, name)
    told = f"by {change.principal.name}" + (f": {reason}" if reason else "")
    change.store.campaigns.set_state(record.id, state, reason=told)
    verb = {CampaignState.PAUSED: "pause", CampaignState.STOPPED: "stop"}[state]
    return _ran(change, record.id, f"campaign.{verb}", {"reason": reason})


def _ran(change: Change, campaign_id: int, action: str, details: JsonObject | None = None) -> Audited:
    record = change.store.campaigns.by_id(campaign_id)
    return Audited(action, _subject(record), _view(change, record), details or {})


def _view(change: Change, record: CampaignRecord) -> CampaignView:
    return campaign_view(record, now=change.store.now())


def _reason(why: Reason | None) -> str:
    return "" if why is None else why.reason


def _edited(record: CampaignRecord) -> JsonObject:
    """What callers change in a campaign."""
    return {
        "id": record.id,
        "state": record.state.value,
        "updated_at": record.updated_at.isoformat(),
        "priority": record.priority,
        "group_id": record.group_id,
    }


def _subject(record: CampaignRecord) -> str:
    return f"campaign {record.name}"
