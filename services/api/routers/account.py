"""Signing in and out, and who one is."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from domain.parsing import to_json
from services.access.authenticate import Login, log_in, log_out
from services.access.invitations import accept_invitation
from services.access.people import change_own_password
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.dependencies import Reader, TheService, TheStore, require
from services.api.guard import SESSION_COOKIE, require_same_origin, session_of
from services.api.service import Service

router = APIRouter(tags=["account"])

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
class Account:
    """Who is calling, and what they may do."""

    name: str
    role: str
    groups: tuple[int, ...]
    """Numbers of their groups."""
    permissions: tuple[str, ...]
    """With a token, no more than its scopes."""


@router.post("/login", summary="Sign in", response_model=Account)
def sign_in(given: Credentials, request: Request, service: TheService, store: TheStore) -> Response:
    """Opens a session of twelve hours and sets its cookie. Too many wrong passwords: 429 for a while."""
    _require_own_page(request)
    login = log_in(store, given.name, given.password, client=_address(request))
    return _signed_in(service, login, status=200)


@router.post("/logout", summary="Sign out", status_code=204)
def sign_out(
    request: Request, store: TheStore, _principal: Annotated[Principal, Depends(require(Permission.READ))]
) -> Response:
    """Ends the session of the cookie. A token is not ended by this: revoke it."""
    session = session_of(request)
    if session is not None:
        log_out(store, session)
    return _signed_out()


@router.post("/invitations/accept", summary="Accept an invitation", status_code=201, response_model=Account)
def accept(given: Acceptance, request: Request, service: TheService, store: TheStore) -> Response:
    """Makes the account that a one-time link invites to, and signs in."""
    _require_own_page(request)
    accept_invitation(store, given.invitation, name=given.name, password=given.password)
    login = log_in(store, given.name, given.password, client=_address(request))
    return _signed_in(service, login, status=201)


@router.get("/me", summary="Who am I?")
async def show_me(principal: Reader) -> Account:
    """The caller's name, role, groups and permissions."""
    return _account(principal)


@router.post("/me/password", summary="Change one's password", status_code=204)
def change_password(given: NewPassword, request: Request, store: TheStore, principal: Reader) -> Response:
    """Takes another password and ends all of the caller's sessions: sign in again. Not for callers with a token."""
    change_own_password(store, principal, old=given.old, new=given.new, client=_address(request))
    return _signed_out()


def _signed_in(service: Service, login: Login, *, status: int) -> Response:
    response = Response(to_json(_account(login.principal)), status_code=status, media_type="application/json")
    response.set_cookie(
        SESSION_COOKIE,
        login.session_secret,
        expires=login.expires_at,
        path="/",
        secure=service.settings.is_https,
        httponly=True,
        samesite="strict",
    )
    return response


def _signed_out() -> Response:
    response = Response(status_code=204)
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="strict")
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


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
