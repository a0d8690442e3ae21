"""Steps of one query inside a transaction: read, locked, moved, given back, failed."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select, update

from domain.blueprint import Blueprint
from domain.digest import content_digest
from domain.errors import NotFoundError
from domain.events import EventKind
from domain.fidelity import Fidelity
from domain.json_value import JsonObject
from domain.measurement import Failure, FailureKind
from domain.parsing import parse, to_json_value
from domain.states import QueryState, require_query_step
from services.store.events import of_rare_kind, write_events
from services.store.halting import halt_if_failing
from services.store.ledger import book, release
from services.store.records import QueryRecord
from services.store.results import append_failure
from services.store.rows import query_record
from services.store.tables import candidates, events, failures, measurements, queries
from services.store.waking import bring_news

MOST_RESTARTS: Final = 5
"""A query during which the campaign's own process was killed so often is given up: the look may be what takes the
computer down. Restarts by people and power cuts count too, so there are more of them than attempts."""
FREE: Final = {"worker": None, "lease_until": None}
"""Columns of a query that nobody holds."""


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
        values |= FREE
    else:
        values["finished_at"] = at
    connection.execute(update(queries).where(queries.c.id == query.id).values(values))


def give_back(
    connection: Connection, query: QueryRecord, what: str, *, counts: bool, at: datetime, is_lost: bool = False
) -> None:
    """Takes a locked query from its worker and puts it back into the queue.

    Args:
        connection: The transaction.
        query: The query.
        what: What happened to the claim, for people.
        counts: Whether it was an attempt.
        at: Now.
        is_lost: Whether the campaign's own process was killed during the look.
    """
    require_query_step(query.state, QueryState.QUEUED)
    attempts = query.attempts if counts else query.attempts - 1
    values = {"state": QueryState.QUEUED.value, "attempts": attempts, **FREE}
    connection.execute(update(queries).where(queries.c.id == query.id).values(values))
    message = f"ask: {describe_query(connection, query)}: the claim of {query.worker} {what}"
    payload: JsonObject = {"query_id": query.id, "worker": query.worker, "fence": query.fence, "is_lost": is_lost}
    write_events(connection, query.campaign_id, [(EventKind.QUERY_REQUEUED, message, payload)], at=at)


def give_back_lost(connection: Connection, query: QueryRecord, *, n_before: int, at: datetime) -> None:
    """Takes a locked query from a dead process of its campaign; gives it up where that has happened too often.

    Args:
        connection: The transaction.
        query: The query.
        n_before: How often it has happened before (`n_times_lost`).
        at: Now.
    """
    n_lost = n_before + 1
    if n_lost < MOST_RESTARTS:
        give_back(connection, query, "was given back because its worker is gone", counts=False, at=at, is_lost=True)
        return
    reason = f"The campaign's process was gone {n_lost} times while the look was under way."
    worker = query.worker or ""
    _end_lost(
        connection, query, Failure(FailureKind.PERMANENT, reason, worker, query.declared, at, {"times_lost": n_lost})
    )


def n_times_lost(connection: Connection, campaign_id: int) -> Mapping[int, int]:
    """How often queries of a campaign were under way when the campaign's own process was killed, by query.

    A worker that was taken for dead and has answered since was not: its machine had slept, or its line was cut.
    """
    is_lost = events.c.payload["is_lost"].as_boolean().is_(True)
    statement = select(events.c.payload).where(of_rare_kind(campaign_id, EventKind.QUERY_REQUEUED), is_lost)
    lost = {(payload["query_id"], payload["fence"]) for payload in connection.execute(statement).scalars()}
    return Counter(query_id for query_id, _ in lost - _answered(connection, {query_id for query_id, _ in lost}))


def _answered(connection: Connection, query_ids: Collection[int]) -> frozenset[tuple[int, int]]:
    """The claims of some queries, as (query, fence), whose holders have sent an answer, however late."""
    return frozenset(
        (row.query_id, row.fence)
        for table in (measurements, failures)
        for row in connection.execute(select(table.c.query_id, table.c.fence).where(table.c.query_id.in_(query_ids)))
    )


def fail_query(connection: Connection, query: QueryRecord, failure: Failure, *, is_final: bool, at: datetime) -> None:
    """Ends a locked query with a failure and settles its money, or puts it back into the queue; wakes its campaign.

    Where the looks before it failed too, the campaign is paused.
    """
    require_query_step(query.state, QueryState.FAILED)
    if is_final:
        move_query(connection, query, QueryState.FAILED, at=at)
        if failure.kind is FailureKind.REJECTED:
            release(connection, query, at=at)  # nobody looked, so nobody is paid
        else:
            book(connection, query, failure.cost, at=at)
    else:
        require_query_step(QueryState.FAILED, QueryState.QUEUED)
        move_query(connection, query, QueryState.QUEUED, at=at)
    outcome = "failed" if is_final else "failed, and will be tried again"
    message = f"ask: {describe_query(connection, query)} {outcome}: {failure.reason}"
    payload: JsonObject = {
        "query_id": query.id,
        "kind": failure.kind.value,
        "attempt": query.attempts,
        "is_final": is_final,
        "core_seconds": failure.cost.core_seconds,
    }
    write_events(connection, query.campaign_id, [(EventKind.QUERY_FAILED, message, payload)], at=at)
    if is_final:
        halt_if_failing(connection, query, failure, at=at)
    bring_news(connection, query.campaign_id, at=at)


def is_used_up(query: QueryRecord, fidelity: Fidelity) -> bool:
    """Whether a query whose worker was lost is to be given up: a look may be what takes its machines down.

    People lose interest and not their lives: what a laboratory leaves lying is always asked again.
    """
    return not fidelity.is_laboratory and query.attempts >= fidelity.max_attempts


def give_up_lost(connection: Connection, query: QueryRecord, *, at: datetime) -> None:
    """Ends a locked query whose attempts are used up and whose last worker was lost.

    It is a transient failure like any other that uses the last attempt up: the declared cost is booked, what the lost
    looks took is not known, and other looks at the crystal are made all the same. The failure has a fence of its own,
    so that the lost worker's own words are still kept as evidence when it comes back.
    """
    count = select(func.count()).where(failures.c.query_id == query.id, failures.c.is_evidence.is_(False))
    n_lost = query.attempts - connection.execute(count).scalar_one()
    times = "once" if n_lost == 1 else f"{n_lost} times"
    reason = f"Its worker was lost {times}, the last one was {query.worker}."
    worker = query.worker or ""
    _end_lost(
        connection, query, Failure(FailureKind.TRANSIENT, reason, worker, query.declared, at, {"times_lost": n_lost})
    )


def _end_lost(connection: Connection, query: QueryRecord, failure: Failure) -> None:
    """Ends a locked query by a failure that its worker did not live to tell."""
    fence = query.fence + 1
    connection.execute(update(queries).where(queries.c.id == query.id).values(fence=fence))
    key = (fence, content_digest(to_json_value(failure)))
    append_failure(connection, query, failure, key=key, is_final=True, is_evidence=False, at=failure.failed_at)
    fail_query(connection, query, failure, is_final=True, at=failure.failed_at)
