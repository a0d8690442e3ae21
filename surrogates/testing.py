"""What every surrogate must keep, as checks that its tests call, and crystals to call them with.

Legend: B blueprints, M fidelities.
"""

from collections.abc import Sequence

import torch

from domain.batch import BlueprintBatch
from domain.errors import SurrogateError
from domain.fidelity import Ladder
from domain.lattice import ANGLE_DECIMALS
from domain.parsing import to_json_value
from domain.search_space import SearchSpace
from domain.space_groups import CellShape, SpaceGroup
from domain.training import Observation, PendingLook
from surrogates.features import volume_A3
from surrogates.ports import LOWEST_LOG_VALUE, Belief, Surrogate


def random_crystals(space: SearchSpace, n_crystals: int, *, seed: int) -> BlueprintBatch:
    """Crystals that obey cell shapes, volumes and element counts, and no chemistry."""
    rng = torch.Generator().manual_seed(seed)
    numbers = torch.tensor(space.space_groups)[torch.randint(len(space.space_groups), (n_crystals,), generator=rng)]
    n_elements = len(space.elements)
    counts = torch.randint(0, 3, (n_crystals, n_elements), generator=rng)
    counts[torch.arange(n_crystals), torch.randint(n_elements, (n_crystals,), generator=rng)] += 1
    lattice = torch.stack([_cell_of_shape(SpaceGroup(int(number)).cell_shape, rng) for number in numbers])
    low, high = space.volume_per_atom_A3
    volume = low * (high / low) ** torch.rand(n_crystals, generator=rng, dtype=torch.float64) * counts.sum(1)
    lattice[:, :3] *= (volume / volume_A3(lattice)).pow(1 / 3).unsqueeze(1)
    return BlueprintBatch(space.atomic_numbers, numbers, counts, lattice.round(decimals=ANGLE_DECIMALS))


def check_surrogate(
    surrogate: Surrogate, observations: Sequence[Observation], *, ladder: Ladder, crystals: BlueprintBatch
) -> None:
    """Checks what `surrogates.ports` promises.

    Args:
        surrogate: To be checked.
        observations: At least 2, on at least one fidelity, of crystals other than those given.
        ladder: The surrogate's own.
        crystals: To ask it about.

    Raises:
        SurrogateError: Naming the promise that is broken.
    """
    for known in ((), observations[:1], observations):
        _check_belief(surrogate.fit(known, seed=0), ladder, crystals)
    belief = surrogate.fit(observations, seed=0)
    again = surrogate.fit(observations[::-1], seed=0)
    _require(torch.equal(belief.log_value(crystals), again.log_value(crystals)), "depends on the order of observations")
    for name in ladder.names:
        waiting = [PendingLook(blueprint, name) for blueprint in crystals.select(torch.tensor([0])).to_blueprints()]
        busy = surrogate.fit(observations, pending=waiting, seed=0)
        conditioned = belief.condition(crystals.select(torch.tensor([0])), name)
        _check_belief(busy, ladder, crystals)
        before, after = belief.predict(crystals, name), busy.predict(crystals, name)
        _require(
            torch.allclose(before.mean, after.mean, rtol=1e-6, atol=1e-8), "a pending look changes what is expected"
        )
        _require(bool((after.sd <= before.sd + 1e-8).all()), "a pending look makes it less sure")
        same = torch.allclose(conditioned.predict(crystals, name).sd, after.sd, rtol=1e-6, atol=1e-8)
        _require(same, "conditioning differs from fitting with a pending look")


def _check_belief(belief: Belief, ladder: Ladder, crystals: BlueprintBatch) -> None:
    n_crystals = len(crystals)
    log_value, log_improvement = belief.log_value(crystals), belief.log_improvement(crystals)
    _require(tuple(log_value.shape) == (n_crystals, len(ladder.names)), "log-values are not [B, M]")
    _require(bool(log_value.isfinite().all() and (log_value >= LOWEST_LOG_VALUE).all()), "a log-value is out of range")
    _require(tuple(log_improvement.shape) == (n_crystals,), "log-improvements are not [B]")
    _require(bool(log_improvement.isfinite().all()), "a log-improvement is not finite")
    for name in ladder.names:
        prediction = belief.predict(crystals, name)
        _require(
            bool(prediction.mean.isfinite().all() and prediction.sd.isfinite().all()), "a prediction is not finite"
        )
        _require(bool((prediction.sd >= 0).all()), "a standard deviation is negative")
    to_json_value(belief.diagnostics)


def _require(is_kept: bool, otherwise: str) -> None:  # noqa: FBT001 - a condition
    if not is_kept:
        raise SurrogateError(f"The surrogate breaks its promise: {otherwise}.", remedy="Correct the surrogate.")


def _cell_of_shape(shape: CellShape, rng: torch.Generator) -> torch.Tensor:
    a, b, c = torch.rand(3, generator=rng, dtype=torch.float64).mul(0.8).add(0.6).tolist()
    beta = 90.0 + 25.0 * float(torch.rand(1, generator=rng))
    cells = {
        CellShape.TRICLINIC: (a, b, c, 80.0, beta, 95.0),
        CellShape.MONOCLINIC: (a, b, c, 90.0, beta, 90.0),
        CellShape.ORTHORHOMBIC: (a, b, c, 90.0, 90.0, 90.0),
        CellShape.TETRAGONAL: (a, a, c, 90.0, 90.0, 90.0),
        CellShape.HEXAGONAL: (a, a, c, 90.0, 90.0, 120.0),
        CellShape.CUBIC: (a, a, a, 90.0, 90.0, 90.0),
    }
    return torch.tensor(cells[shape], dtype=torch.float64)
