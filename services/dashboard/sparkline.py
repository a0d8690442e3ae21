"""The small curve in a line of a list: the best value so far, round after round."""

import math
from collections.abc import Sequence
from typing import Final

from domain.quantity import Scale
from services.store.standings import BestSoFar

WIDTH: Final = 100.0
HEIGHT: Final = 24.0
_MARGIN: Final = 2.0
"""So that the line is not cut at the top and at the bottom."""


def sparkline(progress: Sequence[BestSoFar], *, scale: Scale, n_rounds: int) -> str:
    """The path of an SVG of `WIDTH` by `HEIGHT`: steps from the first round to the newest; empty without any value.

    Args:
        progress: The best so far, by round.
        scale: On which differences of the quantity are alike.
        n_rounds: Rounds that were opened: the curve goes on, level, to the last of them.
    """
    if not progress:
        return ""
    heights = _heights([_scaled(point.value, scale) for point in progress])
    last = max(n_rounds - 1, progress[-1].round_index, 1)
    places = [WIDTH * point.round_index / last for point in progress]
    steps = [f"M{places[0]:.1f} {heights[0]:.1f}"]
    steps += [f"H{x:.1f}V{y:.1f}" for x, y in zip(places[1:], heights[1:], strict=True)]
    return "".join([*steps, f"H{WIDTH:.1f}"])


def _scaled(value: float, scale: Scale) -> float:
    return math.log10(value) if scale is Scale.LOG10 and value > 0 else value


def _heights(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    if low == high:
        return [HEIGHT / 2 for _ in values]
    room = HEIGHT - 2 * _MARGIN
    return [_MARGIN + room * (high - value) / (high - low) for value in values]
