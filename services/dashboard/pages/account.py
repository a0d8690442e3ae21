"""Who one is here: tokens, password, sessions, identities."""

import json
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from domain.errors import InvalidValueError, PermissionDeniedError, PetaliteError, TooManyAttemptsError
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Change, changing
from services.api.dependencies import Number, Reader, TheService
from services.api.problems import status_of
from services.api.routers import account, identities, tokens
from services.api.service import Service
from services.dashboard.pages.token_forms import GivenTokenForm, TokenForm, empty_form, scopes_of
from services.dashboard.view import TheView, View

router = APIRouter(prefix="/account")

LISTED: Final = 200
"""Tokens and identities of one person on the page."""

Own = Annotated[Change, Depends(changing(Permission.READ, takes_key=False))]
Password = Annotated[str, Form(max_length=1024)]


@router.get("")
def show_account(view: TheView, service: TheService, principal: Reader) -> Response:
    """Everything about oneself."""
    return _account(view, service, principal)


@router.post("/tokens")
def make_token(view: TheView, service: TheService, principal: Reader, form: GivenTokenForm) -> Response:
    """Makes a token and shows its secret, this once: the answer is the page, and nothing keeps it."""
    try:
        issued = tokens.issue_token(form.wanted(principal.name), principal, service.open_store)
    except (InvalidValueError, PermissionDeniedError) as error:
        return _account(view, service, principal, form=form, token_problem=error)
    return _account(view, service, principal, issued=issued)


@router.post("/tokens/{token_id}/revoke")
def revoke_token(token_id: Number, view: TheView, change: Own) -> Response:
    """Ends one of one's tokens for ever."""
    tokens.end_token(token_id, change)
    return view.go("/account")


@router.post("/password")
def change_password(
    view: TheView, service: TheService, principal: Reader, old: Password = "", new: Password = ""
) -> Response:
    """Takes another password, and signs out everywhere."""
    try:
        given = account.NewPassword(old, new)
        done = account.change_password(given, view.request, service.open_store, principal)
    except (InvalidValueError, PermissionDeniedError, TooManyAttemptsError) as error:
        return _account(view, service, principal, password_problem=error)
    return _with_cookie(view.go("/login"), done)


@router.post("/sessions/end-others")
def end_sessions(view: TheView, change: Own) -> Response:
    """Signs out everywhere else."""
    account.end_sessions_elsewhere(view.request, change)
    return view.go("/account")


@router.post("/identities")
def link_identity(view: TheView, service: TheService, provider: identities.TheProvider, principal: Reader) -> Response:
    """Says where the identity provider is; what it knows is linked on the way back.

    By a link and no redirect: the pages' policy lets no form lead to another site.
    """
    answer = identities.link_own_identity(view.request, service, service.open_store, provider, principal)
    target = json.loads(bytes(answer.body))["address"]
    page = view.page("pages/go_to_provider.html", issuer=provider.issuer, target=target)
    return _with_cookie(page, answer)


@router.post("/identities/{identity_id}/unlink")
def unlink_identity(identity_id: Number, view: TheView, provider: identities.TheProvider, change: Own) -> Response:
    """Ends signing in with an identity, and all of one's sessions."""
    identities.unlink_own_identity(identity_id, provider, change)
    return view.go("/login")


def _account(
    view: View,
    service: Service,
    principal: Principal,
    *,
    form: TokenForm | None = None,
    issued: tokens.IssuedToken | None = None,
    token_problem: PetaliteError | None = None,
    password_problem: PetaliteError | None = None,
) -> Response:
    store = service.open_store
    problem = token_problem or password_problem
    return view.page(
        "pages/account.html",
        status=200 if problem is None else status_of(problem).value,
        groups=[store.people.group_by_id(number) for number in sorted(principal.groups)],
        tokens=store.tokens.list(user_id=principal.user_id, limit=LISTED),
        sessions=() if principal.token_id else account.list_own_sessions(view.request, store, principal),
        provider=service.identity_provider,
        identities=store.identities.of_user(principal.user_id or 0, limit=LISTED),
        has_password=store.people.get(principal.name).has_password,
        scopes=scopes_of(principal.role),
        form=form or empty_form(principal.role),
        issued=issued,
        token_problem=token_problem,
        password_problem=password_problem,
        now=store.now(),
    )


def _with_cookie(response: Response, given: Response) -> Response:
    response.headers["set-cookie"] = given.headers["set-cookie"]
    return response
