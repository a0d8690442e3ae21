"""Impedance spectra of ion conductors: bulk and total resistance from an equivalent circuit, with standard errors.

Circuits are a series of a resistance (where the bulk is faster than the spectrum), up to two arcs R‖CPE (bulk, then
grain boundary) and a constant-phase element of the blocking electrode:

    Z(ω) = R_s + Σ_i R_i / (1 + (jωτ_i)^n_i) + 1 / (Q_e (jω)^n_e)

Residuals are weighted by the modulus |Z|, so that all decades count alike; the circuit is the one with the smallest
corrected Akaike criterion, and a larger one must earn its parameters.

Source: Barsoukov and Macdonald, Impedance Spectroscopy (2005), chapters 1-3; Hurvich and Tsai, Biometrika 76, 297
(1989) for the criterion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain.errors import UnreadableFileError

Real: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]

_FEWEST_POINTS: Final = 8
_EARNED: Final = 6.0
"""How much smaller the criterion must be before a circuit with more parameters is believed."""
_EXPONENTS: Final = (0.45, 1.0)
_AT_BOUND: Final = 1e-4
_BEYOND: Final = 0.5
"""How far an arc may turn below the lowest frequency, as a natural logarithm."""
_SMALLEST_RESIDUAL: Final = 1e-6
"""Relative residuals below this are rounding, not evidence for more parameters."""
_SHORTEST_COLUMN: Final = 1e-100
_LARGEST_STEP: Final = 50.0
"""Bounds of the logarithms of resistances and times around their guesses."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A measured impedance spectrum."""

    frequency_Hz: tuple[float, ...]
    """Descending."""
    real_ohm: tuple[float, ...]
    imaginary_ohm: tuple[float, ...]
    """Negative for a capacitive answer."""

    def __post_init__(self) -> None:
        if len(self.frequency_Hz) < _FEWEST_POINTS:
            raise UnreadableFileError(
                f"The spectrum has {len(self.frequency_Hz)} points; at least {_FEWEST_POINTS} are needed.",
                remedy="Hand in the whole spectrum.",
            )

    @property
    def impedance(self) -> Complex:
        """Complex impedance in Ω, `[N]`."""
        return np.array(self.real_ohm) + 1j * np.array(self.imaginary_ohm)

    @property
    def omega(self) -> Real:
        """Angular frequency in rad/s, `[N]`."""
        return 2 * np.pi * np.array(self.frequency_Hz)


@dataclass(frozen=True, slots=True)
class Circuit:
    """Which elements are in series."""

    has_series: bool
    n_arcs: int
    has_electrode: bool

    @property
    def n_parameters(self) -> int:
        """Free numbers."""
        return self.has_series + 3 * self.n_arcs + 2 * self.has_electrode

    @property
    def title(self) -> str:
        """As it is written: R, (R‖CPE), CPE in series."""
        return "-".join(["R"] * self.has_series + ["(R‖CPE)"] * self.n_arcs + ["CPE"] * self.has_electrode)


CIRCUITS: Final = tuple(
    Circuit(has_series, n_arcs, has_electrode)
    for has_series, n_arcs, has_electrode in product((False, True), (0, 1, 2), (False, True))
    if has_series + n_arcs in {1, 2} and n_arcs + has_electrode > 0
)


@dataclass(frozen=True, slots=True)
class Resistance:
    """A resistance with its standard error, both in Ω."""

    value: float
    sigma: float


@dataclass(frozen=True, slots=True)
class CircuitFit:
    """The circuit that describes a spectrum best."""

    circuit: Circuit
    bulk: Resistance
    total: Resistance
    """Of bulk and grain boundaries together."""
    residual: float
    """Root of the mean square of |Z_fit - Z| / |Z|."""
    fitted: Complex
    """At the spectrum's frequencies, Ω."""
    parameters: dict[str, float]
    """Resistances in Ω, times in s, exponents, and the electrode's Q in S·sⁿ."""


def fit_circuit(spectrum: Spectrum, *, guess_ohm: float | None = None, circuit: str | None = None) -> CircuitFit:
    """Fits every circuit and keeps the one that the spectrum supports.

    Args:
        spectrum: The spectrum.
        guess_ohm: Where to look for the bulk's resistance first; None leaves it to the spectrum.
        circuit: Title of the one circuit to fit; None leaves it to the spectrum.

    Raises:
        UnreadableFileError: If no circuit can be fitted.
    """
    wanted = [each for each in CIRCUITS if circuit in {None, each.title}]
    found = [fit for each in wanted if (fit := _fit(each, spectrum, guess_ohm)) is not None]
    fits = [fit for fit in found if fit.is_seen_whole(spectrum)] or found
    if not fits:
        raise UnreadableFileError(
            "No circuit describes the spectrum.", remedy="Check its columns and signs, or give an initial resistance."
        )
    best = min(fits, key=lambda fit: (fit.criterion, fit.circuit.n_parameters))
    modest = [fit for fit in fits if fit.criterion < best.criterion + _EARNED]
    return min(modest, key=lambda fit: (fit.circuit.n_parameters, fit.criterion)).result(spectrum)


def evaluate(circuit: Circuit, parameters: Real, omega: Real) -> Complex:
    """Impedance of a circuit in Ω, `[N]`, for parameters as `_split` reads them."""
    return _evaluate(circuit, parameters, omega)[0]


@dataclass(frozen=True, slots=True)
class _Fit:
    circuit: Circuit
    parameters: Real
    jacobian: Real
    """Of the weighted residuals, `[2N, P]`."""
    sum_of_squares: float

    @property
    def criterion(self) -> float:
        n, p = len(self.jacobian), self.circuit.n_parameters
        if n <= p + 2:
            return float("inf")
        mean_square = max(self.sum_of_squares / n, _SMALLEST_RESIDUAL**2)
        return n * float(np.log(mean_square)) + 2 * p + 2 * p * (p + 1) / (n - p - 1)

    def is_seen_whole(self, spectrum: Spectrum) -> bool:
        """Whether every arc turns within the spectrum; one that would turn later is an electrode in disguise."""
        arcs = _split(self.circuit, self.parameters)[1]
        slowest = -float(np.log(spectrum.omega.min()))
        return all(log_time <= slowest + _BEYOND for _, log_time, _ in arcs)

    def result(self, spectrum: Spectrum) -> CircuitFit:
        circuit, parameters = self.circuit, self.parameters
        covariance = self._covariance()
        resistances = _resistance_indices(circuit)
        order: list[int] = sorted(resistances, key=lambda index: _time_constant(circuit, parameters, index))
        bulk, *_ = order
        return CircuitFit(
            circuit=circuit,
            bulk=_sum_of([bulk], parameters, covariance),
            total=_sum_of(order, parameters, covariance),
            residual=float(np.sqrt(2 * self.sum_of_squares / len(self.jacobian))),
            fitted=evaluate(circuit, parameters, spectrum.omega),
            parameters=_named(circuit, parameters),
        )

    def _covariance(self) -> Real:
        """Of all parameters; those at a bound are known there."""
        bounded = np.zeros(len(self.parameters), dtype=bool)
        for index in _exponent_indices(self.circuit):
            value = self.parameters[index]
            bounded[index] = min(value - _EXPONENTS[0], _EXPONENTS[1] - value) < _AT_BOUND
        free = np.flatnonzero(~bounded)
        jacobian = self.jacobian[:, free]
        # Columns of one length: a resistance that leaves no trace is unknown, not known to be nothing.
        lengths = np.maximum(np.linalg.norm(jacobian, axis=0), _SHORTEST_COLUMN)
        scaled = jacobian / lengths
        variance = self.sum_of_squares / max(1, len(jacobian) - len(free))
        covariance = np.zeros((len(bounded), len(bounded)))
        covariance[np.ix_(free, free)] = variance * np.linalg.pinv(scaled.T @ scaled) / np.outer(lengths, lengths)
        return covariance


def _fit(circuit: Circuit, spectrum: Spectrum, guess_ohm: float | None) -> _Fit | None:
    from scipy.optimize import least_squares

    omega, measured = spectrum.omega, spectrum.impedance
    weights = 1 / np.abs(measured)

    def residuals(parameters: Real) -> Real:
        difference = (evaluate(circuit, parameters, omega) - measured) * weights
        return np.concatenate([difference.real, difference.imag])

    def jacobian(parameters: Real) -> Real:
        derivatives = _evaluate(circuit, parameters, omega)[1] * weights[:, None]
        return np.concatenate([derivatives.real, derivatives.imag])

    best: _Fit | None = None
    for start in _starts(circuit, spectrum, guess_ohm):
        low, high = start - _LARGEST_STEP, start + _LARGEST_STEP
        for index in _exponent_indices(circuit):
            low[index], high[index] = _EXPONENTS
        found = least_squares(residuals, start, jac=jacobian, bounds=(low, high), max_nfev=200)
        sum_of_squares = 2 * float(found.cost)
        if np.isfinite(sum_of_squares) and (best is None or sum_of_squares < best.sum_of_squares):
            best = _Fit(circuit, found.x, found.jac, sum_of_squares)
    return best


def _starts(circuit: Circuit, spectrum: Spectrum, guess_ohm: float | None) -> list[Real]:
    """Where to start: resistances from the extent of the spectrum, times spread over its decades."""
    omega, measured = spectrum.omega, spectrum.impedance
    bend = _bend(measured)
    resistance = guess_ohm if guess_ohm is not None else max(float(measured.real[bend]), 1e-6)
    slow, fast = np.log(1 / omega.min()), np.log(1 / omega.max())
    middle = np.log(1 / omega[bend])
    electrode = [-np.log(max(abs(float(measured.imag[-1])), 1e-9) * omega[-1] ** 0.8), 0.8]
    until = middle if circuit.has_electrode and middle > fast + 1 else slow
    places = [tuple(fast + share * (until - fast) for share in shares) for shares in _PLACES[circuit.n_arcs]]
    # The bend may lie between the two arcs instead of behind them.
    places += [tuple(fast + share * (slow - fast) for share in shares) for shares in _LATE_PLACES[circuit.n_arcs]]
    log_resistance = float(np.log(resistance / (circuit.has_series + circuit.n_arcs)))
    starts = []
    for log_times in places:
        start = [log_resistance] * circuit.has_series
        for log_time in log_times:
            start += [log_resistance, log_time, 0.9]
        starts.append(np.array(start + electrode * circuit.has_electrode))
    return starts


_PLACES: Final[dict[int, tuple[tuple[float, ...], ...]]] = {
    0: ((),),
    1: ((0.15,), (0.5,), (0.85,)),
    2: ((0.05, 0.5), (0.3, 0.8), (-0.2, 0.3), (0.1, 0.95)),
}
"""Where the arcs turn at first, as shares of the way from the highest frequency to the bend."""
_LATE_PLACES: Final[dict[int, tuple[tuple[float, ...], ...]]] = {0: (), 1: (), 2: ((0.3, 0.6), (0.3, 0.75))}
"""The same, as shares of the way to the lowest frequency."""


def _bend(measured: Complex) -> int:
    """Where the arcs end and the electrode begins: the smallest phase on the low-frequency half."""
    phase = np.abs(np.angle(measured))
    return int(np.argmin(phase))


def _evaluate(circuit: Circuit, parameters: Real, omega: Real) -> tuple[Complex, Complex]:
    """Impedance `[N]` in Ω and its derivatives `[N, P]`.

    Parameters: ln R_s; for each arc ln R, ln τ, n; for the electrode ln Q, n.
    """
    impedance = np.zeros(len(omega), dtype=complex)
    columns: list[Complex] = []
    series, arcs, electrode = _split(circuit, parameters)
    for log_resistance in series:
        resistance = np.full(len(omega), np.exp(log_resistance), dtype=complex)
        impedance += resistance
        columns.append(resistance)
    for log_resistance, log_time, exponent in arcs:
        log_u = exponent * (np.log(omega) + log_time + 0.5j * np.pi)
        u = np.exp(np.minimum(log_u.real, 300.0) + 1j * log_u.imag)
        arc = np.exp(log_resistance) / (1 + u)
        slope = -arc * u / (1 + u)
        impedance += arc
        columns += [arc, slope * exponent, slope * log_u / exponent]
    for log_q, exponent in electrode:
        log_omega = np.log(omega) + 0.5j * np.pi
        element = np.exp(-log_q - exponent * log_omega)
        impedance += element
        columns += [-element, -element * log_omega]
    return impedance, np.stack(columns, axis=1)


_Arc: TypeAlias = tuple[float, float, float]


def _split(circuit: Circuit, parameters: Real) -> tuple[Sequence[float], Sequence[_Arc], Sequence[tuple[float, float]]]:
    values: list[float] = parameters.tolist()
    first = int(circuit.has_series)
    last = first + 3 * circuit.n_arcs
    arcs = [(values[i], values[i + 1], values[i + 2]) for i in range(first, last, 3)]
    electrode = [(values[last], values[last + 1])] if circuit.has_electrode else []
    return values[:first], arcs, electrode


def _resistance_indices(circuit: Circuit) -> list[int]:
    first = int(circuit.has_series)
    return [0] * circuit.has_series + [first + 3 * index for index in range(circuit.n_arcs)]


def _exponent_indices(circuit: Circuit) -> list[int]:
    first = int(circuit.has_series)
    arcs = [first + 3 * index + 2 for index in range(circuit.n_arcs)]
    return arcs + [circuit.n_parameters - 1] * circuit.has_electrode


def _time_constant(circuit: Circuit, parameters: Real, index: int) -> float:
    """Logarithm of an element's relaxation time; a plain resistance is faster than everything that was measured."""
    return -np.inf if circuit.has_series and index == 0 else float(parameters[index + 1])


def _sum_of(indices: Sequence[int], parameters: Real, covariance: Real) -> Resistance:
    gradient: Real = np.zeros(len(parameters))
    for index in indices:
        gradient[index] = math.exp(parameters[index])
    variance = float(gradient @ covariance @ gradient)
    return Resistance(float(gradient.sum()), math.sqrt(max(0.0, variance)))


def _log_time(arc: _Arc) -> float:
    return arc[1]


def _named(circuit: Circuit, parameters: Real) -> dict[str, float]:
    series, arcs, electrode = _split(circuit, parameters)
    named = dict(zip(("R_s_ohm",), [math.exp(value) for value in series], strict=False))
    by_time = sorted(arcs, key=_log_time)
    for number, (log_resistance, log_time, exponent) in enumerate(by_time, start=1):
        named |= {
            f"R_{number}_ohm": math.exp(log_resistance),
            f"tau_{number}_s": math.exp(log_time),
            f"n_{number}": exponent,
        }
    for log_q, exponent in electrode:
        named |= {"Q_e_S_s^n": math.exp(log_q), "n_e": exponent}
    return named
