"""imagine: from a belief to crystals worth a look."""

import torch

from domain.batch import BlueprintBatch
from domain.events import EventKind
from domain.ports import Sample, TrainingStep
from flows.workplace import Workplace
from surrogates.acquisition import make_log_reward
from surrogates.ports import Belief

N_REPORTS = 8
"""Lines of progress from one training."""


def imagine_crystals(workplace: Workplace, belief: Belief, index: int) -> Sample:
    """Trains the generator (from where the round before left it) and draws the pool to choose from.

    The first round knows nothing, so there is no reward: its crystals come from the untrained generator.
    """
    generator = workplace.generator
    rng = torch.Generator().manual_seed(workplace.seed("imagine", index))
    if index > 0:
        _train(workplace, belief, index, rng)
    workplace.emit(
        EventKind.STAGE_STARTED,
        f"imagine: drawing {workplace.spec.pool_size} crystals",
        stage="imagine",
        round=index,
        generator=generator.version,
    )
    drawn = generator.sample(workplace.spec.pool_size, rng=rng)
    _tell_variety(workplace, drawn.batch, index)
    return drawn


def _tell_variety(workplace: Workplace, drawn: BlueprintBatch, index: int) -> None:
    """Says how far what was drawn differs: cells are continuous, so crystals of one group and composition are alike."""
    kinds = torch.cat([drawn.space_group[:, None], drawn.counts], dim=1)
    n_kinds = len({tuple(kind) for kind in kinds.tolist()})
    workplace.emit(
        EventKind.SAMPLED,
        f"imagine: {n_kinds} of the {len(drawn)} crystals drawn differ in composition or space group",
        round=index,
        n_sampled=len(drawn),
        n_kinds=n_kinds,
        n_space_groups=len(set(drawn.space_group.tolist())),
        n_elements=int((drawn.counts > 0).any(dim=0).sum()),
    )


def _train(workplace: Workplace, belief: Belief, index: int, rng: torch.Generator) -> None:
    generator = workplace.generator
    before = workplace.checkpoint(index - 1)
    if before.exists():
        generator.load(before)
    elif index > 1:
        workplace.emit(EventKind.STAGE_NOTE, f"imagine: {before} is missing, so the generator begins anew", round=index)

    told = 0

    def report(step: TrainingStep) -> None:
        nonlocal told
        if step.step * N_REPORTS < (told + 1) * step.n_steps:
            return
        told = step.step * N_REPORTS // step.n_steps
        workplace.emit(
            EventKind.TRAINING,
            f"imagine: training step {step.step}/{step.n_steps}, loss {step.loss:.3g}, log Z {step.log_z:.2f}",
            round=index,
            step=step.step,
            n_steps=step.n_steps,
            loss=step.loss,
            log_z=step.log_z,
        )

    workplace.emit(EventKind.STAGE_STARTED, "imagine: training the generator", stage="imagine", round=index)
    summary = generator.train(
        make_log_reward(belief, workplace.ladder, workplace.surrogate.reward), rng=rng, report=report
    )
    workplace.emit(
        EventKind.STAGE_NOTE,
        f"imagine: trained on {summary.n_trajectories} trajectories, loss {summary.final_loss:.3g}",
        round=index,
        final_loss=summary.final_loss,
        log_z=summary.log_z,
    )
    after = workplace.checkpoint(index)
    after.parent.mkdir(parents=True, exist_ok=True)
    generator.save(after)
