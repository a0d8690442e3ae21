"""What a fitted Gaussian process believes about crystals.

Legend: B blueprints, M fidelities (T the target), K max values.
"""

from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.fidelity import Ladder
from surrogates.diagnostics import Diagnostics
from surrogates.features import FeatureMap
from surrogates.information import gumbel_max_values, log_expected_improvement, log_information
from surrogates.ports import Prediction
from surrogates.posterior import Posterior
from surrogates.warp import Warp

_N_UNSEEN: Final = 512
"""Independent crystals among which the best one lies, as far as is known before the first look."""


@dataclass(frozen=True, slots=True)
class GaussianProcessBelief:
    """Beliefs of a Gaussian process. See `surrogates.ports.Belief`."""

    ladder: Ladder
    feature_map: FeatureMap
    warp: Warp
    posterior: Posterior
    looked_at: BlueprintBatch
    """Each crystal with an observation, once."""
    reference: BlueprintBatch
    """Typical crystals of the space."""
    max_values: Tensor
    """`[K]` values that the best crystal may have at the target, warped."""
    incumbent: float
    """Best expected value at the target among the crystals that were looked at, warped."""
    diagnostics: Diagnostics

    def predict(self, batch: BlueprintBatch, fidelity: str) -> Prediction:
        """Median and half the width of the central 68 % interval of the value without noise."""
        level = self.ladder.rank(fidelity)
        moments = self.posterior.moments(self.feature_map(batch))
        return unwarp(self.warp, level, mean=moments.mean[:, level], sd=moments.variance[:, level].sqrt())

    def log_value(self, batch: BlueprintBatch) -> Tensor:
        """Log of the information that each look gives about the target's maximum, `[B, M]`."""
        moments = self.posterior.moments(self.feature_map(batch))
        return log_information(moments, self.posterior.parameters.noise_variance, self.max_values)

    def log_improvement(self, batch: BlueprintBatch) -> Tensor:
        """Log expected improvement at the target over the incumbent, `[B]`, in warped units."""
        moments = self.posterior.moments(self.feature_map(batch))
        return log_expected_improvement(moments.mean[:, -1], moments.variance[:, -1].sqrt(), self.incumbent)

    def condition(self, batch: BlueprintBatch, fidelity: str) -> "GaussianProcessBelief":
        """The belief while looks at these crystals are pending, each answered as expected."""
        levels = torch.full((len(batch),), self.ladder.rank(fidelity), dtype=torch.int64)
        return replace(self, posterior=self.posterior.extend(self.feature_map(batch), levels))

    def with_candidates(self, batch: BlueprintBatch) -> "GaussianProcessBelief":
        """The belief whose max values are taken over the crystals that were looked at and these."""
        features = torch.cat((self.feature_map(self.looked_at), self.feature_map(batch)))
        return replace(self, max_values=draw_max_values(self.posterior, features, n_values=len(self.max_values)))


def draw_max_values(posterior: Posterior, features: Tensor, *, n_values: int) -> Tensor:
    """Values `[K]` that the best of some crystals (by features `[B, F]`) may have at the target."""
    if not len(features):
        prior = posterior.parameters.level_covariance + posterior.parameters.mean_covariance
        return gumbel_max_values(
            torch.zeros(_N_UNSEEN, dtype=torch.float64), prior[-1, -1].sqrt().repeat(_N_UNSEEN), n_values=n_values
        )
    moments = posterior.moments(features)
    return gumbel_max_values(moments.mean[:, -1], moments.variance[:, -1].sqrt(), n_values=n_values)


def unwarp(warp: Warp, level: int, *, mean: Tensor, sd: Tensor) -> Prediction:
    """Turns a normal belief about warped values into median and half 68 % width in the quantity's unit."""
    middle, upper, lower = (warp.invert(point, level) for point in (mean, mean + sd, mean - sd))
    return Prediction(mean=middle, sd=(upper - lower).abs() / 2)
