"""Where a campaign's open queries stand: with its runner, with people and machines, or with whoever approves."""

from domain.states import QueryState
from flows.workplace import Workplace
from services.store.records import QueryRecord, RoundRecord

_NOT_ASKED = frozenset({QueryState.QUEUED, QueryState.AWAITING_APPROVAL})
_OPEN = _NOT_ASKED | {QueryState.CLAIMED}


def queued_queries(workplace: Workplace, fidelity: str, round_index: int) -> tuple[QueryRecord, ...]:
    """The queries of a round and fidelity that wait for somebody."""
    return workplace.store.queries.list(
        workplace.campaign.id, states=frozenset({QueryState.QUEUED}), fidelity=fidelity, round_index=round_index
    )


def held_queries(workplace: Workplace, fidelity: str, round_index: int, *, worker: str) -> tuple[QueryRecord, ...]:
    """The queries of a round and fidelity that a worker holds by a lease that has not lapsed."""
    now = workplace.store.now()
    claimed = workplace.store.queries.list(
        workplace.campaign.id, states=frozenset({QueryState.CLAIMED}), fidelity=fidelity, round_index=round_index
    )
    return tuple(q for q in claimed if q.worker == worker and q.lease_until is not None and q.lease_until > now)


def queries_not_asked(workplace: Workplace, fidelity: str, round_index: int) -> tuple[QueryRecord, ...]:
    """The queries of a round and fidelity that nobody has begun: they wait for somebody, or for approval."""
    return workplace.store.queries.list(
        workplace.campaign.id, states=_NOT_ASKED, fidelity=fidelity, round_index=round_index
    )


def open_queries(workplace: Workplace) -> tuple[QueryRecord, ...]:
    """Every query of the campaign whose answer may still come."""
    return workplace.store.queries.list(workplace.campaign.id, states=_OPEN)


def asked_looks(workplace: Workplace) -> frozenset[tuple[str, str]]:
    """Every look that was ever asked or answered, by blueprint digest and fidelity."""
    digests = {record.id: record.digest for record in workplace.store.candidates.list(workplace.campaign.id)}
    queries = workplace.store.queries.list(workplace.campaign.id)
    return frozenset((digests[query.candidate_id], query.fidelity) for query in queries)


def is_asked(workplace: Workplace, opened: RoundRecord) -> bool:
    """Whether nothing of the round is left for its runner to ask, now or once it is approved."""
    return not _left_to_runner(workplace, opened)


def waits_for_approval(workplace: Workplace, opened: RoundRecord) -> bool:
    """Whether all that is left for the round's runner waits for approval."""
    left = _left_to_runner(workplace, opened)
    return bool(left) and all(query.state is QueryState.AWAITING_APPROVAL for query in left)


def _left_to_runner(workplace: Workplace, opened: RoundRecord) -> tuple[QueryRecord, ...]:
    left = workplace.store.queries.list(workplace.campaign.id, states=_NOT_ASKED, round_index=opened.index)
    return tuple(query for query in left if query.fidelity not in workplace.waiting_fidelities)
