"""Links that make somebody a user: each is good once and for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.errors import NotAuthenticatedError
from services.access.authenticate import principal_of
from services.access.names import require_name
from services.access.passwords import hash_password
from services.access.people import enrol
from services.access.principal import Principal
from services.access.roles import Role
from services.access.token_format import Secret, SecretKind, new_secret
from services.store import Store

INVITATION_LASTS: Final = timedelta(hours=24)
FIRST_LINK_STANDS: Final = timedelta(hours=1)
"""So long no other process that starts replaces the first administrator's link.

Only its hash is kept, so that it cannot be printed again."""


@dataclass(frozen=True, slots=True)
class FirstLink:
    """The link that makes the first administrator."""

    text: str | None
    """None where another process has printed it."""
    made_at: datetime


def first_link_at_start(store: Store, base_url: str) -> FirstLink | None:
    """What a service that starts says of the first administrator's link; None once there is a user.

    Of several processes that start together, one makes the link. One that was made less than an hour ago stands.
    """
    with store.writing():
        made_at = store.invitations.newest_open(Role.ADMINISTRATOR)
        now = store.now()
        if made_at is not None and now - made_at < FIRST_LINK_STANDS and store.people.is_empty():
            return FirstLink(None, made_at)
        link = first_administrator_link(store, base_url)
        return None if link is None else FirstLink(link, now)


def first_administrator_link(store: Store, base_url: str) -> str | None:
    """Makes the link that makes the first administrator; None once there is a user.

    Each call makes the former link worthless.
    """
    with store.writing():
        if not store.people.is_empty():
            return None
        store.invitations.withdraw_all()
        return _link(store, base_url, role=Role.ADMINISTRATOR, group_id=None)


def invite(store: Store, base_url: str, *, role: Role, by: Principal, group: str | None = None) -> str:
    """Makes a link with which somebody becomes a user and chooses name and password, which then nobody else knows.

    Raises:
        NotFoundError: If there is no such group.
    """
    with store.writing():
        group_id = None if group is None else store.people.group(group).id
        link = _link(store, base_url, role=role, group_id=group_id)
        store.audit.append(by.name, "user.invite", f"role {role.value}", {"group": group})
    return link


def accept_invitation(store: Store, secret: str, *, name: str, password: str) -> Principal:
    """Makes whoever holds an invitation a user. Of several who try, one becomes one.

    Raises:
        NotAuthenticatedError: If the invitation is none, was taken, withdrawn or is too old.
        InvalidValueError: If the name or the password is not acceptable; the invitation stays good.
        ConflictError: If the name is taken; the invitation stays good.
    """
    shown = Secret.read(secret)
    # Looked at before the password is hashed, which takes more time and memory than a stranger should be given.
    if shown is None or shown.kind is not SecretKind.INVITATION or not store.invitations.is_good(shown.hash):
        raise _no_invitation()
    require_name(name, what="user")
    password_hash = hash_password(password, user_name=name)
    with store.writing():
        invitation = store.invitations.take(shown.hash)
        if invitation is None:
            raise _no_invitation()
        groups = () if invitation.group_id is None else (invitation.group_id,)
        user = enrol(store, name, role=invitation.role, password_hash=password_hash, group_ids=groups)
        details = {"role": user.role.value, "invitation": invitation.id}
        store.audit.append(name, "user.join", f"user {name}", details)
    return principal_of(user, frozenset(groups))


def _link(store: Store, base_url: str, *, role: Role, group_id: int | None) -> str:
    secret = new_secret(SecretKind.INVITATION)
    store.invitations.create(
        secret_hash=secret.hash, role=role, group_id=group_id, expires_at=store.now() + INVITATION_LASTS
    )
    # Behind the #, because browsers keep that to themselves: it reaches no log of ours or of a proxy.
    return f"{base_url.rstrip('/')}/join#{secret.text}"


def _no_invitation() -> NotAuthenticatedError:
    return NotAuthenticatedError(
        "This invitation is not good: misspelt, taken already, withdrawn or more than a day old.",
        remedy="Ask for a new one; before there is any user: petalite user first-link",
    )
