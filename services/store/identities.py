"""Whom the identity provider knows users as, and who is on the way to it to sign in."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, delete, insert, select, update

from domain.errors import ConflictError, NotFoundError
from services.store.access_tables import identities, oidc_attempts, users
from services.store.database import Database, insert_if_absent
from services.store.people import UserRecord, user_record

LONGEST_SUBJECT: Final = 255
"""Characters that OpenID Connect allows."""


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """A user's identity at an identity provider."""

    id: int
    user_id: int
    issuer: str
    """The provider."""
    subject: str
    """Names the user there."""
    is_mapped: bool
    """Whether role and groups follow what the provider says; else administrators decide them."""
    given_groups: tuple[str, ...]
    """Names of the groups that the user belongs to by what the provider says, and no other way."""
    created_at: datetime


_IDENTITY: Final = tuple(identities.c)


class Identities:
    """Identities; each is one user's, and a user may have several."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, user_id: int, *, issuer: str, subject: str, is_mapped: bool) -> IdentityRecord:
        """Keeps a new identity of a user.

        Raises:
            ConflictError: If it is somebody's already.
        """
        values = {
            "user_id": user_id,
            "issuer": issuer,
            "subject": subject,
            "is_mapped": is_mapped,
            "given_groups": [],
            "created_at": self._database.now(),
        }
        with self._database.write() as connection:
            if insert_if_absent(connection, identities, [values]) == 0:
                raise ConflictError(
                    f"The identity '{subject}' is linked already.", remedy="Unlink it from its user first."
                )
            statement = select(identities).where(identities.c.issuer == issuer, identities.c.subject == subject)
            return _identity_record(connection.execute(statement).mappings().one())

    def find(self, issuer: str, subject: str) -> tuple[IdentityRecord, UserRecord] | None:
        """Finds an identity and whose it is; None if it is nobody's."""
        statement = (
            select(identities, users)
            .join(users, users.c.id == identities.c.user_id)
            .where(identities.c.issuer == issuer, identities.c.subject == subject)
        )
        with self._database.read() as connection:
            row = connection.execute(statement).mappings().one_or_none()
        return None if row is None else (_identity_record(row), user_record(row))

    def of_user(self, user_id: int, *, after: int = 0, limit: int | None = None) -> tuple[IdentityRecord, ...]:
        """A user's identities in the order in which they were linked, from behind number `after`."""
        statement = (
            select(identities)
            .where(identities.c.user_id == user_id, identities.c.id > after)
            .order_by(identities.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple(_identity_record(row) for row in connection.execute(statement).mappings())

    def set_given_groups(self, identity_id: int, names: Collection[str]) -> None:
        """Notes to which groups the user belongs by what the provider says."""
        statement = update(identities).where(identities.c.id == identity_id).values(given_groups=sorted(names))
        with self._database.write() as connection:
            connection.execute(statement)

    def remove(self, user_id: int, identity_id: int) -> IdentityRecord:
        """Forgets an identity of a user.

        Raises:
            NotFoundError: If the user has none with that number.
        """
        statement = (
            delete(identities)
            .where(identities.c.id == identity_id, identities.c.user_id == user_id)
            .returning(*_IDENTITY)
        )
        with self._database.write() as connection:
            row = connection.execute(statement).mappings().one_or_none()
        if row is None:
            raise NotFoundError(f"The user has no identity number {identity_id}.", remedy="List the user's identities.")
        return _identity_record(row)


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """What somebody who was sent to the identity provider wanted."""

    user_id: int | None
    """Who wanted to link an identity to themselves; None where somebody wants to sign in."""
    next_path: str
    """Page of this service to go on with; empty for none."""
    failure_id: int
    """The count of the attempt among failures, until it turns out well."""


class OidcAttempts:
    """Sign-ins at the identity provider that have begun, by hashes of what the browser and the provider bring back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, attempt: AttemptRecord, *, state_hash: str, browser_hash: str, expires_at: datetime) -> None:
        """Keeps a new attempt, and forgets those that are over."""
        values = {
            "state_hash": state_hash,
            "browser_hash": browser_hash,
            "user_id": attempt.user_id,
            "next_path": attempt.next_path,
            "failure_id": attempt.failure_id,
            "expires_at": expires_at,
        }
        with self._database.write() as connection:
            connection.execute(delete(oidc_attempts).where(oidc_attempts.c.expires_at <= self._database.now()))
            connection.execute(insert(oidc_attempts).values(values))

    def take(self, *, state_hash: str, browser_hash: str) -> AttemptRecord | None:
        """Takes an attempt that the same browser began; None unless it is good. Of several who try, one gets it."""
        statement = (
            delete(oidc_attempts)
            .where(
                oidc_attempts.c.state_hash == state_hash,
                oidc_attempts.c.browser_hash == browser_hash,
                oidc_attempts.c.expires_at > self._database.now(),
            )
            .returning(oidc_attempts.c.user_id, oidc_attempts.c.next_path, oidc_attempts.c.failure_id)
        )
        with self._database.write() as connection:
            row = connection.execute(statement).mappings().one_or_none()
        return None if row is None else AttemptRecord(**row)


def _identity_record(row: RowMapping) -> IdentityRecord:
    return IdentityRecord(
        id=row[identities.c.id],
        user_id=row[identities.c.user_id],
        issuer=row[identities.c.issuer],
        subject=row[identities.c.subject],
        is_mapped=row[identities.c.is_mapped],
        given_groups=tuple(row[identities.c.given_groups]),
        created_at=row[identities.c.created_at],
    )
