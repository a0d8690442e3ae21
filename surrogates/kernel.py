"""Covariance of the values of crystals at fidelities, and the prior of its hyper-parameters.

    cov(f_m(x), f_m'(x')) = S[m, m'] · k(x, x') + O[m, m']
    k = w1·C + w2·G + w3·C·G + w4·C·G·Y,    w ≥ 0, Σ w = 1

C, G and Y are Matérn-5/2 kernels over chemistry (fractions, element statistics), geometry (packing, shape) and
symmetry; each group of features has one lengthscale. S is a full covariance of the fidelities, learned from the values
alone (an intrinsic coregionalisation model): a cheap fidelity may turn out to say everything or nothing about the
target.

O is the covariance of each fidelity's unknown mean, marginalised instead of fitted: since the target is looked at where
crystals are good, the average of its values is biased, and only the joint posterior knows by how much.

Legend: N, P points, G groups of features, F features, M fidelities, H hyper-parameters.
Source: Bonilla et al., NeurIPS 2007 (coregionalisation); Lewandowski et al., J. Multivar. Anal. 100, 1989 (2009), eq. 2
(correlations from partial ones).
"""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

GROUPS: Final = ("fractions", "chemistry", "packing", "shape", "symmetry")
_CHEMISTRY: Final = slice(0, 2)
_GEOMETRY: Final = slice(2, 4)
_SYMMETRY: Final = slice(4, 5)
_N_TERMS: Final = 4

_SHARED_MEAN_SD: Final = 1.0
_LEVEL_MEAN_SD: Final = 1.0
_LENGTHSCALE_MEDIAN: Final = 0.5
"""Times the square root of a group's number of features: two random crystals lie about that far apart."""


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Everything that is fitted."""

    lengthscale: Tensor
    """`[G]`"""
    weight: Tensor
    """`[4]` of the kernel's terms; sums to 1."""
    level_covariance: Tensor
    """`[M, M]` S, positive definite."""
    mean_covariance: Tensor
    """`[M, M]` O, positive definite."""
    noise_variance: Tensor
    """`[M]` of one look at each fidelity."""

    @property
    def level_correlation(self) -> Tensor:
        """`[M, M]` S, normalised."""
        sd = self.level_covariance.diagonal().sqrt()
        return self.level_covariance / (sd.unsqueeze(0) * sd.unsqueeze(1))


@dataclass(frozen=True, slots=True)
class HyperparameterPrior:
    """Independent normal priors of the unconstrained hyper-parameters `[H]`."""

    group_sizes: tuple[int, ...]
    """Features in each of the G groups."""
    n_levels: int
    is_coupled: bool = True
    """Whether fidelities may say anything about each other."""

    @property
    def _n_correlations(self) -> int:
        return self.n_levels * (self.n_levels - 1) // 2 if self.is_coupled else 0

    @property
    def sizes(self) -> tuple[int, ...]:
        """Entries of log lengthscales, weight logits, log level sds, partial correlations (as atanh), log noise sds."""
        return (len(self.group_sizes), _N_TERMS, self.n_levels, self._n_correlations, self.n_levels)

    @property
    def mean(self) -> Tensor:
        """Of each entry, `[H]`."""
        lengthscales = typical_lengthscales(self.group_sizes).log().tolist()
        # 0.75 puts the median of a correlation at 0.64, as Beta(2.5, 1.5) does, but leaves room below 0
        spans = ((0.0, _N_TERMS), (0.0, self.n_levels), (0.75, self._n_correlations), (math.log(0.1), self.n_levels))
        return torch.tensor(lengthscales + [entry for entry, n in spans for _ in range(n)], dtype=torch.float64)

    @property
    def sd(self) -> Tensor:
        """Of each entry, `[H]`."""
        sds = zip((0.8, 1.0, 0.7, 0.8, 1.0), self.sizes, strict=True)
        return torch.tensor([entry for entry, n in sds for _ in range(n)], dtype=torch.float64)

    def log_density(self, theta: Tensor) -> Tensor:
        """Log prior density of `[H]`, up to a constant."""
        return -0.5 * ((theta - self.mean) / self.sd).square().sum()

    def unpack(self, theta: Tensor) -> Hyperparameters:
        """Hyper-parameters from unconstrained `[H]`."""
        lengthscales, weights, level_sds, partial, noise_sds = torch.split(theta, list(self.sizes))
        factor = level_sds.exp().unsqueeze(1) * self._correlation_factor(partial.tanh())
        return Hyperparameters(
            lengthscale=lengthscales.exp(),
            weight=weights.softmax(0),
            level_covariance=factor @ factor.T,
            mean_covariance=self._mean_covariance(),
            noise_variance=(2 * noise_sds).exp(),
        )

    def _mean_covariance(self) -> Tensor:
        own = torch.eye(self.n_levels, dtype=torch.float64)
        shared = torch.ones_like(own) if self.is_coupled else own
        return _SHARED_MEAN_SD**2 * shared + _LEVEL_MEAN_SD**2 * own

    def _correlation_factor(self, partial: Tensor) -> Tensor:
        """Factor `[M, M]` of a correlation matrix; the target is the root, so its correlations are the partial ones."""
        if not self.is_coupled:
            return torch.eye(self.n_levels, dtype=torch.float64)
        rows: list[Tensor] = []
        taken = 0
        for n_before in range(self.n_levels):
            own, taken = partial[taken : taken + n_before], taken + n_before
            # Π_{k<j} sqrt(1 - p_k²) is what the earlier columns leave of the unit length
            left = torch.cat((torch.ones(1, dtype=torch.float64), (1 - own.square()).sqrt().cumprod(0)))
            entries = torch.cat((own, torch.ones(1, dtype=torch.float64))) * left
            rows.append(torch.nn.functional.pad(entries, (0, self.n_levels - n_before - 1)))
        return torch.stack(rows).flip(0)


def typical_lengthscales(group_sizes: tuple[int, ...]) -> Tensor:
    """Prior medians of the lengthscales `[G]`."""
    return _LENGTHSCALE_MEDIAN * torch.tensor(group_sizes, dtype=torch.float64).sqrt()


def matern52(squared_distance: Tensor) -> Tensor:
    """Matérn-5/2 kernel of squared scaled distances: (1 + r + r²/3) e^-r with r = √5 d."""
    r = (5 * squared_distance).clamp_min(1e-20).sqrt()
    return (1 + r + r.square() / 3) * (-r).exp()


def crystal_kernel(squared_distances: Tensor, parameters: Hyperparameters) -> Tensor:
    """Computes k from squared distances of each group.

    Args:
        squared_distances: `[G, N, P]`, not scaled.
        parameters: Lengthscales and weights.

    Returns:
        `[N, P]`
    """
    scaled = squared_distances / parameters.lengthscale.square().reshape(-1, 1, 1)
    return _combine([matern52(scaled[part].sum(0)) for part in (_CHEMISTRY, _GEOMETRY, _SYMMETRY)], parameters.weight)


def crystal_kernel_between(
    features: Tensor, others: Tensor, parameters: Hyperparameters, columns: tuple[slice, ...]
) -> Tensor:
    """Computes k between two sets of points, by matrix products: the fast way for many points.

    Args:
        features: `[N, F]`
        others: `[P, F]`
        parameters: Lengthscales and weights.
        columns: Features of each of the G groups.

    Returns:
        `[N, P]`
    """
    scale = torch.ones(features.shape[1], dtype=torch.float64)
    for group, span in enumerate(columns):
        scale[span] = parameters.lengthscale[group]
    left, right = features / scale, others / scale
    parts = []
    for part in (_CHEMISTRY, _GEOMETRY, _SYMMETRY):
        spans = columns[part]
        own = slice(spans[0].start, spans[-1].stop)
        parts.append(matern52(squared_distance(left[:, own], right[:, own])))
    return _combine(parts, parameters.weight)


def squared_distance(left: Tensor, right: Tensor) -> Tensor:
    """Squared Euclidean distances `[N, P]` between rows `[N, F]` and `[P, F]`."""
    product = torch.addmm(right.square().sum(1).unsqueeze(0), left, right.T, alpha=-2)
    return (product + left.square().sum(1, keepdim=True)).clamp_min_(0)


def _combine(parts: list[Tensor], weight: Tensor) -> Tensor:
    chemistry, geometry, symmetry = parts
    return weight[0] * chemistry + weight[1] * geometry + chemistry * geometry * (weight[2] + weight[3] * symmetry)
