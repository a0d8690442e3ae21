"""Everything that one run says about how ions move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.errors import PermanentLookError
from oracles.transport.bayesian import Kinisi, kinisi_is_here
from oracles.transport.conductivity import Conductivity, conductivity_of
from oracles.transport.diffusion import Diffusivity, DiffusivityEstimator, HeZhuEpsteinMo, half_displacement
from oracles.transport.displacement import IonPaths, MeanSquaredDisplacement, paths_in_framework
from oracles.transport.haven import HavenDiagnostic, haven_ratio_seen
from oracles.transport.health import Health, judge_health
from oracles.transport.trajectory import IonTrajectory


@dataclass(frozen=True, slots=True, eq=False)
class TransportAnalysis:
    """What was found in one trajectory."""

    paths: IonPaths
    displacement: MeanSquaredDisplacement
    """For lags of up to half of the run."""
    estimates: tuple[Diffusivity, ...]
    """By each estimator that could answer. The first is the one that counts."""
    conductivity: Conductivity
    """From the first estimate."""
    haven_seen: HavenDiagnostic | None
    """A diagnostic; the conductivity is with the ratio that was assumed."""
    health: Health
    notes: tuple[str, ...] = ()
    """Which estimators could not answer, and why."""


def usual_estimators(seed: int) -> tuple[DiffusivityEstimator, ...]:
    """The rule of He, Zhu, Epstein and Mo, and kinisi beside it where it is installed."""
    return (HeZhuEpsteinMo(), Kinisi(seed)) if kinisi_is_here() else (HeZhuEpsteinMo(),)


def analyse(
    trajectory: IonTrajectory,
    generator: np.random.Generator,
    *,
    estimators: Sequence[DiffusivityEstimator] | None = None,
    haven_ratio: float = 1.0,
) -> TransportAnalysis:
    """Analyses one run.

    Args:
        trajectory: Production frames, after equilibration.
        generator: For whatever is drawn on the way.
        estimators: The first counts, the others stand beside it; `usual_estimators` if None.
        haven_ratio: Assumed for the conductivity.

    Raises:
        OracleError: If the first estimator cannot answer.
    """
    chosen = estimators if estimators is not None else usual_estimators(int(generator.integers(2**32)))
    paths = paths_in_framework(trajectory)
    displacement = half_displacement(paths)
    first = chosen[0].estimate(paths, displacement)
    others, notes = [], []
    for estimator in chosen[1:]:
        try:
            others.append(estimator.estimate(paths, displacement))
        except PermanentLookError as error:
            notes.append(str(error))
    return TransportAnalysis(
        paths=paths,
        displacement=displacement,
        estimates=(first, *others),
        conductivity=conductivity_of(trajectory, first, haven_ratio=haven_ratio),
        haven_seen=haven_ratio_seen(paths, first, generator),
        health=judge_health(paths, displacement, first),
        notes=tuple(notes),
    )
