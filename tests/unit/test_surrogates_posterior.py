"""The hand-written predictor against GPyTorch and against a plain refit."""

import warnings

import pytest
import torch

from domain.search_space import SearchSpace
from surrogates.features import FeatureMap
from surrogates.kernel import HyperparameterPrior, Hyperparameters
from surrogates.posterior import Posterior, TrainingSet, condition_on
from surrogates.testing import random_crystals

with warnings.catch_warnings():  # GPyTorch compiles with a deprecated part of torch when imported
    warnings.simplefilter("ignore", DeprecationWarning)
    import gpytorch

SPACE = SearchSpace(elements=("Li", "Mg", "O", "Cl"), space_groups=(1, 14, 62, 139, 166, 225))
MAP = FeatureMap(SPACE)
N_LEVELS = 3
PRIOR = HyperparameterPrior(tuple(len(group.features) for group in MAP.groups), N_LEVELS)


def random_parameters(seed: int) -> Hyperparameters:
    rng = torch.Generator().manual_seed(seed)
    return PRIOR.unpack(PRIOR.mean + PRIOR.sd * torch.randn(len(PRIOR.mean), generator=rng, dtype=torch.float64))


def random_training(n: int, seed: int, *, n_duplicates: int = 0) -> TrainingSet:
    rng = torch.Generator().manual_seed(seed)
    features = MAP(random_crystals(SPACE, n, seed=seed))
    levels = torch.randint(N_LEVELS, (n,), generator=rng)
    features[:n_duplicates], levels[:n_duplicates] = features[-1], levels[-1]
    return TrainingSet(
        features=features,
        levels=levels,
        targets=torch.randn(n, generator=rng, dtype=torch.float64),
        known_variance=0.1 * torch.rand(n, generator=rng, dtype=torch.float64),
        takes_learned_noise=torch.rand(n, generator=rng) < 0.8,
    )


class Dense(gpytorch.kernels.Kernel):
    """A kernel as a plain matrix: products of lazy ones are approximated by GPyTorch."""

    def __init__(self, base: gpytorch.kernels.Kernel) -> None:
        super().__init__()
        self.base = base

    def forward(self, x1: torch.Tensor, x2: torch.Tensor, **options: bool) -> torch.Tensor:
        return self.base(x1, x2).to_dense()


class Reference(gpytorch.models.ExactGP):
    """The same model in GPyTorch's own kernels; inputs are features and, last, the level."""

    def __init__(self, training: TrainingSet, parameters: Hyperparameters) -> None:
        inputs = torch.cat((training.features, training.levels.unsqueeze(1).double()), dim=1)
        noise = training.noise_variance(parameters)
        likelihood = gpytorch.likelihoods.FixedNoiseGaussianLikelihood(noise=noise)
        super().__init__(inputs, training.targets, likelihood)
        self.mean_module = gpytorch.means.ZeroMean()
        chemistry, geometry, symmetry = (self._matern(parameters, groups) for groups in ((0, 1), (2, 3), (4,)))
        terms = (chemistry, geometry, chemistry * geometry, chemistry * geometry * symmetry)
        crystal = sum(
            (self._scaled(term, w) for term, w in zip(terms[1:], parameters.weight[1:], strict=True)),
            start=self._scaled(terms[0], parameters.weight[0]),
        )
        self.covar_module = crystal * self._index(parameters.level_covariance) + self._index(parameters.mean_covariance)
        self.double()
        self.eval()

    def forward(self, x: torch.Tensor) -> gpytorch.distributions.MultivariateNormal:
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))

    def _matern(self, parameters: Hyperparameters, groups: tuple[int, ...]) -> gpytorch.kernels.Kernel:
        dims = [(dim, group) for group in groups for dim in range(MAP.columns[group].start, MAP.columns[group].stop)]
        kernel = gpytorch.kernels.MaternKernel(
            nu=2.5, ard_num_dims=len(dims), active_dims=[d for d, _ in dims]
        ).double()
        kernel.lengthscale = parameters.lengthscale[[group for _, group in dims]].unsqueeze(0)
        return Dense(kernel)

    def _scaled(self, kernel: gpytorch.kernels.Kernel, scale: torch.Tensor) -> gpytorch.kernels.Kernel:
        scaled = gpytorch.kernels.ScaleKernel(kernel).double()
        scaled.outputscale = scale
        return Dense(scaled)

    def _index(self, covariance: torch.Tensor) -> gpytorch.kernels.Kernel:
        kernel = gpytorch.kernels.IndexKernel(
            num_tasks=N_LEVELS, rank=N_LEVELS, active_dims=[MAP.columns[-1].stop]
        ).double()
        kernel.covar_factor.data = torch.linalg.cholesky(covariance)
        kernel.raw_var.data.fill_(-80.0)
        return Dense(kernel)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")  # GPyTorch's IndexKernel
@pytest.mark.parametrize("seed", range(4))
def test_equals_gpytorch_at_the_same_hyperparameters(seed: int) -> None:
    parameters, training = random_parameters(seed), random_training(30, seed, n_duplicates=3)
    points = MAP(random_crystals(SPACE, 9, seed=100 + seed))
    moments = condition_on(training, parameters, MAP.columns).moments(points)
    with torch.no_grad(), gpytorch.settings.fast_computations(False, False, False):
        reference = Reference(training, parameters)
        every = torch.cat([torch.cat((points, torch.full((9, 1), float(m))), dim=1) for m in range(N_LEVELS)])
        expected = reference(every)
        mean = expected.mean.reshape(N_LEVELS, 9).T
        covariance = expected.covariance_matrix
    torch.testing.assert_close(moments.mean, mean, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(moments.variance, covariance.diagonal().reshape(N_LEVELS, 9).T, rtol=1e-9, atol=1e-9)
    with_target = torch.stack([covariance[m * 9 : m * 9 + 9, -9:].diagonal() for m in range(N_LEVELS)], dim=1)
    torch.testing.assert_close(moments.covariance_with_target, with_target, rtol=1e-9, atol=1e-9)


def test_pending_looks_equal_a_refit_on_expected_answers() -> None:
    parameters, training = random_parameters(7), random_training(25, 7)
    posterior = condition_on(training, parameters, MAP.columns)
    pending, levels = MAP(random_crystals(SPACE, 6, seed=8)), torch.tensor([0, 1, 2, 2, 0, 1])
    answers = posterior.moments(pending).mean.gather(1, levels.unsqueeze(1)).squeeze(1)
    fantasies = TrainingSet(pending, levels, answers, torch.zeros(6).double(), torch.ones(6, dtype=torch.bool))
    refit = condition_on(training.join(fantasies), parameters, MAP.columns)
    points = MAP(random_crystals(SPACE, 15, seed=9))
    one_by_one = posterior
    for row in range(6):
        one_by_one = one_by_one.extend(pending[row : row + 1], levels[row : row + 1])
    for extended in (posterior.extend(pending, levels), one_by_one):
        for field in ("mean", "variance", "covariance_with_target"):
            given, expected = getattr(extended.moments(points), field), getattr(refit.moments(points), field)
            torch.testing.assert_close(given, expected, rtol=1e-9, atol=1e-9)


def test_without_observations_the_prior_is_believed() -> None:
    parameters = random_parameters(3)
    posterior: Posterior = condition_on(
        random_training(1, 3).select(torch.zeros(0, dtype=torch.int64)), parameters, MAP.columns
    )
    moments = posterior.moments(MAP(random_crystals(SPACE, 5, seed=3)))
    prior = parameters.level_covariance + parameters.mean_covariance
    torch.testing.assert_close(moments.mean, torch.zeros(5, N_LEVELS, dtype=torch.float64))
    torch.testing.assert_close(moments.variance, prior.diagonal().expand(5, -1))


def test_many_copies_of_one_observation_do_not_break_it() -> None:
    training = random_training(40, 5, n_duplicates=40)
    quiet = TrainingSet(
        training.features,
        training.levels,
        training.targets,
        torch.zeros(40).double(),
        torch.zeros(40, dtype=torch.bool),
    )
    moments = condition_on(quiet, random_parameters(5), MAP.columns).moments(training.features)
    assert bool(moments.mean.isfinite().all())
    assert bool((moments.variance > 0).all())


def test_level_correlations_are_correlations_for_any_hyperparameters() -> None:
    for seed in range(20):
        correlation = random_parameters(seed).level_correlation
        torch.testing.assert_close(correlation.diagonal(), torch.ones(N_LEVELS, dtype=torch.float64))
        assert float(torch.linalg.eigvalsh(correlation).min()) > 0


def test_uncoupled_levels_say_nothing_about_each_other() -> None:
    prior = HyperparameterPrior(PRIOR.group_sizes, N_LEVELS, is_coupled=False)
    torch.testing.assert_close(prior.unpack(prior.mean).level_correlation, torch.eye(N_LEVELS, dtype=torch.float64))
