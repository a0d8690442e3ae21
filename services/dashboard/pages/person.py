"""One user: role, groups, password, tokens, identities."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.responses import Response

from domain.errors import ConflictError, InvalidValueError, NotFoundError, PermissionDeniedError, PetaliteError
from services.access.roles import Role
from services.api.change import Change
from services.api.dependencies import Number, TheService
from services.api.problems import status_of
from services.api.routers import identities, people, tokens
from services.api.service import Service
from services.dashboard.pages.people import Administering, Administrator, GivenName, GivenRole
from services.dashboard.pages.token_forms import GivenTokenForm, TokenForm, empty_form, scopes_of
from services.dashboard.view import TheView, View, link
from services.store.identities import LONGEST_SUBJECT

router = APIRouter(prefix="/administration/people/{user}")

LISTED: Final = 200
"""Tokens and identities on the page."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of the form that was sent last: shown once, and kept nowhere."""

    problem: PetaliteError | None = None
    """Why it was refused."""
    form: TokenForm | None = None
    """What was typed of a token that was refused."""
    issued: tokens.IssuedToken | None = None
    token_problem: PetaliteError | None = None
    """Why no token was made."""
    password_link: str = ""


NOTHING: Final = Done()


@router.get("")
def show_user(user: people.UserName, view: TheView, service: TheService, _principal: Administrator) -> Response:
    """Everything about one user."""
    return _user(view, service, user)


@router.post("/role")
def set_role(
    user: people.UserName, view: TheView, service: TheService, change: Administering, role: GivenRole
) -> Response:
    """Gives another role, which counts with the next request."""
    return _changed(view, service, user, change, people.UserChange(role=role))


@router.post("/active")
def set_active(
    user: people.UserName,
    view: TheView,
    service: TheService,
    change: Administering,
    *,
    is_active: Annotated[bool, Form()],
) -> Response:
    """Lets a user in again, or no more."""
    return _changed(view, service, user, change, people.UserChange(is_active=is_active))


@router.post("/password")
def set_password(
    user: people.UserName,
    view: TheView,
    service: TheService,
    change: Administering,
    password: Annotated[str, Form(max_length=1024)] = "",
) -> Response:
    """Sets another password and ends all of the user's sessions."""
    return _changed(view, service, user, change, people.UserChange(password=password))


@router.post("/password-link")
def make_password_link(user: people.UserName, view: TheView, service: TheService, principal: Administrator) -> Response:
    """Makes a one-time link to a new password and shows it, this once: the answer is the page, and nothing keeps it."""
    try:
        made = people.create_password_link(user, principal, service, service.open_store)
    except (InvalidValueError, ConflictError) as error:
        return _user(view, service, user, Done(problem=error))
    return _user(view, service, user, Done(password_link=made.link))


@router.post("/groups")
def join_group(
    user: people.UserName, view: TheView, service: TheService, change: Administering, group: GivenName = ""
) -> Response:
    """Makes the user a member of a group."""
    service.open_store.people.get(user)
    try:
        people.add_member(group, people.NewMember(user), change)
    except NotFoundError as error:
        return _user(view, service, user, Done(problem=error))
    return view.go(_here(user))


@router.post("/groups/{group}/leave")
def leave_group(user: people.UserName, group: people.GroupName, view: TheView, change: Administering) -> Response:
    """Ends a membership."""
    people.remove_member(group, user, change)
    return view.go(_here(user))


@router.post("/tokens")
def make_token(
    user: people.UserName, view: TheView, service: TheService, principal: Administrator, form: GivenTokenForm
) -> Response:
    """Makes a token for the user and shows its secret, this once."""
    try:
        issued = tokens.issue_token(form.wanted(user), principal, service.open_store)
    except (InvalidValueError, PermissionDeniedError) as error:
        return _user(view, service, user, Done(form=form, token_problem=error))
    return _user(view, service, user, Done(issued=issued))


@router.post("/identities")
def link_identity(
    user: people.UserName,
    view: TheView,
    service: TheService,
    provider: identities.TheProvider,
    change: Administering,
    subject: Annotated[str, Form(max_length=LONGEST_SUBJECT)] = "",
) -> Response:
    """Lets the user sign in with an identity."""
    try:
        identities.link_identity(user, identities.NewIdentity(subject), provider, change)
    except (InvalidValueError, ConflictError) as error:
        return _user(view, service, user, Done(problem=error))
    return view.go(_here(user))


@router.post("/identities/{identity_id}/unlink")
def unlink_identity(
    user: people.UserName, identity_id: Number, view: TheView, provider: identities.TheProvider, change: Administering
) -> Response:
    """Ends signing in with an identity, and all of the user's sessions."""
    identities.unlink_identity(user, identity_id, provider, change)
    return view.go(_here(user))


def _changed(view: View, service: Service, user: str, change: Change, wanted: people.UserChange) -> Response:
    try:
        people.change_user(user, wanted, change)
    except (InvalidValueError, ConflictError) as error:
        return _user(view, service, user, Done(problem=error))
    return view.go(_here(user))


def _user(view: View, service: Service, name: str, done: Done = NOTHING) -> Response:
    store = service.open_store
    user = store.people.get(name)
    groups = store.people.list_groups()
    own = store.people.groups_of(user.id)
    refused = done.problem or done.token_problem
    return view.page(
        "pages/person.html",
        status=200 if refused is None else status_of(refused).value,
        user=user,
        here=_here(name),
        roles=tuple(Role),
        own_groups=[group for group in groups if group.id in own],
        other_groups=[group for group in groups if group.id not in own],
        tokens=store.tokens.list(user_id=user.id, limit=LISTED),
        scopes=scopes_of(user.role),
        provider=service.identity_provider,
        identities=store.identities.of_user(user.id, limit=LISTED),
        problem=done.problem,
        form=done.form or empty_form(user.role),
        issued=done.issued,
        token_problem=done.token_problem,
        password_link=done.password_link,
        now=store.now(),
    )


def _here(user: str) -> str:
    return link("administration", "people", user)
