"""Budgets, verification, duplicates and costs: what a round may and may not choose."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.batch import BlueprintBatch
from domain.blueprint import Blueprint
from domain.campaign import Budget, Component
from domain.fidelity import Fidelity, Ladder
from domain.parsing import parse_json, to_json
from domain.ports import Sample
from domain.quantity import Goal, Objective
from domain.search_space import SearchSpace
from domain.training import Observation, Pick
from surrogates.acquisition import log_value_per_cost, make_log_reward
from surrogates.belief import GaussianProcessBelief
from surrogates.diagnostics import Diagnostics
from surrogates.pool import distinct_rows
from surrogates.registry import build_surrogate
from surrogates.selection import initial_picks, select_batch
from surrogates.testing import random_crystals

SPACE = SearchSpace(elements=("Li", "O", "Cl"), space_groups=(14, 62, 139, 225))
ENERGY = Objective("formation_energy", Goal.MINIMIZE)
CRYSTALS = random_crystals(SPACE, 24, seed=1)
FRESH = random_crystals(SPACE, 60, seed=2)
NOBODY = CRYSTALS.select(torch.zeros(0, dtype=torch.int64))


def ladder_of(static: float = 1.0, relax: float = 10.0, dft: float = 100.0) -> Ladder:
    return Ladder(
        (Fidelity("static", "potential", static), Fidelity("relax", "potential", relax), Fidelity("dft", "ase", dft))
    )


LADDER = ladder_of()


def energy_of(blueprint: Blueprint) -> float:
    """Negative everywhere; lowest near 15 Å³ per atom."""
    return math.log(blueprint.volume_per_atom_A3 / 15) ** 2 - 3


def some_observations() -> list[Observation]:
    crystals = CRYSTALS.to_blueprints()
    return [
        Observation(blueprint, fidelity, energy_of(blueprint) + offset)
        for fidelity, n_looks, offset in (("static", 24, 0.5), ("relax", 8, 0.1), ("dft", 4, 0.0))
        for blueprint in crystals[:n_looks]
    ]


def fit(
    ladder: Ladder = LADDER, objective: Objective = ENERGY, observations: list[Observation] | None = None
) -> GaussianProcessBelief:
    surrogate = build_surrogate(Component("multi-fidelity-gp"), space=SPACE, ladder=ladder, objective=objective)
    belief = surrogate.fit(some_observations() if observations is None else observations, seed=0)
    assert isinstance(belief, GaussianProcessBelief)
    return belief


BELIEF = fit()
SEEN = frozenset((entry.blueprint.digest, entry.fidelity) for entry in some_observations())


def sample_of(batch: BlueprintBatch) -> Sample:
    return Sample(batch, -torch.arange(len(batch), dtype=torch.float64))


def choose(
    budget: Budget,
    *,
    ladder: Ladder = LADDER,
    belief: GaussianProcessBelief = BELIEF,
    batch: BlueprintBatch = FRESH,
    left: float = 1e9,
) -> tuple[Pick, ...]:
    return select_batch(
        belief,
        sample_of(batch),
        ladder=ladder,
        budget_left=left,
        budget=budget,
        seen=SEEN,
        extra=CRYSTALS,
        round_index=1,
    )


def spent(picks: tuple[Pick, ...], ladder: Ladder = LADDER, fidelity: str | None = None) -> float:
    return sum(ladder.fidelity(p.fidelity).cost for p in picks if fidelity in (None, p.fidelity))


@settings(max_examples=12)
@given(
    per_round=st.floats(0.5, 150),
    left=st.floats(0.5, 150),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    dft=st.floats(2, 120),
)
def test_budget_is_kept_and_the_target_gets_its_share(per_round: float, left: float, share: float, dft: float) -> None:
    ladder = ladder_of(dft=dft)
    picks = choose(Budget(1000, per_round, target_share=share), ladder=ladder, left=left)
    money = min(per_round, left)
    assert spent(picks, ladder) <= money * (1 + 1e-6)
    if dft <= money:
        assert spent(picks, ladder, "dft") >= min(share * money, dft * math.floor(money / dft)) * (1 - 1e-6)
    looks = [(p.blueprint.digest, p.fidelity) for p in picks]
    assert len(set(looks)) == len(looks)
    assert not set(looks) & SEEN


def test_a_budget_for_one_look_at_the_target_buys_it() -> None:
    assert [p.fidelity for p in choose(Budget(1000, 100.0))] == ["dft"]


def test_a_budget_below_the_target_buys_cheaper_looks() -> None:
    picks = choose(Budget(1000, 99.0))
    assert picks
    assert "dft" not in {p.fidelity for p in picks}


def test_a_budget_below_every_look_buys_nothing() -> None:
    assert choose(Budget(1000, 0.5)) == ()


def test_nothing_to_choose_from_gives_no_picks() -> None:
    budget = Budget(1000, 100.0)
    picks = select_batch(
        BELIEF,
        sample_of(NOBODY),
        ladder=LADDER,
        budget_left=100,
        budget=budget,
        seen=set(),
        extra=NOBODY,
        round_index=1,
    )
    assert picks == ()


def test_the_first_verification_climbs_from_a_crystal_that_was_looked_at() -> None:
    worse = replace(FRESH, lattice=FRESH.lattice * torch.tensor([1.6, 1.6, 1.6, 1, 1, 1]))
    (pick,) = choose(Budget(1000, 100.0), batch=worse)
    looked_at = {blueprint.digest for blueprint in CRYSTALS.to_blueprints()}
    assert pick.blueprint.digest in looked_at
    assert pick.log_probability is None
    assert "Verifies" in pick.decision.reason


def test_changing_a_declared_cost_changes_the_picks() -> None:
    def counts(ladder: Ladder) -> dict[str, int]:
        picks = choose(Budget(1000, 60.0, target_share=0.0), ladder=ladder)
        return {name: sum(p.fidelity == name for p in picks) for name in ladder.names}

    cheap_relaxation, dear_relaxation = counts(ladder_of(relax=1.5)), counts(ladder_of(relax=55.0))
    assert cheap_relaxation["relax"] > dear_relaxation["relax"]


@pytest.mark.parametrize("goal", list(Goal))
def test_negative_values_are_not_inverted_by_cost(goal: Goal) -> None:
    """Doubling one price lowers that look's score by log 2, whatever the sign of the objective; a defect elsewhere."""
    belief = fit(objective=Objective("formation_energy", goal))
    before = log_value_per_cost(belief, ladder_of(relax=10.0), FRESH)
    after = log_value_per_cost(belief, ladder_of(relax=20.0), FRESH)
    torch.testing.assert_close(
        before - after, torch.tensor([0, math.log(2), 0], dtype=torch.float64).expand(60, -1), rtol=0, atol=1e-12
    )


def test_minimising_is_maximising_the_mirror_image() -> None:
    mirrored = [replace(entry, value=-entry.value) for entry in some_observations()]
    mirror = fit(objective=Objective("formation_energy", Goal.MAXIMIZE), observations=mirrored)
    torch.testing.assert_close(mirror.log_value(FRESH), BELIEF.log_value(FRESH))
    torch.testing.assert_close(mirror.log_improvement(FRESH), BELIEF.log_improvement(FRESH))
    torch.testing.assert_close(mirror.predict(FRESH, "dft").mean, -BELIEF.predict(FRESH, "dft").mean)


def test_price_never_enters_the_belief() -> None:
    inverted = fit(ladder=ladder_of(static=1000.0, relax=10.0, dft=1.0))
    assert torch.equal(inverted.log_value(FRESH), BELIEF.log_value(FRESH))
    assert inverted.diagnostics == BELIEF.diagnostics


def test_the_order_of_observations_and_of_draws_does_not_matter() -> None:
    shuffled = fit(observations=some_observations()[::-1])
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    budget = Budget(1000, 150.0)
    picks = select_batch(
        shuffled,
        Sample(FRESH.select(order), sample_of(FRESH).log_probability[order]),
        ladder=LADDER,
        budget_left=1e9,
        budget=budget,
        seen=SEEN,
        extra=CRYSTALS,
        round_index=1,
    )
    assert picks == choose(budget)


def test_near_duplicates_are_one_crystal() -> None:
    scale = torch.tensor([1.002, 1.002, 1.002, 1, 1, 1]).double()
    twins = BlueprintBatch(
        FRESH.elements,
        FRESH.space_group.repeat(3),
        FRESH.counts.repeat(3, 1),
        torch.cat((FRESH.lattice, FRESH.lattice * scale, FRESH.lattice)),
    )
    assert distinct_rows(twins).tolist() == distinct_rows(FRESH).tolist()
    picks = choose(Budget(1000, 60.0, target_share=0.0), batch=twins)
    lattices = [(p.fidelity, p.blueprint.space_group, p.blueprint.composition) for p in picks]
    cells = [tuple(round(length, 1) for length in p.blueprint.lattice.lengths) for p in picks]
    assert len(set(zip(lattices, cells, strict=True))) == len(picks)


def test_crystals_given_twice_are_chosen_once() -> None:
    twice = BlueprintBatch(
        CRYSTALS.elements, CRYSTALS.space_group.repeat(2), CRYSTALS.counts.repeat(2, 1), CRYSTALS.lattice.repeat(2, 1)
    )
    budget = Budget(1000, 300.0, target_share=1.0)
    picks = select_batch(
        BELIEF,
        sample_of(FRESH),
        ladder=LADDER,
        budget_left=1e9,
        budget=budget,
        seen=SEEN,
        extra=twice,
        round_index=1,
    )
    assert picks == choose(budget)


def test_the_baseline_spends_on_the_target_alone() -> None:
    surrogate = build_surrogate(Component("target-only-gp"), space=SPACE, ladder=LADDER, objective=ENERGY)
    picks = select_batch(
        surrogate.fit(some_observations(), seed=0),
        sample_of(FRESH),
        ladder=LADDER,
        budget_left=1e9,
        budget=Budget(1000, 250.0),
        seen=SEEN,
        extra=CRYSTALS,
        round_index=1,
    )
    assert [p.fidelity for p in picks] == ["dft", "dft"]


def test_a_sample_that_repeats_a_crystal_that_was_looked_at_gives_nothing_new() -> None:
    everything = {(blueprint.digest, name) for blueprint in CRYSTALS.to_blueprints() for name in LADDER.names}
    picks = select_batch(
        BELIEF,
        sample_of(CRYSTALS),
        ladder=LADDER,
        budget_left=1e9,
        budget=Budget(1000, 500.0),
        seen=everything,
        extra=CRYSTALS,
        round_index=1,
    )
    assert picks == ()


def test_a_pending_look_is_worth_less_than_before() -> None:
    one = FRESH.select(BELIEF.log_value(FRESH)[:, 1].argmax().unsqueeze(0))
    for level, name in enumerate(LADDER.names):
        assert float(BELIEF.condition(one, name).log_value(one)[0, level]) < float(BELIEF.log_value(one)[0, level])


def test_every_pick_carries_its_card() -> None:
    for pick in choose(Budget(1000, 150.0)):
        card = pick.decision
        assert card.reason.endswith(".")
        assert card.score is not None
        assert math.isfinite(card.score)
        assert card.predicted_sd is not None
        assert card.predicted_sd > 0
        assert card.details["declared_cost"] == LADDER.fidelity(pick.fidelity).cost
        assert card.details["purpose"] in ("verification", "information")
        assert to_json(card)


def test_log_reward_is_finite_ordered_and_a_few_nats_wide() -> None:
    reward = make_log_reward(BELIEF, LADDER)(FRESH)
    total = log_value_per_cost(BELIEF, LADDER, FRESH).logsumexp(1)
    assert reward.dtype == torch.float64
    assert torch.equal(reward.argsort(), total.argsort())
    assert 1 < float(reward.quantile(0.9) - reward.quantile(0.1)) < 24
    priceless = make_log_reward(BELIEF, ladder_of(1e-6, 1e-5, 1e-4))(FRESH)
    torch.testing.assert_close(priceless, reward)


def test_log_reward_before_the_first_look_is_flat() -> None:
    reward = make_log_reward(fit(observations=[]), LADDER)(FRESH)
    assert torch.equal(reward, torch.zeros(60, dtype=torch.float64))


def test_first_round_is_nested_and_spread_out() -> None:
    looks = {"dft": 3, "static": 12, "relax": 6}
    picks = initial_picks(sample_of(FRESH), ladder=LADDER, initial_looks=looks)
    by_fidelity = {name: {p.blueprint.digest for p in picks if p.fidelity == name} for name in looks}
    assert {name: len(digests) for name, digests in by_fidelity.items()} == looks
    assert by_fidelity["dft"] < by_fidelity["relax"] < by_fidelity["static"]
    assert len({p.blueprint.space_group for p in picks}) == len(SPACE.space_groups)


def test_first_round_never_repeats_a_crystal_to_fill_up() -> None:
    twice = FRESH.select(torch.tensor([0, 1, 0, 1]))
    picks = initial_picks(sample_of(twice), ladder=LADDER, initial_looks={"static": 10, "dft": 0})
    assert len(picks) == 2
    assert initial_picks(sample_of(NOBODY), ladder=LADDER, initial_looks={"static": 1}) == ()


def test_a_round_can_be_chosen_although_every_first_look_failed() -> None:
    picks = choose(Budget(1000, 130.0), belief=fit(observations=[]))
    assert {p.fidelity for p in picks} > {"dft"}
    assert all(math.isfinite(p.decision.score or 0.0) for p in picks)


def test_diagnostics_say_what_a_scientist_asks() -> None:
    diagnostics = BELIEF.diagnostics
    best = min((b for b in CRYSTALS.to_blueprints()), key=energy_of)
    assert [level.n_observations for level in diagnostics.levels] == [24, 8, 4]
    assert all(0 <= (level.coverage_68 or 0) <= (level.coverage_95 or 0) <= 1 for level in diagnostics.levels)
    assert (diagnostics.levels[0].relative_error or 9) < 1
    assert [pair.n_paired for pair in diagnostics.correlations] == [8, 4, 4]
    assert all(pair.correlation > 0.5 for pair in diagnostics.correlations)
    assert diagnostics.incumbent is not None
    assert diagnostics.incumbent.expected == pytest.approx(energy_of(best), abs=0.3)
    assert parse_json(Diagnostics, to_json(diagnostics)) == diagnostics


def test_several_temperatures_are_not_mixed_silently() -> None:
    warm = [replace(entry, temperature_K=300.0 + 100 * (row % 2)) for row, entry in enumerate(some_observations())]
    assert any("several temperatures" in warning for warning in fit(observations=warm).diagnostics.warnings)
