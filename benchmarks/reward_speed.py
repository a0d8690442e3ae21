"""How fast a generator's log-reward is, beside the same posterior computed by stock GPyTorch through BoTorch.

Ours is all of `make_log_reward`: features of the blueprints, the posterior at every fidelity, the value of a look and
the reward. The stock side is the posterior alone, on features that are given: mean and joint covariance of the M
fidelities of each blueprint, as one t-batch of q = M points, with the same kernel, hyper-parameters and observations
put together from GPyTorch's own parts. Both give the same numbers, which is checked before anything is timed.

Legend: B blueprints, M fidelities, F features.
"""

from statistics import median

import torch
from support.stock_gaussian_process import StockModel
from support.timing import in_turns, run, say
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.campaign import Component
from domain.fidelity import Fidelity, Ladder
from domain.quantity import Goal, Objective
from domain.search_space import SearchSpace
from domain.training import Observation
from surrogates.acquisition import make_log_reward
from surrogates.belief import GaussianProcessBelief
from surrogates.registry import build_surrogate
from surrogates.testing import random_crystals
from surrogates.training_data import read_observations

SPACE = SearchSpace(elements=("Li", "O", "F", "S", "Cl"), space_groups=(2, 12, 14, 62, 139, 166, 194, 221, 225))
LADDER = Ladder(
    (Fidelity("static", "potential", 1.0), Fidelity("relaxed", "potential", 10.0), Fidelity("dft", "ase", 200.0))
)
OBJECTIVE = Objective("formation_energy", Goal.MINIMIZE)
LOOKS = {"static": 60, "relaxed": 30, "dft": 10}
N_BLUEPRINTS = 4096
STOCK_BATCH = 512
"""Blueprints in one call of the stock model: the size at which it is fastest."""
LARGEST_DIFFERENCE = 1e-8
N_REPEATS = 7


def observe() -> list[Observation]:
    """A hundred looks at random crystals: a smooth function of them, and noise."""
    crystals = random_crystals(SPACE, LOOKS["static"], seed=1)
    rng = torch.Generator().manual_seed(3)
    smooth = crystals.lattice[:, :3].prod(1).log() - 0.1 * crystals.counts.sum(1)
    observations = []
    for fidelity, n_looks in LOOKS.items():
        values = smooth[:n_looks] + 0.1 * torch.randn(n_looks, generator=rng, dtype=torch.float64)
        blueprints = crystals.select(torch.arange(n_looks)).to_blueprints()
        observations += [Observation(b, fidelity, value) for b, value in zip(blueprints, values.tolist(), strict=True)]
    return observations


def build_stock(belief: GaussianProcessBelief, observations: list[Observation]) -> StockModel:
    """The stock model, given the same observations."""
    data = read_observations(observations, ladder=LADDER, feature_map=belief.feature_map, objective=OBJECTIVE).exact
    inputs = torch.cat((data.features, data.levels.double().unsqueeze(1)), dim=1)
    return StockModel(belief, inputs, data.targets, data.noise_variance(belief.posterior.parameters))


def stock_inputs(belief: GaussianProcessBelief, batch: BlueprintBatch) -> Tensor:
    """`[B, M, F + 1]`: each blueprint at every fidelity."""
    features = belief.feature_map(batch).unsqueeze(1).expand(-1, len(LADDER.names), -1)
    ranks = torch.arange(len(LADDER.names), dtype=torch.float64).reshape(1, -1, 1).expand(len(batch), -1, -1)
    return torch.cat((features, ranks), dim=2)


def largest_difference(belief: GaussianProcessBelief, stock: StockModel, batch: BlueprintBatch) -> float:
    """Between the two posteriors, in warped units: means, variances and covariances with the target."""
    ours = belief.posterior.moments(belief.feature_map(batch))
    theirs = [stock.posterior(part).distribution for part in stock_inputs(belief, batch).split(STOCK_BATCH)]
    covariance = torch.cat([part.covariance_matrix for part in theirs])
    pairs = (
        (ours.mean, torch.cat([part.mean for part in theirs])),
        (ours.variance, covariance.diagonal(dim1=1, dim2=2)),
        (ours.covariance_with_target, covariance[:, :, -1]),
    )
    return max(float((one - other).abs().max()) for one, other in pairs)


@torch.no_grad()
def measure() -> dict[str, float]:
    """Checks that both agree, then times them in turns."""
    observations = observe()
    surrogate = build_surrogate(Component("multi-fidelity-gp"), space=SPACE, ladder=LADDER, objective=OBJECTIVE)
    with torch.enable_grad():
        belief = surrogate.fit(observations, seed=0)
    stock, log_reward = build_stock(belief, observations), make_log_reward(belief, LADDER)
    batch = random_crystals(SPACE, N_BLUEPRINTS, seed=2)
    inputs = stock_inputs(belief, batch).split(STOCK_BATCH)
    difference = largest_difference(belief, stock, batch)
    say(f"the posteriors differ by at most {difference:.1e}")
    if not difference < LARGEST_DIFFERENCE:
        raise SystemExit("The two posteriors differ, so their speeds say nothing.")
    ours_s, stock_s = in_turns(
        lambda: log_reward(batch),
        lambda: [stock.posterior(part).distribution.covariance_matrix for part in inputs],
        n_repeats=N_REPEATS,
    )
    return {
        "observations": len(observations),
        "ours_per_cpu_s": round(N_BLUEPRINTS / median(ours_s)),
        "stock_per_cpu_s": round(N_BLUEPRINTS / median(stock_s)),
        "ratio": round(median(stock / ours for ours, stock in zip(ours_s, stock_s, strict=True)), 2),
    }


if __name__ == "__main__":
    run(measure, "Blueprints per CPU second: our log-reward, and the stock posterior alone.")
