"""Whether a run shows what a conductivity needs, in the user's words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from oracles.transport.bound import ONE_SIDED_95
from oracles.transport.diffusion import Diffusivity, FitWindow
from oracles.transport.displacement import IonPaths, MeanSquaredDisplacement
from oracles.transport.trajectory import Floats

_MELTED_A: Final = 5.0
_DRIFTED_A: Final = 3.0
_SHORTEST_PS: Final = 10.0
_FEWEST_HOPS: Final = 50
"""Below, the estimate's relative standard deviation is above one half."""
_SUBDIFFUSIVE: Final = 0.8
"""A mean squared displacement that grows with a smaller power of time than this does not show diffusion yet."""


class Finding(StrEnum):
    """What a run shows. The first that applies is the verdict."""

    MELTED = "melted"
    """The framework flows: the number is not the crystal's."""
    TOO_SHORT = "too short"
    """Too few hops, or too little time."""
    SUBDIFFUSIVE = "subdiffusive"
    """Ions still move the more slowly the longer one watches: the number is too high."""
    NOT_DIFFUSIVE = "not diffusive"
    """Ions were not seen to diffuse: the number is a bound."""
    DRIFTING = "drifting"
    """The crystal as a whole wandered; that was taken away."""
    DIFFUSIVE = "diffusive"
    """All is well."""


_DOUBTFUL: Final = frozenset({Finding.MELTED, Finding.TOO_SHORT, Finding.SUBDIFFUSIVE})


@dataclass(frozen=True, slots=True)
class Reason:
    """One finding, said in a sentence."""

    finding: Finding
    sentence: str


@dataclass(frozen=True, slots=True)
class Health:
    """All findings about a run, the gravest first."""

    reasons: tuple[Reason, ...]

    @property
    def verdict(self) -> Finding:
        """The gravest."""
        return self.reasons[0].finding

    @property
    def is_trustworthy(self) -> bool:
        """Whether the number, or the bound, may be taken for the crystal's."""
        return self.verdict not in _DOUBTFUL

    @property
    def sentence(self) -> str:
        """Everything in words."""
        return " ".join(reason.sentence for reason in self.reasons)


def judge_health(paths: IonPaths, displacement: MeanSquaredDisplacement, diffusivity: Diffusivity) -> Health:
    """Looks at a run and at what was estimated from it."""
    found = [
        *_framework(paths),
        *_length(paths, diffusivity),
        *(_bounded(diffusivity) if diffusivity.is_bound else _slope(displacement, diffusivity)),
    ]
    if all(reason.finding is Finding.DRIFTING for reason in found):
        start, end = diffusivity.window_ps or (0.0, 0.0)
        found.append(
            Reason(
                Finding.DIFFUSIVE,
                f"Ions diffuse: about {diffusivity.n_effective:.0f} hops, fitted from {start:.3g} to {end:.3g} ps.",
            )
        )
    order = list(Finding)
    return Health(tuple(sorted(found, key=lambda reason: order.index(reason.finding))))


def _framework(paths: IonPaths) -> list[Reason]:
    furthest = np.linalg.norm(paths.framework_A, axis=2).max(axis=0)
    drift = float(np.linalg.norm(paths.drift_A, axis=1).max())
    found = []
    if furthest.max() > _MELTED_A:
        found.append(
            Reason(
                Finding.MELTED,
                f"{int((furthest > _MELTED_A).sum())} of {len(furthest)} framework atoms moved by more than "
                f"{_MELTED_A:g} Å, up to {furthest.max():.1f} Å: the crystal seems to have melted or to decompose.",
            )
        )
    if drift > _DRIFTED_A:
        found.append(
            Reason(
                Finding.DRIFTING,
                f"The framework as a whole drifted by {drift:.1f} Å, which was taken away; a drift at constant speed "
                "would mean that the thermostat heats the crystal too little.",
            )
        )
    return found


def _length(paths: IonPaths, diffusivity: Diffusivity) -> list[Reason]:
    short = []
    if paths.duration_ps < _SHORTEST_PS:
        short.append(f"The run of {paths.duration_ps:.3g} ps is shorter than {_SHORTEST_PS:g} ps.")
    if not diffusivity.is_bound and diffusivity.n_effective < _FEWEST_HOPS:
        short.append(
            f"Ions made about {diffusivity.n_effective:.0f} hops; {_FEWEST_HOPS} are needed for an error below a half."
        )
    return [Reason(Finding.TOO_SHORT, " ".join(short))] if short else []


def _bounded(diffusivity: Diffusivity) -> list[Reason]:
    return [
        Reason(
            Finding.NOT_DIFFUSIVE,
            "Ions were not seen to diffuse. Had they diffused faster than "
            f"{diffusivity.value_cm2_per_s:.2g} cm²/s, they would have moved further in 95 of 100 such runs.",
        )
    ]


def _slope(displacement: MeanSquaredDisplacement, diffusivity: Diffusivity) -> list[Reason]:
    if diffusivity.window_ps is None:
        return []
    first, last = (round(time / displacement.lags_ps[1]) for time in diffusivity.window_ps)
    exponent, error = growth_exponent(displacement, FitWindow(first, last))
    if exponent + ONE_SIDED_95 * error >= _SUBDIFFUSIVE:
        return []
    return [
        Reason(
            Finding.SUBDIFFUSIVE,
            f"Squared displacements grow as time to the power {exponent:.2f} ± {error:.2f}, not 1: ions are still "
            "caged, and diffuse more slowly over longer times.",
        )
    ]


def growth_exponent(displacement: MeanSquaredDisplacement, window: FitWindow) -> tuple[float, float]:
    """The power of time with which the mean squared displacement grows, and its standard error.

    Fitted to its logarithm at lags spaced evenly in theirs; the error is that of leaving out each ion in turn, infinite
    for fewer than three.

    Source of the error: Efron, Stein, Ann. Stat. 9, 586 (1981).
    """
    lags = np.unique(np.geomspace(window.first, window.last, 20).round().astype(int))
    by_ion = displacement.by_ion_A2[lags].sum(axis=2)
    n_ions = by_ion.shape[1]
    times = np.log(displacement.lags_ps[lags])
    exponent = float(_power(times, by_ion.mean(axis=1)[:, None])[0])
    if n_ions < 3:
        return exponent, math.inf
    without = (by_ion.sum(axis=1, keepdims=True) - by_ion) / (n_ions - 1)
    scatter = _power(times, np.maximum(without, np.finfo(float).tiny))
    return exponent, float(scatter.std() * math.sqrt(n_ions - 1))


def _power(log_times: Floats, squared: Floats) -> Floats:
    centred = log_times - log_times.mean()
    power: Floats = centred @ np.log(squared) / (centred**2).sum()
    return power
