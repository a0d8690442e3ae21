"""Signing in through the identity provider, and which identities belong to whom. Nothing is here without a provider."""

from dataclasses import dataclass
from html import escape
from pathlib import Path as FilePath
from string import Template
from typing import Annotated, ClassVar, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from domain.errors import NotFoundError
from domain.parsing import to_json
from services.access.identities import link, unlink, unlink_own
from services.access.oidc import DEPARTURE_LASTS, LONGEST_PATH, Answer, Arrival, Departure, arrive, depart
from services.access.oidc_provider import IdentityProvider
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.dependencies import Number, Reader, TheService, TheStore, require
from services.api.guard import address_of, keep_session
from services.api.paging import After, Limit, Page, keyset, same
from services.api.service import Service
from services.store.identities import LONGEST_SUBJECT, IdentityRecord

router = APIRouter(tags=["account"])

_BROWSER_COOKIE: Final = "petalite_oidc"
_SIGN_IN_PATH: Final = "/api/v1/login/oidc"
_POLICY: Final = "default-src 'none'; style-src 'self'; frame-ancestors 'none'"
"""The page's style is the dashboard's, where there is one."""
_PAGE: Final = FilePath(__file__).parents[1] / "pages" / "signed-in.html"


async def the_provider(service: TheService) -> IdentityProvider:
    """The identity provider of this service.

    Raises:
        NotFoundError: If none is set up.
    """
    if service.identity_provider is None:
        raise NotFoundError("No identity provider is set up here.", remedy="Sign in with a password.")
    return service.identity_provider


async def the_answer(
    state: Annotated[str, Query(max_length=200, description="As it was sent there.")] = "",
    code: Annotated[str | None, Query(max_length=4096, description="What stands for the sign-in.")] = None,
    error: Annotated[str | None, Query(max_length=100, description="Why there is none.")] = None,
    iss: Annotated[str | None, Query(max_length=255, description="Which provider it was.")] = None,
) -> Answer:
    """With what the identity provider sent a browser back."""
    return Answer(state=state, code=code, error=error, issuer=iss)


TheProvider = Annotated[IdentityProvider, Depends(the_provider)]
Administrator = Annotated[Principal, Depends(require(Permission.ADMINISTER))]
Administering = Annotated[Change, Depends(changing(Permission.ADMINISTER))]
Changing = Annotated[Change, Depends(changing(Permission.READ))]
UserName = Annotated[str, Path(max_length=63, description="Name of the user.")]


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """An identity with which a user may sign in from now on."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    subject: Annotated[str, Field(min_length=1, max_length=LONGEST_SUBJECT)]
    """What the provider calls them in its claim `sub`; a refused sign-in shows it in the audit log."""


@dataclass(frozen=True, slots=True)
class ProviderAddress:
    """Where a browser goes to show who it is."""

    address: str


@router.get(
    "/login/oidc", summary="Sign in through the identity provider", status_code=303, response_class=RedirectResponse
)
def go_to_provider(
    request: Request,
    service: TheService,
    store: TheStore,
    provider: TheProvider,
    next_path: Annotated[
        str,
        Query(
            alias="next", max_length=LONGEST_PATH, description="Page of this service to go on with, such as /api/v1/me."
        ),
    ] = "",
) -> Response:
    """Sends a browser to the identity provider, from where it comes back within ten minutes."""
    departure = depart(
        store, provider, redirect_uri=_return_address(service), client=address_of(request), next_path=next_path
    )
    return _sent(service, departure, RedirectResponse(departure.address, status_code=303))


@router.get("/login/oidc/callback", summary="Come back from the identity provider", response_class=HTMLResponse)
def come_back(
    request: Request,
    service: TheService,
    store: TheStore,
    provider: TheProvider,
    answer: Annotated[Answer, Depends(the_answer)],
) -> Response:
    """Opens a session as signing in with a password does, or links the identity to whoever asked for that."""
    arrival = arrive(
        store,
        provider,
        answer,
        browser_secret=request.cookies.get(_BROWSER_COOKIE, ""),
        redirect_uri=_return_address(service),
        client=address_of(request),
    )
    response = HTMLResponse(_page(arrival), headers={"Content-Security-Policy": _POLICY})
    if arrival.login is not None:
        keep_session(response, arrival.login, is_https=service.settings.is_https)
    response.delete_cookie(_BROWSER_COOKIE, path=_SIGN_IN_PATH, httponly=True, samesite="lax")
    return response


@router.get("/me/identities", summary="List one's identities")
def list_own_identities(
    store: TheStore, _provider: TheProvider, principal: Reader, after: After = 0, limit: Limit = 100
) -> Page[IdentityRecord]:
    """With which identities the caller may sign in."""
    user_id = store.people.get(principal.name).id
    return keyset(lambda n: store.identities.of_user(user_id, after=after, limit=n), same, limit=limit)


@router.post("/me/identities", summary="Link an identity to oneself", response_model=ProviderAddress)
def link_own_identity(
    request: Request, service: TheService, store: TheStore, provider: TheProvider, principal: Reader
) -> Response:
    """Answers where the browser goes to show the identity; it is linked once it comes back. Not for tokens."""
    departure = depart(
        store, provider, redirect_uri=_return_address(service), client=address_of(request), linking=principal
    )
    answer = Response(to_json(ProviderAddress(departure.address)), media_type="application/json")
    return _sent(service, departure, answer)


@router.delete("/me/identities/{identity_id}", summary="Unlink an identity from oneself", status_code=204)
def unlink_own_identity(identity_id: Number, _provider: TheProvider, change: Changing) -> Response:
    """Ends signing in with an identity, and all of the caller's sessions. Not for tokens."""

    def remove() -> Audited:
        unlink_own(change.store, change.principal, identity_id)
        return Audited.elsewhere(None, status=204)

    return change.make(remove)


@router.get("/users/{user}/identities", summary="List a user's identities", tags=["people"])
def list_identities(
    user: UserName,
    store: TheStore,
    _provider: TheProvider,
    _principal: Administrator,
    after: After = 0,
    limit: Limit = 100,
) -> Page[IdentityRecord]:
    """With which identities a user may sign in."""
    user_id = store.people.get(user).id
    return keyset(lambda n: store.identities.of_user(user_id, after=after, limit=n), same, limit=limit)


@router.post(
    "/users/{user}/identities",
    summary="Link an identity to a user",
    status_code=201,
    response_model=IdentityRecord,
    tags=["people"],
)
def link_identity(user: UserName, new: NewIdentity, provider: TheProvider, change: Administering) -> Response:
    """Lets a user sign in with an identity. Linked to the same user already: nothing happens."""
    return change.make(
        lambda: Audited.elsewhere(
            link(change.store, user, new.subject, issuer=provider.issuer, by=change.principal), status=201
        )
    )


@router.delete(
    "/users/{user}/identities/{identity_id}", summary="Unlink an identity from a user", status_code=204, tags=["people"]
)
def unlink_identity(user: UserName, identity_id: Number, _provider: TheProvider, change: Administering) -> Response:
    """Ends signing in with an identity, and all of the user's sessions."""

    def remove() -> Audited:
        unlink(change.store, user, identity_id, by=change.principal)
        return Audited.elsewhere(None, status=204)

    return change.make(remove)


def _return_address(service: Service) -> str:
    return f"{service.settings.public_url}{_SIGN_IN_PATH}/callback"


def _sent(service: Service, departure: Departure, response: Response) -> Response:
    response.set_cookie(
        _BROWSER_COOKIE,
        departure.browser_secret,
        max_age=int(DEPARTURE_LASTS.total_seconds()),
        path=_SIGN_IN_PATH,
        secure=service.settings.is_https,
        httponly=True,
        samesite="lax",  # the provider's page sends the browser back, and a strict cookie would stay at home
    )
    return response


def _page(arrival: Arrival) -> str:
    # A page that goes on by itself and no redirect: browsers leave the session's strict cookie out of all that another
    # site's page has started.
    target = escape(arrival.next_path)
    outcome = "You are signed in." if arrival.login is not None else "The identity is linked to you."
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        refresh=f'<meta http-equiv="refresh" content="0; url={target}">' if target else "",
        name=escape(arrival.name),
        outcome=f'{outcome} <a href="{target}">Go on</a>' if target else outcome,
    )
