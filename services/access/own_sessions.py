"""Where somebody is signed in, and ending what they left open elsewhere."""

from domain.errors import InvalidValueError
from services.access.principal import Principal
from services.access.token_format import Secret
from services.store import Store


def current_session(store: Store, principal: Principal, secret: str | None) -> int:
    """Number of the session that somebody is signed in with.

    Args:
        store: The store.
        principal: Who is signed in.
        secret: What their browser showed; None where it showed none.

    Raises:
        InvalidValueError: If they are not signed in with a session: a token has none.
    """
    shown = Secret.read(secret) if secret is not None and principal.token_id is None else None
    session = store.sessions.by_hash(shown.hash) if shown is not None else None
    if session is None or session.user.id != principal.user_id:
        raise InvalidValueError("Only somebody who is signed in has sessions.", remedy="Sign in; use no token.")
    return session.id


def end_other_sessions(store: Store, principal: Principal, secret: str | None) -> int:
    """Ends every session of somebody's but the one they are signed in with. Returns how many were open.

    Raises:
        InvalidValueError: If they are not signed in with a session.
    """
    with store.writing():
        kept_id = current_session(store, principal, secret)
        n_ended = store.sessions.end_others(principal.user_id or 0, kept_id)
        if n_ended:
            store.audit.append(principal.name, "session.end-others", f"user {principal.name}", {"sessions": n_ended})
    return n_ended
