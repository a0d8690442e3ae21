"""Finding out who is asking: by a password, then by what was given out for it, or by a token."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.errors import NotAuthenticatedError, StoreBusyError
from domain.json_value import JsonObject
from services.access.passwords import check_password
from services.access.principal import Principal
from services.access.roles import PERMISSIONS_OF_ROLE
from services.access.throttle import count_attempt, forgive
from services.access.token_format import Secret, SecretKind, new_secret
from services.store import Store
from services.store.people import UserRecord
from services.store.tokens import TokenRecord

SESSION_LASTS: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who has just signed in."""

    principal: Principal
    session_secret: str = field(repr=False)
    """Shows from now on who they are; kept nowhere else."""
    expires_at: datetime


def authenticate(store: Store, secret: str) -> Principal:
    """Says whose token or session a secret is, and what they may do at this moment.

    A role that was changed, a group that was left, a token that was revoked count at once. What went wrong is the same
    for everybody who is refused, so that nobody learns what exists.

    Raises:
        NotAuthenticatedError: If it is nobody's, or no longer good, or its owner is not let in any more.
    """
    shown = Secret.read(secret)
    principal: Principal | None = None
    if shown is not None and shown.kind is SecretKind.TOKEN:
        principal = _by_token(store, shown)
    elif shown is not None and shown.kind is SecretKind.SESSION:
        principal = _by_session(store, shown)
    if principal is None:
        raise NotAuthenticatedError(
            "This is no token or session that is good here: unknown, misspelt, expired or ended.",
            remedy="Sign in again, or ask for a new token.",
        )
    return principal


def log_in(store: Store, name: str, password: str, *, client: str) -> Login:
    """Signs somebody in with their password.

    Args:
        store: The store.
        name: The user's name.
        password: The user's password.
        client: Address of whoever signs in.

    Raises:
        NotAuthenticatedError: If there is no such user, the password is wrong, or the user is not let in any more.
        TooManyAttemptsError: If there were too many wrong attempts lately on the account or from the address.
    """
    attempt = count_attempt(store, name, client=client)
    user = store.people.find(name)
    password_hash = None if user is None else store.people.password_hash(user.id)
    is_right = check_password(password, password_hash)
    if user is None or not is_right or not user.is_active:
        # The same work for a name that nobody has, which may be a password that was typed into the wrong field.
        store.audit.append("nobody", "session.refuse", f"user {user.name}" if user else "unknown user", _from(client))
        raise _wrong()
    with store.writing():
        user = store.people.by_id(user.id)
        if not user.is_active or store.people.password_hash(user.id) != password_hash:
            # Changed while the password was looked at: the session would outlive the end of all others.
            raise _wrong()
        forgive(store, attempt)
        return open_session(store, user, _from(client))


def open_session(store: Store, user: UserRecord, details: JsonObject) -> Login:
    """Signs in somebody who has proven who they are, inside a transaction.

    Args:
        store: The store.
        user: Who they are.
        details: What the audit log keeps of how they came in.
    """
    secret = new_secret(SecretKind.SESSION)
    expires_at = store.now() + SESSION_LASTS
    store.sessions.sweep()
    store.sessions.create(user.id, secret_hash=secret.hash, expires_at=expires_at)
    store.audit.append(user.name, "session.open", f"user {user.name}", details)
    return Login(principal_of(user, store.people.groups_of(user.id)), secret.text, expires_at)


def log_out(store: Store, secret: str) -> None:
    """Ends a session; nothing happens where there is none."""
    shown = Secret.read(secret)
    session = store.sessions.by_hash(shown.hash) if shown else None
    if shown is None or session is None:
        return
    with store.writing():
        if store.sessions.end(shown.hash):
            store.audit.append(session.user.name, "session.end", f"user {session.user.name}", {})


def principal_of(user: UserRecord, groups: frozenset[int], token: TokenRecord | None = None) -> Principal:
    """What a user may do at this moment, with a token or without one."""
    permissions = PERMISSIONS_OF_ROLE[user.role]
    return Principal(
        user_id=user.id,
        name=user.name,
        role=user.role,
        groups=groups,
        permissions=permissions if token is None else permissions & token.scopes,
        token_id=None if token is None else token.id,
    )


def _by_token(store: Store, shown: Secret) -> Principal | None:
    holder = store.tokens.by_prefix(shown.prefix)
    if holder is None or not shown.is_hashed_as(holder.secret_hash):
        return None
    if not holder.token.is_good(store.now()) or not holder.user.is_active:
        return None
    if holder.token.wants_touch(store.now()):
        # Handed to the writer and not waited for: who asks for something need not wait for this, nor be refused.
        with suppress(StoreBusyError):
            store.submit(lambda: store.tokens.touch(holder.token.id))
    return principal_of(holder.user, holder.groups, holder.token)


def _by_session(store: Store, shown: Secret) -> Principal | None:
    session = store.sessions.by_hash(shown.hash)
    return principal_of(session.user, session.groups) if session is not None and session.user.is_active else None


def _wrong() -> NotAuthenticatedError:
    return NotAuthenticatedError(
        "The name or the password is wrong, or the user is not let in any more.",
        remedy="Check both, or ask an administrator for a new password.",
    )


def _from(client: str) -> Mapping[str, str]:
    return {"client": client}
