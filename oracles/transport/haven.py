"""The Haven ratio as a run shows it: how much faster charge moves than an ion. A diagnostic, with a large error.

All ions together make one walker of three axes, whose displacement Σ Δr / sqrt(M) has the slope 6 D_σ. One walker gives
few independent samples, so short lags are used: from where ions diffuse to four times that, at most a fifth of the run.
Its relative error is that of a Brownian path of the same length and lags, which is found by drawing such paths.

Source: Marcolongo, Marzari, Phys. Rev. Mater. 1, 025402 (2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from oracles.transport.bound import A2_PER_PS_IN_CM2_PER_S
from oracles.transport.diffusion import TWO_SIDED_95, Diffusivity, FitWindow, fit_line
from oracles.transport.displacement import IonPaths, mean_squared_displacement
from oracles.transport.trajectory import Floats

_LONGEST_SHARE: Final = 0.2
_WIDEST: Final = 4
_MOST_FRAMES: Final = 2000
_N_DRAWN: Final = 100


@dataclass(frozen=True, slots=True)
class HavenDiagnostic:
    """D / D_σ as seen, with its 95 % interval."""

    ratio: float
    low: float
    high: float
    log_sigma: float
    """Standard deviation of its logarithm."""


def haven_ratio_seen(
    paths: IonPaths, diffusivity: Diffusivity, generator: np.random.Generator
) -> HavenDiagnostic | None:
    """Compares the motion of the charge with that of the ions.

    Args:
        paths: Displacements of the ions, all of the same charge.
        diffusivity: Of the tracer, in the same run.
        generator: Draws the paths that the error is taken from.

    Returns:
        None where ions do not diffuse, or the run is too short to see the charge do so.
    """
    if diffusivity.is_bound or diffusivity.window_ps is None:
        return None
    stride = max(1, math.ceil(paths.n_frames / _MOST_FRAMES))
    charge = paths.ions_A[::stride].sum(axis=1, keepdims=True) / math.sqrt(paths.n_ions)
    interval_ps = stride * paths.interval_ps
    first = max(1, math.ceil(diffusivity.window_ps[0] / interval_ps))
    window = FitWindow(first=first, last=min(max(_WIDEST * first, first + 2), int(_LONGEST_SHARE * len(charge))))
    if window.last < window.first + 2:
        return None
    slope = float(_slopes(charge, interval_ps, window)[0])
    if slope <= 0:
        return None
    steps = generator.standard_normal((len(charge) - 1, _N_DRAWN, 3))
    brownian = np.concatenate([np.zeros((1, _N_DRAWN, 3)), steps.cumsum(axis=0)])
    drawn = _slopes(brownian, interval_ps, window)
    relative = float(drawn.std(ddof=1) / drawn.mean())
    log_sigma = math.hypot(math.sqrt(math.log1p(relative**2)), diffusivity.log_sigma)
    ratio = diffusivity.value_cm2_per_s / (slope / 6 * A2_PER_PS_IN_CM2_PER_S)
    factor = math.exp(TWO_SIDED_95 * log_sigma)
    return HavenDiagnostic(ratio=ratio, low=ratio / factor, high=ratio * factor, log_sigma=log_sigma)


def _slopes(paths_A: Floats, interval_ps: float, window: FitWindow) -> Floats:
    displacement = mean_squared_displacement(paths_A, interval_ps, n_lags=window.last + 1)
    slopes: Floats = fit_line(displacement, window)[0].sum(axis=1)
    return slopes
