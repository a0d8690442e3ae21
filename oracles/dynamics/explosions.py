"""When the motion of a replica is no motion of a crystal any more."""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.errors import UnsupportedCrystalError
from oracles.dynamics.forces import Cells
from oracles.dynamics.plan import Plan
from oracles.dynamics.state import State, temperatures_K
from oracles.structures import require_sound_structure

HOTTEST: Final = 5.0
"""A replica hotter than this many times its temperature has exploded: chance alone does not do that to ten atoms."""


def explosions(state: State, plan: Plan) -> dict[int, str]:
    """Replicas, by their index in the plan, that have exploded after the last step, and why.

    Distances are looked at where a frame is due only; what goes wrong between shows in the temperature.
    """
    is_frame = state.step % plan.settings.steps_per_frame == 0
    found: dict[int, str] = {}
    for position, (index, temperature_K) in enumerate(zip(state.running, temperatures_K(state, plan), strict=True)):
        target_K = plan.replicas[index].temperature_K
        if not _is_finite(state, position):
            found[int(index)] = "The force field gave an energy or a force that is no number."
        elif temperature_K > HOTTEST * target_K:
            found[int(index)] = f"It has {temperature_K:.0f} K instead of {target_K:g} K."
        elif is_frame and (overlap := _overlap(state.cells.single(position))):
            found[int(index)] = overlap
    return found


def _is_finite(state: State, position: int) -> bool:
    atoms = state.cells.replicas == position
    numbers = (state.energies_eV[position], state.forces_eV_A[atoms], state.velocities_A_fs[atoms])
    return all(bool(np.isfinite(number).all()) for number in numbers)


def _overlap(cells: Cells) -> str | None:
    try:
        require_sound_structure(cells.to_ase(0))
    except UnsupportedCrystalError as error:
        return error.problem
    return None
