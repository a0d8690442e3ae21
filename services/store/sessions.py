"""Who is signed in, who is invited, and who failed to sign in. Of secrets only hashes are kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, RowMapping, bindparam, delete, func, insert, select, update

from domain.roles import Role
from services.store.access_tables import invitations, login_failures, memberships, sessions, users
from services.store.database import Database
from services.store.kept_secrets import secret_of_user, sweep_expired
from services.store.locks import lock_name
from services.store.people import UserRecord, groups_in, user_record


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """Somebody who signed in with a password."""

    id: int
    user: UserRecord
    groups: frozenset[int]
    """Numbers of the groups that the user belongs to."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session of somebody's as they see it themselves."""

    id: int
    created_at: datetime
    expires_at: datetime


_OPEN_SESSION: Final = (
    select(sessions, users, memberships.c.group_id)
    .join(users, users.c.id == sessions.c.user_id)
    .outerjoin(memberships, memberships.c.user_id == users.c.id)
    .where(
        sessions.c.secret_hash == bindparam("secret_hash"),
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > bindparam("now"),
    )
)
"""Everything at once and put together once: each request asks for it."""


@dataclass(frozen=True, slots=True)
class InvitationRecord:
    """What whoever takes an invitation becomes."""

    id: int
    role: Role
    group_id: int | None
    expires_at: datetime


class Sessions:
    """Sessions by the hash of their secret."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, user_id: int, *, secret_hash: str, expires_at: datetime) -> None:
        """Keeps a new session."""
        values = secret_of_user(user_id, secret_hash, created_at=self._database.now(), expires_at=expires_at)
        with self._database.write() as connection:
            connection.execute(insert(sessions).values(values))

    def by_hash(self, secret_hash: str) -> SessionRecord | None:
        """Finds a session that is neither over nor ended."""
        given = {"secret_hash": secret_hash, "now": self._database.now()}
        with self._database.read() as connection:
            rows = connection.execute(_OPEN_SESSION, given).mappings().all()
        if not rows:
            return None
        first = rows[0]
        return SessionRecord(first[sessions.c.id], user_record(first), groups_in(rows), first[sessions.c.expires_at])

    def end(self, secret_hash: str) -> bool:
        """Ends a session. Returns whether it was open."""
        statement = (
            update(sessions)
            .where(sessions.c.secret_hash == secret_hash, sessions.c.ended_at.is_(None))
            .values(ended_at=self._database.now())
        )
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1

    def end_all(self, user_id: int) -> None:
        """Ends every session of a user."""
        statement = (
            update(sessions)
            .where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
            .values(ended_at=self._database.now())
        )
        with self._database.write() as connection:
            connection.execute(statement)

    def of_user(self, user_id: int, *, after: int = 0, limit: int | None = None) -> tuple[OpenSession, ...]:
        """A user's sessions that are neither over nor ended, the oldest first, from behind number `after`."""
        statement = (
            select(sessions.c.id, sessions.c.created_at, sessions.c.expires_at)
            .where(*_is_open(user_id, self._database.now()), sessions.c.id > after)
            .order_by(sessions.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple(OpenSession(**row) for row in connection.execute(statement).mappings())

    def end_others(self, user_id: int, kept_id: int) -> int:
        """Ends every session of a user but one. Returns how many were open."""
        now = self._database.now()
        statement = update(sessions).where(*_is_open(user_id, now), sessions.c.id != kept_id).values(ended_at=now)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount

    def sweep(self) -> int:
        """Forgets the sessions that are over. Returns how many."""
        return sweep_expired(self._database, sessions)


class Invitations:
    """Invitations by the hash of their secret; each is taken once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, *, secret_hash: str, role: Role, group_id: int | None, expires_at: datetime) -> None:
        """Keeps a new invitation."""
        values = {
            "secret_hash": secret_hash,
            "role": role.value,
            "group_id": group_id,
            "created_at": self._database.now(),
            "expires_at": expires_at,
        }
        with self._database.write() as connection:
            connection.execute(insert(invitations).values(values))

    def is_good(self, secret_hash: str) -> bool:
        """Whether an invitation can be taken at this moment."""
        statement = select(invitations.c.id).where(*_can_be_taken(secret_hash, self._database.now()))
        with self._database.read() as connection:
            return connection.execute(statement).first() is not None

    def take(self, secret_hash: str) -> InvitationRecord | None:
        """Takes an invitation; None unless it is good. Of several who try, one gets it."""
        now = self._database.now()
        statement = (
            update(invitations).where(*_can_be_taken(secret_hash, now)).values(used_at=now).returning(invitations)
        )
        with self._database.write() as connection:
            row = connection.execute(statement).mappings().one_or_none()
        return None if row is None else _invitation_record(row)

    def newest_open(self, role: Role) -> datetime | None:
        """When the newest invitation into a role that can still be taken was made; None if there is none."""
        statement = select(func.max(invitations.c.created_at)).where(
            invitations.c.role == role.value,
            invitations.c.used_at.is_(None),
            invitations.c.expires_at > self._database.now(),
        )
        with self._database.read() as connection:
            made_at: datetime | None = connection.execute(statement).scalar_one()
        return made_at

    def sweep(self) -> int:
        """Forgets the invitations that are over, taken or not. Returns how many."""
        return sweep_expired(self._database, invitations)

    def withdraw_all(self) -> int:
        """Makes every invitation that nobody took worthless. Returns how many there were."""
        statement = delete(invitations).where(invitations.c.used_at.is_(None))
        with self._database.write() as connection:
            return connection.execute(statement).rowcount


class LoginFailures:
    """Attempts to sign in that failed or are not decided yet, by subjects such as an account or an address."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, subject: str) -> int:
        """Counts an attempt. Returns its number."""
        statement = insert(login_failures).values(subject=subject, at=self._database.now())
        with self._database.write() as connection:
            attempt_id: int = connection.execute(statement.returning(login_failures.c.id)).scalar_one()
        return attempt_id

    def since(self, subject: str, start: datetime) -> tuple[datetime, ...]:
        """When attempts were made after an instant, the oldest first.

        Inside a transaction that writes, nobody else counts for the subject until that ends.
        """
        statement = (
            select(login_failures.c.at)
            .where(login_failures.c.subject == subject, login_failures.c.at > start)
            .order_by(login_failures.c.at)
        )
        with self._database.write() as connection:
            lock_name(connection, f"login failures of {subject}")
            return tuple(connection.execute(statement).scalars())

    def forget(self, attempt_id: int) -> None:
        """Forgets an attempt."""
        with self._database.write() as connection:
            connection.execute(delete(login_failures).where(login_failures.c.id == attempt_id))

    def clear(self, subject: str) -> None:
        """Forgets a subject's attempts."""
        with self._database.write() as connection:
            connection.execute(delete(login_failures).where(login_failures.c.subject == subject))

    def sweep(self, before: datetime) -> None:
        """Forgets attempts from before an instant."""
        with self._database.write() as connection:
            connection.execute(delete(login_failures).where(login_failures.c.at <= before))


def _is_open(user_id: int, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (sessions.c.user_id == user_id, sessions.c.ended_at.is_(None), sessions.c.expires_at > now)


def _can_be_taken(secret_hash: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        invitations.c.secret_hash == secret_hash,
        invitations.c.used_at.is_(None),
        invitations.c.expires_at > now,
    )


def _invitation_record(row: RowMapping) -> InvitationRecord:
    return InvitationRecord(
        id=row["id"], role=Role(row["role"]), group_id=row["group_id"], expires_at=row["expires_at"]
    )
