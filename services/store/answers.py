"""The one path that is walked for every result: a claimed query becomes done, in as few statements as that takes.

The statements are built once: building them anew costs more than the database does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias, cast

from sqlalchemy import Connection, bindparam, select, update

from domain.blueprint import Blueprint
from domain.campaign import CampaignSpec
from domain.cost import Cost
from domain.json_value import JsonObject
from domain.states import QueryState
from services.store.campaigns import read_campaign
from services.store.content_cache import ContentCache
from services.store.many_rows import ManyRows
from services.store.prepared import Prepared
from services.store.records import LedgerKind
from services.store.rows import SPECS, stored
from services.store.tables import campaigns, candidates, ledger, queries


@dataclass(frozen=True, slots=True)
class Answered:
    """A query that has just been answered, with what its answer must fit."""

    id: int
    campaign_id: int
    candidate_id: int
    fidelity: str
    declared: Cost
    blueprint: JsonObject
    """As it is stored."""
    spec_digest: str


_TITLES: Final[ContentCache[str]] = ContentCache(4096)

_Returned: TypeAlias = tuple[int, int, str, float, JsonObject, str]
_RETURNED: Final = (
    queries.c.campaign_id,
    queries.c.candidate_id,
    queries.c.fidelity,
    queries.c.declared_amount,
    select(candidates.c.blueprint).where(candidates.c.id == queries.c.candidate_id).scalar_subquery(),
    select(campaigns.c.spec_digest).where(campaigns.c.id == queries.c.campaign_id).scalar_subquery(),
)
_END: Final = Prepared(
    update(queries)
    .where(
        queries.c.id == bindparam("query_id"),
        queries.c.state == QueryState.CLAIMED.value,
        queries.c.fence == bindparam("held_fence"),
    )
    .values(state=QueryState.DONE.value, lease_until=None, finished_at=bindparam("at"))
    .returning(*_RETURNED),
    returning=[column.type for column in _RETURNED],
)
_ASKED: Final = (
    select(queries.c.id, queries.c.fence, queries.c.state, *_RETURNED)
    # Not by state as well: SQLite would then go through all that are claimed, however many those are.
    .where(queries.c.id.in_(bindparam("numbers", expanding=True)))
    .order_by(queries.c.id)
    .with_for_update(of=queries, key_share=True)
)
_END_MANY: Final = (
    update(queries)
    .where(queries.c.id.in_(bindparam("numbers", expanding=True)))
    .values(state=QueryState.DONE.value, lease_until=None, finished_at=bindparam("at"))
)
_MOVES: Final = (LedgerKind.RELEASE, LedgerKind.BOOK)
_BOOKED: Final = ManyRows(ledger)


def lock_claimed(connection: Connection, fences: Mapping[int, int]) -> dict[int, Answered]:
    """Finds queries that a fence still holds and keeps others from changing them until the transaction ends.

    Args:
        connection: The transaction.
        fences: The fences by the queries' numbers.

    Returns:
        Those that are held, by number.
    """
    rows = connection.execute(_ASKED, {"numbers": sorted(fences)}).all()
    return {
        row.id: Answered(row.id, row.campaign_id, row.candidate_id, row.fidelity, Cost(row.declared_amount), *row[-2:])
        for row in rows
        if row.state == QueryState.CLAIMED.value and row.fence == fences[row.id]
    }


def end_locked(connection: Connection, numbers: Sequence[int], *, at: datetime) -> None:
    """Moves queries that were found claimed, and locked, to done, inside a transaction."""
    connection.execute(_END_MANY, {"numbers": numbers, "at": at})


def end_claimed(connection: Connection, query_id: int, fence: int, *, at: datetime) -> Answered | None:
    """Moves a query from claimed to done, inside a transaction; None if the fence does not hold it."""
    row = _END.execute(connection, {"query_id": query_id, "held_fence": fence, "at": at})
    if row is None:
        return None
    campaign_id, candidate_id, fidelity, amount, blueprint, spec_digest = cast(_Returned, row)
    return Answered(query_id, campaign_id, candidate_id, fidelity, Cost(amount), blueprint, spec_digest)


def book_answered(connection: Connection, answers: Iterable[tuple[Answered, Cost]], *, at: datetime) -> None:
    """Turns reservations of queries that were claimed into spending, with what was measured beside it."""
    rows = [
        {
            "campaign_id": query.campaign_id,
            "query_id": query.id,
            "candidate_id": query.candidate_id,
            "kind": kind.value,
            "amount": query.declared.amount,
            "core_seconds": cost.core_seconds,
            "money": cost.money,
            "at": at,
        }
        for query, measured in answers
        for kind, cost in zip(_MOVES, (query.declared, measured), strict=True)
    ]
    _BOOKED.insert(connection, rows)


def read_spec(connection: Connection, campaign_id: int, digest: str) -> CampaignSpec:
    """The spec of a campaign, inside a transaction; read only where no spec of that digest is known."""
    return SPECS.get(digest, lambda: read_campaign(connection, campaign_id).spec)


def title_of(query: Answered) -> str:
    """What people call the crystal of a query."""
    named_by = f"{query.blueprint['space_group']} {query.blueprint['composition']}"
    return _TITLES.get(named_by, lambda: stored(Blueprint, query.blueprint).title)
