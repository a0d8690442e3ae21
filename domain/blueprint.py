"""A crystal as the generator imagines it, and the sites that realise it."""

import math
from dataclasses import dataclass
from typing import Final

from domain.composition import Composition
from domain.digest import content_digest
from domain.disorder import Arrangement
from domain.errors import ImpossibleCellError, InvalidValueError
from domain.lattice import LatticeParameters
from domain.space_groups import SpaceGroup

ORDERED: Final = "ordered"
"""With this word begins the method of sites that stand for those of a disordered structure."""
GRAMS_PER_CM3_FROM_U_PER_A3: Final = 1.66053906660
"""1 u/Å³ in g/cm³ (CODATA 2018)."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A space group, a composition and a lattice: a crystal without atom sites."""

    space_group: SpaceGroup
    composition: Composition
    """Of the conventional cell in the group's standard setting."""
    lattice: LatticeParameters
    """Of the same cell; obeys the group's cell shape."""

    def __post_init__(self) -> None:
        shape = self.space_group.cell_shape
        if not self.lattice.obeys(shape):
            raise ImpossibleCellError(
                f"Lattice {self.lattice.parameters} is not {shape.value}, as space group "
                f"{self.space_group.number} ({self.space_group.symbol}) demands.",
                remedy="Give the conventional cell in the standard setting (rhombohedral groups in hexagonal axes).",
            )

    @property
    def digest(self) -> str:
        """Names the blueprint by its content: equal to 1e-4 Å and 1e-3°, equal digest."""
        return content_digest(
            {
                "space_group": self.space_group.number,
                "composition": [list(pair) for pair in self.composition.counts],
                "lattice": list(self.lattice.parameters),
            }
        )

    @property
    def title(self) -> str:
        """What people call it in one line: reduced formula and space-group symbol."""
        return f"{self.composition.reduced_formula} ({self.space_group.symbol})"

    @property
    def volume_per_atom_A3(self) -> float:
        """Volume per atom in Å³."""
        return self.lattice.volume_A3 / self.composition.n_atoms

    @property
    def density_g_cm3(self) -> float:
        """Mass density in g/cm³, exact from composition and cell."""
        return self.composition.mass_u / self.lattice.volume_A3 * GRAMS_PER_CM3_FROM_U_PER_A3


@dataclass(frozen=True, slots=True)
class Realization:
    """Atom sites for a blueprint. One blueprint has several."""

    blueprint_digest: str
    cif: str
    """The structure as a CIF with its symmetry written out (P1 or full), the text that names it."""
    method: str
    """How the sites were found, such as `pyxtal` or `pyxtal+relax`."""
    seed: int
    """Seed of the random draw."""
    energy_eV_per_atom: float | None
    """Energy by which it was picked, eV/atom; None if it was not ranked."""
    ranked_by: str | None
    """Potential that gave the energy, with version; None if it was not ranked."""
    is_relaxed: bool
    """Whether cell and sites were relaxed, so that the cell may differ from the blueprint's."""
    arrangement: Arrangement | None = None
    """Of a disordered structure's sites; None where it stands for itself."""

    def __post_init__(self) -> None:
        if (self.energy_eV_per_atom is None) != (self.ranked_by is None):
            raise InvalidValueError(
                "A realization has an energy without the potential that gave it, or the reverse.",
                remedy="Give both, or neither.",
            )
        if self.energy_eV_per_atom is not None and not math.isfinite(self.energy_eV_per_atom):
            raise InvalidValueError(
                f"A realization of {self.energy_eV_per_atom} eV/atom is no crystal.", remedy="Record a failure instead."
            )

    @property
    def is_of_disordered(self) -> bool:
        """Whether the sites are one ordered choice for a structure whose sites are shared or partly vacant."""
        return self.arrangement is not None or self.method.startswith(ORDERED)

    @property
    def digest(self) -> str:
        """Names the realization by blueprint, method, seed and CIF."""
        return content_digest(
            {"blueprint": self.blueprint_digest, "method": self.method, "seed": self.seed, "cif": self.cif}
        )
