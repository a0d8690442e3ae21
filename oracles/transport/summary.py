"""What the store keeps of an analysis: JSON of bounded size."""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.json_value import JsonObject, JsonValue
from oracles.transport.analysis import TransportAnalysis
from oracles.transport.conductivity import Conductivity
from oracles.transport.diffusion import Diffusivity
from oracles.transport.displacement import MeanSquaredDisplacement
from oracles.transport.haven import HavenDiagnostic
from oracles.transport.health import Health
from oracles.transport.trajectory import Floats

MOST_POINTS: Final = 200
"""Of the curve that is kept."""
_DIGITS: Final = 6


def details_of(analysis: TransportAnalysis) -> JsonObject:
    """The details of a measurement: curve, estimates, conductivity and health, with units in the names."""
    return {
        "temperature_K": analysis.conductivity.temperature_K,
        "duration_ps": _short(analysis.paths.duration_ps),
        "frame_interval_ps": _short(analysis.paths.interval_ps),
        "n_ions": analysis.paths.n_ions,
        "n_framework": analysis.paths.framework_A.shape[1],
        "msd": _curve(analysis.displacement),
        "estimates": [_estimate(one) for one in analysis.estimates],
        "conductivity": _conductivity(analysis.conductivity),
        "haven_seen": _haven(analysis.haven_seen),
        "health": _health(analysis.health),
        "notes": list(analysis.notes),
    }


def _curve(displacement: MeanSquaredDisplacement) -> JsonObject:
    n_lags = len(displacement.lags_ps)
    kept = np.unique(np.linspace(0, n_lags - 1, min(n_lags, MOST_POINTS)).round().astype(int))
    error = displacement.error_A2
    return {
        "lag_ps": _shorts(displacement.lags_ps[kept]),
        "mean_A2": _shorts(displacement.mean_A2[kept]),
        "error_A2": None if error is None else _shorts(error[kept]),
    }


def _estimate(one: Diffusivity) -> JsonObject:
    return {
        "method": one.method,
        "censoring": one.censoring.value,
        "diffusivity_cm2_per_s": _short(one.value_cm2_per_s),
        "interval_cm2_per_s": [_short(one.low_cm2_per_s), _short(one.high_cm2_per_s)],
        "log_sigma": _short(one.log_sigma),
        "by_axis_cm2_per_s": None if one.by_axis_cm2_per_s is None else [_short(d) for d in one.by_axis_cm2_per_s],
        "window_ps": None if one.window_ps is None else [_short(time) for time in one.window_ps],
        "intercept_A2": None if one.intercept_A2 is None else _short(one.intercept_A2),
        "n_effective": _short(one.n_effective),
    }


def _conductivity(one: Conductivity) -> JsonObject:
    return {
        "censoring": one.censoring.value,
        "conductivity_S_per_cm": _short(one.value_S_per_cm),
        "interval_S_per_cm": [_short(one.low_S_per_cm), _short(one.high_S_per_cm)],
        "log_sigma": _short(one.log_sigma),
        "haven_ratio_assumed": one.assumptions.haven_ratio,
        "charge_e": one.assumptions.charge_e,
        "assumptions": str(one.assumptions),
    }


def _haven(seen: HavenDiagnostic | None) -> JsonObject | None:
    if seen is None:
        return None
    return {"ratio": _short(seen.ratio), "interval": [_short(seen.low), _short(seen.high)]}


def _health(health: Health) -> JsonObject:
    return {
        "verdict": health.verdict.value,
        "is_trustworthy": health.is_trustworthy,
        "reasons": [{"finding": reason.finding.value, "sentence": reason.sentence} for reason in health.reasons],
    }


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _shorts(values: Floats) -> list[JsonValue]:
    return [_short(value) for value in values.tolist()]
