"""Storms over the writer that makes answers of many callers durable together."""

from functools import partial

from support.storm import Acknowledge, Life, live
from support.storm_work import CAMPAIGN, FIDELITY, LEASE_S, WORKER, fails, failure, known, measurement, open_day, said

from domain.errors import ConflictError
from domain.states import QueryState
from services.intake import record_failure, record_measurement
from services.store import Store, open_store
from services.store.records import QueryRecord

_OVER = frozenset({QueryState.DONE, QueryState.FAILED, QueryState.CANCELLED})


class WriterStage:
    """A process that claims every query and records all answers through the group commit."""

    name = "writer"

    def __init__(self, url: str) -> None:
        self.url = url

    def prepare(self) -> None:
        """Asks the day's questions."""
        open_day(self.url)

    def live(self, kill_at: int | None) -> Life:
        """One life of the process."""
        return live(self._work, kill_at=kill_at)

    def known(self) -> frozenset[str]:
        """What the store holds of what may have been acknowledged."""
        with open_store(self.url) as store:
            return known(store)

    def _work(self, acknowledge: Acknowledge) -> None:
        with open_store(self.url) as store:
            campaign = store.campaigns.get(CAMPAIGN)
            while claimed := _claim_all(store, campaign.id):
                promises = [
                    (said(query.id, query.attempts), store.submit(partial(_answer, store, query))) for query in claimed
                ]
                for what, promise in promises:
                    promise.result()
                    acknowledge(what)


def _claim_all(store: Store, campaign_id: int) -> tuple[QueryRecord, ...]:
    mine = [
        store.queries.claim(query.id, worker=WORKER, lease_s=LEASE_S)
        for query in store.queries.list(campaign_id, fidelity=FIDELITY)
        if query.state not in _OVER
    ]
    return tuple(query for query in mine if query is not None)


def _answer(store: Store, query: QueryRecord) -> None:
    kind = fails(query.id, query.attempts)
    if kind is not None:
        record_failure(store, query.id, fence=query.fence, failure=failure(kind))
        return
    record_measurement(store, query.id, fence=query.fence, measurement=measurement(query.id))
    try:
        record_measurement(store, query.id, fence=query.fence, measurement=measurement(query.id + 1))
    except ConflictError:
        return  # a second, different answer under the same claim must be refused
    raise SystemExit(f"Query {query.id} took two different answers.")
