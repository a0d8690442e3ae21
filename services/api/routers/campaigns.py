"""Campaigns: written, checked, started, paused, stopped and listed."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Final

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from domain.campaign import CampaignSpec
from domain.errors import ConflictError, PermissionDeniedError
from domain.json_value import JsonObject
from domain.states import CampaignState
from services.access.people import give_campaign
from services.access.principal import Principal
from services.access.roles import Permission, Role
from services.api.change import Audited, Change, changing
from services.api.conditional import IfMatch, IfNoneMatch, answer_unless_known, require_unchanged
from services.api.dependencies import LARGEST_NUMBER, Name, Reader, TheStore, require, visible_campaign, visible_groups
from services.api.paging import After, Limit, Page, keyset
from services.api.registered import require_registered_oracles
from services.api.spec_summary import SpecSummary, understand_spec
from services.api.views import CampaignDetails, CampaignView, campaign_details, campaign_view
from services.store import Store
from services.store.records import CampaignRecord

router = APIRouter(prefix="/campaigns", tags=["campaigns"])

Writing = Annotated[Change, Depends(changing(Permission.CAMPAIGN_WRITE))]
Running = Annotated[Change, Depends(changing(Permission.CAMPAIGN_RUN))]
OPEN_TO_START: Final = frozenset({CampaignState.READY, CampaignState.RUNNING, CampaignState.WAITING})
HIGHEST_PRIORITY: Final = 1000


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
) -> Page[CampaignView]:
    """The campaigns that the caller may see, oldest first."""
    groups = _groups(principal, group)
    return keyset(
        lambda n: store.campaigns.list_page(groups, after_id=after, limit=n, states=state),
        partial(campaign_view, now=store.now()),
        limit=limit,
    )


@router.post("", summary="Create a campaign", status_code=201, response_model=CampaignView)
def create_campaign(new: NewCampaign, change: Writing) -> Response:
    """Keeps a campaign under its spec's name. The same spec again is the same campaign; it runs once it is started."""
    require_registered_oracles(new.spec)

    def create() -> Audited:
        group_id = _own_group(change.store, change.principal, new.group)
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
                "application/yaml": {"schema": {"type": "string"}},
            },
        }
    },
)
async def validate_campaign(
    request: Request, _principal: Annotated[Principal, Depends(require(Permission.CAMPAIGN_WRITE))]
) -> SpecSummary:
    """Reads a spec, as JSON or YAML, and says what it would ask and cost; or every problem with its line and field.

    Whether its oracles are installed, and whether any crystal fits its space, is found where the campaign runs.
    """
    # Reading YAML takes long enough to hold up others.
    return await run_in_threadpool(understand_spec, await request.body())


@router.get("/{name}", summary="Show a campaign", response_model=CampaignDetails, responses={304: {}})
def show_campaign(name: Name, store: TheStore, principal: Reader, if_none_match: IfNoneMatch = None) -> Response:
    """A campaign with its spec, its budget and how far it has come. Carries an ETag."""
    record = visible_campaign(store, principal, name)
    return answer_unless_known(campaign_details(store, record), if_none_match, edited=_edited(record))


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
            _own_group(store, principal, wanted.group)
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
        if record.state not in OPEN_TO_START:
            raise ConflictError(
                f"Campaign {name} is {record.state.value}.",
                remedy="A paused or stopped campaign is resumed; a completed one is over.",
            )
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
        raise ConflictError(f"The name '{record.name}' is taken.", remedy="Choose another name.")
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


def _groups(principal: Principal, wanted: int | None) -> frozenset[int] | None:
    """Groups whose campaigns are listed; None for all."""
    groups = visible_groups(principal)
    if wanted is None:
        return groups
    return frozenset({wanted}) if groups is None else groups & {wanted}


def _own_group(store: Store, principal: Principal, wanted: str | None) -> int | None:
    """The group that a campaign is given to; None keeps it to administrators.

    Raises:
        PermissionDeniedError: If the caller is no member of it, or must say which of several.
    """
    if wanted is None and len(principal.groups) == 1:
        return min(principal.groups)
    if principal.role is Role.ADMINISTRATOR:
        return None if wanted is None else store.people.group(wanted).id
    own = {store.people.group_by_id(number).name: number for number in principal.groups}
    if wanted in own:
        return own[wanted]
    raise PermissionDeniedError(
        "A campaign is given to a group of the caller's own.",
        remedy=f"Give one of {', '.join(sorted(own))}." if own else "Ask an administrator for a group.",
    )
