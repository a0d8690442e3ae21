"""choose: from a pool of crystals to the looks that the round pays for."""

from itertools import product

from domain.batch import BlueprintBatch
from domain.blueprint import Blueprint
from domain.errors import UnsupportedCrystalError
from domain.events import EventKind
from domain.ports import Sample
from domain.training import Pick
from flows.workplace import Workplace
from surrogates.ports import Belief
from surrogates.selection import initial_picks, select_batch


def choose_picks(workplace: Workplace, belief: Belief, sample: Sample, index: int) -> tuple[Pick, ...]:
    """Chooses crystals and fidelities under the round's budget; refused crystals are left out and named."""
    workplace.emit(EventKind.STAGE_STARTED, "choose: weighing value against cost", stage="choose", round=index)
    if index == 0:
        looks = {name: n for name, n in workplace.spec.initial_looks.items() if name in workplace.ladder.names}
        picks = initial_picks(sample, ladder=workplace.ladder, initial_looks=looks)
    else:
        picks = _select(workplace, belief, sample, index)
    return tuple(pick for pick in picks if _is_supported(workplace, pick))


def _select(workplace: Workplace, belief: Belief, sample: Sample, index: int) -> tuple[Pick, ...]:
    store, campaign_id = workplace.store, workplace.campaign.id
    blueprints = {record.id: record.blueprint for record in store.candidates.list(campaign_id)}
    asked = {(blueprints[query.candidate_id].digest, query.fidelity) for query in store.queries.list(campaign_id)}
    hopeless = {blueprints[candidate].digest for candidate in workplace.hopeless_candidates()}
    return select_batch(
        belief,
        sample,
        ladder=workplace.ladder,
        budget=workplace.spec.budget,
        budget_left=store.ledger.balance(campaign_id).left,
        seen=asked | set(product(hopeless, workplace.ladder.names)),
        extra=_batch(workplace, list(blueprints.values())),
        round_index=index,
    )


def _batch(workplace: Workplace, blueprints: list[Blueprint]) -> BlueprintBatch:
    return BlueprintBatch.from_blueprints(blueprints, workplace.spec.space.atomic_numbers)


def _is_supported(workplace: Workplace, pick: Pick) -> bool:
    try:
        workplace.oracles[pick.fidelity].require_supported(pick.blueprint)
    except UnsupportedCrystalError as refusal:
        workplace.emit(EventKind.STAGE_NOTE, f"choose: left out, {refusal}", fidelity=pick.fidelity)
        return False
    return True
