"""Who may sign in: users, groups and invitations."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from domain.errors import ConflictError, InvalidValueError, NotFoundError, PetaliteError
from services.access.principal import Principal
from services.access.roles import Permission, Role
from services.api.change import Change, changing
from services.api.dependencies import TheService, TheStore, require
from services.api.paging import After
from services.api.problems import status_of
from services.api.routers import people
from services.dashboard.pages.parameters import BLANK
from services.dashboard.view import TheView, View, link
from services.store import Store

router = APIRouter(prefix="/administration")

ON_A_PAGE: Final = 50

Administrator = Annotated[Principal, Depends(require(Permission.ADMINISTER))]
Administering = Annotated[Change, Depends(changing(Permission.ADMINISTER, takes_key=False))]
GivenRole = Annotated[Role, Form()]
GivenGroup = Annotated[str | None, Form(max_length=63), BLANK]
GivenName = Annotated[str, Form(max_length=63)]


@dataclass(frozen=True, slots=True)
class Invited:
    """A one-time link that was just made."""

    link: str
    role: Role
    """What whoever takes it becomes."""


@router.get("/people")
def show_people(view: TheView, store: TheStore, principal: Administrator, after: After = 0) -> Response:
    """Everybody who may sign in, and whoever no longer may."""
    return _people(view, store, principal, after=after)


@router.post("/people/invite")
def invite(
    view: TheView, service: TheService, principal: Administrator, role: GivenRole, group: GivenGroup = None
) -> Response:
    """Makes a one-time link and shows it, this once: the answer is the page, and nothing keeps it."""
    store = service.open_store
    try:
        made = people.create_invitation(people.NewInvitation(role, group), principal, service, store)
    except NotFoundError as error:
        return _people(view, store, principal, problem=error)
    return _people(view, store, principal, invited=Invited(made.link, role))


@router.post("/people/machines")
def add_machine(view: TheView, change: Administering, name: GivenName = "", group: GivenGroup = None) -> Response:
    """Makes a user of the role machine, which has no password and shows a token."""
    try:
        people.create_user(people.NewUser(name, Role.MACHINE, () if group is None else (group,)), change)
    except (InvalidValueError, ConflictError, NotFoundError) as error:
        return _people(view, change.store, change.principal, problem=error, typed_name=name)
    return view.go(link("administration", "people", name))


@router.get("/groups")
def show_groups(view: TheView, store: TheStore, principal: Administrator, after: After = 0) -> Response:
    """All groups with their members."""
    return _groups(view, store, principal, after=after)


@router.post("/groups")
def add_group(view: TheView, change: Administering, name: GivenName = "") -> Response:
    """Makes a group, without members at first."""
    try:
        people.create_group(people.NewGroup(name), change)
    except (InvalidValueError, ConflictError) as error:
        return _groups(view, change.store, change.principal, problem=error, typed_name=name)
    return view.go("/administration/groups")


@router.post("/groups/{group}/members")
def add_member(group: people.GroupName, view: TheView, change: Administering, user: GivenName = "") -> Response:
    """Lets a user see and do, as their role allows, what belongs to a group."""
    change.store.people.group(group)
    try:
        people.add_member(group, people.NewMember(user), change)
    except NotFoundError as error:
        return _groups(view, change.store, change.principal, problem=error)
    return view.go("/administration/groups")


@router.post("/groups/{group}/members/{user}/remove")
def remove_member(group: people.GroupName, user: people.UserName, view: TheView, change: Administering) -> Response:
    """Ends a membership."""
    people.remove_member(group, user, change)
    return view.go("/administration/groups")


def _people(
    view: View,
    store: Store,
    principal: Principal,
    *,
    after: int = 0,
    invited: Invited | None = None,
    problem: PetaliteError | None = None,
    typed_name: str = "",
) -> Response:
    page = people.list_users(store, principal, after=after, limit=ON_A_PAGE)
    groups = {group.id: group.name for group in store.people.list_groups()}
    return view.page(
        "pages/people.html",
        status=200 if problem is None else status_of(problem).value,
        page=page,
        groups=groups,
        groups_of={user.id: sorted(groups[n] for n in store.people.groups_of(user.id)) for user in page.items},
        roles=tuple(Role),
        invited=invited,
        problem=problem,
        typed_name=typed_name,
    )


def _groups(
    view: View,
    store: Store,
    principal: Principal,
    *,
    after: int = 0,
    problem: PetaliteError | None = None,
    typed_name: str = "",
) -> Response:
    page = people.list_groups(store, principal, after=after, limit=ON_A_PAGE)
    return view.page(
        "pages/groups.html",
        status=200 if problem is None else status_of(problem).value,
        page=page,
        members={group.id: store.people.members(group.id) for group in page.items},
        problem=problem,
        typed_name=typed_name,
    )
