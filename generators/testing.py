"""Checks that every generator must pass, and the exact distribution of a tree's discrete part.

Legend: B leaves, N states.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.blueprint import Blueprint
from domain.errors import GeneratorError
from domain.ports import Generator, TrainingStep
from domain.search_space import SearchSpace
from generators.moves import log_choice
from generators.policy import Policy
from generators.states import States
from generators.tree import CrystalTree

_N_SAMPLES = 64


@torch.no_grad()
def push_mass(tree: CrystalTree, policy: Policy) -> tuple[States, Tensor]:
    """The exact distribution over groups and compositions, by pushing probability from the root to every leaf.

    Nothing is sampled: each state hands its mass to its successors in proportion to the policy.

    Returns:
        B states with group and composition, each pair of the search space once, and their log-probability `[B]`.
    """
    group_head, count_head = (stage.head for stage in tree.stages[:2])
    root = States.empty(1, len(tree.elements))
    n_groups = len(tree.groups)
    start = torch.zeros(1, dtype=torch.int64)
    logits = policy.outputs(group_head, root, start)
    log_mass = log_choice(logits, torch.ones_like(logits, dtype=torch.bool))[0]
    states = root.select(start.expand(n_groups)).with_group(torch.arange(n_groups))
    for element in range(len(tree.elements)):
        allowed = tree.composition.allowed(states)[:, element]
        log_moves = log_choice(policy.outputs(count_head, states, torch.full((len(states),), element)), allowed)
        row, count = allowed.nonzero(as_tuple=True)
        log_mass = log_mass[row] + log_moves[row, count]
        counts = states.counts[row].clone()
        counts[:, element] = count
        states = states.select(row).with_counts(counts)
    return states, log_mass


def total_variation(log_mass: Tensor, log_reward: Tensor) -> float:
    """Half of the summed differences between a distribution and a reward over the same leaves, normalised."""
    return 0.5 * (log_mass.exp() - torch.softmax(log_reward, dim=0)).abs().sum().item()


def require_in_space(blueprint: Blueprint, space: SearchSpace) -> None:
    """Checks a blueprint against every constraint of a search space, without any table of the generators.

    Raises:
        GeneratorError: If it breaks one.
    """
    composition, lattice = blueprint.composition, blueprint.lattice
    symbols = [element.symbol for element in composition.elements]
    low, high = space.volume_per_atom_A3
    states = space.allowed_oxidation_states
    checks = {
        "space_groups": blueprint.space_group.number in space.space_groups,
        "elements": set(symbols) <= set(space.elements),
        "required_elements": set(space.required_elements) <= set(symbols),
        "number of elements": space.min_elements <= len(symbols) <= space.max_elements,
        "max_atoms": composition.n_atoms <= space.max_atoms,
        "max_atoms_per_element": all(n <= space.max_atoms_per_element for _, n in composition.counts),
        "neutrality": any(composition.neutral_assignments(states)),
        "volume_per_atom_A3": low <= blueprint.volume_per_atom_A3 <= high,
        "length_A": all(space.length_A[0] <= length <= space.length_A[1] for length in lattice.lengths),
        "angle_deg": all(
            angle in (90, 120) or space.angle_deg[0] <= angle <= space.angle_deg[1] for angle in lattice.angles
        ),
    }
    broken = [name for name, holds in checks.items() if not holds]
    if broken:
        raise GeneratorError(
            f"{composition.formula} in group {blueprint.space_group.number} with lattice {lattice.parameters} breaks "
            f"{', '.join(broken)}.",
            remedy="Correct the generator: every sample must satisfy the search space.",
        )


def check_generator(make: Callable[[], Generator], space: SearchSpace, folder: Path) -> None:
    """Checks what `domain.ports.Generator` promises.

    Args:
        make: Builds the same untrained generator each time.
        space: Its search space.
        folder: An empty folder to write to.

    Raises:
        GeneratorError: If a promise is broken.
    """
    generator = make()
    steps: list[TrainingStep] = []
    summary = generator.train(_log_reward, rng=_rng(1), report=steps.append)
    _require(bool(generator.version), "version is empty")
    _require(bool(steps) and steps[-1].step == steps[-1].n_steps == summary.n_steps, "the last step is not reported")
    sample = generator.sample(_N_SAMPLES, rng=_rng(2))
    _require(len(sample.batch) == _N_SAMPLES == len(sample.log_probability), "sample has another size than asked for")
    _require(bool(sample.log_probability.isfinite().all()), "a log-probability is not finite")
    for blueprint in sample.batch.to_blueprints():
        require_in_space(blueprint, space)
    _require(_same(generator, generator), "the same seed does not give the same samples")
    generator.save(folder / "weights")
    restored = make()
    restored.load(folder / "weights")
    _require(_same(generator, restored), "a restored generator samples differently")
    _require([path.name for path in folder.iterdir()] == ["weights"], "save leaves other files behind")


def _log_reward(batch: BlueprintBatch) -> Tensor:
    return -0.1 * batch.lattice[:, 0] - 0.05 * batch.counts.sum(dim=1)


def _same(first: Generator, second: Generator) -> bool:
    one, other = (generator.sample(_N_SAMPLES, rng=_rng(3)) for generator in (first, second))
    return one.batch.to_blueprints() == other.batch.to_blueprints() and torch.equal(
        one.log_probability, other.log_probability
    )


def _rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not holds:
        raise GeneratorError(f"The generator breaks its promise: {otherwise}.", remedy="Correct the generator.")
