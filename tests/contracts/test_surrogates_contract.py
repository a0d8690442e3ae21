import math

import pytest
import torch

from domain.batch import BlueprintBatch
from domain.campaign import Component
from domain.fidelity import Fidelity, Ladder
from domain.quantity import Goal, Objective
from domain.search_space import SearchSpace
from domain.training import Observation
from surrogates.registry import SURROGATES, build_surrogate
from surrogates.testing import check_surrogate, random_crystals

SPACE = SearchSpace(elements=("Li", "O", "Cl"), space_groups=(2, 14, 62, 139, 166, 225))
LADDER = Ladder((Fidelity("static", "potential", 1.0), Fidelity("dft", "ase", 50.0)))


def observe(batch: BlueprintBatch, fidelity: str) -> list[Observation]:
    return [
        Observation(blueprint, fidelity, math.log(blueprint.volume_per_atom_A3) - 3)
        for blueprint in batch.to_blueprints()
    ]


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("goal", list(Goal))
def test_every_surrogate_keeps_its_promises(name: str, goal: Goal) -> None:
    surrogate = build_surrogate(
        Component(name), space=SPACE, ladder=LADDER, objective=Objective("formation_energy", goal)
    )
    crystals = random_crystals(SPACE, 12, seed=1)
    observations = observe(crystals, "static") + observe(crystals.select(torch.arange(4)), "dft")
    check_surrogate(surrogate, observations, ladder=LADDER, crystals=random_crystals(SPACE, 20, seed=2))
