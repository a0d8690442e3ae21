"""Signing in through the identity provider: to it, back from it, and in.

Whoever comes back must be the browser that left: state, nonce and PKCE's verifier all hang on one secret in its cookie,
of which only a hash is kept here, and each departure is good for one return.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from domain.errors import InvalidValueError, NotAuthenticatedError, PetaliteError
from services.access.authenticate import Login, open_session
from services.access.identities import link, require_linkable
from services.access.oidc_admission import admit
from services.access.oidc_provider import IdentityProvider
from services.access.oidc_tokens import Identity, read_identity_token
from services.access.principal import Principal
from services.access.throttle import count_departure
from services.store import Store
from services.store.identities import AttemptRecord

DEPARTURE_LASTS: Final = timedelta(minutes=10)
LONGEST_PATH: Final = 500
"""Of a page to go on with."""


@dataclass(frozen=True, slots=True)
class Departure:
    """Somebody who is being sent to the identity provider."""

    address: str
    """Where the browser goes."""
    browser_secret: str = field(repr=False)
    """What the browser brings back in its cookie."""


@dataclass(frozen=True, slots=True)
class Answer:
    """With what the identity provider sent a browser back."""

    state: str = field(repr=False)
    code: str | None = field(repr=False)
    error: str | None
    """Why the provider did not let them in."""
    issuer: str | None
    """Which provider it was, where it says so (RFC 9207)."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody who came back from the identity provider."""

    name: str
    """The user's name."""
    next_path: str
    """Page of this service to go on with; empty for none."""
    login: Login | None
    """Their session; None where they linked an identity, and are signed in anyway."""


def depart(
    store: Store,
    provider: IdentityProvider,
    *,
    redirect_uri: str,
    client: str,
    next_path: str = "",
    linking: Principal | None = None,
) -> Departure:
    """Sends somebody to the identity provider.

    Args:
        store: The store.
        provider: The identity provider.
        redirect_uri: Where the provider sends them back to.
        client: Address of whoever leaves.
        next_path: Page of this service to go on with.
        linking: Who wants to link an identity to themselves; None to sign in.

    Raises:
        InvalidValueError: If the page is not of this service.
        TooManyAttemptsError: If too many left from this address lately without being let in.
        PermissionDeniedError: If they may not link.
        IdentityProviderError: If the provider cannot be used.
    """
    _require_own_path(next_path)
    user_id = None if linking is None else require_linkable(store, linking)
    # Before the provider is asked: whoever comes too often must not hold threads up while it does not answer.
    counted = count_departure(store, client=client)
    state, browser_secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    address = provider.sign_in_address(
        redirect_uri=redirect_uri,
        state=state,
        nonce=_derived(browser_secret, "nonce"),
        code_verifier=_derived(browser_secret, "code verifier"),
    )
    with store.writing():
        store.oidc_attempts.create(
            AttemptRecord(user_id, next_path, counted),
            state_hash=_hash(state),
            browser_hash=_hash(browser_secret),
            expires_at=store.now() + DEPARTURE_LASTS,
        )
    return Departure(address, browser_secret)


def arrive(
    store: Store, provider: IdentityProvider, answer: Answer, *, browser_secret: str, redirect_uri: str, client: str
) -> Arrival:
    """Takes somebody who comes back from the identity provider: signs them in, or links the identity to them.

    Args:
        store: The store.
        provider: The identity provider.
        answer: What it sent them back with.
        browser_secret: What the browser brings back.
        redirect_uri: What they left with.
        client: Address of whoever comes.

    Raises:
        NotAuthenticatedError: If they never left, the provider's word proves nothing, or they are not let in.
        ConflictError: If the identity that they want to link is somebody else's.
        IdentityProviderError: If the provider cannot be used.
    """
    attempt = store.oidc_attempts.take(state_hash=_hash(answer.state), browser_hash=_hash(browser_secret))
    if attempt is None:
        raise NotAuthenticatedError(
            "This return from the identity provider belongs to no departure: begun in another browser, used already, "
            "or more than ten minutes ago.",
            remedy="Sign in again from the beginning.",
        )
    details = {"by": "oidc", "client": client}
    try:
        identity = _proven(store, provider, answer, browser_secret=browser_secret, redirect_uri=redirect_uri)
        details |= {"issuer": identity.issuer, "subject": identity.subject}
        if attempt.user_id is not None:
            name = _linked(store, attempt.user_id, identity)
            login = None
        else:
            admit(store, identity, provider.claim_map)
            login = _signed_in(store, identity, client=client)
            name = login.principal.name
    except PetaliteError as error:
        store.audit.append("nobody", "session.refuse", "identity provider", {**details, "reason": error.problem})
        raise
    store.login_failures.forget(attempt.failure_id)
    return Arrival(name, attempt.next_path, login)


def _proven(
    store: Store, provider: IdentityProvider, answer: Answer, *, browser_secret: str, redirect_uri: str
) -> Identity:
    """Finds out who came back."""
    if answer.issuer is not None and answer.issuer.rstrip("/") != provider.issuer:
        raise NotAuthenticatedError(
            "Another identity provider sent this answer.", remedy="Sign in again from the beginning."
        )
    if answer.code is None or answer.error is not None:
        raise NotAuthenticatedError(
            f"The identity provider did not let you in ({answer.error or 'it gave no code'}).",
            remedy="Sign in again, or ask whoever runs the provider.",
        )
    token = provider.identity_token(
        answer.code, redirect_uri=redirect_uri, code_verifier=_derived(browser_secret, "code verifier")
    )
    return read_identity_token(token, provider, nonce=_derived(browser_secret, "nonce"), now=store.now())


def _linked(store: Store, user_id: int, identity: Identity) -> str:
    with store.writing():
        user = store.people.by_id(user_id)
        if not user.is_active:
            raise _not_let_in()
        principal = Principal(user.id, user.name, user.role, frozenset(), frozenset(), token_id=None)
        require_linkable(store, principal)
        link(store, user.name, identity.subject, issuer=identity.issuer, by=principal)
    return user.name


def _signed_in(store: Store, identity: Identity, *, client: str) -> Login:
    with store.writing():
        found = store.identities.find(identity.issuer, identity.subject)
        if found is None or not found[1].is_active:
            raise _not_let_in()
        return open_session(store, found[1], {"by": "oidc", "client": client, "subject": identity.subject})


def _not_let_in() -> NotAuthenticatedError:
    return NotAuthenticatedError("The user is not let in any more.", remedy="Ask an administrator.")


def is_own_path(path: str) -> bool:
    """Whether an address surely leads to a page of this service.

    It does not where a browser might take it for another site's: for two slashes, backslashes, and what hides behind
    blanks.
    """
    is_path = path.startswith("/") and not path.startswith("//") and "\\" not in path
    is_plain = path.isascii() and path.isprintable() and " " not in path and len(path) <= LONGEST_PATH
    return is_path and is_plain and not urlsplit(path).netloc


def _require_own_path(path: str) -> None:
    if path and not is_own_path(path):
        raise InvalidValueError(
            "The page to go on with is not of this service.", remedy="Give a path such as /api/v1/me, or leave it out."
        )


def _derived(browser_secret: str, purpose: str) -> str:
    """What the provider may know of the browser's secret: 43 characters, from which nobody finds the secret."""
    digest = hmac.digest(browser_secret.encode("utf-8", "surrogatepass"), purpose.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
