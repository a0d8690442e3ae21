"""Along how many directions a region of a crystal's cell runs through the whole crystal, and from which energy on.

Legend: X, Y, Z points of a periodic grid along the lattice vectors; the point after the last is the first again.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Labels = NDArray[np.int32]
    Vector = NDArray[np.int64]

_AXES: Final = 3
_TOLERANCE_EV: Final = 1e-3
"""Bisection ends here; grids are coarser."""


def percolation_energies_eV(energies_eV: NDArray[np.float64], *, highest_eV: float) -> tuple[float | None, ...]:
    """Finds how far above its minimum a landscape must be filled until one connected region is endless.

    Counted from the lowest point of all: where an ion is rarely found, it moves rarely.

    Args:
        energies_eV: `[X, Y, Z]` on a periodic grid.
        highest_eV: Fillings above this are not looked at.

    Returns:
        The filling in eV, to 1 meV, for one, two and three independent directions, in ascending order; None where
        `highest_eV` does not suffice.
    """
    above_minimum = energies_eV - energies_eV.min()
    known = {
        0.0: percolating_directions(above_minimum <= 0),
        highest_eV: percolating_directions(above_minimum <= highest_eV),
    }
    return tuple(_bisect(above_minimum, directions, highest_eV, known) for directions in (1, 2, 3))


def _bisect(
    above_minimum: NDArray[np.float64], directions: int, highest_eV: float, known: dict[float, int]
) -> float | None:
    if known[highest_eV] < directions:
        return None
    low = max((filling for filling, found in known.items() if found < directions), default=0.0)
    high = min(filling for filling, found in known.items() if found >= directions)
    while high - low > _TOLERANCE_EV:
        middle = (low + high) / 2
        known[middle] = percolating_directions(above_minimum <= middle)
        low, high = (low, middle) if known[middle] >= directions else (middle, high)
    return high


def percolating_directions(region: NDArray[np.bool_]) -> int:
    """Counts the independent directions in which a connected part of a region never ends.

    A part that meets itself again one lattice vector further on is endless along that vector; the answer is the rank of
    all such vectors of one part. Neighbours are the 26 around a point. Exact for the grid, whatever the cell.

    Args:
        region: `[X, Y, Z]` on a periodic grid.

    Returns:
        0 to 3, of the part with most.
    """
    import numpy as np
    from scipy.ndimage import label

    labels, _ = label(np.pad(region, (0, 1), mode="wrap"), structure=np.ones((3, 3, 3)))
    return max((_rank(loops) for loops in _loops(_crossings(labels))), default=0)


def _crossings(labels: Labels) -> dict[int, list[tuple[int, tuple[int, ...]]]]:
    """Which parts continue as which in the next cell along each lattice vector, in both directions."""
    import numpy as np

    neighbours: dict[int, list[tuple[int, tuple[int, ...]]]] = defaultdict(list)
    for axis in range(_AXES):
        last, first = labels.take(-1, axis=axis).ravel(), labels.take(0, axis=axis).ravel()
        step = tuple(int(axis == other) for other in range(_AXES))
        back = tuple(-x for x in step)
        for here, there in np.unique(np.stack([last, first], axis=1)[last > 0], axis=0).tolist():
            neighbours[here].append((there, step))
            neighbours[there].append((here, back))
    return neighbours


def _loops(neighbours: dict[int, list[tuple[int, tuple[int, ...]]]]) -> list[list[Vector]]:
    """The lattice vectors by which each connected set of parts meets itself again."""
    import numpy as np

    cell_of: dict[int, Vector] = {}
    found: list[list[Vector]] = []
    for start in neighbours:
        if start in cell_of:
            continue
        cell_of[start] = np.zeros(_AXES, dtype=np.int64)
        loops: list[Vector] = []
        waiting = deque([start])
        while waiting:
            part = waiting.popleft()
            for other, step in neighbours[part]:
                cell = cell_of[part] + np.array(step, dtype=np.int64)
                if other not in cell_of:
                    cell_of[other] = cell
                    waiting.append(other)
                elif (cell != cell_of[other]).any():
                    loops.append(cell - cell_of[other])
        found.append(loops)
    return found


def _rank(loops: list[Vector]) -> int:
    import numpy as np

    return int(np.linalg.matrix_rank(np.stack(loops))) if loops else 0
