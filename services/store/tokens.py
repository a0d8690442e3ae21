"""Tokens that machines and scripts show. Of their secrets only hashes are kept."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import RowMapping, bindparam, insert, or_, select, update

from domain.errors import NotFoundError
from domain.roles import Permission
from services.store.access_tables import memberships, tokens, users
from services.store.database import Database, storable
from services.store.people import UserRecord, groups_in, user_record

TOUCH_EVERY: Final = timedelta(minutes=1)
"""How exactly it is known when a token was last used."""


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token without its secret."""

    id: int
    user_id: int
    label: str
    """What its owner calls it."""
    prefix: str
    """The first characters of the secret, by which it is recognised."""
    scopes: frozenset[Permission]
    created_at: datetime
    expires_at: datetime | None
    """None for one that never expires."""
    last_used_at: datetime | None
    """Exact to `TOUCH_EVERY`; None before the first use."""
    revoked_at: datetime | None

    def is_good(self, now: datetime) -> bool:
        """Whether it still opens the door."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def wants_touch(self, now: datetime) -> bool:
        """Whether a use at this moment would be news."""
        return self.last_used_at is None or self.last_used_at <= now - TOUCH_EVERY


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """A token, the hash of its secret, and whose it is."""

    token: TokenRecord
    secret_hash: str
    user: UserRecord
    groups: frozenset[int]
    """Numbers of the groups that the user belongs to."""


_HOLDER: Final = (
    select(tokens, users, memberships.c.group_id)
    .join(users, users.c.id == tokens.c.user_id)
    .outerjoin(memberships, memberships.c.user_id == users.c.id)
    .where(tokens.c.prefix == bindparam("prefix"))
)
"""Everything at once and put together once: each request asks for it."""


class Tokens:
    """Tokens by prefix."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        user_id: int,
        *,
        label: str,
        prefix: str,
        secret_hash: str,
        scopes: Collection[Permission],
        expires_at: datetime | None,
    ) -> TokenRecord:
        """Keeps a new token.

        Raises:
            ConflictError: If another token has the prefix.
        """
        values = {
            "user_id": user_id,
            "label": storable(label),
            "prefix": prefix,
            "secret_hash": secret_hash,
            "scopes": sorted(scope.value for scope in scopes),
            "created_at": self._database.now(),
            "expires_at": expires_at,
        }
        with self._database.write() as connection:
            return _token_record(connection.execute(insert(tokens).values(values).returning(tokens)).mappings().one())

    def by_prefix(self, prefix: str) -> TokenHolder | None:
        """Finds a token and its owner."""
        with self._database.read() as connection:
            rows = connection.execute(_HOLDER, {"prefix": prefix}).mappings().all()
        if not rows:
            return None
        first = rows[0]
        return TokenHolder(_token_record(first), first[tokens.c.secret_hash], user_record(first), groups_in(rows))

    def get(self, token_id: int) -> TokenRecord:
        """Finds a token by number.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            row = connection.execute(select(tokens).where(tokens.c.id == token_id)).mappings().one_or_none()
        if row is None:
            raise NotFoundError(f"There is no token number {token_id}.", remedy="List the tokens.")
        return _token_record(row)

    def list(self, *, user_id: int | None = None, after: int = 0, limit: int | None = None) -> tuple[TokenRecord, ...]:
        """Tokens in the order in which they were created, from behind number `after`; of all users or of one."""
        statement = select(tokens).where(tokens.c.id > after).order_by(tokens.c.id).limit(limit)
        if user_id is not None:
            statement = statement.where(tokens.c.user_id == user_id)
        with self._database.read() as connection:
            return tuple(_token_record(row) for row in connection.execute(statement).mappings())

    def touch(self, token_id: int) -> bool:
        """Notes that a token is being used. Returns whether that is news: it is at most once in `TOUCH_EVERY`."""
        now = self._database.now()
        statement = (
            update(tokens)
            .where(
                tokens.c.id == token_id,
                or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at <= now - TOUCH_EVERY),
            )
            .values(last_used_at=now)
        )
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1

    def revoke(self, token_id: int) -> bool:
        """Ends a token for ever. Returns whether it was not revoked before."""
        statement = (
            update(tokens)
            .where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
            .values(revoked_at=self._database.now())
        )
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1


def _token_record(row: RowMapping) -> TokenRecord:
    return TokenRecord(
        id=row[tokens.c.id],
        user_id=row[tokens.c.user_id],
        label=row[tokens.c.label],
        prefix=row[tokens.c.prefix],
        # A scope that this version does not know allows nothing here.
        scopes=frozenset(scope for scope in Permission if scope.value in row[tokens.c.scopes]),
        created_at=row[tokens.c.created_at],
        expires_at=row[tokens.c.expires_at],
        last_used_at=row[tokens.c.last_used_at],
        revoked_at=row[tokens.c.revoked_at],
    )
