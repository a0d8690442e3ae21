"""Queries: what is asked, who holds it, and how it is given back."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, select, union_all, update

from domain.blueprint import Blueprint
from domain.errors import NotFoundError
from domain.events import EventKind
from domain.fidelity import Capability
from domain.json_value import JsonObject
from domain.parsing import parse
from domain.states import QueryState, require_query_step
from services.store.database import Database
from services.store.events import write_events
from services.store.ledger import release as release_reservation
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
from services.store.tables import candidates, queries

_FREE = {"worker": None, "lease_until": None}


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
        parts = (
            _narrowed(campaign_id, states=state, fidelity=fidelity, round_index=round_index)
            .where(queries.c.id > after_id)
            .limit(limit)
            .subquery()
            for state in only
        )
        merged = union_all(*(select(part) for part in parts)).subquery()
        with self._database.read() as connection:
            rows = connection.execute(select(merged).order_by(merged.c.id).limit(limit)).mappings().all()
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
        renewed lease: one name is one worker with one look at a time.

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
            own = find_own(connection, worker, of_fidelities(fidelities))
            if own is not None:
                return self._renew(connection, own, worker, lease_s)
            busy = busy_oracles(connection, self._ladders, fidelities.values())
            free = [pair for pair, look in fidelities.items() if (look.oracle, look.max_concurrent) not in busy]
            query_id = find_waiting(connection, of_fidelities(free))
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
            self._give_back(connection, query, "was given back", counts=False)
            return True

    def requeue_lapsed(self, now: datetime, *, but_of: str | None = None) -> int:
        """Gives back every claim whose lease has lapsed; the attempt counts.

        Args:
            now: The time.
            but_of: A worker that has just come back, whose claims are left to it.

        Returns:
            How many.
        """
        condition = queries.c.lease_until <= now
        if but_of is not None:
            condition &= queries.c.worker != but_of
        with self._database.write() as connection:
            lapsed = _lock_claimed(connection, condition)
            for query in lapsed:
                self._give_back(connection, query, "was given back because its lease lapsed", counts=True)
            return len(lapsed)

    def requeue_held_by(self, campaign_id: int, worker_prefix: str) -> int:
        """Gives back every claim in a campaign of workers that are known to be dead; the attempt does not count.

        Args:
            campaign_id: The campaign.
            worker_prefix: What the dead workers' names begin with. End it with a separator: `host:1` begins `host:12`.

        Returns:
            How many.
        """
        with self._database.write() as connection:
            claimed = _lock_claimed(connection, queries.c.campaign_id == campaign_id)
            held = [query for query in claimed if query.worker is not None and query.worker.startswith(worker_prefix)]
            for query in held:
                self._give_back(connection, query, "was given back because its worker is gone", counts=False)
            return len(held)

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
        query = read_query(connection, query_id)
        message = f"ask: {describe_query(connection, query)}"
        payload: JsonObject = {"query_id": query_id, "worker": worker, "fence": query.fence, "attempt": query.attempts}
        write_events(connection, query.campaign_id, [(EventKind.QUERY_CLAIMED, message, payload)], at=now)
        return query

    def _give_back(self, connection: Connection, query: QueryRecord, what: str, *, counts: bool) -> None:
        require_query_step(query.state, QueryState.QUEUED)
        attempts = query.attempts if counts else query.attempts - 1
        values = {"state": QueryState.QUEUED.value, "attempts": attempts, **_FREE}
        connection.execute(update(queries).where(queries.c.id == query.id).values(values))
        message = f"ask: {describe_query(connection, query)}: the claim of {query.worker} {what}"
        payload: JsonObject = {"query_id": query.id, "worker": query.worker, "fence": query.fence}
        at = self._database.now()
        write_events(connection, query.campaign_id, [(EventKind.QUERY_REQUEUED, message, payload)], at=at)


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


def read_query(connection: Connection, query_id: int) -> QueryRecord:
    """Reads a query inside a transaction.

    Raises:
        NotFoundError: If there is none.
    """
    row = connection.execute(select(queries).where(queries.c.id == query_id)).mappings().one_or_none()
    if row is None:
        raise NotFoundError(f"There is no query number {query_id}.", remedy="List the campaign's queries.")
    return query_record(row)


def describe_query(connection: Connection, query: QueryRecord) -> str:
    """What people call a query: its crystal and its fidelity."""
    stored = connection.execute(select(candidates.c.blueprint).where(candidates.c.id == query.candidate_id))
    blueprint = parse(Blueprint, stored.scalar_one(), what="The stored blueprint")
    return f"{blueprint.title} at {query.fidelity}"


def lock_query(connection: Connection, query_id: int) -> QueryRecord:
    """Reads a query and keeps others from changing it until the transaction ends.

    Raises:
        NotFoundError: If there is none.
    """
    connection.execute(select(queries.c.id).where(queries.c.id == query_id).with_for_update(key_share=True))
    return read_query(connection, query_id)


def move_query(connection: Connection, query: QueryRecord, state: QueryState, *, at: datetime) -> None:
    """Moves a locked query to a state in which nobody holds it. Whoever answered stays its worker."""
    values: dict[str, object] = {"state": state.value, "lease_until": None}
    if state is QueryState.QUEUED:
        values |= _FREE
    else:
        values["finished_at"] = at
    connection.execute(update(queries).where(queries.c.id == query.id).values(values))


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
