"""Links with which somebody takes a new password: at most one of each user, and gone once it was taken."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, insert, select

from services.store.access_tables import password_links
from services.store.database import Database
from services.store.kept_secrets import secret_of_user, sweep_expired


class PasswordLinks:
    """Links by the hash of their secret."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, user_id: int, *, secret_hash: str, expires_at: datetime) -> None:
        """Keeps a new link; the user's former one is worthless from now on."""
        values = secret_of_user(user_id, secret_hash, created_at=self._database.now(), expires_at=expires_at)
        with self._database.write() as connection:
            connection.execute(delete(password_links).where(password_links.c.user_id == user_id))
            connection.execute(insert(password_links).values(values))

    def owner(self, secret_hash: str) -> int | None:
        """Number of the user whose link it is; None unless it can be taken at this moment."""
        statement = select(password_links.c.user_id).where(*_is_good(secret_hash, self._database.now()))
        with self._database.read() as connection:
            return connection.execute(statement).scalar_one_or_none()

    def take(self, secret_hash: str) -> int | None:
        """Takes a link and gives its user's number; None unless it is good. Of several who try, one gets it."""
        statement = delete(password_links).where(*_is_good(secret_hash, self._database.now()))
        with self._database.write() as connection:
            return connection.execute(statement.returning(password_links.c.user_id)).scalar_one_or_none()

    def withdraw(self, user_id: int) -> None:
        """Makes a user's link worthless."""
        with self._database.write() as connection:
            connection.execute(delete(password_links).where(password_links.c.user_id == user_id))

    def sweep(self) -> int:
        """Forgets the links that are over. Returns how many."""
        return sweep_expired(self._database, password_links)


def _is_good(secret_hash: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (password_links.c.secret_hash == secret_hash, password_links.c.expires_at > now)
