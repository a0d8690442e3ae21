"""What can still be said where ions do not diffuse: how fast they might at most.

Ions are imagined to hop independently, by a fixed length a to one of six neighbours at random times (a lattice walk
with Poisson-distributed hops). Then each axis of an ion's displacement is a difference of two Poisson numbers, the sum
over ions of R²/a² is a whole number whose distribution is known exactly, and the bound is the diffusivity at which a
run would have shown no more displacement than this one with a probability of 5 %. So it means: *had ions diffused
faster than that, more displacement than this would have been seen in at least 95 of 100 such runs.*

The squares are taken between the ions' mean places in the first and the last tenth of the run, so that vibrations do
not count as hops; what vibration is left makes the bound larger. Shorter hops at the same diffusivity scatter less, so
a length at the upper end of what the ion does is on the safe side. Ions that hop in concert are fewer independent
witnesses than they look: where n of them always move as one, the bound is up to n times too small.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import ive

from oracles.transport.displacement import IonPaths
from oracles.transport.trajectory import Floats

HOP_LENGTH_A: Final = 3.0
"""A lithium ion's usual jump, as in He et al. 2018."""
A2_PER_PS_IN_CM2_PER_S: Final = 1e-4
CONFIDENCE: Final = 0.95
ONE_SIDED_95: Final = 1.6448536269514722
"""Standard deviations of a normal law below which 95 % of it lie: from the middle of a bound's law to the bound."""
_END_SHARE: Final = 0.1
"""Share of the frames at either end over which places are averaged."""


@dataclass(frozen=True, slots=True)
class DiffusivityBound:
    """How fast ions might diffuse at most."""

    bound_cm2_per_s: float
    log_sigma: float
    """Standard deviation in ln D of the normal law whose 5 % and 50 % points are those of the exact one."""
    n_hops: int
    """Hops that would explain the displacement seen."""


def bound_diffusivity(
    paths: IonPaths, *, hop_length_A: float = HOP_LENGTH_A, confidence: float = CONFIDENCE
) -> DiffusivityBound:
    """Finds the diffusivity above which these ions would have been seen to move further.

    Args:
        paths: Displacements of the ions.
        hop_length_A: Length of one hop.
        confidence: Probability that a run at the bound shows more displacement than this one.
    """
    n_end = max(1, round(_END_SHARE * paths.n_frames))
    moved = paths.ions_A[-n_end:].mean(axis=0) - paths.ions_A[:n_end].mean(axis=0)
    n_hops = round(float((moved**2).sum()) / hop_length_A**2)
    # A hop within an end moves its mean by a part only; to count the time between the ends alone errs upwards.
    watched_ps = (paths.n_frames - 2 * n_end + 1) * paths.interval_ps
    per_hop = A2_PER_PS_IN_CM2_PER_S * hop_length_A**2 / (6 * paths.n_ions * watched_ps)
    expected = _expected_hops(n_hops, paths.n_ions, probability=1 - confidence)
    likely = _expected_hops(n_hops, paths.n_ions, probability=0.5)
    usual = expected if confidence == CONFIDENCE else _expected_hops(n_hops, paths.n_ions, probability=1 - CONFIDENCE)
    return DiffusivityBound(
        bound_cm2_per_s=expected * per_hop, log_sigma=float(np.log(usual / likely)) / ONE_SIDED_95, n_hops=n_hops
    )


@lru_cache(maxsize=1024)
def _expected_hops(n_hops: int, n_ions: int, *, probability: float) -> float:
    """The expected number of hops at which a sum of squares of at most `n_hops` has this probability."""

    def excess(log_expected: float) -> float:
        return probability_of_at_most(n_hops, expected=float(np.exp(log_expected)), n_ions=n_ions) - probability

    high = np.log(n_hops + 4.0)
    while excess(high) > 0:
        high += 1.0
    return float(np.exp(brentq(excess, np.log(1e-3), high, xtol=1e-6)))


def probability_of_at_most(n_hops: int, *, expected: float, n_ions: int) -> float:
    """Probability that ions which hop `expected` times in all end with Σ R²/a² of at most `n_hops`.

    Source: the difference of two Poisson numbers of mean m each is n with probability e^(-2m) I_n(2m): Skellam, J. R.
    Stat. Soc. 109, 296 (1946).
    """
    places = np.arange(int(np.sqrt(n_hops)) + 1)
    one_axis = np.zeros(n_hops + 1)
    one_axis[places**2] = np.where(places == 0, 1, 2) * ive(places, expected / n_ions / 3)
    return float(np.clip(_summed(one_axis, 3 * n_ions).sum(), 0.0, 1.0))


def _summed(probabilities: Floats, n_terms: int) -> Floats:
    """The law of a sum of equal, independent whole numbers ≥ 0, as far as that of one is given."""
    total = np.zeros_like(probabilities)
    total[0] = 1.0
    power = probabilities
    while n_terms:
        if n_terms % 2:
            total = _convolved(total, power)
        power = _convolved(power, power)
        n_terms //= 2
    return total


def _convolved(one: Floats, other: Floats) -> Floats:
    n_padded = 2 * len(one)
    product: Floats = np.fft.irfft(np.fft.rfft(one, n_padded) * np.fft.rfft(other, n_padded), n_padded)[: len(one)]
    return product
