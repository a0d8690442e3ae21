"""How far two numbers order materials alike."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import spearmanr

_INTERVAL: Final = (2.5, 97.5)
"""Percentiles of resampled correlations."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Spearman's rank correlation."""

    spearman: float
    interval: tuple[float, float]
    """95 %, from materials drawn again with replacement."""
    n: int


def agreement(one: Sequence[float], other: Sequence[float], *, n_resamples: int, seed: int) -> Agreement:
    """Correlates two numbers of the same materials; resamples in which one of them does not vary are left out."""
    first, second = np.asarray(one), np.asarray(other)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(first), (n_resamples, len(first)))
    resampled = [_spearman(first[rows], second[rows]) for rows in drawn]
    low, high = np.nanpercentile(resampled, _INTERVAL)
    return Agreement(_spearman(first, second), (float(low), float(high)), len(first))


def _spearman(one: np.ndarray, other: np.ndarray) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a constant has no rank correlation: not a number
        return float(spearmanr(one, other).statistic)
