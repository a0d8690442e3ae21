"""Links with which somebody who forgot their password takes a new one, which then nobody else knows."""

from datetime import timedelta
from typing import Final

from domain.errors import ConflictError, InvalidValueError, NotAuthenticatedError
from services.access.passwords import hash_password
from services.access.people import replace_password
from services.access.principal import Principal
from services.access.roles import Role
from services.access.throttle import forgive_account
from services.access.token_format import Secret, SecretKind, new_secret
from services.store import Store
from services.store.people import UserRecord

PASSWORD_LINK_LASTS: Final = timedelta(hours=24)
PASSWORD_PAGE: Final = "/new-password"  # noqa: S105 - a path
"""The dashboard's page behind such a link."""


def make_password_link(store: Store, base_url: str, name: str, *, by: Principal) -> str:
    """Makes a link that is good once and for a day. The user's former one is worthless from now on.

    The old password and the sessions stay good until the link is taken, so that a link that goes astray locks nobody
    out.

    Raises:
        NotFoundError: If there is no such user.
        InvalidValueError: If the user is a machine, which has no password.
        ConflictError: If the user is not let in.
    """
    secret = new_secret(SecretKind.PASSWORD)
    with store.writing():
        user = store.people.get(name)
        _require_person(user)
        store.password_links.create(user.id, secret_hash=secret.hash, expires_at=store.now() + PASSWORD_LINK_LASTS)
        store.audit.append(by.name, "user.link-password", f"user {name}", {})
    # Behind the #, because browsers keep that to themselves: it reaches no log of ours or of a proxy.
    return f"{base_url.rstrip('/')}{PASSWORD_PAGE}#{secret.text}"


def take_password(store: Store, secret: str, *, password: str, client: str) -> UserRecord:
    """Gives whoever holds a link the password that they chose, and ends all sessions of the user.

    Wrong passwords that were tried before are forgotten: who forgot theirs has tried some.

    Args:
        store: The store.
        secret: Of the link.
        password: The new one.
        client: Address of whoever holds the link.

    Raises:
        NotAuthenticatedError: If the link is none, was taken, withdrawn or is too old.
        InvalidValueError: If the password is not acceptable; the link stays good. Or if the user is a machine by now.
        ConflictError: If the user is not let in any more.
    """
    shown = Secret.read(secret)
    # Looked at before the password is hashed, which takes more time and memory than a stranger should be given.
    owner = store.password_links.owner(shown.hash) if shown and shown.kind is SecretKind.PASSWORD else None
    if shown is None or owner is None:
        raise _no_link()
    password_hash = hash_password(password, user_name=store.people.by_id(owner).name)
    with store.writing():
        if store.password_links.take(shown.hash) is None:
            raise _no_link()
        user = store.people.by_id(owner)
        _require_person(user)
        replace_password(store, user, password_hash)
        forgive_account(store, user.name, client=client)
        store.audit.append(user.name, "user.take-password", f"user {user.name}", {})
    return user


def _require_person(user: UserRecord) -> None:
    if user.role is Role.MACHINE:
        raise InvalidValueError(f"{user.name} is a machine, which has no password.", remedy="Make it a token.")
    if not user.is_active:
        raise ConflictError(f"{user.name} is not let in.", remedy="An administrator lets them in again first.")


def _no_link() -> NotAuthenticatedError:
    return NotAuthenticatedError(
        "This link is not good: misspelt, taken already, replaced by a newer one or more than a day old.",
        remedy="Ask an administrator for a new one.",
    )
