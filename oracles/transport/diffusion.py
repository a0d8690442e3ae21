"""Tracer diffusivity from mean squared displacements, with an error that can be believed, or a bound.

The rule of He, Zhu, Epstein and Mo: a straight line with free intercept through the mean squared displacement, from
where it reaches 4.5 Å² (half of a squared hop: below, ions rattle and hop back) to half of the run's time (beyond, too
few independent origins are left), where it must have risen by another 4.5 Å²; the relative standard deviation is
3.43 / sqrt(N_eff) + 0.04, with N_eff the mean squared displacement at the end of that window, over a squared hop, times
the number of ions.

Over many hops an ion this error tends to 0.04, while the scatter of a line through overlapping windows stays at about
0.6 / sqrt(number of ions), as simulated walks show. So the spread of the slope between ions is computed too, and the
larger of the two is stated. The spread alone would not do: it takes ions for independent.

Source: He, Zhu, Epstein, Mo, npj Comput. Mater. 4, 18 (2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from scipy.special import stdtrit

from domain.measurement import Censoring
from oracles.transport.bound import A2_PER_PS_IN_CM2_PER_S, HOP_LENGTH_A, bound_diffusivity
from oracles.transport.displacement import IonPaths, MeanSquaredDisplacement, mean_squared_displacement
from oracles.transport.trajectory import Floats

TWO_SIDED_95: Final = 1.959963984540054
"""Standard deviations to either side that hold 95 % of a normal law."""
_LONGEST_SHARE: Final = 0.5
"""Of the run's time that a lag may have."""
_FEWEST_LAGS: Final = 3
_SPREAD_OF_ONE_ION: Final = 1.1
"""Relative standard deviation of the slope of a single ion, which has no other to compare with, along one axis."""


@dataclass(frozen=True, slots=True)
class FitWindow:
    """The lags that a line is put through."""

    first: int
    """Index of the shortest."""
    last: int
    """Index of the longest."""


@dataclass(frozen=True, slots=True)
class Diffusivity:
    """How fast ions diffuse, or how fast they might at most."""

    method: str
    value_cm2_per_s: float
    """The estimate; where it is censored, the bound."""
    log_sigma: float
    """Standard deviation of ln D; for a bound, that of the law whose 95 % point the bound is."""
    low_cm2_per_s: float
    """Lower end of the 95 % interval; 0 for a bound."""
    high_cm2_per_s: float
    """Upper end of the 95 % interval; the bound itself for a bound."""
    n_effective: float
    """Hops that all ions made together, as far as the mean squared displacement tells."""
    censoring: Censoring = Censoring.NONE
    by_axis_cm2_per_s: tuple[float, float, float] | None = None
    """Along x, y and z of the cell's frame; None for a bound. Noise may make one of them negative."""
    window_ps: tuple[float, float] | None = None
    intercept_A2: float | None = None

    @property
    def is_bound(self) -> bool:
        """Whether ions were not seen to diffuse."""
        return self.censoring is not Censoring.NONE

    @property
    def relative_sigma(self) -> float:
        """Standard deviation as a share of the value."""
        return math.sqrt(math.expm1(self.log_sigma**2))


class DiffusivityEstimator(Protocol):
    """A way to get a diffusivity."""

    @property
    def name(self) -> str:
        """By which its answers are known."""

    def estimate(self, paths: IonPaths, displacement: MeanSquaredDisplacement) -> Diffusivity:
        """Estimates it, or bounds it where ions do not diffuse.

        Args:
            paths: Displacements of the ions.
            displacement: Their mean square, for the lags of `half_displacement`.
        """


def half_displacement(paths: IonPaths) -> MeanSquaredDisplacement:
    """The mean squared displacement for lags of up to half of the run."""
    n_lags = int(_LONGEST_SHARE * (paths.n_frames - 1)) + 1
    return mean_squared_displacement(paths.ions_A, paths.interval_ps, n_lags=n_lags)


def fit_window(displacement: MeanSquaredDisplacement, *, hop_length_A: float = HOP_LENGTH_A) -> FitWindow | None:
    """The lags in which ions are seen to diffuse; None where they are not."""
    mean, enough = displacement.mean_A2, hop_length_A**2 / 2
    reached = np.flatnonzero(mean >= enough)
    last = len(mean) - 1
    if not reached.size or last - reached[0] + 1 < _FEWEST_LAGS or mean[last] - mean[reached[0]] < enough:
        return None
    return FitWindow(first=int(reached[0]), last=last)


def bounded(method: str, paths: IonPaths, *, hop_length_A: float) -> Diffusivity:
    """What is said where ions do not diffuse."""
    bound = bound_diffusivity(paths, hop_length_A=hop_length_A)
    return Diffusivity(
        method=method,
        value_cm2_per_s=bound.bound_cm2_per_s,
        log_sigma=bound.log_sigma,
        low_cm2_per_s=0.0,
        high_cm2_per_s=bound.bound_cm2_per_s,
        n_effective=float(bound.n_hops),
        censoring=Censoring.BELOW,
    )


@dataclass(frozen=True, slots=True)
class HeZhuEpsteinMo:
    """A line by least squares, with the error of He, Zhu, Epstein and Mo or the spread between ions."""

    hop_length_A: float = HOP_LENGTH_A
    name: str = "He-Zhu-Epstein-Mo 2018"

    def estimate(self, paths: IonPaths, displacement: MeanSquaredDisplacement) -> Diffusivity:
        """Estimates or bounds, as the port says."""
        window = fit_window(displacement, hop_length_A=self.hop_length_A)
        if window is None:
            return bounded(self.name, paths, hop_length_A=self.hop_length_A)
        slopes, intercept = fit_line(displacement, window)
        slope = float(slopes.sum(axis=1).mean())
        if slope <= 0:
            return bounded(self.name, paths, hop_length_A=self.hop_length_A)
        n_effective = paths.n_ions * float(displacement.mean_A2[window.last]) / self.hop_length_A**2
        relative = max(3.43 / math.sqrt(n_effective) + 0.04, _spread(slopes.sum(axis=1)))
        log_sigma = math.sqrt(math.log1p(relative**2))
        value, factor = slope / 6 * A2_PER_PS_IN_CM2_PER_S, math.exp(TWO_SIDED_95 * log_sigma)
        x, y, z = (slopes.mean(axis=0) / 2 * A2_PER_PS_IN_CM2_PER_S).tolist()
        return Diffusivity(
            method=self.name,
            value_cm2_per_s=value,
            log_sigma=log_sigma,
            low_cm2_per_s=value / factor,
            high_cm2_per_s=value * factor,
            n_effective=n_effective,
            by_axis_cm2_per_s=(x, y, z),
            window_ps=window_times(displacement, window),
            intercept_A2=intercept,
        )


def window_times(displacement: MeanSquaredDisplacement, window: FitWindow) -> tuple[float, float]:
    """The shortest and the longest lag of a window, in ps."""
    return float(displacement.lags_ps[window.first]), float(displacement.lags_ps[window.last])


def fit_line(displacement: MeanSquaredDisplacement, window: FitWindow) -> tuple[Floats, float]:
    """Least squares with a free intercept.

    Returns:
        The slope for each ion and axis `[M, 3]`, in Å²/ps, and the intercept of the mean, in Å².
    """
    lags = displacement.lags_ps[window.first : window.last + 1]
    squared = displacement.by_ion_A2[window.first : window.last + 1]
    centred = lags - lags.mean()
    slopes: Floats = np.tensordot(centred, squared, axes=1) / (centred**2).sum()
    total = squared.sum(axis=2).mean(axis=1)
    return slopes, float(total.mean() - slopes.sum(axis=1).mean() * lags.mean())


def _spread(by_ion: Floats) -> float:
    """Relative standard error of the mean over ions, widened for small numbers as Student's law asks."""
    n_ions = len(by_ion)
    if n_ions < 2:
        return _SPREAD_OF_ONE_ION
    widened = stdtrit(n_ions - 1, 0.975) / TWO_SIDED_95
    return float(widened * by_ion.std(ddof=1) / math.sqrt(n_ions) / by_ion.mean())
