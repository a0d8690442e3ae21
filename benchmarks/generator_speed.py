"""How fast the Crystal-GFN samples and trains, and whether independent programs find its crystals valid.

A batch is timed in turns against draws one at a time of the same trained network, as many in all turns together as
the batch has. Neutrality is judged by
pymatgen from the declared oxidation states, Wyckoff compatibility by pyxtal, and the volume by pymatgen's lattice.
"""

from collections.abc import Sequence
from statistics import fmean, median

import torch
from pymatgen.core import Composition, Lattice
from pyxtal.symmetry import Group
from support.timing import cpu_seconds, in_turns, run, say
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.blueprint import Blueprint
from domain.search_space import SearchSpace
from generators.crystal_gfn import CrystalGFN
from generators.settings import CrystalGFNSettings

SPACE = SearchSpace(
    elements=("Li", "Na", "Mg", "Al", "P", "O", "S", "F", "Cl"),
    space_groups=(2, 12, 14, 15, 47, 62, 63, 139, 148, 160, 166, 186, 194, 216, 221, 225, 227),
)
SETTINGS = CrystalGFNSettings(n_steps=60)
BATCH = 1024
N_TURNS = 4
DRAWS_PER_TURN = BATCH // N_TURNS
N_JUDGED = 200


def measure() -> dict[str, float]:
    """Trains, samples both ways, and has crystals judged."""
    generator = CrystalGFN(SPACE, SETTINGS, seed=0)
    training_s = cpu_seconds(lambda: generator.train(log_reward, rng=rng(1), report=lambda _: None))
    say(f"trained for {SETTINGS.n_steps} steps in {training_s:.1f} s")
    batch_s, single_s = in_turns(
        lambda: generator.sample(BATCH, rng=rng(2)), lambda: draw_singly(generator), n_repeats=N_TURNS
    )
    blueprints = generator.sample(N_JUDGED, rng=rng(3)).batch.to_blueprints()
    return {
        "batch": BATCH,
        "samples_per_cpu_s": round(BATCH / median(batch_s)),
        "one_at_a_time_per_cpu_s": round(DRAWS_PER_TURN / median(single_s), 1),
        "ratio": round(median(N_TURNS * single / batch for batch, single in zip(batch_s, single_s, strict=True)), 1),
        "train_trajectories_per_cpu_s": round(SETTINGS.n_steps * SETTINGS.batch_size / training_s),
        **shares(blueprints),
    }


def log_reward(batch: BlueprintBatch) -> Tensor:
    """Prefers small cells of few atoms; costs nothing, so that the generator alone is timed."""
    return -0.1 * batch.lattice[:, 0] - 0.05 * batch.counts.sum(dim=1)


def draw_singly(generator: CrystalGFN) -> None:
    """One turn's share of crystals, one at a time."""
    source = rng(2)
    for _ in range(DRAWS_PER_TURN):
        generator.sample(1, rng=source)


def shares(blueprints: Sequence[Blueprint]) -> dict[str, float]:
    """Shares of the crystals that pass each judgement."""
    return {
        "share_neutral": fmean(map(is_neutral, blueprints)),
        "share_wyckoff_compatible": fmean(map(is_wyckoff_compatible, blueprints)),
        "share_positive_volume": fmean(map(has_positive_volume, blueprints)),
    }


def is_neutral(blueprint: Blueprint) -> bool:
    """Whether pymatgen finds one declared oxidation state for each element that balance."""
    declared = SPACE.allowed_oxidation_states
    guesses = Composition(blueprint.composition.reduced_formula).oxi_state_guesses(
        oxi_states_override={symbol: list(states) for symbol, states in declared.items()}
    )
    # It averages over the atoms of an element; an average that is itself declared is one state for all of them.
    return any(all(state in declared[symbol] for symbol, state in guess.items()) for guess in guesses)


def is_wyckoff_compatible(blueprint: Blueprint) -> bool:
    """Whether pyxtal can place the atoms of the conventional cell on Wyckoff positions."""
    counts = [n_atoms for _, n_atoms in blueprint.composition.counts]
    return bool(Group(blueprint.space_group.number).check_compatible(counts)[0])


def has_positive_volume(blueprint: Blueprint) -> bool:
    """Whether pymatgen's cell spans a volume."""
    return bool(Lattice.from_parameters(*blueprint.lattice.parameters).volume > 0)


def rng(seed: int) -> torch.Generator:
    """A source of draws."""
    return torch.Generator().manual_seed(seed)


if __name__ == "__main__":
    run(measure, "Crystals and training trajectories per CPU second of the Crystal-GFN.")
