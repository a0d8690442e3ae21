"""What sessions, invitations and links to a new password share: a secret of which the hash is kept until a time."""

from datetime import datetime

from sqlalchemy import Table, delete

from services.store.database import Database


def secret_of_user(
    user_id: int, secret_hash: str, *, created_at: datetime, expires_at: datetime
) -> dict[str, int | str | datetime]:
    """The row of a user's new secret."""
    return {"user_id": user_id, "secret_hash": secret_hash, "created_at": created_at, "expires_at": expires_at}


def sweep_expired(database: Database, table: Table) -> int:
    """Forgets the secrets that are over. Returns how many."""
    statement = delete(table).where(table.c.expires_at <= database.now())
    with database.write() as connection:
        return connection.execute(statement).rowcount
