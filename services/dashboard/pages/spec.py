"""A campaign's spec: readable, as a file, and what may be changed beside it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from domain.errors import ConflictError, InvalidValueError, PermissionDeniedError, PetaliteError
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Change, changing
from services.api.dependencies import Name, Reader, TheStore, visible_campaign
from services.api.problems import status_of
from services.api.routers import campaigns
from services.api.spec_summary import summarise
from services.api.views import campaign_view
from services.dashboard.pages.campaigns import choosable_groups
from services.dashboard.spec_form import fields_of
from services.dashboard.view import TheView, View, link
from services.specs import dump_spec, read_document
from services.store import Store

router = APIRouter(prefix="/campaigns/{name}")

Writing = Annotated[Change, Depends(changing(Permission.CAMPAIGN_WRITE, takes_key=False))]


@router.get("/spec")
def show_spec(name: Name, view: TheView, store: TheStore, principal: Reader) -> Response:
    """What the campaign is to do, in words and as YAML."""
    return _page(view, store, principal, name)


@router.post("/spec")
def change_campaign(
    name: Name,
    view: TheView,
    change: Writing,
    priority: Annotated[str, Form(max_length=20)] = "",
    group: Annotated[str, Form(max_length=63)] = "",
) -> Response:
    """Changes its priority, or whose it is."""
    try:
        wanted = campaigns.CampaignChange(_priority(priority), group or None)
        campaigns.change_campaign(name, wanted, change)
    except (InvalidValueError, PermissionDeniedError) as error:
        return _page(view, change.store, change.principal, name, problem=error)
    return view.go(link("campaigns", name, "spec"))


@router.post("/archive")
def archive_campaign(name: Name, view: TheView, change: Writing) -> Response:
    """Puts it out of sight."""
    campaigns.archive_campaign(name, change)
    return view.go(link("campaigns", name, "spec"))


@router.post("/unarchive")
def unarchive_campaign(name: Name, view: TheView, change: Writing) -> Response:
    """Brings it back into lists."""
    campaigns.unarchive_campaign(name, change)
    return view.go(link("campaigns", name, "spec"))


@router.post("/delete")
def delete_campaign(name: Name, view: TheView, change: Writing) -> Response:
    """Deletes one that never began."""
    try:
        campaigns.delete_campaign(name, change)
    except ConflictError as error:
        return _page(view, change.store, change.principal, name, problem=error)
    return view.go("/campaigns")


def _priority(text: str) -> int | None:
    try:
        number = int(text) if text.strip() else None
    except ValueError:
        number = campaigns.HIGHEST_PRIORITY + 1
    if number is not None and abs(number) > campaigns.HIGHEST_PRIORITY:
        most = campaigns.HIGHEST_PRIORITY
        raise InvalidValueError(f"'{text}' is no priority.", remedy=f"Give a whole number from {-most} to {most}.")
    return number


def _page(
    view: View, store: Store, principal: Principal, name: str, *, problem: PetaliteError | None = None
) -> Response:
    record = visible_campaign(store, principal, name)
    text = dump_spec(record.spec)
    groups = choosable_groups(store, principal)
    return view.page(
        "pages/spec.html",
        status=200 if problem is None else status_of(problem).value,
        shown=campaign_view(record, now=store.now()),
        spec=record.spec,
        summary=summarise(record.spec),
        fields=fields_of(read_document(text)),
        text=text,
        groups=groups,
        problem=problem,
        highest=campaigns.HIGHEST_PRIORITY,
    )
