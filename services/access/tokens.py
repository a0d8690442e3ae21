"""Giving tokens out and taking them back."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from domain.errors import InvalidValueError, NotFoundError, PermissionDeniedError
from services.access.principal import Principal
from services.access.roles import PERMISSIONS_OF_ROLE, Permission, Role
from services.access.token_format import SecretKind, new_secret
from services.store import Store
from services.store.people import UserRecord
from services.store.tokens import TokenRecord

DEFAULT_DAYS: Final = 90
LONGEST_DAYS: Final = 3660
_LONGEST_LABEL: Final = 200


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made."""

    record: TokenRecord
    secret: str = field(repr=False)
    """To be shown once; kept nowhere."""


def create_token(
    store: Store,
    user_name: str,
    *,
    label: str,
    scopes: Collection[Permission],
    by: Principal,
    days: int | None = DEFAULT_DAYS,
) -> NewToken:
    """Makes a token with which a machine or a script speaks for a user.

    Args:
        store: The store.
        user_name: Whom it speaks for.
        label: What it is for, to recognise it later.
        scopes: What it may be used for, no more than the user may do.
        by: Who makes it: the user, signed in, or an administrator.
        days: Until it expires; None for never, which only an administrator may ask for.

    Raises:
        NotFoundError: If there is no such user.
        PermissionDeniedError: If `by` may not make it.
        InvalidValueError: If a value is not acceptable.
    """
    if by.name != user_name or by.token_id is not None:
        # A token that could make tokens would never have to expire.
        by.require(Permission.ADMINISTER)
    if days is None and by.role is not Role.ADMINISTRATOR:
        raise PermissionDeniedError(
            "Only an administrator makes tokens that never expire.", remedy="Say for how many days it is needed."
        )
    _require_label(label)
    _require_days(days)
    secret = new_secret(SecretKind.TOKEN)
    with store.writing():
        owner = store.people.get(user_name)
        _require_scopes(owner, scopes)
        record = store.tokens.create(
            owner.id,
            label=label,
            prefix=secret.prefix,
            secret_hash=secret.hash,
            scopes=scopes,
            expires_at=None if days is None else store.now() + timedelta(days=days),
        )
        details = {
            "user": user_name,
            "label": label,
            "prefix": record.prefix,
            "scopes": sorted(scope.value for scope in scopes),
            "days": days,
        }
        store.audit.append(by.name, "token.create", f"token {record.id}", details)
    return NewToken(record, secret.text)


def revoke_token(store: Store, token_id: int, *, by: Principal) -> TokenRecord:
    """Ends a token for ever; one that is revoked already stays so.

    Raises:
        NotFoundError: If there is none, or it is somebody else's and `by` may not administer.
    """
    with store.writing():
        token = store.tokens.get(token_id)
        if token.user_id != by.user_id and Permission.ADMINISTER not in by.permissions:
            raise NotFoundError(f"There is no token number {token_id}.", remedy="List the tokens.")
        if store.tokens.revoke(token_id):
            details = {"label": token.label, "prefix": token.prefix}
            store.audit.append(by.name, "token.revoke", f"token {token_id}", details)
        return store.tokens.get(token_id)


def _require_label(label: str) -> None:
    if not label.strip() or len(label) > _LONGEST_LABEL:
        raise InvalidValueError(
            f"A token's label has 1 to {_LONGEST_LABEL} characters.", remedy="Say in a few words what it is for."
        )


def _require_days(days: int | None) -> None:
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise InvalidValueError(f"A token cannot last {days} days.", remedy=f"Give 1 to {LONGEST_DAYS} days.")


def _require_scopes(owner: UserRecord, scopes: Collection[Permission]) -> None:
    if not scopes:
        raise InvalidValueError("A token without a scope opens nothing.", remedy="Give at least one scope.")
    beyond = sorted(scope.value for scope in scopes if scope not in PERMISSIONS_OF_ROLE[owner.role])
    if beyond:
        allowed = ", ".join(sorted(scope.value for scope in PERMISSIONS_OF_ROLE[owner.role]))
        raise InvalidValueError(
            f"{owner.name} is in the role {owner.role.value}, to which {', '.join(beyond)} is not allowed.",
            remedy=f"Choose from {allowed}.",
        )
