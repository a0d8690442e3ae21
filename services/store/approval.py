"""Approval before spending: costly queries wait until somebody who may says yes or no."""

from collections.abc import Collection

from sqlalchemy import Connection, select, update

from domain.errors import ConflictError, InvalidValueError
from domain.events import EventKind
from domain.json_value import JsonObject
from domain.states import QueryState, require_query_step
from services.store.database import Database
from services.store.events import write_events
from services.store.ledger import release
from services.store.query_steps import describe_query, lock_query, move_query, read_query
from services.store.records import QueryRecord
from services.store.rows import query_record
from services.store.tables import queries
from services.store.waking import wake_campaign


class Approval:
    """What waits for approval, and the judgements. Their money is reserved while they wait."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(
        self,
        campaign_id: int | None = None,
        *,
        campaign_ids: Collection[int] | None = None,
        after_id: int = 0,
        limit: int = 100,
    ) -> tuple[QueryRecord, ...]:
        """Queries that wait for approval, in the order in which they were chosen, page by page.

        Args:
            campaign_id: Only those of this campaign.
            campaign_ids: Only those of these campaigns; None for all.
            after_id: Number of the last query that is known already.
            limit: Most queries to return.
        """
        statement = select(queries).where(
            queries.c.state == QueryState.AWAITING_APPROVAL.value, queries.c.id > after_id
        )
        if campaign_id is not None:
            statement = statement.where(queries.c.campaign_id == campaign_id)
        if campaign_ids is not None:
            statement = statement.where(queries.c.campaign_id.in_(campaign_ids))
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(queries.c.id).limit(limit)).mappings().all()
        return tuple(query_record(row) for row in rows)

    def judged(
        self, campaign_ids: Collection[int], *, before_id: int | None = None, limit: int = 100
    ) -> tuple[QueryRecord, ...]:
        """Queries of some campaigns whose spending somebody approved or denied, the ones chosen last first.

        Args:
            campaign_ids: The campaigns.
            before_id: Number of the last query that is known already; None begins with the newest.
            limit: Most queries to return.
        """
        statement = select(queries).where(queries.c.judged_by.is_not(None), queries.c.campaign_id.in_(campaign_ids))
        if before_id is not None:
            statement = statement.where(queries.c.id < before_id)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(queries.c.id.desc()).limit(limit)).mappings().all()
        return tuple(query_record(row) for row in rows)

    def approve(self, query_id: int, by: str, reason: str = "") -> QueryRecord:
        """Lets a query be asked. Approved already: nothing happens.

        Raises:
            NotFoundError: If there is no such query.
            ConflictError: If it does not wait for approval.
        """
        with self._database.write() as connection:
            return self._judge(connection, query_id, by, reason, is_approved=True)

    def deny(self, query_id: int, by: str, reason: str) -> QueryRecord:
        """Cancels a query and frees its money. Denied already: nothing happens.

        Raises:
            InvalidValueError: If no reason is given.
            NotFoundError: If there is no such query.
            ConflictError: If it does not wait for approval.
        """
        _require_reason(reason)
        with self._database.write() as connection:
            return self._judge(connection, query_id, by, reason, is_approved=False)

    def approve_many(self, query_ids: Collection[int], by: str, reason: str = "") -> tuple[QueryRecord, ...]:
        """Approves queries, all or none.

        Raises:
            NotFoundError: If one of them does not exist.
            ConflictError: If one of them does not wait for approval.
        """
        return self._judge_many(query_ids, by, reason, is_approved=True)

    def deny_many(self, query_ids: Collection[int], by: str, reason: str) -> tuple[QueryRecord, ...]:
        """Denies queries, all or none.

        Raises:
            InvalidValueError: If no reason is given.
            NotFoundError: If one of them does not exist.
            ConflictError: If one of them does not wait for approval.
        """
        _require_reason(reason)
        return self._judge_many(query_ids, by, reason, is_approved=False)

    def _judge_many(
        self, query_ids: Collection[int], by: str, reason: str, *, is_approved: bool
    ) -> tuple[QueryRecord, ...]:
        with self._database.write() as connection:
            return tuple(  # in order, so that two who judge the same queries never wait for each other
                self._judge(connection, query_id, by, reason, is_approved=is_approved)
                for query_id in sorted(set(query_ids))
            )

    def _judge(self, connection: Connection, query_id: int, by: str, reason: str, *, is_approved: bool) -> QueryRecord:
        query = lock_query(connection, query_id)
        if query.state is not QueryState.AWAITING_APPROVAL:
            return _judged_before(query, is_approved=is_approved)
        after = QueryState.QUEUED if is_approved else QueryState.CANCELLED
        require_query_step(query.state, after)
        now = self._database.now()
        move_query(connection, query, after, at=now)
        judged = {"judged_by": by, "judged_at": now, "judgement": reason}
        connection.execute(update(queries).where(queries.c.id == query_id).values(judged))
        if not is_approved:
            release(connection, query, at=now)
        kind, word = (EventKind.QUERY_APPROVED, "approved") if is_approved else (EventKind.QUERY_DENIED, "denied")
        message = f"{describe_query(connection, query)}: {word} by {by}" + (f": {reason}" if reason else "")
        payload: JsonObject = {"query_id": query_id, "by": by, "reason": reason}
        write_events(connection, query.campaign_id, [(kind, message, payload)], at=now)
        wake_campaign(connection, query.campaign_id, at=now)
        return read_query(connection, query_id)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidValueError(
            "A denial needs a reason.", remedy="Say why, so that whoever chose the look can choose better."
        )


def _judged_before(query: QueryRecord, *, is_approved: bool) -> QueryRecord:
    """The query, if the same was said of it before.

    Raises:
        ConflictError: If it was not.
    """
    was_denied = query.state is QueryState.CANCELLED
    if query.judged_by is None or was_denied is is_approved:
        before = "waits for nobody's approval" if query.judged_by is None else f"was judged by {query.judged_by}"
        raise ConflictError(
            f"Query {query.id} is {query.state.value} and {before}.", remedy="List what waits for approval."
        )
    return query
