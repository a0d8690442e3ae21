"""Which part of a sample the elements of a fitted circuit are, told by their capacitances.

Between blocking electrodes a sample has arcs of picofarads to nanofarads, and its spectrum ends in the capacitance of
the electrodes, which is far larger. One that ends in a small capacitance ends in the sample's own arc: that has not
closed by the lowest frequency, and what stands before it is the resistance of leads, or of a part of the sample.

Source: Irvine, Sinclair and West, Adv. Mater. 2, 132 (1990), table 1: bulk 1e-12 F, grain boundaries 1e-11 to 1e-8 F,
electrodes 1e-7 to 1e-5 F, for 1 cm² and 1 cm.
"""

import math
from collections.abc import Mapping
from typing import Final, cast

from domain.json_value import JsonObject

_SMALLEST_ELECTRODE_F_PER_CM2: Final = 3e-8
"""Between the largest grain boundaries and the smallest electrodes."""
_VACUUM_F_PER_CM: Final = 8.854e-14
_LARGEST_BULK_PERMITTIVITY: Final = 100.0
"""Grain boundaries seem to have more, because they are thinner than the sample; so do ferroelectrics."""
_BEHIND_BULK: Final = 0.01
"""Of a bulk's relaxation: how far behind it the grain boundaries show that belong to it."""
_BEHIND_LAST: Final = 0.5
"""Of any other arc's: how far behind it that closes."""
STANDARD_ERRORS: Final = 3.0
"""How many of them a limit is away from a number."""


def is_closed(fit: JsonObject, *, area_cm2: float) -> bool:
    """Whether all arcs of the sample close within a spectrum, so that its resistance is seen.

    Args:
        fit: What was found of the spectrum.
        area_cm2: Of the sample.
    """
    capacitance = _last_capacitance_F(fit)
    return capacitance is None or capacitance >= _SMALLEST_ELECTRODE_F_PER_CM2 * area_cm2


def least_resistance_ohm(fit: JsonObject) -> float:
    """What the resistance of a sample at least is whose arc does not close.

    No sum of arcs has a modulus above its resistance, at any frequency.
    """
    real, imaginary = cast(list[tuple[float, float]], fit["fitted_ohm"])[-1]
    return math.hypot(real, imaginary) * max(0.0, 1 - STANDARD_ERRORS * cast(float, fit["residual"]))


def may_hide_arcs(fit: JsonObject, *, thickness_cm: float, area_cm2: float) -> bool:
    """Whether a spectrum ends so early that a slower arc, such as that of the grain boundaries, would not be seen.

    Args:
        fit: What was found of the spectrum.
        thickness_cm: Of the sample.
        area_cm2: Of the sample.
    """
    parameters = _parameters(fit)
    last = max((i for i in (1, 2) if f"R_{i}_ohm" in parameters), default=0)
    if "Q_e_S_s^n" in parameters or not last:
        return False
    # The smaller, the further the spectrum goes on behind the arc's top.
    left = _lowest_omega(fit) * parameters[f"tau_{last}_s"]
    is_of_bulk = last == 1 and _is_of_bulk(parameters, thickness_cm, area_cm2)
    return left > (_BEHIND_BULK if is_of_bulk else _BEHIND_LAST)


def lead_resistance_ohm(fit: JsonObject, *, thickness_cm: float, area_cm2: float) -> float:
    """What stands before the first arc where that arc is the bulk's, so that it can only be leads and contacts.

    Args:
        fit: What was found of the spectrum.
        thickness_cm: Of the sample.
        area_cm2: Of the sample.
    """
    parameters = _parameters(fit)
    if "R_s_ohm" not in parameters or not has_arcs(fit):
        return 0.0
    return parameters["R_s_ohm"] if _is_of_bulk(parameters, thickness_cm, area_cm2) else 0.0


def has_arcs(fit: JsonObject) -> bool:
    """Whether any arc was seen."""
    return "R_1_ohm" in _parameters(fit)


def _is_of_bulk(parameters: Mapping[str, float], thickness_cm: float, area_cm2: float) -> bool:
    """Whether the first arc has the capacitance of a bulk."""
    capacitance = parameters["tau_1_s"] / parameters["R_1_ohm"]
    return capacitance * thickness_cm <= _LARGEST_BULK_PERMITTIVITY * _VACUUM_F_PER_CM * area_cm2


def _last_capacitance_F(fit: JsonObject) -> float | None:
    """Of the constant-phase element in which a spectrum ends, at the lowest frequency; None where it ends in none."""
    parameters = _parameters(fit)
    if "Q_e_S_s^n" not in parameters:
        return None
    exponent = parameters["n_e"]
    return parameters["Q_e_S_s^n"] * math.pow(_lowest_omega(fit), exponent - 1) * math.sin(exponent * math.pi / 2)


def _lowest_omega(fit: JsonObject) -> float:
    return 2 * math.pi * cast(list[float], fit["frequency_Hz"])[-1]


def _parameters(fit: JsonObject) -> Mapping[str, float]:
    return cast(Mapping[str, float], fit["parameters"])
