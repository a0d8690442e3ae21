"""Cells as they are published: rounded, so that equal lengths may differ in the last digit."""

from collections.abc import Sequence
from typing import Final

from domain.errors import ImpossibleCellError
from domain.lattice import LatticeParameters
from domain.space_groups import CellShape

_LENGTH_TOLERANCE: Final = 2e-3
"""Relative difference of lengths that symmetry makes equal."""
_ANGLE_TOLERANCE: Final = 0.2
"""Difference of an angle from what symmetry makes it, degrees."""


def exact_cell(shape: CellShape, lengths: Sequence[float], angles: Sequence[float]) -> LatticeParameters:
    """The cell that obeys a shape exactly, next to one that was measured.

    Args:
        shape: What the space group demands.
        lengths: a, b, c in Å.
        angles: alpha, beta, gamma in degrees.

    Raises:
        ImpossibleCellError: If the cell is too far from the shape, or spans no volume.
    """
    a, b, c = (float(length) for length in lengths)
    alpha, beta, gamma = (float(angle) for angle in angles)
    match shape:
        case CellShape.TRICLINIC:
            exact = (a, b, c, alpha, beta, gamma)
        case CellShape.MONOCLINIC:
            exact = (a, b, c, 90.0, beta, 90.0)
        case CellShape.ORTHORHOMBIC:
            exact = (a, b, c, 90.0, 90.0, 90.0)
        case CellShape.TETRAGONAL:
            exact = ((a + b) / 2, (a + b) / 2, c, 90.0, 90.0, 90.0)
        case CellShape.HEXAGONAL:
            exact = ((a + b) / 2, (a + b) / 2, c, 90.0, 90.0, 120.0)
        case CellShape.CUBIC:
            mean = (a + b + c) / 3
            exact = (mean, mean, mean, 90.0, 90.0, 90.0)
    cell = LatticeParameters(*exact)
    is_near = all(
        abs(new - old) <= _LENGTH_TOLERANCE * new for new, old in zip(cell.lengths, (a, b, c), strict=True)
    ) and all(abs(new - old) <= _ANGLE_TOLERANCE for new, old in zip(cell.angles, (alpha, beta, gamma), strict=True))
    if not is_near:
        raise ImpossibleCellError(
            f"The cell {a:g}, {b:g}, {c:g} Å, {alpha:g}, {beta:g}, {gamma:g}° is not {shape.value}.",
            remedy="Give the conventional cell in the standard setting (rhombohedral groups in hexagonal axes).",
        )
    return cell
