"""The energy of one ion all over a framework, looked at closely only where the way through is decided.

Legend: X, Y, Z points of a periodic grid; P points that are looked at together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain.errors import PermanentLookError
from oracles.ion_grid import IonGrid
from oracles.percolation import percolation_energies_eV

if TYPE_CHECKING:
    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

EnergiesOf: TypeAlias = "Callable[[FloatArray], FloatArray]"
"""Energies `[P]` (eV) of an ion at positions `[P, 3]` (Å); infinite where it cannot be."""
_SOFTNESS_EV: Final = 2.0
"""Energies E above the lowest are interpolated as E / (1 + E / softness), which has no walls to overshoot."""
_MARGIN_EV: Final = 0.15
_MARGIN_SHARE: Final = 0.25
"""How far an interpolated energy may lie from the way through, and how much more the higher that is."""
_MOST_ROUNDS: Final = 6
_ZOOM: Final = 2
"""Interpolated points for each point of the grid, along each vector, on which paths are sought in the end."""


@dataclass(frozen=True, slots=True, eq=False)
class IonLandscape:
    """What was seen of an ion's energy."""

    above_lowest_eV: FloatArray
    """`[X, Y, Z]`, interpolated where nobody looked; infinite where the ion cannot be."""
    lowest_place_A: FloatArray
    """`[3]`, the grid's lowest point, Å."""
    lowest_eV: float
    """Its energy, from which the others are counted."""
    n_seen: int
    """Points whose energy was computed."""

    def barriers_eV(self, *, highest_eV: float) -> tuple[float | None, ...]:
        """Energies above the grid's lowest point from which paths are endless in one, two and three directions.

        Sought on the interpolated landscape: a grid alone misses the saddle by as much as its points do.
        """
        shape = tuple(_ZOOM * n for n in self.above_lowest_eV.shape)
        return percolation_energies_eV(
            _hardened(_interpolated(_softened(self.above_lowest_eV), shape)), highest_eV=highest_eV
        )


def look_round(grid: IonGrid, energies_of: EnergiesOf, *, highest_eV: float) -> IonLandscape:
    """Fills a landscape: every other point first, then those near the energy from which on paths are endless.

    Args:
        grid: Where the ion may be.
        energies_of: Asked once for each set of points that are the same by symmetry.
        highest_eV: Ways through above the lowest energy by more than that are of no interest.

    Raises:
        PermanentLookError: If no point has an energy.
    """
    seen = _with(np.full(grid.n_points, np.nan), grid, grid.coarse, energies_of)
    coarse_lowest_eV = float(np.nanmin(seen))
    if not np.isfinite(coarse_lowest_eV):
        raise PermanentLookError(
            "The potential gives no number for an ion anywhere in the framework.",
            remedy="Look with another potential, or at relaxed sites.",
        )
    coarse = (seen - coarse_lowest_eV).reshape(grid.shape)[::2, ::2, ::2]
    guessed_eV = coarse_lowest_eV + _hardened(_interpolated(_softened(coarse), grid.shape)).ravel()
    n_seen = len(grid.coarse)
    for _ in range(_MOST_ROUNDS):
        lowest_eV = float(np.nanmin(seen))
        above_eV = _above(lowest_eV, seen, guessed_eV)
        ways = percolation_energies_eV(above_eV.reshape(grid.shape), highest_eV=highest_eV)
        todo = _doubtful(grid, seen, above_eV, {highest_eV if way is None else way for way in ways})
        if not len(todo):
            break
        seen = _with(seen, grid, todo, energies_of)
        n_seen += len(todo)
    lowest_eV = float(np.nanmin(seen))
    above_eV = _above(lowest_eV, seen, guessed_eV)
    (lowest_place_A,) = grid.positions_A(np.array([np.nanargmin(seen)]))
    return IonLandscape(above_eV.reshape(grid.shape), lowest_place_A, lowest_eV, n_seen)


def _with(seen: FloatArray, grid: IonGrid, todo: IntArray, energies_of: EnergiesOf) -> FloatArray:
    """What was seen `[N]`, and beside it the energies of some points and of all that are the same by symmetry."""
    values = np.full(grid.n_points, np.nan)
    values[todo] = energies_of(grid.positions_A(todo))
    return np.where(np.isnan(seen), values[grid.orbits], seen)


def _above(lowest_eV: float, seen: FloatArray, guessed_eV: FloatArray) -> FloatArray:
    """Energies above the lowest that was seen, below which no guess goes."""
    above: FloatArray = np.maximum(np.where(np.isnan(seen), guessed_eV, seen) - lowest_eV, 0.0)
    return above


def _doubtful(grid: IonGrid, seen: FloatArray, above_eV: FloatArray, ways_eV: set[float]) -> IntArray:
    """Representatives of the points that nobody looked at and that may lie on the other side of a way's energy."""
    is_near = np.zeros(grid.n_points, dtype=bool)
    for way_eV in ways_eV:
        is_near |= np.abs(above_eV - way_eV) <= _MARGIN_EV + _MARGIN_SHARE * way_eV
    return np.unique(grid.orbits[is_near & np.isnan(seen)])


def _softened(above_eV: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore"):  # where the ion cannot be
        soft = above_eV / (1 + above_eV / _SOFTNESS_EV)
    return np.where(np.isposinf(above_eV), _SOFTNESS_EV, soft)


def _hardened(soft: FloatArray) -> FloatArray:
    inside = soft < _SOFTNESS_EV
    below = np.where(inside, np.maximum(soft, 0.0), 0.0)
    return np.where(inside, below / (1 - below / _SOFTNESS_EV), np.inf)


def _interpolated(values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Cubic splines through the points of a periodic grid, on a finer one that begins at the same point."""
    from scipy.ndimage import map_coordinates

    axes = [np.arange(n) * (old / n) for n, old in zip(shape, values.shape, strict=True)]
    found: FloatArray = map_coordinates(values, np.meshgrid(*axes, indexing="ij"), order=3, mode="grid-wrap")
    return found
