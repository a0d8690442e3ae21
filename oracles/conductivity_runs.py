"""From runs at several temperatures to the one number that a look answers, with all that it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from domain.constants import ROOM_K
from domain.elements import element
from domain.errors import PermanentLookError
from domain.json_value import JsonObject, JsonValue
from domain.measurement import Censoring, SeriesPoint
from oracles.dynamics.state import Ending, ReplicaEnd
from oracles.dynamics.trajectory import Trajectory
from oracles.transport.analysis import TransportAnalysis, analyse
from oracles.transport.arrhenius import ArrheniusFit, bound_below, fit_arrhenius, what_is_missing
from oracles.transport.conductivity import Conductivity
from oracles.transport.health import Finding
from oracles.transport.summary import details_of
from oracles.transport.trajectory import IonTrajectory

_BOUNDS_ONLY: Final = frozenset({Finding.TOO_SHORT, Finding.SUBDIFFUSIVE})
"""Verdicts under which a number is at best an upper bound."""


@dataclass(frozen=True, slots=True)
class ConductivityRun:
    """One run at one temperature."""

    temperature_K: float
    ending: Ending
    analysis: TransportAnalysis | None
    """None where it exploded."""

    @property
    def is_of_the_crystal(self) -> bool:
        """Whether its conductivity may be taken for the crystal's: it neither exploded nor melted."""
        return self.analysis is not None and self.analysis.health.verdict is not Finding.MELTED

    @property
    def conductivity(self) -> Conductivity | None:
        """What it says of the crystal: nothing, a number, or only that it is less.

        A run that is too short, or in which ions move the more slowly the longer one watches, shows more than the ions
        will keep up.
        """
        if self.analysis is None or not self.is_of_the_crystal:
            return None
        seen = self.analysis.conductivity
        if self.analysis.health.verdict not in _BOUNDS_ONLY:
            return seen
        return replace(seen, value_S_per_cm=seen.high_S_per_cm, low_S_per_cm=0.0, censoring=Censoring.BELOW)

    @property
    def details(self) -> JsonObject:
        """For the store."""
        found: JsonObject = {} if self.analysis is None else details_of(self.analysis)
        return {
            "temperature_K": self.temperature_K,
            "ended": self.ending.end.value,
            "why": self.ending.reason,
            "is_used": self.is_of_the_crystal,
            "counts_as": self.conductivity.censoring.value if self.conductivity is not None else None,
            **found,
        }


@dataclass(frozen=True, slots=True)
class ConductivityAnswer:
    """What a look says."""

    value_S_per_cm: float
    sigma_S_per_cm: float | None
    """None for a bound."""
    censoring: Censoring
    details: JsonObject


def ion_trajectory(trajectory: Trajectory, mobile: str) -> IonTrajectory:
    """The production frames of a run, as its analysis wants them."""
    header = trajectory.header
    return IonTrajectory(
        positions_A=trajectory.production().positions_A.astype(np.float64),
        cell_A=np.array(header.cell_A),
        is_ion=np.array(header.atomic_numbers) == element(mobile).atomic_number,
        interval_ps=header.frame_every_ps,
        temperature_K=header.temperature_K,
    )


def run_of(
    trajectory: Trajectory, ending: Ending, rng: np.random.Generator, *, mobile: str, haven_ratio: float
) -> ConductivityRun:
    """Analyses a run, unless it exploded."""
    temperature_K = trajectory.header.temperature_K
    if ending.end is ReplicaEnd.EXPLODED:
        return ConductivityRun(temperature_K, ending, None)
    analysis = analyse(ion_trajectory(trajectory, mobile), rng, haven_ratio=haven_ratio)
    return ConductivityRun(temperature_K, ending, analysis)


def answer_of(runs: Sequence[ConductivityRun], *, at_K: float) -> ConductivityAnswer:
    """The conductivity at a temperature: as run there, along the line through the runs, or a bound from them.

    Args:
        runs: At different temperatures.
        at_K: Where it is wanted.

    Raises:
        PermanentLookError: If every run at that temperature and above exploded or melted.
    """
    seen = [run.conductivity for run in runs if run.conductivity is not None]
    if not any(one.temperature_K >= at_K for one in seen):
        reasons = " ".join(f"At {run.temperature_K:g} K: {_fate(run)}" for run in runs)
        raise PermanentLookError(
            f"No run shows the crystal at {at_K:g} K or above. {reasons}",
            remedy="Run cooler, with a shorter time step, or look elsewhere.",
        )
    details: dict[str, JsonValue] = {"runs": [run.details for run in runs]}
    direct = next((one for one in seen if one.temperature_K == at_K), None)
    missing = what_is_missing(seen)
    if missing is None:
        fit = fit_arrhenius(seen, temperature_K=at_K)
        details["arrhenius"] = _line(fit, seen)
        found = direct or fit.conductivity
    elif direct is not None:
        found = direct
    else:
        found = bound_below(seen, temperature_K=at_K)
        details["why_a_bound"] = missing
    return ConductivityAnswer(found.value_S_per_cm, found.sigma_S_per_cm, found.censoring, details)


def series_of(runs: Sequence[ConductivityRun]) -> tuple[SeriesPoint, ...]:
    """What the runs say of the crystal's conductivity in S/cm, each at its own temperature, the coldest first."""
    seen = [run.conductivity for run in runs if run.conductivity is not None]
    return tuple(
        SeriesPoint(one.temperature_K, one.value_S_per_cm, one.sigma_S_per_cm, one.censoring)
        for one in sorted(seen, key=lambda one: one.temperature_K)
    )


def _fate(run: ConductivityRun) -> str:
    return run.ending.reason if run.analysis is None else run.analysis.health.sentence


def _line(fit: ArrheniusFit, seen: Sequence[Conductivity]) -> JsonObject:
    """The line with its points, as laboratories' series keep theirs."""
    room = fit_arrhenius(seen, temperature_K=ROOM_K).conductivity
    return {
        "points": [
            [one.temperature_K, one.value_S_per_cm, one.sigma_S_per_cm]
            for one in seen
            if one.censoring is Censoring.NONE
        ],
        "activation_energy_eV": fit.activation_energy_eV,
        "activation_energy_interval_eV": list(fit.activation_energy_interval_eV),
        "conductivity_S_per_cm": room.value_S_per_cm,
        "value_at_K": fit.temperature_K,
        "value_interval_S_per_cm": [fit.conductivity.low_S_per_cm, fit.conductivity.high_S_per_cm],
        "is_extrapolated": fit.is_extrapolated,
        "n_diffusive": fit.n_diffusive,
        "n_bounds": fit.n_bounds,
        "reduced_chi_square": fit.reduced_chi_square,
    }
