"""Trajectories whose diffusivity is known, drawn without any of the code that analyses them.

Legend: T frames, M ions.
"""

import numpy as np

from oracles.transport.trajectory import IonTrajectory

FRAMEWORK = 4
HOP_A = 3.0


def trajectory(ions_A, *, framework_A=None, interval_ps=1.0, temperature_K=800.0):
    """Ions `[T, M, 3]` beside a framework that stays, in a cell of 12 Å."""
    if framework_A is None:
        framework_A = np.zeros((len(ions_A), FRAMEWORK, 3))
    positions = np.concatenate([ions_A, framework_A], axis=1)
    is_ion = np.arange(positions.shape[1]) < ions_A.shape[1]
    return IonTrajectory(positions, np.eye(3) * 12.0, is_ion, interval_ps, temperature_K)


def lattice_walk(generator, *, n_ions, n_frames, hops, vibration_A=0.0):
    """Ions that hop 3 Å along x, y or z, `hops` times each on the average, and vibrate in between `[T, M, 3]`."""
    counts = generator.poisson(hops / (n_frames - 1) / 6, (n_frames - 1, n_ions, 6))
    steps = HOP_A * (counts[..., :3] - counts[..., 3:])
    places = np.concatenate([np.zeros((1, n_ions, 3)), np.cumsum(steps, axis=0)])
    return places + vibration_A * generator.standard_normal(places.shape)


def true_diffusivity(*, hops, duration_ps):
    """Of such a walk, a² ν / 6, in cm²/s."""
    return HOP_A**2 * hops / duration_ps / 6 * 1e-4


def einstein_solid(generator, *, n_ions, n_frames, sigma_A, memory):
    """Ornstein-Uhlenbeck vibrations `[T, M, 3]`: variance σ², correlation `memory`**k between frames k apart."""
    noise = generator.standard_normal((n_frames, n_ions, 3))
    places = np.empty_like(noise)
    places[0] = noise[0]
    for k in range(1, n_frames):
        places[k] = memory * places[k - 1] + np.sqrt(1 - memory**2) * noise[k]
    return sigma_A * places


def caged(generator, *, n_ions, n_frames, step_A):
    """Fractional Brownian motion `[T, M, 3]`, whose mean squared displacement is 3 step² k^(1/2).

    Source: Davies, Harte, Biometrika 74, 95 (1987).
    """
    lags = np.arange(n_frames)
    covariance = (np.sqrt(lags + 1.0) - 2 * np.sqrt(lags) + np.sqrt(np.abs(lags - 1.0))) / 2
    spectrum = np.fft.rfft(np.concatenate([covariance, covariance[-2:0:-1]])).real.clip(0)
    n = 2 * (n_frames - 1)
    white = np.fft.rfft(generator.standard_normal((n, n_ions, 3)), axis=0)
    steps = np.fft.irfft(np.sqrt(spectrum)[:, None, None] * white, n, axis=0)[: n_frames - 1]
    return step_A * np.concatenate([np.zeros((1, n_ions, 3)), steps.cumsum(axis=0)])
