"""Small campaigns on a known landscape: what the ladder saves, and what a misleading one does."""

import math

import pytest
import torch

from domain.batch import BlueprintBatch
from domain.blueprint import Blueprint
from domain.campaign import Budget, Component
from domain.fidelity import Fidelity, Ladder
from domain.ports import Sample
from domain.quantity import Goal, Objective
from domain.search_space import SearchSpace
from domain.training import Observation
from surrogates.pool import distinct_rows
from surrogates.registry import build_surrogate
from surrogates.selection import initial_picks, select_batch
from surrogates.testing import random_crystals

SPACE = SearchSpace(elements=("Li", "O", "Cl"), space_groups=(62, 139, 225))
LADDER = Ladder((Fidelity("cheap", "potential", 1.0), Fidelity("target", "ase", 20.0)))
ENERGY = Objective("formation_energy", Goal.MINIMIZE)
GOOD_ENOUGH = 3
"""A campaign has arrived when it has verified one of that many best crystals."""


def target_energy(blueprint: Blueprint) -> float:
    """An equation of state whose best volume depends on the chemistry, and some bonding between lithium and anions."""
    n_atoms = blueprint.composition.n_atoms
    fractions = {z: n / n_atoms for z, n in blueprint.composition.counts}
    best_volume = 10 + 8 * fractions.get(17, 0.0)
    bonding = -6 * fractions.get(3, 0.0) * (fractions.get(8, 0.0) + 0.7 * fractions.get(17, 0.0))
    return (
        bonding
        + 2 * math.log(blueprint.volume_per_atom_A3 / best_volume) ** 2
        + 0.1 * (blueprint.space_group.number == 62)
    )


def cheap_energy(blueprint: Blueprint) -> float:
    """The target, scaled, shifted and with a smooth error."""
    return 1.3 * target_energy(blueprint) + 0.7 + 0.2 * math.sin(2 * blueprint.volume_per_atom_A3)


def misleading_energy(blueprint: Blueprint) -> float:
    """Nothing to do with the target."""
    return 3 * math.sin(blueprint.digest.encode()[0]) + math.cos(3 * blueprint.lattice.c)


def money_until_verified(surrogate_name: str, seed: int) -> float:
    """What a campaign pays, first round included, until it has looked at one of the best crystals on the target."""
    drawn = random_crystals(SPACE, 150, seed=seed)
    pool = drawn.select(distinct_rows(drawn))
    everything = Sample(pool, torch.zeros(len(pool), dtype=torch.float64))
    energies = sorted(target_energy(blueprint) for blueprint in pool.to_blueprints())
    surrogate = build_surrogate(Component(surrogate_name), space=SPACE, ladder=LADDER, objective=ENERGY)
    looks = {"cheap": 15, "target": 3} if surrogate_name == "multi-fidelity-gp" else {"target": 4}
    picks = initial_picks(everything, ladder=LADDER, initial_looks=looks)
    observations: list[Observation] = []
    spent = 0.0
    while picks and spent < 1000:
        for pick in picks:
            energy = target_energy(pick.blueprint) if pick.fidelity == "target" else cheap_energy(pick.blueprint)
            observations.append(Observation(pick.blueprint, pick.fidelity, energy))
            spent += LADDER.fidelity(pick.fidelity).cost
            if pick.fidelity == "target" and energy <= energies[GOOD_ENOUGH - 1]:
                return spent
        known = {entry.blueprint.digest: entry.blueprint for entry in observations}
        picks = select_batch(
            surrogate.fit(observations, seed=seed),
            everything,
            ladder=LADDER,
            budget_left=1000.0,
            budget=Budget(1000, 30.0),
            seen={(entry.blueprint.digest, entry.fidelity) for entry in observations},
            extra=BlueprintBatch.from_blueprints(list(known.values()), SPACE.atomic_numbers),
            round_index=1,
        )
    return spent


@pytest.mark.slow
def test_a_good_cheap_fidelity_finds_the_best_crystals_for_less() -> None:
    with_ladder = [money_until_verified("multi-fidelity-gp", seed) for seed in range(4)]
    target_only = [money_until_verified("target-only-gp", seed) for seed in range(4)]
    assert sum(with_ladder) < 0.8 * sum(target_only), (with_ladder, target_only)


def learned_correlation(cheap: dict[str, float]) -> float:
    crystals = random_crystals(SPACE, 40, seed=3).to_blueprints()
    observations = [Observation(blueprint, "cheap", cheap[blueprint.digest]) for blueprint in crystals]
    observations += [Observation(blueprint, "target", target_energy(blueprint)) for blueprint in crystals[:25]]
    surrogate = build_surrogate(Component("multi-fidelity-gp"), space=SPACE, ladder=LADDER, objective=ENERGY)
    (pair,) = surrogate.fit(observations, seed=0).diagnostics.correlations
    assert pair.n_paired == 25
    return pair.correlation


def test_correlations_of_fidelities_are_learned_not_assumed() -> None:
    crystals = random_crystals(SPACE, 40, seed=3).to_blueprints()
    assert learned_correlation({b.digest: cheap_energy(b) for b in crystals}) > 0.85
    assert abs(learned_correlation({b.digest: misleading_energy(b) for b in crystals})) < 0.6
    assert learned_correlation({b.digest: -target_energy(b) for b in crystals}) < -0.5
