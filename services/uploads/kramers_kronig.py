"""Whether a spectrum is the answer of a linear, causal sample that stayed the same while it was measured.

The real and the imaginary part of such a spectrum are bound to each other: one sum of relaxations describes both.

    Z(ω) = R_0 + Σ_k R_k / (1 + jωτ_k) + 1 / (jωC) + jωL

with times τ_k spread evenly over the measured decades and one beyond on either side, which is linear least squares.

Source: Boukamp, J. Electrochem. Soc. 142, 1885 (1995); Schönleber, Klotz and Ivers-Tiffée, Electrochim. Acta 131, 20
(2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from services.uploads.impedance import Real, Spectrum

TOLERANCE: Final = 0.01
"""Systematic deviation from which a spectrum is doubted, as a share of |Z|."""
_PER_DECADE: Final = 5
_MARGIN_DECADES: Final = 1.0
_RIDGE: Final = 1e-6
_WINDOW: Final = 5
"""Neighbouring points over which noise is averaged out."""
_BEYOND_NOISE: Final = 3.5
"""Standard errors of such an average that noise alone does not reach."""


@dataclass(frozen=True, slots=True)
class Consistency:
    """How far a spectrum is from one that can be."""

    deviation: float
    """Largest systematic deviation, as a share of |Z|."""
    noise: float
    """Standard deviation of what is not systematic, as a share of |Z|."""
    residuals: tuple[tuple[float, float], ...]
    """Of the real and the imaginary part at each frequency, as shares of |Z|."""

    @property
    def is_consistent(self) -> bool:
        """Whether the deviation is tolerated, or no larger than noise makes it."""
        return self.deviation <= max(TOLERANCE, _BEYOND_NOISE * self.noise / _WINDOW**0.5)


def check_consistency(spectrum: Spectrum) -> Consistency:
    """Compares a spectrum with the nearest sum of relaxations."""
    omega, measured = spectrum.omega, spectrum.impedance
    modulus = np.abs(measured)
    decades = float(np.log10(omega.max() / omega.min())) + 2 * _MARGIN_DECADES
    n_times = max(3, min(round(decades * _PER_DECADE), 2 * len(omega) // 3))
    times = np.logspace(-np.log10(omega.max()) - _MARGIN_DECADES, -np.log10(omega.min()) + _MARGIN_DECADES, n_times)
    relaxations = 1 / (1 + 1j * omega[:, None] * times[None, :])
    columns = np.concatenate(
        [np.ones((len(omega), 1)), relaxations, (-1j / omega)[:, None], (1j * omega)[:, None]], axis=1
    )
    weighted = columns / modulus[:, None]
    matrix = np.concatenate([weighted.real, weighted.imag])
    target = np.concatenate([measured.real / modulus, measured.imag / modulus])
    scale = np.linalg.norm(matrix, axis=0)
    ridge = _RIDGE * np.eye(len(scale))
    solution = np.linalg.lstsq(
        np.concatenate([matrix / scale, ridge]), np.concatenate([target, np.zeros(len(scale))]), rcond=None
    )[0]
    residual = target - (matrix / scale) @ solution
    real, imaginary = residual[: len(omega)], residual[len(omega) :]
    deviation = max(_systematic(real), _systematic(imaginary))
    noise = float(np.sqrt(np.mean(np.diff([real, imaginary]) ** 2) / 2))
    return Consistency(deviation, noise, tuple(zip(real.tolist(), imaginary.tolist(), strict=True)))


def _systematic(residual: Real) -> float:
    """The largest moving average: what noise leaves none of."""
    window = np.ones(_WINDOW) / _WINDOW
    return float(np.abs(np.convolve(residual, window, mode="valid")).max())
