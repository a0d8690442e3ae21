"""choose: from a pool of crystals to the looks that the round pays for."""

from itertools import product

import torch

from domain.batch import BlueprintBatch
from domain.blueprint import Blueprint
from domain.errors import SpecError, UnsupportedCrystalError
from domain.events import EventKind
from domain.ports import Sample
from domain.training import Pick
from flows.standing import asked_looks
from flows.workplace import Workplace
from surrogates.ports import Belief
from surrogates.selection import initial_picks, select_batch


def choose_picks(workplace: Workplace, belief: Belief, sample: Sample, index: int) -> tuple[Pick, ...]:
    """Chooses crystals and fidelities under the round's budget, among those that every oracle can look at.

    Raises:
        UnsupportedCrystalError: If the oracles can look at none of the sample.
        SpecError: If the first round can ask nothing here.
    """
    workplace.emit(EventKind.STAGE_STARTED, "choose: weighing value against cost", stage="choose", round=index)
    supported = _supported(workplace, sample)
    if index > 0:
        return _select(workplace, belief, supported, index)
    looks = {name: n for name, n in workplace.spec.initial_looks.items() if name in workplace.ladder.names}
    picks = initial_picks(supported, ladder=workplace.ladder, initial_looks=looks)
    if not picks:
        raise SpecError(
            f"initial_looks asks for nothing at {', '.join(workplace.ladder.names)}, which is what can be asked here.",
            remedy="Ask for a few looks at one of them, or install what the other fidelities need.",
        )
    return picks


def _supported(workplace: Workplace, sample: Sample) -> Sample:
    """The part of a sample that the oracles of all fidelities here can look at."""
    refusals = [_refusal(workplace, blueprint) for blueprint in sample.batch.to_blueprints()]
    kept = torch.tensor([refusal is None for refusal in refusals])
    if not bool(kept.any()):
        raise next(refusal for refusal in refusals if refusal is not None)
    if not bool(kept.all()):
        n_left_out = len(refusals) - int(kept.sum())
        workplace.emit(EventKind.STAGE_NOTE, f"choose: {n_left_out} crystals left out, which an oracle refuses")
    return Sample(sample.batch.select(kept), sample.log_probability[kept])


def _refusal(workplace: Workplace, blueprint: Blueprint) -> UnsupportedCrystalError | None:
    try:
        for name in workplace.ladder.names:
            if name in workplace.oracles:
                workplace.oracles[name].require_supported(blueprint)
    except UnsupportedCrystalError as refusal:
        return refusal
    return None


def _select(workplace: Workplace, belief: Belief, sample: Sample, index: int) -> tuple[Pick, ...]:
    store, campaign_id = workplace.store, workplace.campaign.id
    blueprints = {record.id: record.blueprint for record in store.candidates.list(campaign_id)}
    hopeless = {blueprints[candidate].digest for candidate in workplace.hopeless_candidates()}
    return select_batch(
        belief,
        sample,
        ladder=workplace.ladder,
        budget=workplace.spec.budget,
        budget_left=store.ledger.balance(campaign_id).left,
        seen=asked_looks(workplace) | set(product(hopeless, workplace.ladder.names)),
        extra=_batch(workplace, list(blueprints.values())),
        round_index=index,
    )


def _batch(workplace: Workplace, blueprints: list[Blueprint]) -> BlueprintBatch:
    return BlueprintBatch.from_blueprints(blueprints, workplace.spec.space.atomic_numbers)
