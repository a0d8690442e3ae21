import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import EmptySpaceError
from domain.search_space import SearchSpace
from generators.crystal_gfn import CrystalGFN
from generators.moves import Exploration
from generators.settings import CrystalGFNSettings
from generators.testing import require_in_space

EXPLORING = Exploration(uniform_share=0.2, temperature=1.5)
ELEMENTS = ("H", "Li", "C", "O", "F", "Mg", "Al", "S", "Cl", "Ar", "Fe")


@st.composite
def spaces(draw: st.DrawFn) -> SearchSpace:
    elements = draw(st.lists(st.sampled_from(ELEMENTS), min_size=2, max_size=6, unique=True))
    least = draw(st.integers(1, 2))
    return SearchSpace(
        elements=tuple(elements),
        space_groups=tuple(draw(st.lists(st.integers(1, 230), min_size=1, max_size=8, unique=True))),
        required_elements=tuple(draw(st.lists(st.sampled_from(elements), max_size=1))),
        min_elements=least,
        max_elements=draw(st.integers(least, 4)),
        max_atoms=draw(st.integers(2, 20)),
        max_atoms_per_element=draw(st.integers(1, 16)),
        length_A=(draw(st.floats(1.5, 3.0)), draw(st.floats(4.0, 20.0))),
    )


@settings(max_examples=30)
@given(spaces(), st.integers(0, 2**32 - 1))
def test_every_sample_of_every_space_satisfies_it(space: SearchSpace, seed: int):
    try:
        generator = CrystalGFN(space, CrystalGFNSettings(hidden_width=16), seed=seed)
    except EmptySpaceError:
        return
    sample = generator.sample(32, rng=torch.Generator().manual_seed(seed))

    for blueprint in sample.batch.to_blueprints():
        require_in_space(blueprint, space)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_log_probability_is_that_of_the_rollout(seed: int):
    """Weights are random, so that every head matters."""
    space = SearchSpace(elements=("Li", "Mg", "O", "Cl"), space_groups=(1, 14, 62, 123, 166, 225), max_atoms=12)
    generator = CrystalGFN(space, CrystalGFNSettings(hidden_width=16), seed=seed)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in generator.policy.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=rng))
        states, log_probability = generator.tree.sample(generator.policy, 64, exploration=EXPLORING, rng=rng)
        again = generator.tree.log_probability(generator.policy, states)
        from_blueprints = generator.log_probability(generator.tree.to_batch(states))

    assert torch.allclose(log_probability, again, atol=1e-4)
    assert (from_blueprints - again).abs().median() < 1e-2
