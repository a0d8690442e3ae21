"""Signing in and out, and who one is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from domain.parsing import to_json
from services.access.authenticate import Login, log_in, log_out
from services.access.invitations import accept_invitation
from services.access.own_sessions import current_session, end_other_sessions
from services.access.password_links import take_password
from services.access.people import change_own_password
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.dependencies import Reader, TheService, TheStore, require
from services.api.guard import SESSION_COOKIE, address_of, keep_session, require_same_origin, session_of
from services.api.service import Service

router = APIRouter(tags=["account"])

ChangingOwn = Annotated[Change, Depends(changing(Permission.READ, takes_key=False))]
UserName = Annotated[str, Field(min_length=1, max_length=63, examples=["ada"])]
Password = Annotated[str, Field(min_length=1, max_length=1024, examples=["a long sentence that only I know"])]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody signs in with."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: UserName
    password: Password


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What somebody who was invited makes an account with."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    invitation: Annotated[str, Field(min_length=1, max_length=200)]
    """The secret in the link."""
    name: UserName
    password: Password


@dataclass(frozen=True, slots=True)
class NewPassword:
    """What somebody will sign in with from now on."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    old: Password
    """What they signed in with so far."""
    new: Password


@dataclass(frozen=True, slots=True)
class ForgottenPassword:
    """What somebody who forgot their password will sign in with from now on."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    link: Annotated[str, Field(min_length=1, max_length=200)]
    """The secret in the link."""
    password: Password


@dataclass(frozen=True, slots=True)
class TakenPassword:
    """Whose password it is."""

    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """Who is calling, and what they may do."""

    name: str
    role: str
    groups: tuple[int, ...]
    """Numbers of their groups."""
    permissions: tuple[str, ...]
    """With a token, no more than its scopes."""


@dataclass(frozen=True, slots=True)
class EndedSessions:
    """What was ended."""

    n_ended: int


@dataclass(frozen=True, slots=True)
class SessionView:
    """Where the caller is signed in."""

    id: int
    created_at: datetime
    """When they signed in."""
    expires_at: datetime
    is_current: bool
    """Whether it is the one that asks."""


@router.post("/login", summary="Sign in", response_model=Account)
def sign_in(given: Credentials, request: Request, service: TheService, store: TheStore) -> Response:
    """Opens a session of twelve hours and sets its cookie. Too many wrong passwords: 429 for a while."""
    _require_own_page(request)
    login = log_in(store, given.name, given.password, client=address_of(request))
    return _signed_in(service, login, status=200)


@router.post("/logout", summary="Sign out", status_code=204)
def sign_out(
    request: Request, store: TheStore, _principal: Annotated[Principal, Depends(require(Permission.READ))]
) -> Response:
    """Ends the session of the cookie. A token is not ended by this: revoke it.

    Nor is a session at the identity provider: whoever signed in through it, and leaves a browser that others use, signs
    out there too.
    """
    session = session_of(request)
    if session is not None:
        log_out(store, session)
    return _signed_out()


@router.post("/invitations/accept", summary="Accept an invitation", status_code=201, response_model=Account)
def accept(given: Acceptance, request: Request, service: TheService, store: TheStore) -> Response:
    """Makes the account that a one-time link invites to, and signs in."""
    _require_own_page(request)
    accept_invitation(store, given.invitation, name=given.name, password=given.password)
    login = log_in(store, given.name, given.password, client=address_of(request))
    return _signed_in(service, login, status=201)


@router.post("/password-links/take", summary="Take a new password")
def take_new_password(given: ForgottenPassword, request: Request, store: TheStore) -> TakenPassword:
    """Takes a one-time link to a new password and ends all sessions of its user: sign in with it."""
    _require_own_page(request)
    return TakenPassword(take_password(store, given.link, password=given.password, client=address_of(request)).name)


@router.get("/me", summary="Who am I?")
async def show_me(principal: Reader) -> Account:
    """The caller's name, role, groups and permissions."""
    return _account(principal)


@router.post("/me/password", summary="Change one's password", status_code=204)
def change_password(given: NewPassword, request: Request, store: TheStore, principal: Reader) -> Response:
    """Takes another password and ends all of the caller's sessions: sign in again. Not for callers with a token."""
    change_own_password(store, principal, old=given.old, new=given.new, client=address_of(request))
    return _signed_out()


@router.get("/me/sessions", summary="List one's sessions")
def list_own_sessions(request: Request, store: TheStore, principal: Reader) -> list[SessionView]:
    """Where the caller is signed in, the oldest first. Not for callers with a token."""
    current = current_session(store, principal, session_of(request))
    return [
        SessionView(record.id, record.created_at, record.expires_at, record.id == current)
        for record in store.sessions.of_user(principal.user_id or 0)
    ]


@router.post("/me/sessions/end-others", summary="End one's other sessions", response_model=EndedSessions)
def end_sessions_elsewhere(request: Request, change: ChangingOwn) -> Response:
    """Ends every session of the caller's but the one that asks. Not for callers with a token."""
    return change.make(
        lambda: Audited.elsewhere(
            EndedSessions(end_other_sessions(change.store, change.principal, session_of(request)))
        )
    )


def _signed_in(service: Service, login: Login, *, status: int) -> Response:
    response = Response(to_json(_account(login.principal)), status_code=status, media_type="application/json")
    keep_session(response, login, is_https=service.settings.is_https)
    return response


def _signed_out() -> Response:
    response = Response(status_code=204)
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")
    return response


def _account(principal: Principal) -> Account:
    return Account(
        name=principal.name,
        role=principal.role.value,
        groups=tuple(sorted(principal.groups)),
        permissions=tuple(sorted(permission.value for permission in principal.permissions)),
    )


def _require_own_page(request: Request) -> None:
    # Another site's page must not sign its visitor in as somebody else. Programs send neither header.
    if "origin" in request.headers or "sec-fetch-site" in request.headers:
        require_same_origin(request)
