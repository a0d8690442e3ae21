"""What a run of molecular dynamics hands over to be analysed.

Legend: T frames, N atoms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.errors import InvalidValueError

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class IonTrajectory:
    """Where the atoms of one crystal were, at one temperature and in one cell."""

    positions_A: Floats
    """Unwrapped positions `[T, N, 3]`: an atom that leaves the cell is not put back."""
    cell_A: Floats
    """Cell vectors `[3, 3]`, a row each; the same in all frames."""
    is_ion: Flags
    """Which atoms are the mobile ions `[N]`; the others are the framework."""
    interval_ps: float
    """Time from frame to frame."""
    temperature_K: float
    charge_e: float = 1.0
    """Charge of every mobile ion, in elementary charges."""

    def __post_init__(self) -> None:
        for name, dtype in (("positions_A", np.float64), ("cell_A", np.float64), ("is_ion", np.bool_)):
            array = np.array(getattr(self, name), dtype=dtype)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        self._require_shapes()
        self._require_numbers()

    @property
    def n_ions(self) -> int:
        """How many ions are mobile."""
        return int(self.is_ion.sum())

    @property
    def duration_ps(self) -> float:
        """Time from the first frame to the last."""
        return (len(self.positions_A) - 1) * self.interval_ps

    @property
    def volume_A3(self) -> float:
        """Volume of the cell."""
        return float(abs(np.linalg.det(self.cell_A)))

    def _require_shapes(self) -> None:
        shape = self.positions_A.shape
        if len(shape) != 3 or shape[2] != 3 or self.is_ion.shape != shape[1:2]:
            raise InvalidValueError(
                f"Positions of shape {shape} with {self.is_ion.shape} flags are no trajectory.",
                remedy="Give positions as frames × atoms × 3, and one flag an atom.",
            )
        if shape[0] < 2:
            raise InvalidValueError(
                f"A trajectory of {shape[0]} frames shows no motion; at least 2 were expected.",
                remedy="Keep frames more often, or run longer.",
            )
        if not self.is_ion.any() or self.is_ion.all():
            raise InvalidValueError(
                f"{self.n_ions} of {shape[1]} atoms are mobile ions; there must be at least one, and one framework "
                "atom that they move against.",
                remedy="Say which element is mobile.",
            )

    def _require_numbers(self) -> None:
        if not np.isfinite(self.positions_A).all():
            frame = int(np.argmin(np.isfinite(self.positions_A).all(axis=(1, 2))))
            raise InvalidValueError(
                f"Frame {frame} has positions that are no numbers.", remedy="Analyse the frames before the explosion."
            )
        if self.cell_A.shape != (3, 3) or not np.isfinite(self.cell_A).all() or self.volume_A3 == 0:
            raise InvalidValueError("The cell spans no volume.", remedy="Give three cell vectors as rows, in Å.")
        for name, value, unit in (
            ("time between frames", self.interval_ps, "ps"),
            ("temperature", self.temperature_K, "K"),
        ):
            if not (np.isfinite(value) and value > 0):
                raise InvalidValueError(f"A {name} of {value} {unit} is impossible.", remedy="Give a number above 0.")
        if not np.isfinite(self.charge_e) or self.charge_e == 0:
            raise InvalidValueError(
                f"Ions of charge {self.charge_e} carry no current.",
                remedy="Give the charge of the mobile ion, such as 1.",
            )
