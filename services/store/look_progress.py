"""How far looks have come that take long, as whoever makes them tells."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, insert, select

from domain.look import LookProgress
from domain.states import QueryState
from services.store.database import Database
from services.store.intake_tables import look_progress
from services.store.query_steps import lock_query
from services.store.tables import queries

LONGEST_NOTE: Final = 200
"""In characters; what is longer is cut."""


@dataclass(frozen=True, slots=True)
class ToldProgress:
    """How far a look has come, and when that was said."""

    query_id: int
    share: float
    """Between 0 and 1."""
    note: str
    at: datetime
    """UTC-aware."""


class LookProgresses:
    """The newest progress of every look under way. Nothing here outlives the claim under which it was told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tell(self, query_id: int, fence: int, progress: LookProgress) -> bool:
        """Keeps how far a look has come; False if the claim is no longer the caller's.

        Raises:
            NotFoundError: If there is no such query.
        """
        values = {
            "query_id": query_id,
            "fence": fence,
            "share": progress.share,
            "note": progress.note[:LONGEST_NOTE],
            "at": self._database.now(),
        }
        with self._database.write() as connection:
            query = lock_query(connection, query_id)
            if query.state is not QueryState.CLAIMED or query.fence != fence:
                return False
            connection.execute(delete(look_progress).where(look_progress.c.query_id == query_id))
            connection.execute(insert(look_progress).values(values))
            return True

    def of(self, query_ids: Collection[int]) -> Mapping[int, ToldProgress]:
        """What was told of those of some queries that are under way, by their number."""
        statement = (
            select(look_progress.c.query_id, look_progress.c.share, look_progress.c.note, look_progress.c.at)
            .join(queries, queries.c.id == look_progress.c.query_id)
            .where(
                look_progress.c.query_id.in_(query_ids),
                queries.c.state == QueryState.CLAIMED.value,
                queries.c.fence == look_progress.c.fence,
            )
        )
        with self._database.read() as connection:
            found = (ToldProgress(*row) for row in connection.execute(statement))
            return {told.query_id: told for told in found}
