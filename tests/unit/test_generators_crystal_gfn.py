import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.campaign import Component
from domain.errors import EmptySpaceError, GeneratorError, SpecError
from domain.parsing import ParseError
from domain.ports import Generator, LogReward, TrainingStep
from domain.search_space import SearchSpace
from generators.crystal_gfn import CrystalGFN
from generators.registry import build_generator
from generators.settings import CrystalGFNSettings, Loss
from generators.testing import check_generator, push_mass, total_variation
from generators.uniform import UniformGenerator

SPACE = SearchSpace(elements=("Li", "Mg", "O", "F"), space_groups=(2, 14, 62, 225), max_atoms=8, max_elements=4)
CUBIC = SearchSpace(elements=("Li", "Cl"), space_groups=(225,), max_atoms=8)
SMALL = CrystalGFNSettings(n_steps=20, batch_size=32, hidden_width=32)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ignore(step: TrainingStep) -> None:
    pass


def arbitrary_reward(generator: CrystalGFN, seed: int) -> tuple[LogReward, Tensor]:
    """A reward without any pattern over the leaves of the discrete part."""
    states, _ = push_mass(generator.tree, generator.policy)
    values = torch.randn(len(states), generator=rng(seed), dtype=torch.float64)
    rows = zip(states.group.tolist(), states.counts.tolist(), strict=True)
    index = {(generator.tree.groups[group], *counts): leaf for leaf, (group, counts) in enumerate(rows)}

    def log_reward(batch: BlueprintBatch) -> Tensor:
        keys = zip(batch.space_group.tolist(), batch.counts.tolist(), strict=True)
        return values[[index[number, *counts] for number, counts in keys]]

    return log_reward, values


@pytest.mark.parametrize("name", ["crystal-gfn", "uniform"])
def test_generators_keep_their_promises(name: str, tmp_path: Path):
    settings = {"n_steps": 5, "batch_size": 16, "hidden_width": 16} if name == "crystal-gfn" else {}
    check_generator(lambda: build_generator(Component(name, settings), SPACE, seed=0), SPACE, tmp_path)


@pytest.mark.parametrize("loss", list(Loss))
def test_exact_distribution_meets_an_arbitrary_reward(loss: Loss):
    generator = CrystalGFN(SPACE, CrystalGFNSettings(loss=loss, n_steps=150, batch_size=96, hidden_width=64), seed=0)
    log_reward, values = arbitrary_reward(generator, seed=1)
    before = total_variation(push_mass(generator.tree, generator.policy)[1], values)
    summary = generator.train(log_reward, rng=rng(), report=ignore)
    after = total_variation(push_mass(generator.tree, generator.policy)[1], values)

    assert before > 0.3
    assert after < 0.02
    assert summary.log_z == pytest.approx(torch.logsumexp(values, 0).item(), abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_exact_distribution_of_a_larger_space(seed: int):
    space = SearchSpace(elements=("Li", "Mg", "O", "Cl"), space_groups=(2, 14, 62, 123, 166, 225), max_atoms=12)
    generator = CrystalGFN(space, CrystalGFNSettings(n_steps=800), seed=seed)
    log_reward, values = arbitrary_reward(generator, seed=seed)
    generator.train(log_reward, rng=rng(seed), report=ignore)

    assert total_variation(push_mass(generator.tree, generator.policy)[1], values) < 0.02


@pytest.mark.parametrize(
    "shape", [lambda v: -0.5 * ((v - 18.0) / 3.0) ** 2, lambda v: 1.5 * torch.sin(v / 3)], ids=["bump", "waves"]
)
def test_lattice_density_meets_a_known_reward(shape: Callable[[Tensor], Tensor]):
    """The cubic cell has one free coordinate, linear in the volume per atom; R is a function of it."""
    generator = CrystalGFN(CUBIC, CrystalGFNSettings(n_steps=250, batch_size=128, hidden_width=64), seed=0)

    def log_reward(batch: BlueprintBatch) -> Tensor:
        return shape(batch.lattice[:, 0] ** 3 / batch.counts.sum(dim=1))

    generator.train(log_reward, rng=rng(), report=ignore)
    per_atom = torch.linspace(6.01, 39.99, 2001, dtype=torch.float64)
    a = (8 * per_atom) ** (1 / 3)
    lattice = torch.cat([a[:, None].expand(-1, 3), torch.full((len(a), 3), 90.0, dtype=torch.float64)], dim=1)
    counts = torch.full((len(a), 2), 4)
    batch = BlueprintBatch((3, 17), torch.full((len(a),), 225), counts, lattice)
    learned = generator.log_probability(batch).exp()
    target = log_reward(batch).exp()
    step = 1 / len(a)

    assert learned.sum().item() * step == pytest.approx(1.0, abs=5e-3)
    assert 0.5 * (learned * step - target / target.sum()).abs().sum().item() < 0.03


def test_training_is_reproducible():
    samples = []
    for _ in range(2):
        generator = CrystalGFN(SPACE, SMALL, seed=3)
        generator.train(arbitrary_reward(generator, 1)[0], rng=rng(4), report=ignore)
        samples.append(generator.sample(16, rng=rng(5)))

    assert samples[0].batch.to_blueprints() == samples[1].batch.to_blueprints()
    assert torch.equal(samples[0].log_probability, samples[1].log_probability)


def test_the_global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    generator = CrystalGFN(SPACE, SMALL, seed=0)
    generator.train(arbitrary_reward(generator, 1)[0], rng=rng(), report=ignore)
    generator.sample(8, rng=rng())

    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_warm_start_helps():
    settings = CrystalGFNSettings(n_steps=40, batch_size=64, hidden_width=64)
    once = CrystalGFN(SPACE, settings, seed=0)
    log_reward, values = arbitrary_reward(once, seed=1)
    cold = []
    for _ in range(2):
        once.train(log_reward, rng=rng(), report=ignore)
        cold.append(total_variation(push_mass(once.tree, once.policy)[1], values))

    assert cold[1] < 0.7 * cold[0]


def test_a_changed_reward_is_followed():
    generator = CrystalGFN(CUBIC, CrystalGFNSettings(n_steps=60, batch_size=64, hidden_width=32), seed=0)
    means = []
    for target in (4.5, 6.0):
        generator.train(lambda batch, a=target: -50 * (batch.lattice[:, 0] - a) ** 2, rng=rng(), report=ignore)
        means.append(generator.sample(256, rng=rng(1)).batch.lattice[:, 0].mean().item())

    assert means == pytest.approx([4.5, 6.0], abs=0.15)


def test_progress_is_reported_about_sixty_times():
    steps: list[TrainingStep] = []
    generator = CrystalGFN(CUBIC, CrystalGFNSettings(n_steps=130, batch_size=8, hidden_width=8), seed=0)
    generator.train(lambda batch: torch.zeros(len(batch)), rng=rng(), report=steps.append)

    assert 60 <= len(steps) <= 66
    assert all(math.isfinite(step.loss) and math.isfinite(step.log_z) for step in steps)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["crystal-gfn", "uniform"])
def test_a_reward_that_is_not_finite_is_refused(name: str, bad: float):
    generator = build_generator(Component(name), CUBIC, seed=0)
    with pytest.raises(GeneratorError, match="log-reward of Li4Cl4 in space group 225 is"):
        generator.train(lambda batch: torch.full((len(batch),), bad), rng=rng(), report=ignore)


def test_a_reward_of_another_shape_is_refused():
    generator = CrystalGFN(CUBIC, SMALL, seed=0)
    with pytest.raises(GeneratorError, match=r"shape \(32, 1\) came back for 32 crystals"):
        generator.train(lambda batch: torch.zeros(len(batch), 1), rng=rng(), report=ignore)


def test_a_restart_between_rounds_changes_nothing(tmp_path: Path):
    first = CrystalGFN(SPACE, SMALL, seed=0)
    log_reward, _ = arbitrary_reward(first, 1)
    first.train(log_reward, rng=rng(1), report=ignore)
    first.save(tmp_path / "weights")
    second = CrystalGFN(SPACE, SMALL, seed=99)
    second.load(tmp_path / "weights")
    for generator in (first, second):
        generator.train(log_reward, rng=rng(2), report=ignore)

    assert torch.equal(*(g.sample(32, rng=rng(3)).log_probability for g in (first, second)))


def other_generators() -> dict[str, Generator]:
    return {
        "space": CrystalGFN(CUBIC, SMALL, seed=0),
        "settings": CrystalGFN(SPACE, CrystalGFNSettings(hidden_width=16), seed=0),
        "algorithm": UniformGenerator(SPACE),
    }


@pytest.mark.parametrize("what", ["space", "settings", "algorithm"])
def test_a_file_of_another_generator_is_refused(what: str, tmp_path: Path):
    CrystalGFN(SPACE, SMALL, seed=0).save(tmp_path / "weights")
    with pytest.raises(GeneratorError, match="belongs to another search space, other settings or another version"):
        other_generators()[what].load(tmp_path / "weights")


@pytest.mark.parametrize("content", [b"", b"no safetensors", None])
def test_a_damaged_or_missing_file_is_refused(content: bytes | None, tmp_path: Path):
    path = tmp_path / "weights"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GeneratorError, match="cannot be read as a generator's weights"):
        CrystalGFN(SPACE, SMALL, seed=0).load(path)


def test_a_cut_off_file_is_refused(tmp_path: Path):
    path = tmp_path / "weights"
    CrystalGFN(SPACE, SMALL, seed=0).save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(GeneratorError, match="cannot be read as a generator's weights"):
        CrystalGFN(SPACE, SMALL, seed=0).load(path)


def test_a_crystal_outside_of_the_space_has_no_probability():
    generator = CrystalGFN(CUBIC, SMALL, seed=0)
    inside = generator.sample(1, rng=rng()).batch
    for outside, match in (
        (BlueprintBatch((3, 17), torch.tensor([221]), inside.counts, inside.lattice), r"not all of the search space\."),
        (BlueprintBatch((3, 17), inside.space_group, torch.tensor([[8, 4]]), inside.lattice), "composition"),
        (BlueprintBatch((3, 17), inside.space_group, inside.counts, inside.lattice * 3), "lattice of a blueprint"),
    ):
        with pytest.raises(GeneratorError, match=match):
            generator.log_probability(outside)


def test_unknown_generators_and_settings_are_refused():
    with pytest.raises(SpecError, match=r"'crystal-gan' is not a generator\. Choose one of crystal-gfn, uniform"):
        build_generator(Component("crystal-gan"), CUBIC, seed=0)
    with pytest.raises(ParseError, match=r"generator\.settings\.n_step: unknown key"):
        build_generator(Component("crystal-gfn", {"n_step": 5}), CUBIC, seed=0)
    with pytest.raises(ParseError, match=r"generator\.settings\.n_steps"):
        build_generator(Component("uniform", {"n_steps": 5}), CUBIC, seed=0)
    with pytest.raises(ParseError, match="learning_rate is 0"):
        build_generator(Component("crystal-gfn", {"learning_rate": 0}), CUBIC, seed=0)
    with pytest.raises(EmptySpaceError, match="all cations"):
        build_generator(Component("uniform"), SearchSpace(elements=("Li", "Na"), space_groups=(225,)), seed=0)
