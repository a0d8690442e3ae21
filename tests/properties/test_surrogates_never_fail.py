"""Fits must survive anything that a store can hold."""

import math

import pytest
import torch

from domain.blueprint import Blueprint
from domain.campaign import Component
from domain.errors import InvalidValueError, SurrogateError
from domain.fidelity import Fidelity, Ladder
from domain.measurement import Censoring
from domain.quantity import Goal, Objective
from domain.search_space import SearchSpace
from domain.training import Observation, PendingLook
from surrogates.acquisition import make_log_reward
from surrogates.ports import Belief, Surrogate
from surrogates.registry import build_surrogate
from surrogates.testing import random_crystals

SPACE = SearchSpace(elements=("Li", "O", "Cl"), space_groups=(1, 62, 225))
LADDERS = tuple(
    Ladder(tuple(Fidelity(f"level{rank}", "potential", 10.0**rank) for rank in range(n_levels)))
    for n_levels in (1, 2, 4)
)
OBJECTIVES = (
    Objective("formation_energy", Goal.MINIMIZE),
    Objective("density", Goal.MAXIMIZE),
    Objective("ionic_conductivity", Goal.MAXIMIZE),
)
CRYSTALS = random_crystals(SPACE, 40, seed=0)
BLUEPRINTS = CRYSTALS.to_blueprints()
ASKED = random_crystals(SPACE, 7, seed=1)


def nasty_observations(rng: torch.Generator, ladder: Ladder, *, is_positive: bool) -> list[Observation]:
    """Duplicates, constants, huge and tiny scales, known and absurd sigmas, bounds, empty levels."""

    def draw(n_choices: int) -> int:
        return int(torch.randint(n_choices, (), generator=rng))

    n_crystals, scale, is_constant = 1 + draw(8), 10.0 ** (draw(13) - 6), draw(4) == 0
    observations = []
    for _ in range(draw(14)):
        noise = 0.0 if is_constant else float(torch.randn((), generator=rng, dtype=torch.float64))
        level = draw(len(ladder.names))
        value = scale * (1.0 + noise) * (1e6 if level == 0 and draw(2) else 1.0)
        observations.append(
            Observation(
                BLUEPRINTS[draw(n_crystals)],
                ladder.names[level],
                abs(value) + 1e-12 if is_positive else value,
                sigma=(None, 0.0, scale, 1e-9 * scale, 1e6 * scale)[draw(5)],
                censoring=(Censoring.NONE, Censoring.NONE, Censoring.NONE, Censoring.BELOW, Censoring.ABOVE)[draw(5)],
                temperature_K=(None, 300.0)[draw(2)],
            )
        )
    return observations


def survive(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    ladder, objective = LADDERS[seed % len(LADDERS)], OBJECTIVES[seed // len(LADDERS) % len(OBJECTIVES)]
    surrogate = build(ladder, objective)
    is_positive = objective.quantity == "ionic_conductivity"
    observations = nasty_observations(rng, ladder, is_positive=is_positive)
    pending = [PendingLook(BLUEPRINTS[0], name) for name in ladder.names] * (seed % 3)
    belief = surrogate.fit(observations, pending=pending, seed=seed)
    assert bool(belief.log_value(ASKED).isfinite().all())
    assert bool(belief.log_improvement(ASKED).isfinite().all())
    assert bool(make_log_reward(belief, ladder)(ASKED).isfinite().all())
    for name in ladder.names:
        prediction = belief.predict(CRYSTALS, name)
        assert bool(prediction.mean.isfinite().all())
        assert bool((prediction.sd.isfinite() & (prediction.sd >= 0)).all())


def build(ladder: Ladder = LADDERS[1], objective: Objective = OBJECTIVES[0]) -> Surrogate:
    return build_surrogate(Component("multi-fidelity-gp"), space=SPACE, ladder=ladder, objective=objective)


@pytest.mark.parametrize("seed", range(36))
def test_nasty_observations_are_survived(seed: int) -> None:
    survive(seed)


@pytest.mark.slow
def test_two_hundred_nasty_fits_are_survived() -> None:
    for seed in range(1000, 1200):
        survive(seed)


def energy_of(blueprint: Blueprint) -> float:
    return math.log(blueprint.volume_per_atom_A3 / 15) ** 2 - 1


def fit_with_last(censoring: Censoring, value: float) -> Belief:
    known = [Observation(blueprint, "level1", energy_of(blueprint)) for blueprint in BLUEPRINTS[:12]]
    return build().fit([*known, Observation(BLUEPRINTS[12], "level1", value, censoring=censoring)], seed=0)


def test_a_bound_is_not_taken_for_a_value() -> None:
    last = CRYSTALS.select(torch.tensor([12]))
    without = (
        build()
        .fit([Observation(blueprint, "level1", energy_of(blueprint)) for blueprint in BLUEPRINTS[:12]], seed=0)
        .predict(last, "level1")
    )
    above_the_impossible = fit_with_last(Censoring.ABOVE, -1e3).predict(last, "level1")
    torch.testing.assert_close(above_the_impossible.mean, without.mean, rtol=1e-4, atol=1e-4)
    contradicted = float(without.mean + 3 * without.sd)
    assert float(fit_with_last(Censoring.ABOVE, contradicted).predict(last, "level1").mean) > float(without.mean)
    assert (
        float(fit_with_last(Censoring.BELOW, contradicted).predict(last, "level1").mean) <= float(without.mean) + 1e-6
    )
    assert "1 of the observations are bounds" in fit_with_last(Censoring.ABOVE, 0.0).diagnostics.warnings[0]


def test_a_conductivity_of_zero_is_refused() -> None:
    with pytest.raises(SurrogateError, match="logarithmic scale, but an observation is 0"):
        build(objective=OBJECTIVES[2]).fit([Observation(BLUEPRINTS[0], "level0", 0.0)], seed=0)


def test_a_fidelity_that_is_not_on_the_ladder_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="no fidelity 'gossip'"):
        build().fit([Observation(BLUEPRINTS[0], "gossip", 1.0)], seed=0)
