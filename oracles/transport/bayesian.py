"""Diffusivity by kinisi: a line through correlated mean squared displacements, sampled from its posterior.

The mean squared displacement and its variance are ours; kinisi models how its lags are correlated, and regresses.

Source: McCluskey, Coles, Morgan, J. Chem. Theory Comput. 21, 79 (2025), doi:10.1021/acs.jctc.4c01249.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.errors import OracleUnavailableError, PermanentLookError
from oracles.transport.bound import A2_PER_PS_IN_CM2_PER_S, HOP_LENGTH_A
from oracles.transport.diffusion import Diffusivity, bounded, fit_line, fit_window, window_times
from oracles.transport.displacement import IonPaths, MeanSquaredDisplacement
from oracles.transport.trajectory import Floats

_MOST_LAGS: Final = 50
"""Their correlations are a matrix; more lags say nothing new."""
_SETTLED: Final = 0.5
"""Standard deviations by which the middle of the chains may be off."""


def kinisi_is_here() -> bool:
    """Whether kinisi is installed."""
    return importlib.util.find_spec("kinisi") is not None


@dataclass(frozen=True, slots=True)
class Kinisi:
    """Bayesian regression, on the window of He, Zhu, Epstein and Mo."""

    seed: int
    """Of the Markov chains."""
    hop_length_A: float = HOP_LENGTH_A
    n_steps: int = 1000
    """Of each of the 32 chains, after as many that are thrown away."""
    name: str = "kinisi"

    def estimate(self, paths: IonPaths, displacement: MeanSquaredDisplacement) -> Diffusivity:
        """Estimates or bounds, as the port says.

        Raises:
            OracleUnavailableError: If kinisi is not installed.
            PermanentLookError: If its regression fails, or its chains have not settled.
        """
        if not kinisi_is_here():
            raise OracleUnavailableError(
                "The Bayesian estimate of a diffusivity needs kinisi, which is not installed.",
                remedy="Install the extra `transport`, or leave that estimate out.",
            )
        window = fit_window(displacement, hop_length_A=self.hop_length_A)
        if window is None:
            return bounded(self.name, paths, hop_length_A=self.hop_length_A)
        lags = np.unique(np.linspace(window.first, window.last, _MOST_LAGS).round().astype(int))
        try:
            slopes_A2_per_ps, intercepts_A2 = self._sample(paths, displacement, lags)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise PermanentLookError(
                f"Kinisi cannot regress this mean squared displacement ({error}).",
                remedy="Run longer; the other estimates stand without it.",
            ) from error
        diffusivities = slopes_A2_per_ps / 6 * A2_PER_PS_IN_CM2_PER_S
        low, value, high = np.quantile(diffusivities, (0.025, 0.5, 0.975)).tolist()
        if low <= 0 or not math.isfinite(high):
            return bounded(self.name, paths, hop_length_A=self.hop_length_A)
        x, y, z = (fit_line(displacement, window)[0].mean(axis=0) / 2 * A2_PER_PS_IN_CM2_PER_S).tolist()
        return Diffusivity(
            method=self.name,
            value_cm2_per_s=value,
            log_sigma=float(np.log(diffusivities).std(ddof=1)),
            low_cm2_per_s=low,
            high_cm2_per_s=high,
            n_effective=paths.n_ions * float(displacement.mean_A2[window.last]) / self.hop_length_A**2,
            by_axis_cm2_per_s=(x, y, z),
            window_ps=window_times(displacement, window),
            intercept_A2=float(np.median(intercepts_A2)),
        )

    def _sample(
        self, paths: IonPaths, displacement: MeanSquaredDisplacement, lags: np.ndarray[tuple[int], np.dtype[np.int_]]
    ) -> tuple[Floats, Floats]:
        import scipp
        from kinisi.diffusion import Diffusion

        independent = paths.n_ions * (paths.n_frames - 1) / lags
        variances = np.array([_variance(paths.ions_A, int(lag)) for lag in lags]) / independent
        curve = scipp.DataArray(
            data=scipp.array(
                dims=["time interval"], values=displacement.mean_A2[lags], variances=variances, unit="angstrom^2"
            ),
            coords={
                "time interval": scipp.array(dims=["time interval"], values=displacement.lags_ps[lags], unit="ps"),
                "n_samples": scipp.array(dims=["time interval"], values=independent),
            },
        )
        regression = Diffusion(scipp.DataGroup({"da": curve, "dimensionality": scipp.scalar(3)}))
        with _numpy_seeded(self.seed):
            regression.bayesian_regression(
                start_dt=curve.coords["time interval"][0],
                n_samples=self.n_steps,
                n_burn=self.n_steps,
                progress=False,
            )
        slopes = np.asarray(regression.gradient.values)
        _require_settled(slopes, displacement.lags_ps[lags], curve.values, regression.covariance_matrix.values)
        return slopes, np.asarray(regression.intercept.values)


def _require_settled(slopes: Floats, lags_ps: Floats, squared_A2: Floats, covariance_A4: Floats) -> None:
    """Refuses chains that are away from the middle of their posterior, which is known: that of least squares.

    They all begin at an intercept of 0 ± 0, and need long to leave it.
    """
    design = np.stack([lags_ps, np.ones_like(lags_ps)], axis=1)
    weighted = design.T @ np.linalg.pinv(covariance_A4, hermitian=True)
    covariance = np.linalg.inv(weighted @ design)
    expected, sigma = (covariance @ weighted @ squared_A2)[0], math.sqrt(covariance[0, 0])
    if abs(np.median(slopes) - expected) > _SETTLED * sigma:
        raise ValueError(f"its chains end at a slope of {np.median(slopes):.3g} instead of {expected:.3g} Å²/ps")


def _variance(ions_A: Floats, lag: int) -> float:
    """Variance of a squared displacement within a lag, over ions and overlapping origins, in Å⁴."""
    squared = ((ions_A[lag:] - ions_A[:-lag]) ** 2).sum(axis=2)
    return float(squared.var(ddof=1)) if squared.size > 1 else 0.0


@contextmanager
def _numpy_seeded(seed: int) -> Iterator[None]:
    """Kinisi draws from numpy's global generator: it is seeded for the time being, and then put back."""
    before = np.random.get_state()
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        np.random.set_state(before)
