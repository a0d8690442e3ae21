import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from generators.moves import ON_POLICY, Exploration, UnitMixture, draw_choice, log_choice

seeds = st.integers(0, 2**32 - 1)


def mixture(seed: int, n_components: int, scale: float) -> UnitMixture:
    rng = torch.Generator().manual_seed(seed)
    return UnitMixture.of(scale * torch.randn(1, UnitMixture.n_outputs(n_components), generator=rng))


def density(given: UnitMixture, position: float) -> float:
    return given.log_density(torch.tensor([position], dtype=torch.float64)).exp().item()


@given(seeds, st.integers(0, 6), st.floats(0.0, 8.0))
def test_mixture_is_normalised(seed: int, n_components: int, scale: float):
    drawn = mixture(seed, n_components, scale)
    grid = torch.linspace(0, 1, 20001, dtype=torch.float64)
    rows = UnitMixture(*(part.expand(len(grid), -1) for part in (drawn.log_weight, drawn.center, drawn.scale)))

    assert abs(integrate.simpson(rows.log_density(grid).exp().numpy(), x=grid.numpy()) - 1) < 1e-6


def test_untrained_mixture_is_spread_over_the_interval():
    even = mixture(0, 6, 0.0)

    assert all(0.5 < density(even, position) < 1.7 for position in (0.0, 0.25, 0.5, 0.75, 1.0))


def test_mixture_without_components_is_uniform():
    assert density(mixture(0, 0, 1.0), 0.3) == 1.0


def test_draws_follow_the_density():
    drawn = mixture(3, 4, 2.0)
    n_draws = 20_000
    rows = UnitMixture(*(part.expand(n_draws, -1) for part in (drawn.log_weight, drawn.center, drawn.scale)))
    sample = rows.draw(exploration=ON_POLICY, rng=torch.Generator().manual_seed(0))
    grid = torch.linspace(0, 1, 5001, dtype=torch.float64)
    on_grid = UnitMixture(*(part.expand(len(grid), -1) for part in (drawn.log_weight, drawn.center, drawn.scale)))
    cumulative = integrate.cumulative_trapezoid(on_grid.log_density(grid).exp().numpy(), grid.numpy(), initial=0.0)
    levels = torch.from_numpy(cumulative)[(sample * 5000).round().long()]

    assert stats.kstest(levels.numpy(), "uniform").pvalue > 1e-3


def test_exploration_draws_what_the_policy_avoids():
    logits = torch.tensor([[0.0, -1000.0, 0.0]]).expand(2000, -1)
    allowed = torch.tensor([[True, True, False]]).expand(2000, -1)
    rng = torch.Generator().manual_seed(0)

    assert (draw_choice(logits, allowed, exploration=ON_POLICY, rng=rng) == 0).all()
    explored = draw_choice(logits, allowed, exploration=Exploration(uniform_share=0.5), rng=rng)
    assert 0.2 < (explored == 1).double().mean() < 0.3
    assert not (explored == 2).any()


def test_a_single_choice_is_certain():
    log_moves = log_choice(torch.tensor([[3.0, -5.0]]), torch.tensor([[False, True]]))

    assert log_moves.tolist() == [[float("-inf"), 0.0]]
