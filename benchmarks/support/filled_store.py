"""Stores filled in bulk: many queries that are claimed and wait for their answers."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import insert

from domain.cost import Cost
from domain.digest import content_digest
from domain.parsing import to_json_value
from domain.states import QueryState
from services.store import Store
from services.store.examples import example_pick, example_spec, open_round
from services.store.records import LedgerKind
from services.store.tables import candidates, ledger, queries

BATCH = 5000
"""Rows of one statement."""
FIDELITY = "static"


@dataclass(frozen=True, slots=True)
class Filled:
    """A campaign in a store and its claimed queries."""

    campaign: str
    campaign_id: int
    first_query: int
    n_queries: int


def fill(store: Store, name: str, n_queries: int, *, worker: str, group_id: int | None) -> Filled:
    """Adds a campaign with queries that a worker holds for a week."""
    cost = Cost(example_spec().fidelities.fidelity(FIDELITY).cost)
    campaign = store.campaigns.create(example_spec(name, total=2.0 * n_queries * cost.amount + 1000), group_id=group_id)
    open_round(store, campaign.id, 0, [example_pick(0, FIDELITY)])
    (sample,) = store.queries.list(campaign.id)
    first = 0
    for start in range(0, n_queries, BATCH):
        numbers = range(start, min(start + BATCH, n_queries))
        with store.writing() as connection:
            made = connection.execute(
                insert(candidates).returning(candidates.c.id, sort_by_parameter_order=True),
                [_candidate(campaign.id, store, number) for number in numbers],
            )
            rows = [
                _query(campaign.id, store, identity, cost, worker, to_json_value(sample.decision))
                for (identity,) in made
            ]
            asked = connection.execute(insert(queries).returning(queries.c.id, sort_by_parameter_order=True), rows)
            identities = [identity for (identity,) in asked]
            first = first or identities[0]
            connection.execute(
                insert(ledger), [_reservation(campaign.id, store, identity, cost) for identity in identities]
            )
    return Filled(name, campaign.id, first, n_queries)


def _candidate(campaign_id: int, store: Store, number: int) -> dict[str, object]:
    blueprint = to_json_value(example_pick(1 + number % 1000).blueprint)
    return {
        "campaign_id": campaign_id,
        "round_index": 0,
        "blueprint": blueprint,
        "digest": content_digest([campaign_id, number]),
        "generator_version": "bench",
        "created_at": store.now(),
    }


def _query(
    campaign_id: int, store: Store, candidate_id: int, cost: Cost, worker: str, decision: object
) -> dict[str, object]:
    return {
        "campaign_id": campaign_id,
        "round_index": 0,
        "candidate_id": candidate_id,
        "fidelity": FIDELITY,
        "state": QueryState.CLAIMED.value,
        "key": content_digest([campaign_id, candidate_id, FIDELITY]),
        "declared_amount": cost.amount,
        "attempts": 1,
        "worker": worker,
        "lease_until": store.now() + timedelta(days=7),
        "fence": 1,
        "decision": decision,
        "created_at": store.now(),
        "claimed_at": store.now(),
    }


def _reservation(campaign_id: int, store: Store, query_id: int, cost: Cost) -> dict[str, object]:
    return {
        "campaign_id": campaign_id,
        "query_id": query_id,
        "kind": LedgerKind.RESERVE.value,
        "amount": cost.amount,
        "at": store.now(),
    }
