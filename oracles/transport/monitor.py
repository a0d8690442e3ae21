"""Whether a run may end before its time: a pure function of the displacements so far.

A run that is looked at again and again is judged by its luckiest moment, so both rules ask for more than one look
would: the estimate must also agree between the halves of the run, and "clearly zero" is said by a bound of 99 %, which
keeps the chance that any of ten looks is wrong below 5 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from domain.errors import InvalidValueError
from oracles.transport.bound import HOP_LENGTH_A, bound_diffusivity
from oracles.transport.diffusion import Diffusivity, HeZhuEpsteinMo, half_displacement
from oracles.transport.displacement import IonPaths

_CONFIDENCE: Final = 0.99
_FEWEST_FRAMES: Final = 20
_DISAGREEMENT: Final = 1.96 * 2
"""Halves have about √2 times the error of the whole, so their difference has twice: so many of it is 95 %."""


class Advice(StrEnum):
    """Whether to go on."""

    GO_ON = "go on"
    GOOD_ENOUGH = "good enough"
    """The estimate is as good as wanted, and does not change."""
    CLEARLY_ZERO = "clearly zero"
    """Ions diffuse more slowly than anybody wants to know."""


@dataclass(frozen=True, slots=True)
class StopRule:
    """What is good enough."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    relative_error: float = 0.25
    """Relative standard deviation of the diffusivity that is wanted."""
    bound_cm2_per_s: float = 1e-7
    """Diffusivities below this need not be told from zero."""
    least_ps: float = 20.0
    """No run ends before."""
    hop_length_A: float = HOP_LENGTH_A

    def __post_init__(self) -> None:
        for name in ("relative_error", "bound_cm2_per_s", "least_ps", "hop_length_A"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise InvalidValueError(f"A {name} of {value} never ends a run.", remedy="Give a number above 0.")


@dataclass(frozen=True, slots=True)
class StopAdvice:
    """Whether to stop, and why."""

    advice: Advice
    sentence: str

    @property
    def stop(self) -> bool:
        """Whether the run may end."""
        return self.advice is not Advice.GO_ON


def advise(paths: IonPaths, rule: StopRule) -> StopAdvice:
    """Says whether what was seen so far is enough."""
    if paths.duration_ps < rule.least_ps or paths.n_frames < _FEWEST_FRAMES:
        return StopAdvice(Advice.GO_ON, f"{paths.duration_ps:.3g} ps are too few to judge.")
    whole = _estimate(paths, rule)
    if whole.is_bound:
        return _judge_bound(paths, rule)
    if whole.relative_sigma > rule.relative_error:
        return StopAdvice(Advice.GO_ON, f"The diffusivity is uncertain by {whole.relative_sigma:.0%}.")
    return _judge_halves(paths, whole, rule)


def _judge_bound(paths: IonPaths, rule: StopRule) -> StopAdvice:
    bound = bound_diffusivity(paths, hop_length_A=rule.hop_length_A, confidence=_CONFIDENCE).bound_cm2_per_s
    said = f"Ions do not diffuse, or more slowly than {bound:.2g} cm²/s"
    if bound > rule.bound_cm2_per_s:
        return StopAdvice(Advice.GO_ON, f"{said}; below {rule.bound_cm2_per_s:.2g} cm²/s is wanted.")
    return StopAdvice(Advice.CLEARLY_ZERO, f"{said}, which is less than anybody wants to know.")


def _judge_halves(paths: IonPaths, whole: Diffusivity, rule: StopRule) -> StopAdvice:
    middle = paths.n_frames // 2
    early, late = _estimate(paths.part(0, middle + 1), rule), _estimate(paths.part(middle, paths.n_frames), rule)
    if early.is_bound or late.is_bound:
        return StopAdvice(Advice.GO_ON, "Half of the run alone does not show diffusion.")
    difference = abs(math.log(early.value_cm2_per_s / late.value_cm2_per_s))
    if difference > _DISAGREEMENT * rule.relative_error:
        return StopAdvice(Advice.GO_ON, f"The halves of the run differ by a factor of {math.exp(difference):.2g}.")
    return StopAdvice(
        Advice.GOOD_ENOUGH, f"The diffusivity is known to {whole.relative_sigma:.0%}, and both halves of the run agree."
    )


def _estimate(paths: IonPaths, rule: StopRule) -> Diffusivity:
    return HeZhuEpsteinMo(rule.hop_length_A).estimate(paths, half_displacement(paths))
