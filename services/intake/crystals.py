"""Crystals as people write them in one line."""

import re
from collections import Counter
from typing import Final

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.errors import InvalidValueError
from domain.lattice import LatticeParameters
from domain.space_groups import SpaceGroup

_ELEMENT: Final = re.compile(r"([A-Z][a-z]?)(\d*)")


def read_crystal(composition: str, space_group: int, cell: str) -> Blueprint:
    """Reads a crystal, such as `Li4Cl4`, 225 and `5.13`.

    Args:
        composition: Atoms of the conventional cell.
        space_group: Number of its group.
        cell: Six numbers: a, b, c in Å, then alpha, beta, gamma in degrees. One alone is a cube's.

    Raises:
        InvalidValueError: If one of them is not understood, or the cell is not one of the group's.
    """
    return Blueprint(SpaceGroup(space_group), _composition(composition), _lattice(cell))


def _composition(text: str) -> Composition:
    squeezed = "".join(text.split())
    parts = _ELEMENT.findall(squeezed)
    if not parts or "".join(symbol + number for symbol, number in parts) != squeezed:
        raise InvalidValueError(
            f"'{text[:60]}' is no composition.", remedy="Write the atoms of the conventional cell, such as Li4Cl4."
        )
    counts: Counter[str] = Counter()
    for symbol, number in parts:
        counts[symbol] += int(number or 1)
    return Composition.of(counts)


def _lattice(text: str) -> LatticeParameters:
    try:
        numbers = [float(number) for number in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        numbers = [*numbers * 3, 90.0, 90.0, 90.0]
    if len(numbers) != 6:
        raise InvalidValueError(
            f"'{text[:60]}' is no cell.", remedy="Write a b c in Å and alpha beta gamma in degrees, or a of a cube."
        )
    return LatticeParameters(*numbers)
