"""Queries: what is asked, who holds it, and how it is given back."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, Select, select, union_all, update

from domain.events import EventKind
from domain.fidelity import Capability
from domain.json_value import JsonObject
from domain.states import QueryState, require_query_step
from services.store.database import Database
from services.store.events import write_events
from services.store.ledger import release as release_reservation
from services.store.query_steps import (
    describe_query,
    give_back,
    give_back_lost,
    give_up_lost,
    is_used_up,
    lock_query,
    move_query,
    n_times_lost,
    read_query,
)
from services.store.queue import (
    Ladders,
    answerable,
    busy_oracles,
    find_own,
    find_waiting,
    is_of_open_campaign,
    of_fidelities,
)
from services.store.records import QueryRecord
from services.store.rows import query_record
from services.store.tables import queries

_SOON: Final = timedelta(seconds=60)
"""Whoever asks again so soon after a claim may have missed the answer; whoever asks later has begun to look."""


class Queries:
    """The queue. A claim is one compare-and-set; whoever holds the newest fence owns the query."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ladders = Ladders()

    def get(self, query_id: int) -> QueryRecord:
        """Finds a query by number.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            return read_query(connection, query_id)

    def list(
        self,
        campaign_id: int,
        *,
        states: Collection[QueryState] | None = None,
        fidelity: str | None = None,
        round_index: int | None = None,
    ) -> tuple[QueryRecord, ...]:
        """A campaign's queries in the order in which they were chosen, narrowed down where asked."""
        statement = _narrowed(campaign_id, states=states, fidelity=fidelity, round_index=round_index)
        with self._database.read() as connection:
            return tuple(query_record(row) for row in connection.execute(statement).mappings())

    def list_page(
        self,
        campaign_id: int,
        *,
        after_id: int = 0,
        limit: int = 100,
        states: Collection[QueryState] | None = None,
        fidelity: str | None = None,
        round_index: int | None = None,
    ) -> tuple[QueryRecord, ...]:
        """A campaign's queries in the order in which they were chosen, page by page.

        Args:
            campaign_id: Whose queries.
            after_id: Number of the last query that is known already.
            limit: Most queries to return.
            states: Only those in these states.
            fidelity: Only those of this fidelity.
            round_index: Only those of this round.
        """
        # A page for each state, merged: each is read from the index in order, however rare the state is.
        only: tuple[Collection[QueryState] | None, ...] = (None,) if states is None else tuple([s] for s in set(states))
        if not only:
            return ()
        parts = [
            _narrowed(campaign_id, states=state, fidelity=fidelity, round_index=round_index)
            .where(queries.c.id > after_id)
            .limit(limit)
            for state in only
        ]
        if len(parts) == 1:
            statement = parts[0]
        else:
            merged = union_all(*(select(part.subquery()) for part in parts)).subquery()
            statement = select(merged).order_by(merged.c.id).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(statement).mappings().all()
        return tuple(query_record(row) for row in rows)

    def claim(self, query_id: int, *, worker: str, lease_s: float, is_answered: bool = False) -> QueryRecord | None:
        """Takes a queued query. A worker that holds it already gets it again, with its fence and a renewed lease.

        Args:
            query_id: The query.
            worker: Who wants it.
            lease_s: Seconds until the claim lapses unless a heartbeat comes.
            is_answered: Whether the answer is there already, so that neither a pause nor a limit is in its way.

        Returns:
            The query with the fence that its answer must carry; None if it cannot be had: somebody else holds it, it
            is over or not approved, its campaign is paused or stopped, or its oracle has as many looks as it bears.

        Raises:
            NotFoundError: If there is no such query.
        """
        with self._database.write() as connection:
            query = read_query(connection, query_id)
            if query.state is QueryState.CLAIMED and query.worker == worker:
                return self._renew(connection, query_id, worker, lease_s)
            if is_answered:
                return self._claim(connection, query_id, worker, lease_s)
            fidelity = self._ladders.of(connection, query.campaign_id).fidelity(query.fidelity)
            if busy_oracles(connection, self._ladders, [fidelity]):
                return None
            return self._claim(connection, query_id, worker, lease_s, is_of_open_campaign())

    def claim_next(
        self,
        *,
        worker: str,
        lease_s: float,
        oracles: Collection[Capability],
        campaign_ids: Collection[int] | None = None,
    ) -> QueryRecord | None:
        """Takes a query that waits for a machine: of the most urgent campaign, the oldest.

        A worker that has died and comes back under its name gets its own query first, with the fence that it had and a
        renewed lease: one name is one worker with one look at a time. Having died counts as an attempt, and after the
        last one the query fails for good.

        Args:
            worker: Names the machine.
            lease_s: Seconds until the claim lapses unless a heartbeat comes.
            oracles: What the machine offers.
            campaign_ids: The campaigns that it may see; None for all.

        Returns:
            The query with the fence that its answer must carry; None if nothing waits for this machine.
        """
        self.requeue_lapsed(self._database.now(), but_of=worker)
        with self._database.write() as connection:
            fidelities = answerable(self._ladders.all(connection), oracles, campaign_ids)
            own = find_own(connection, worker, of_fidelities(queries, fidelities))
            kept = None if own is None else self._come_back(connection, own, worker, lease_s)
            if kept is not None:
                return kept
            busy = busy_oracles(connection, self._ladders, fidelities.values())
            free = [pair for pair, look in fidelities.items() if (look.oracle, look.max_concurrent) not in busy]
            query_id = find_waiting(connection, of_fidelities(queries, free))
            return None if query_id is None else self._claim(connection, query_id, worker, lease_s)

    def heartbeat(self, query_id: int, fence: int, lease_s: float) -> bool:
        """Extends a claim; False if it is no longer the caller's, who should then stop."""
        until = self._database.now() + timedelta(seconds=lease_s)
        with self._database.write() as connection:
            is_held = (queries.c.state == QueryState.CLAIMED.value) & (queries.c.fence == fence)
            return _compare_and_set(connection, (queries.c.id == query_id) & is_held, {"lease_until": until})

    def release(self, query_id: int, fence: int) -> bool:
        """Gives a claim back unanswered, which does not count as an attempt; False if it is no longer the caller's."""
        with self._database.write() as connection:
            query = lock_query(connection, query_id)
            if query.state is not QueryState.CLAIMED or query.fence != fence:
                return False
            give_back(connection, query, "was given back", counts=False, at=self._database.now())
            return True

    def requeue_lapsed(self, by: datetime, *, but_of: str | None = None) -> int:
        """Ends every claim whose lease has lapsed; the attempt counts.

        The query goes back to the queue while attempts are left and fails for good otherwise: the look may be what
        takes its machines down. What a laboratory was asked always goes back.

        Args:
            by: Until when it must have lapsed.
            but_of: A worker that has just come back, whose claims are left to it.

        Returns:
            How many.
        """
        condition = queries.c.lease_until <= by
        if but_of is not None:
            condition &= queries.c.worker != but_of
        with self._database.write() as connection:
            lapsed = _lock_claimed(connection, condition)
            for query in lapsed:
                self._end_lost(connection, query, at=self._database.now())
            return len(lapsed)

    def requeue_held_by(
        self, campaign_id: int, worker_prefix: str, *, is_alive: Callable[[str], bool] = lambda _worker: False
    ) -> int:
        """Gives back every claim in a campaign of workers that no longer drive it; the attempt does not count.

        A query during which they have died again and again is given up: the look may be what takes them down.

        Args:
            campaign_id: The campaign.
            worker_prefix: What the workers' names begin with. End it with a separator: `host:1` begins `host:12`.
            is_alive: Whether a worker is known to live: it has lost the campaign, and the look takes nobody down.

        Returns:
            How many.
        """
        with self._database.write() as connection:
            claimed = _lock_claimed(connection, queries.c.campaign_id == campaign_id)
            held = [query for query in claimed if query.worker is not None and query.worker.startswith(worker_prefix)]
            n_lost = n_times_lost(connection, campaign_id) if held else {}
            now = self._database.now()
            for query in held:
                if is_alive(query.worker or ""):
                    what = "was given back because its worker no longer runs the campaign"
                    give_back(connection, query, what, counts=False, at=now)
                else:
                    give_back_lost(connection, query, n_before=n_lost.get(query.id, 0), at=now)
            return len(held)

    def lost(self, campaign_id: int) -> frozenset[int]:
        """Numbers of the campaign's queries that were under way when the process that runs it was killed."""
        with self._database.read() as connection:
            return frozenset(n_times_lost(connection, campaign_id))

    def cancel(self, query_id: int, *, reason: str = "") -> QueryRecord:
        """Gives a query up and its reservation back. Cancelled already: nothing happens.

        Raises:
            NotFoundError: If there is no such query.
            IllegalTransitionError: If it is done.
        """
        now = self._database.now()
        with self._database.write() as connection:
            query = lock_query(connection, query_id)
            if query.state is QueryState.CANCELLED:
                return query
            require_query_step(query.state, QueryState.CANCELLED)
            move_query(connection, query, QueryState.CANCELLED, at=now)
            release_reservation(connection, query, at=now)
            message = f"ask: {describe_query(connection, query)}: cancelled" + (f", {reason}" if reason else "")
            payload: JsonObject = {"query_id": query_id}
            note = (EventKind.STAGE_NOTE, message, payload)
            write_events(connection, query.campaign_id, [note], at=now)
            return read_query(connection, query_id)

    def _come_back(self, connection: Connection, query_id: int, worker: str, lease_s: float) -> QueryRecord | None:
        """Hands a worker its own query again; None where it has lost it, or it has used the last attempt up."""
        query, now = lock_query(connection, query_id), self._database.now()
        if query.state is not QueryState.CLAIMED or query.worker != worker or query.claimed_at is None:
            return None
        if now - query.claimed_at < _SOON:
            return self._renew(connection, query_id, worker, lease_s)
        if is_used_up(query, self._ladders.of(connection, query.campaign_id).fidelity(query.fidelity)):
            give_up_lost(connection, query, at=now)
            return None
        again = {"attempts": query.attempts + 1, "claimed_at": now, "lease_until": now + timedelta(seconds=lease_s)}
        connection.execute(update(queries).where(queries.c.id == query_id).values(again))
        return self._claimed(connection, query_id)

    def _end_lost(self, connection: Connection, query: QueryRecord, *, at: datetime) -> None:
        if is_used_up(query, self._ladders.of(connection, query.campaign_id).fidelity(query.fidelity)):
            give_up_lost(connection, query, at=at)
        else:
            give_back(connection, query, "was given back because its lease lapsed", counts=True, at=at)

    def _renew(self, connection: Connection, query_id: int, worker: str, lease_s: float) -> QueryRecord | None:
        is_held = (queries.c.state == QueryState.CLAIMED.value) & (queries.c.worker == worker)
        until = self._database.now() + timedelta(seconds=lease_s)
        is_renewed = _compare_and_set(connection, (queries.c.id == query_id) & is_held, {"lease_until": until})
        return read_query(connection, query_id) if is_renewed else None

    def _claim(
        self,
        connection: Connection,
        query_id: int,
        worker: str,
        lease_s: float,
        condition: ColumnElement[bool] | None = None,
    ) -> QueryRecord | None:
        now = self._database.now()
        is_waiting = (queries.c.id == query_id) & (queries.c.state == QueryState.QUEUED.value)
        if condition is not None:
            is_waiting &= condition
        values = {
            "state": QueryState.CLAIMED.value,
            "worker": worker,
            "lease_until": now + timedelta(seconds=lease_s),
            "claimed_at": now,
            "attempts": queries.c.attempts + 1,
            "fence": queries.c.fence + 1,
        }
        if not _compare_and_set(connection, is_waiting, values):
            return None
        return self._claimed(connection, query_id)

    def _claimed(self, connection: Connection, query_id: int) -> QueryRecord:
        """Tells that an attempt begins."""
        query = read_query(connection, query_id)
        message = f"ask: {describe_query(connection, query)}"
        payload: JsonObject = {
            "query_id": query_id,
            "worker": query.worker,
            "fence": query.fence,
            "attempt": query.attempts,
        }
        write_events(
            connection, query.campaign_id, [(EventKind.QUERY_CLAIMED, message, payload)], at=self._database.now()
        )
        return query


def _narrowed(
    campaign_id: int, *, states: Collection[QueryState] | None, fidelity: str | None, round_index: int | None
) -> Select[tuple[object, ...]]:
    """A campaign's queries in the order in which they were chosen, narrowed down where asked."""
    statement = select(queries).where(queries.c.campaign_id == campaign_id).order_by(queries.c.id)
    if states is not None:
        statement = statement.where(queries.c.state.in_([state.value for state in states]))
    if fidelity is not None:
        statement = statement.where(queries.c.fidelity == fidelity)
    if round_index is not None:
        statement = statement.where(queries.c.round_index == round_index)
    return statement


def _compare_and_set(connection: Connection, condition: ColumnElement[bool], values: dict[str, object]) -> bool:
    return connection.execute(update(queries).where(condition).values(values)).rowcount == 1


def _lock_claimed(connection: Connection, condition: ColumnElement[bool]) -> Sequence[QueryRecord]:
    statement = (
        select(queries)
        .where(queries.c.state == QueryState.CLAIMED.value, condition)
        .order_by(queries.c.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return [query_record(row) for row in connection.execute(statement).mappings()]
