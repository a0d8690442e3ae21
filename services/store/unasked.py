"""What the answers to questions that nobody asked need of the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, insert, select

from domain.blueprint import Blueprint
from domain.cost import Cost
from domain.parsing import to_json_value
from domain.states import QueryState
from domain.training import Decision
from services.store.ledger import reserve
from services.store.query_steps import read_query
from services.store.records import CampaignRecord, QueryRecord
from services.store.rounds import query_key
from services.store.rows import query_record, stored
from services.store.tables import candidates, queries

_HELD_FOR: Final = timedelta(minutes=1)
"""Its answer comes in the same transaction."""


@dataclass(frozen=True, slots=True)
class CandidateCell:
    """A candidate and its blueprint."""

    id: int
    digest: str
    round_index: int
    blueprint: Blueprint


def candidates_alike(connection: Connection, campaign_id: int, blueprint: Blueprint) -> Sequence[CandidateCell]:
    """Candidates of a blueprint's space group and reduced composition."""
    columns = (candidates.c.id, candidates.c.digest, candidates.c.round_index, candidates.c.blueprint)
    statement = select(*columns).where(
        candidates.c.campaign_id == campaign_id,
        candidates.c.space_group == blueprint.space_group.number,
        candidates.c.formula == blueprint.composition.reduced_formula,
    )
    return [
        CandidateCell(row.id, row.digest, row.round_index, stored(Blueprint, row.blueprint))
        for row in connection.execute(statement.order_by(candidates.c.id))
    ]


def find_query(connection: Connection, candidate_id: int, fidelity: str) -> QueryRecord | None:
    """The query that asks a candidate at a fidelity, locked until the transaction ends; None if none does."""
    statement = select(queries).where(queries.c.candidate_id == candidate_id, queries.c.fidelity == fidelity)
    row = connection.execute(statement.with_for_update(key_share=True)).mappings().one_or_none()
    return None if row is None else query_record(row)


def is_asked(connection: Connection, candidate_id: int, fidelity: str) -> bool:
    """Whether a query asks a candidate at a fidelity, in whatever state it is."""
    statement = select(queries.c.id).where(queries.c.candidate_id == candidate_id, queries.c.fidelity == fidelity)
    return connection.execute(statement).first() is not None


def add_unasked_query(
    connection: Connection,
    campaign: CampaignRecord,
    candidate: CandidateCell,
    fidelity: str,
    *,
    worker: str,
    at: datetime,
) -> QueryRecord:
    """Adds a query that costs nothing and is held by whoever has its answer already, inside a transaction."""
    decision = Decision(
        f"Unsolicited: {worker} looked without being asked.", score=None, predicted_mean=None, predicted_sd=None
    )
    row = {
        "campaign_id": campaign.id,
        "round_index": candidate.round_index,
        "candidate_id": candidate.id,
        "fidelity": fidelity,
        "state": QueryState.CLAIMED.value,
        "key": query_key(campaign.name, candidate.digest, fidelity),
        "declared_amount": Cost(0.0).amount,
        "attempts": 1,
        "worker": worker,
        "lease_until": at + _HELD_FOR,
        "fence": 1,
        "decision": to_json_value(decision),
        "created_at": at,
        "claimed_at": at,
    }
    number = connection.execute(insert(queries).values(row).returning(queries.c.id)).scalar_one()
    query = read_query(connection, number)
    reserve(connection, [query], at=at)
    return query
