"""Linking people to their identities at the identity provider: what is allowed, done and audited in one step."""

from domain.errors import ConflictError, InvalidValueError, NotFoundError, PermissionDeniedError
from services.access.principal import Principal
from services.store import Store
from services.store.identities import LONGEST_SUBJECT, IdentityRecord


def link(store: Store, user_name: str, subject: str, *, issuer: str, by: Principal) -> IdentityRecord:
    """Lets somebody sign in with an identity. Whoever calls this may administer, or has just proven that it is theirs.

    Args:
        store: The store.
        user_name: Who may sign in with it.
        subject: What the provider calls them in its claim `sub`.
        issuer: The provider.
        by: Who links.

    Raises:
        NotFoundError: If there is no such user.
        ConflictError: If the identity is somebody else's.
        InvalidValueError: If it is no identity.
    """
    if not subject or len(subject) > LONGEST_SUBJECT or not subject.isprintable():
        raise InvalidValueError(
            f"A subject has 1 to {LONGEST_SUBJECT} printable characters.",
            remedy="Give the claim 'sub' as the provider writes it; refused sign-ins show it in the audit log.",
        )
    with store.writing():
        user = store.people.get(user_name)
        found = store.identities.find(issuer, subject)
        if found is not None and found[1].id == user.id:
            return found[0]
        record = store.identities.create(user.id, issuer=issuer, subject=subject, is_mapped=False)
        store.audit.append(by.name, "user.link", f"user {user_name}", {"issuer": issuer, "subject": subject})
    return record


def unlink(store: Store, user_name: str, identity_id: int, *, by: Principal) -> IdentityRecord:
    """Lets somebody sign in with an identity no more, and ends their sessions.

    Raises:
        NotFoundError: If there is no such user, or they have no such identity.
    """
    with store.writing():
        user = store.people.get(user_name)
        removed = store.identities.remove(user.id, identity_id)
        store.sessions.end_all(user.id)
        details = {"issuer": removed.issuer, "subject": removed.subject}
        store.audit.append(by.name, "user.unlink", f"user {user_name}", details)
    return removed


def unlink_own(store: Store, principal: Principal, identity_id: int) -> IdentityRecord:
    """Lets somebody who is signed in give up an identity of theirs, and ends their sessions.

    Raises:
        NotFoundError: If they have no such identity.
        PermissionDeniedError: If it decides their role.
        ConflictError: If they could not sign in any more.
        InvalidValueError: If nobody is signed in with a session.
    """
    user_id = require_session(principal)
    with store.writing():
        own = store.identities.of_user(user_id)
        if all(record.id != identity_id for record in own):
            raise NotFoundError(f"There is no identity number {identity_id}.", remedy="List your identities.")
        _require_own_role(own)
        if len(own) == 1 and not store.people.by_id(user_id).has_password:
            raise ConflictError(
                "Without this identity you could not sign in any more.",
                remedy="Ask an administrator for a password first.",
            )
        return unlink(store, principal.name, identity_id, by=principal)


def require_linkable(store: Store, principal: Principal) -> int:
    """Goes on only with somebody who may link an identity to themselves. Returns their number.

    Raises:
        PermissionDeniedError: If the provider decides their role: another identity would keep what they lose there.
        InvalidValueError: If nobody is signed in with a session.
    """
    user_id = require_session(principal)
    _require_own_role(store.identities.of_user(user_id))
    return user_id


def require_session(principal: Principal) -> int:
    """Goes on only with somebody who is signed in. Returns their number.

    Raises:
        InvalidValueError: If a token was shown: whoever holds it may be somebody else.
    """
    if principal.user_id is None or principal.token_id is not None:
        raise InvalidValueError("Only somebody who is signed in links identities.", remedy="Sign in; use no token.")
    return principal.user_id


def _require_own_role(identities: tuple[IdentityRecord, ...]) -> None:
    if any(record.is_mapped for record in identities):
        raise PermissionDeniedError(
            "The identity provider decides your role, so that you cannot change your identities.",
            remedy="Ask an administrator.",
        )
