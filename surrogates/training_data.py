"""Observations as the Gaussian process reads them, in an order that does not depend on how they came.

Legend: N observations, F features, M fidelities.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.blueprint import Blueprint
from domain.fidelity import Ladder
from domain.measurement import Censoring
from domain.quantity import Objective
from domain.training import Observation, PendingLook
from surrogates.censoring import Bounds, equivalent_observations
from surrogates.features import FeatureMap
from surrogates.posterior import Posterior, TrainingSet
from surrogates.warp import Warp, fit_warp

_LARGEST_SIGMA: Final = 1e6
"""In warped units; an observation with more says nothing, and its square would only lose digits."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """N observations in canonical order."""

    training: TrainingSet
    """Bounds stand among the exact values until they are resolved."""
    warp: Warp
    digests: tuple[str, ...]
    """Of the crystal of each observation."""
    looked_at: BlueprintBatch
    """Each crystal with an observation once, in the order of their digests."""
    is_bound: Tensor
    """`[N]` bool: whether the value is only known to lie beyond what was recorded."""
    is_above: Tensor
    """`[N]` bool: for bounds, whether the warped value lies above."""
    temperatures_K: frozenset[float]
    """Distinct temperatures at which the values hold, where they are known."""

    @property
    def exact(self) -> TrainingSet:
        """The observations that are no bounds."""
        return self.training.select(~self.is_bound)

    def n_paired(self, one: int, other: int) -> int:
        """Crystals that were looked at on two fidelities, given by rank."""
        levels = self.training.levels.tolist()
        on_one, on_other = (
            {digest for digest, level in zip(self.digests, levels, strict=True) if level == rank}
            for rank in (one, other)
        )
        return len(on_one & on_other)

    def resolve_bounds(self, posterior: Posterior) -> TrainingSet:
        """All observations, with bounds replaced by normal observations that say the same.

        Args:
            posterior: Given the exact observations alone.
        """
        bounds = self.training.select(self.is_bound)
        moments = posterior.moments(bounds.features)
        at_level = bounds.levels.unsqueeze(1)
        values, variances = equivalent_observations(
            moments.mean.gather(1, at_level).squeeze(1),
            moments.variance.gather(1, at_level).squeeze(1),
            Bounds(bounds.targets, self.is_above[self.is_bound], bounds.noise_variance(posterior.parameters)),
        )
        resolved = TrainingSet(
            bounds.features, bounds.levels, values, variances, torch.zeros_like(values, dtype=torch.bool)
        )
        return self.exact.join(resolved)


def read_observations(
    observations: Sequence[Observation], *, ladder: Ladder, feature_map: FeatureMap, objective: Objective
) -> TrainingData:
    """Sorts, warps and packs observations.

    Raises:
        SurrogateError: If a value does not exist on the logarithmic scale of its quantity.
        InvalidValueError: If a fidelity is not on the ladder or an element not in the search space.
    """
    keyed = [(entry.blueprint.digest, entry) for entry in observations]
    keyed.sort(key=lambda pair: _order(pair[0], pair[1], ladder))
    ordered = [entry for _, entry in keyed]
    values = torch.tensor([entry.value for entry in ordered], dtype=torch.float64)
    levels = torch.tensor([ladder.rank(entry.fidelity) for entry in ordered], dtype=torch.int64)
    sigmas = torch.tensor([entry.sigma or 0.0 for entry in ordered], dtype=torch.float64)
    is_bound = torch.tensor([entry.censoring is not Censoring.NONE for entry in ordered], dtype=torch.bool)
    exact_or_all = is_bound if bool(is_bound.all()) else ~is_bound
    warp = fit_warp(values[exact_or_all], levels[exact_or_all], n_levels=len(ladder.names), objective=objective)
    is_larger = torch.tensor([entry.censoring is Censoring.ABOVE for entry in ordered], dtype=torch.bool)
    distinct = {digest: entry.blueprint for digest, entry in keyed}
    return TrainingData(
        training=TrainingSet(
            features=feature_map(pack([entry.blueprint for entry in ordered], feature_map)),
            levels=levels,
            targets=warp.apply(values, levels),
            known_variance=(sigmas * warp.slope(values, levels)).clamp_max(_LARGEST_SIGMA).square(),
            takes_learned_noise=torch.ones(len(ordered), dtype=torch.bool),
        ),
        warp=warp,
        digests=tuple(digest for digest, _ in keyed),
        looked_at=pack(list(distinct.values()), feature_map),
        is_bound=is_bound,
        is_above=is_larger if objective.sign > 0 else ~is_larger,
        temperatures_K=frozenset(entry.temperature_K for entry in ordered if entry.temperature_K is not None),
    )


def sort_pending(pending: Sequence[PendingLook], ladder: Ladder) -> tuple[PendingLook, ...]:
    """Pending looks in canonical order."""
    return tuple(sorted(pending, key=lambda look: (look.blueprint.digest, ladder.rank(look.fidelity))))


def pack(blueprints: Sequence[Blueprint], feature_map: FeatureMap) -> BlueprintBatch:
    """Blueprints as a batch over the search space's elements."""
    return BlueprintBatch.from_blueprints(blueprints, feature_map.space.atomic_numbers)


def _order(digest: str, entry: Observation, ladder: Ladder) -> tuple[str, int, float, float, str]:
    sigma = -1.0 if entry.sigma is None else entry.sigma
    return (digest, ladder.rank(entry.fidelity), entry.value, sigma, entry.censoring.value)
