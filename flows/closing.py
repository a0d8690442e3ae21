"""close: what a round has taught, written down for people and for the next round."""

from domain.batch import BlueprintBatch
from domain.json_value import JsonObject
from domain.parsing import to_json_value
from domain.states import RoundState
from domain.training import CandidateBelief
from flows.learning import fit_belief
from flows.workplace import Workplace
from services.store.records import CandidateRecord
from surrogates.ports import Belief


def summarise(workplace: Workplace) -> JsonObject:
    """What is believed of every crystal looked at so far, and what has been spent.

    Returns:
        `n_values`: how many values were known; `target`: the fidelity that beliefs speak of; `beliefs`: a
        `CandidateBelief` each; `balance`: the ledger; `diagnostics`: how far the surrogate can be trusted.
    """
    n_values = workplace.n_values()  # before the fit: what comes meanwhile is news afterwards
    belief = fit_belief(workplace)
    candidates = workplace.store.candidates.list(workplace.campaign.id)
    return {
        "n_values": n_values,
        "target": workplace.ladder.target.name,
        "beliefs": [to_json_value(row) for row in _beliefs(workplace, belief, candidates)],
        "balance": to_json_value(workplace.store.ledger.balance(workplace.campaign.id)),
        "diagnostics": to_json_value(belief.diagnostics),
    }


def refresh_summary(workplace: Workplace) -> None:
    """Brings the last round's summary up to date with what came, or was corrected, after it was closed."""
    latest = workplace.store.rounds.latest(workplace.campaign.id)
    if latest is not None and latest.state is RoundState.CLOSED and workplace.news_since(latest.closing_notes):
        workplace.store.rounds.summarise(latest.id, notes=summarise(workplace))


def _beliefs(
    workplace: Workplace, belief: Belief, candidates: tuple[CandidateRecord, ...]
) -> tuple[CandidateBelief, ...]:
    blueprints = [candidate.blueprint for candidate in candidates]
    batch = BlueprintBatch.from_blueprints(blueprints, workplace.spec.space.atomic_numbers)
    prediction = belief.predict(batch, workplace.ladder.target.name)
    rows = zip(candidates, prediction.mean.tolist(), prediction.sd.tolist(), strict=True)
    return tuple(CandidateBelief(candidate=candidate.id, mean=mean, sd=sd) for candidate, mean, sd in rows)
