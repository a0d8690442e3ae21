"""The map between the unit cube and the cells of a search space.

A cell is written as angles, volume per atom v and the logarithms of lengths, in the order of `Slot`. Each of them
lies in an interval that depends on the number of atoms and on the values before it, and is chosen so that whatever is
drawn, an allowed cell can be completed. Coordinate u in [0, 1] stands for `low + u (high - low)` in its interval:

| slot     | value | interval                                                                      |
|----------|-------|-------------------------------------------------------------------------------|
| ALPHA    | α     | some β and γ in `angle_deg` give the cell a relative volume w of at least m   |
| BETA     | β     | some γ does                                                                   |
| GAMMA    | γ     | w >= m                                                                        |
| VOLUME   | v     | `volume_per_atom_A3`, and n v / w within the cubes of `length_A`'s ends       |
| LENGTH_A | ln a  | `length_A`, and the remaining lengths fit into it                             |
| LENGTH_B | ln b  | the same                                                                      |

with w = V / (a b c), n atoms, and m = `CellLimits.smallest_relative_volume(n)`. The last length follows from the
volume. With x, y, z the cosines of α, β, γ, w² = 1 - x² - y² - z² + 2xyz. It is the determinant of a Gram matrix that
is linear in x, y, z, so the region w >= m is convex and each of the intervals above is one interval, known in closed
form.

**Reference measure.** Log-probabilities of lattices are log-densities with respect to Lebesgue measure on the
coordinates u that the shape leaves free. A reward over crystals is a density with respect to the same measure; no
Jacobian enters.

Legend: N cells, all of one shape.
"""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from domain.lattice import ANGLE_DECIMALS, LENGTH_DECIMALS
from domain.space_groups import CellShape
from generators.cell_limits import CellLimits
from generators.states import UNSET, Slot

FREE_SLOTS: Final[dict[CellShape, tuple[Slot, ...]]] = {
    CellShape.TRICLINIC: (Slot.ALPHA, Slot.BETA, Slot.GAMMA, Slot.VOLUME, Slot.LENGTH_A, Slot.LENGTH_B),
    CellShape.MONOCLINIC: (Slot.BETA, Slot.VOLUME, Slot.LENGTH_A, Slot.LENGTH_B),
    CellShape.ORTHORHOMBIC: (Slot.VOLUME, Slot.LENGTH_A, Slot.LENGTH_B),
    CellShape.TETRAGONAL: (Slot.VOLUME, Slot.LENGTH_A),
    CellShape.HEXAGONAL: (Slot.VOLUME, Slot.LENGTH_A),
    CellShape.CUBIC: (Slot.VOLUME,),
}
"""Coordinates that a cell shape leaves free, in the order of drawing."""

_ROUNDING: Final = 2e-3
"""How far outside of its interval a value may lie because its cell was rounded."""
_NO_WIDTH: Final = 1e-12

_Interval = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class CellMap:
    """The map for one cell shape."""

    limits: CellLimits

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The coordinates that are free."""
        return FREE_SLOTS[self.limits.shape]

    def to_lattice(self, cube: Tensor, n_atoms: Tensor) -> Tensor:
        """Turns coordinates into lattice parameters, rounded to the precision that names a cell.

        Args:
            cube: `[N, 6]` by slot; those that are not free are not looked at.
            n_atoms: `[N]` atoms in the cell, such as `CellLimits.admits`.

        Returns:
            `[N, 6]` float64: a, b, c in Å, then alpha, beta, gamma in degrees.
        """
        values = self._fixed_angles(len(cube))
        for slot in self.slots:
            low, high = self._interval(slot, values, n_atoms)
            values[slot] = low + cube[:, slot] * (high - low)
        log_product = self._log_product(values, n_atoms)
        a = values.get(Slot.LENGTH_A, log_product / 3)
        b = values.get(Slot.LENGTH_B, a)
        lengths = torch.stack([a, b, log_product - a - b], dim=1).exp()
        angles = torch.stack([values[slot] for slot in (Slot.ALPHA, Slot.BETA, Slot.GAMMA)], dim=1)
        lengths = lengths.round(decimals=LENGTH_DECIMALS)
        if self.limits.shape is CellShape.CUBIC:
            lengths = lengths[:, :1].expand(-1, 3)
        return torch.cat([lengths, angles.round(decimals=ANGLE_DECIMALS)], dim=1)

    def to_cube(self, lattice: Tensor, n_atoms: Tensor) -> Tensor:
        """Turns lattice parameters into coordinates.

        Args:
            lattice: `[N, 6]` as `to_lattice` gives it.
            n_atoms: `[N]` atoms in the cell.

        Returns:
            `[N, 6]` by slot, unset where not free, nan where the lattice is outside of the search space.
        """
        log_lengths, angles = lattice[:, :3].log(), lattice[:, 3:]
        known = {slot: angles[:, slot] for slot in (Slot.ALPHA, Slot.BETA, Slot.GAMMA)}
        volume = log_lengths.sum(dim=1).exp() * _relative_volume(known)
        known |= {
            Slot.VOLUME: volume / n_atoms,
            Slot.LENGTH_A: log_lengths[:, 0],
            Slot.LENGTH_B: log_lengths[:, 1],
        }
        cube = torch.full((len(lattice), len(Slot)), float(UNSET), dtype=torch.float64)
        values = self._fixed_angles(len(lattice))
        for slot in self.slots:
            low, high = self._interval(slot, values, n_atoms)
            values[slot] = known[slot]
            cube[:, slot] = _position(known[slot], low, high)
        return cube

    def _fixed_angles(self, n_cells: int) -> dict[Slot, Tensor]:
        right = torch.full((n_cells,), 90.0, dtype=torch.float64)
        is_hexagonal = self.limits.shape is CellShape.HEXAGONAL
        return {
            Slot.ALPHA: right,
            Slot.BETA: right,
            Slot.GAMMA: torch.full_like(right, 120.0) if is_hexagonal else right,
        }

    def _interval(self, slot: Slot, values: dict[Slot, Tensor], n_atoms: Tensor) -> _Interval:
        match slot:
            case Slot.ALPHA | Slot.BETA | Slot.GAMMA:
                return self._angle_interval(slot, values, n_atoms)
            case Slot.VOLUME:
                return self._volume_interval(values, n_atoms)
            case Slot.LENGTH_A:
                n_equal = 1 if Slot.LENGTH_B in self.slots else 2
                return self._length_interval(self._log_product(values, n_atoms), n_equal, n_lengths=3)
            case Slot.LENGTH_B:
                remaining = self._log_product(values, n_atoms) - values[Slot.LENGTH_A]
                return self._length_interval(remaining, 1, n_lengths=2)

    def _length_interval(self, log_product: Tensor, n_equal: int, *, n_lengths: int) -> _Interval:
        """Range of ln a where `n_lengths` lengths, the first `n_equal` of them equal to a, have this product."""
        low, high = (math.log(length) for length in self.limits.length_A)
        n_others = n_lengths - n_equal
        return (
            ((log_product - n_others * high) / n_equal).clamp(min=low),
            ((log_product - n_others * low) / n_equal).clamp(max=high),
        )

    def _volume_interval(self, values: dict[Slot, Tensor], n_atoms: Tensor) -> _Interval:
        per_atom = _relative_volume(values) / n_atoms
        low, high = self.limits.volume_per_atom_A3
        shortest, longest = self.limits.length_A
        return (per_atom * shortest**3).clamp(min=low), (per_atom * longest**3).clamp(max=high)

    def _log_product(self, values: dict[Slot, Tensor], n_atoms: Tensor) -> Tensor:
        """Logarithm of a b c."""
        return torch.log(n_atoms * values[Slot.VOLUME] / _relative_volume(values))

    def _angle_interval(self, slot: Slot, values: dict[Slot, Tensor], n_atoms: Tensor) -> _Interval:
        """Range of an angle in degrees."""
        smallest = torch.tensor(
            [self.limits.smallest_relative_volume(n) for n in range(1, int(n_atoms.max()) + 1)], dtype=torch.float64
        )[n_atoms - 1]
        bounds = tuple(math.cos(math.radians(angle)) for angle in reversed(self.limits.angle_deg))
        x, y = (_cosine(values[slot]) for slot in (Slot.ALPHA, Slot.BETA))
        if self.limits.shape is CellShape.MONOCLINIC:
            reach = _root(1 - smallest**2)
            low, high = -reach, reach
        elif slot is Slot.ALPHA:
            low, high = _range_of_first(smallest, bounds)
        elif slot is Slot.BETA:
            low, high = _range_of_second(x, smallest, bounds)
        else:
            reach = _root((1 - x**2) * (1 - y**2) - smallest**2)
            low, high = x * y - reach, x * y + reach
        low, high = low.clamp(min=bounds[0]), high.clamp(max=bounds[1])
        return torch.rad2deg(torch.arccos(high)), torch.rad2deg(torch.arccos(low))


def _position(value: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Where a rounded value stands in its interval: 0 to 1, nan outside."""
    position = ((value - low) / (high - low).clamp(min=_NO_WIDTH)).clamp(0.0, 1.0)
    slack = _ROUNDING * (1 + value.abs())
    return position.masked_fill((value < low - slack) | (value > high + slack), math.nan)


def _range_of_first(smallest: Tensor, bounds: tuple[float, ...]) -> _Interval:
    """Cosines x for which some y and z within bounds give w >= m.

    The region is convex and symmetric in y and z, so that y = z = t may be taken, and then w² = (1 - x)(1 + x - 2t²) is
    largest for the smallest t².
    """
    nearest = min(max(0.0, bounds[0]), bounds[1]) ** 2
    reach = _root((1 - nearest) ** 2 - smallest**2)
    return nearest - reach, nearest + reach


def _range_of_second(x: Tensor, smallest: Tensor, bounds: tuple[float, ...]) -> _Interval:
    """Cosines y for which some z within bounds gives w >= m: the ends of the ellipse y² - 2xyz + z² <= 1 - x² - m²."""
    available = 1 - x**2 - smallest**2
    tip = _root(available / (1 - x**2))
    ends = []
    for sign in (-1.0, 1.0):
        z = (sign * x * tip).clamp(*bounds)
        ends.append(x * z + sign * _root(available - z**2 * (1 - x**2)))
    return ends[0], ends[1]


def _relative_volume(values: dict[Slot, Tensor]) -> Tensor:
    """V / (a b c), as `domain.lattice.relative_volume`."""
    x, y, z = (_cosine(values[slot]) for slot in (Slot.ALPHA, Slot.BETA, Slot.GAMMA))
    return _root(1 - x**2 - y**2 - z**2 + 2 * x * y * z)


def _cosine(angle_deg: Tensor) -> Tensor:
    """Exactly 0 at 90°."""
    return torch.sin(torch.deg2rad(90.0 - angle_deg))


def _root(square: Tensor) -> Tensor:
    """Square root; rounding may have led just below zero."""
    return square.clamp(min=0.0).sqrt()
