"""Whether what was expected came true, and whether cheaper looks tell of dearer ones."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, correlation, fmean, stdev
from typing import Final

from domain.json_value import JsonObject
from domain.quantity import Quantity, Scale
from domain.space_groups import SpaceGroup
from domain.uncertainty import log_deviation
from services.reports.campaign_data import CampaignData

Z_95: Final = 1.959964
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""
_CONFIDENCES: Final = tuple(number / 20 for number in range(1, 20))
_FEWEST_FOR_CORRELATION: Final = 3
_FEWEST_FOR_INTERVAL: Final = 5
_SPEARMAN_SPREAD: Final = 1.06
"""Variance of Fisher's z of a rank correlation, times n - 3 (Fieller, Hartley and Pearson, Biometrika 44, 1957)."""
_GOOD_RANKS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was expected of a crystal at the target fidelity before it was looked at there, and what was measured."""

    title: str
    """The crystal."""
    mean: float
    """In the quantity's unit."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    measured: float
    sigma: float | None
    """Of the measurement, where it is known."""
    deviations: float
    """Standard deviations by which the measurement exceeds the mean, on the quantity's own scale."""


@dataclass(frozen=True, slots=True)
class FidelityPair:
    """Two neighbouring fidelities on the crystals that both saw."""

    lower: str
    upper: str
    points: tuple[tuple[float, float], ...]
    """Value at the lower and at the upper fidelity, in the quantity's unit."""
    rank_correlation: float | None
    """Spearman's; None where fewer than three crystals were seen by both, or all are alike."""
    bias: float | None
    """Mean of upper minus lower; in decades where the quantity's scale is logarithmic."""
    scatter: float | None
    """Standard deviation of upper minus lower, likewise."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the rank correlation; None where there are too few crystals for one."""
        n, found = len(self.points), self.rank_correlation
        if found is None or n < _FEWEST_FOR_INTERVAL:
            return None
        # No finite sample shows perfect agreement: it is taken for one swap of neighbours short of it.
        most = 1 - 12 / (n * (n * n - 1))
        middle = math.atanh(max(-most, min(most, found)))
        spread = Z_95 * math.sqrt(_SPEARMAN_SPREAD / (n - 3))
        return math.tanh(middle - spread), math.tanh(middle + spread)

    @property
    def verdict(self) -> str:
        """What the score says, in a few words."""
        interval = self.interval
        if interval is None:
            return "too few crystals were seen by both"
        low, high = interval
        if low >= _GOOD_RANKS:
            return "ranks crystals as the dearer look does"
        if low > 0:
            return "ranks crystals somewhat as the dearer look does"
        return "ranks crystals the wrong way round" if high < 0 else "not shown to tell anything of the dearer look"

    def as_json(self) -> JsonObject:
        """The score of the pair, without its points."""
        return {
            "lower": self.lower,
            "upper": self.upper,
            "n": len(self.points),
            "rank_correlation": self.rank_correlation,
            "interval": None if self.interval is None else list(self.interval),
            "verdict": self.verdict,
            "bias": self.bias,
            "scatter": self.scatter,
        }


def predictions(data: CampaignData) -> tuple[Prediction, ...]:
    """Every measurement at the target fidelity that something was expected of before."""
    quantity = data.campaign.spec.objective.measured
    found = []
    for one in data.verified:
        if one.sd <= 0 or not _is_on_scale(quantity, one.mean, one.value):
            continue
        middle, spread = scaled(quantity, one.mean), _scaled_sd(quantity, one.mean, one.sd)
        found.append(
            Prediction(
                title=f"{one.formula} ({SpaceGroup(one.space_group).symbol})",
                mean=one.mean,
                low=_unscaled(quantity, middle - Z_95 * spread),
                high=_unscaled(quantity, middle + Z_95 * spread),
                measured=one.value,
                sigma=one.sigma,
                deviations=(scaled(quantity, one.value) - middle) / spread,
            )
        )
    return tuple(found)


def calibration(found: Sequence[Prediction]) -> list[tuple[float, float]]:
    """Confidence of central intervals, and the share of measurements that fell into them; empty without any."""
    if not found:
        return []
    normal = NormalDist()
    reached = sorted(2 * normal.cdf(abs(one.deviations)) - 1 for one in found)
    return [(confidence, bisect_right(reached, confidence) / len(reached)) for confidence in _CONFIDENCES]


def compared(data: CampaignData) -> tuple[FidelityPair, ...]:
    """Neighbouring fidelities on the crystals that both saw."""
    quantity = data.campaign.spec.objective.measured
    pairs = []
    for lower, upper in pairwise(data.campaign.spec.fidelities.names):
        points = tuple(point for point in data.seen_by_both(lower, upper) if _is_on_scale(quantity, *point))
        pairs.append(_pair(quantity, lower, upper, points))
    return tuple(pairs)


def _pair(quantity: Quantity, lower: str, upper: str, points: tuple[tuple[float, float], ...]) -> FidelityPair:
    differences = [scaled(quantity, y) - scaled(quantity, x) for x, y in points]
    lowers, uppers = [x for x, _ in points], [y for _, y in points]
    is_varied = len(points) >= _FEWEST_FOR_CORRELATION and len(set(lowers)) > 1 and len(set(uppers)) > 1
    return FidelityPair(
        lower=lower,
        upper=upper,
        points=points,
        rank_correlation=correlation(_ranks(lowers), _ranks(uppers)) if is_varied else None,
        bias=fmean(differences) if differences else None,
        scatter=stdev(differences) if len(differences) > 1 else None,
    )


def _ranks(values: Sequence[float]) -> list[float]:
    """Places in ascending order; equal values share the mean of theirs."""
    shared = {value: (first + last) / 2 for value, (first, last) in _places(sorted(values)).items()}
    return [shared[value] for value in values]


def _places(ranked: Sequence[float]) -> dict[float, tuple[int, int]]:
    """The first and the last place of each value."""
    found: dict[float, tuple[int, int]] = {}
    for place, value in enumerate(ranked):
        found[value] = (found[value][0] if value in found else place, place)
    return found


def _is_on_scale(quantity: Quantity, *values: float) -> bool:
    return quantity.scale is not Scale.LOG10 or min(values) > 0


def scaled(quantity: Quantity, value: float) -> float:
    """A value on the scale on which differences of the quantity are alike."""
    return math.log10(value) if quantity.scale is Scale.LOG10 else value


def _scaled_sd(quantity: Quantity, mean: float, sd: float) -> float:
    return log_deviation(mean, sd) if quantity.scale is Scale.LOG10 else sd


def _unscaled(quantity: Quantity, scaled: float) -> float:
    return 10.0 ** min(max(scaled, -300.0), 300.0) if quantity.scale is Scale.LOG10 else scaled
