"""The best crystals of a campaign, ranked by what can be promised of them."""

from dataclasses import dataclass

from domain.quantity import Objective
from domain.uncertainty import believed_interval
from services.store import Store
from services.store.records import CandidateRecord, LedgerKind, MeasurementRecord


@dataclass(frozen=True, slots=True)
class Leader:
    """One crystal with everything that is known of it."""

    candidate: CandidateRecord
    looks: tuple[MeasurementRecord, ...]
    """Its measurements in ascending rank of fidelity."""
    expected: float | None
    """What the surrogate expects at the target fidelity, in the quantity's unit; None before the first round closed."""
    expected_sd: float | None
    """And how sure it is."""
    paid: float
    """Booked for all its looks, in the campaign's unit."""

    @property
    def best_look(self) -> MeasurementRecord:
        """The measurement at the highest fidelity."""
        return self.looks[-1]


def leaders(store: Store, campaign: str) -> tuple[Leader, ...]:
    """Every crystal that was looked at, best first.

    The order is by the worse end of what is expected at the target fidelity with 68 %, so that a promise counts for
    less than the same value verified.
    """
    record = store.campaigns.get(campaign)
    ranks = {fidelity.name: rank for rank, fidelity in enumerate(record.spec.ladder)}
    beliefs = store.outcomes.beliefs(record.id)
    paid = _paid(store, record.id)
    looks: dict[int, list[MeasurementRecord]] = {}
    for measured in store.measurements.standing(record.id):
        looks.setdefault(measured.candidate_id, []).append(measured)
    found = [
        Leader(
            candidate=candidate,
            looks=tuple(sorted(looks[candidate.id], key=lambda look: ranks[look.fidelity])),
            expected=beliefs.get(candidate.id, (None, None))[0],
            expected_sd=beliefs.get(candidate.id, (None, None))[1],
            paid=paid.get(candidate.id, 0.0),
        )
        for candidate in store.candidates.list(record.id)
        if candidate.id in looks
    ]
    return tuple(sorted(found, key=lambda leader: -_promise(leader, record.spec.objective)))


def believed_target(store: Store, campaign: str) -> str:
    """The fidelity that expectations speak of: the target, or the highest one that could be asked."""
    record = store.campaigns.get(campaign)
    return store.outcomes.believed_target(record.id) or record.spec.fidelities.target.name


def _promise(leader: Leader, objective: Objective) -> float:
    if leader.expected is None or leader.expected_sd is None:
        return objective.sign * leader.best_look.measurement.value
    interval = believed_interval(leader.expected, leader.expected_sd, objective.measured.scale)
    return objective.sign * interval.worse(objective.sign)


def _paid(store: Store, campaign_id: int) -> dict[int, float]:
    candidate_of = {query.id: query.candidate_id for query in store.queries.list(campaign_id)}
    paid: dict[int, float] = {}
    for row in store.ledger.rows(campaign_id):
        if row.kind is LedgerKind.BOOK:
            candidate_id = candidate_of[row.query_id]
            paid[candidate_id] = paid.get(candidate_id, 0.0) + row.amount
    return paid
