"""How far ions get: the framework's drift taken away, and mean squared displacements.

Legend: T frames, N atoms, M mobile ions, F framework atoms, L lags.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from oracles.transport.trajectory import Floats, IonTrajectory

_IONS_AT_ONCE: Final = 64
"""So many ions are transformed together, which bounds the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class IonPaths:
    """Displacements since the first frame, as seen by the framework."""

    ions_A: Floats
    """Of the mobile ions `[T, M, 3]`."""
    framework_A: Floats
    """Of the framework's atoms `[T, F, 3]`."""
    drift_A: Floats
    """Of the framework as a whole `[T, 3]`; taken away from the others."""
    interval_ps: float

    @property
    def n_frames(self) -> int:
        """How many frames there are."""
        return len(self.ions_A)

    @property
    def n_ions(self) -> int:
        """How many ions are mobile."""
        return int(self.ions_A.shape[1])

    @property
    def duration_ps(self) -> float:
        """Time from the first frame to the last."""
        return (self.n_frames - 1) * self.interval_ps

    def part(self, start: int, stop: int) -> IonPaths:
        """The frames from `start` to before `stop`, counted from the first of them."""
        return IonPaths(
            ions_A=self.ions_A[start:stop] - self.ions_A[start],
            framework_A=self.framework_A[start:stop] - self.framework_A[start],
            drift_A=self.drift_A[start:stop] - self.drift_A[start],
            interval_ps=self.interval_ps,
        )


def paths_in_framework(trajectory: IonTrajectory) -> IonPaths:
    """Takes the framework's drift away from every atom's displacement.

    The drift is the plain mean over the framework's atoms. Current is measured against electrodes that sit on the
    framework, so the framework is the frame of reference, and not the centre of mass, in which ions that all move one
    way push the framework the other way. Framework atoms only vibrate, so weighting them by mass would change nothing
    but the small noise of the mean, which shifts the intercept of a mean squared displacement and never its slope.
    """
    moved = trajectory.positions_A - trajectory.positions_A[0]
    drift = moved[:, ~trajectory.is_ion].mean(axis=1)
    moved = moved - drift[:, None]
    return IonPaths(
        ions_A=moved[:, trajectory.is_ion],
        framework_A=moved[:, ~trajectory.is_ion],
        drift_A=drift,
        interval_ps=trajectory.interval_ps,
    )


@dataclass(frozen=True, slots=True, eq=False)
class MeanSquaredDisplacement:
    """Mean over all time origins of the squared displacement within a time."""

    lags_ps: Floats
    """Times `[L]`, from 0 on, evenly spaced."""
    by_ion_A2: Floats
    """For each ion and axis `[L, M, 3]`."""

    @property
    def mean_A2(self) -> Floats:
        """Summed over axes, mean over ions `[L]`."""
        mean: Floats = self.by_ion_A2.sum(axis=2).mean(axis=1)
        return mean

    @property
    def error_A2(self) -> Floats | None:
        """Standard error of that mean `[L]`, from the spread between ions; None for a single ion."""
        n_ions = self.by_ion_A2.shape[1]
        if n_ions < 2:
            return None
        error: Floats = self.by_ion_A2.sum(axis=2).std(axis=1, ddof=1) / np.sqrt(n_ions)
        return error


def mean_squared_displacement(paths_A: Floats, interval_ps: float, *, n_lags: int) -> MeanSquaredDisplacement:
    """Averages over all time origins in O(T log T).

    With S₁ the mean of r²(t) + r²(t + τ) and S₂ the autocorrelation of r, both over origins t, it is S₁ - 2 S₂.

    Args:
        paths_A: Displacements `[T, M, 3]`.
        interval_ps: Time from frame to frame.
        n_lags: How many times, that of no frame included; at most T.

    Source: Calandrini et al., Collection SFN 12, 201 (2011).
    """
    n_frames, n_ions, _ = paths_A.shape
    n_lags = min(n_lags, n_frames)
    by_ion = np.empty((n_lags, n_ions, 3))
    for first in range(0, n_ions, _IONS_AT_ONCE):
        ions = slice(first, first + _IONS_AT_ONCE)
        by_ion[:, ions] = _squared(paths_A[:, ions], n_lags)
    return MeanSquaredDisplacement(lags_ps=interval_ps * np.arange(n_lags, dtype=np.float64), by_ion_A2=by_ion)


def _squared(paths_A: Floats, n_lags: int) -> Floats:
    n_frames = len(paths_A)
    centred = paths_A - paths_A.mean(axis=0)  # S₁ and S₂ cancel each other less where r is small
    n_origins = (n_frames - np.arange(n_lags))[:, None, None]
    n_padded = next_fast_len(n_frames + n_lags, real=True)
    spectrum = rfft(centred, n_padded, axis=0)
    correlation = irfft((spectrum * spectrum.conj()).real, n_padded, axis=0)[:n_lags]
    running = np.concatenate([np.zeros((1, *centred.shape[1:])), np.cumsum(centred**2, axis=0)])
    lags = np.arange(n_lags)
    sums = running[n_frames - lags] + running[n_frames] - running[lags]
    squared: Floats = np.maximum((sums - 2 * correlation) / n_origins, 0.0)
    squared[0] = 0.0
    return squared
