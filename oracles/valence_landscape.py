"""The bond-valence site energy of a mobile cation everywhere in a crystal's cell (bvlain).

Source: Chen, Wong and Adams, Acta Crystallographica B 75, 18 (2019); Dembitskiy, Fedotov et al., bvlain.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from domain.composition import Composition
from domain.errors import OracleUnavailableError, UnsupportedCrystalError
from oracles.oxidation import require_oxidation_states

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

ANIONS: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType(
    {
        "Li": MappingProxyType({"N": -3, "O": -2, "F": -1, "S": -2, "Cl": -1, "Se": -2, "Br": -1, "Te": -2, "I": -1}),
        "Na": MappingProxyType({"O": -2, "F": -1, "S": -2, "Cl": -1, "Se": -2, "Br": -1, "Te": -2, "I": -1}),
        "K": MappingProxyType({"O": -2, "F": -1, "S": -2, "Cl": -1, "Se": -2, "Br": -1, "Te": -2, "I": -1}),
    }
)
"""Anions for which bvlain has parameters, by mobile cation (all of charge +1)."""
_NEIGHBOURS: Final = 100
"""The nearest of the framework that act on a point; beyond about 7 Å nothing is felt of the others."""
_BYTES_PER_POINT: Final = 8 * 8 * _NEIGHBOURS
"""What bvlain holds at once for one point of the grid, measured."""
_SMALLEST_GRID: Final = 4


@dataclass(frozen=True, slots=True)
class Ions:
    """What moves, and what charge everything has."""

    mobile: str
    """Symbol of a cation of charge +1."""
    states: Mapping[str, int]
    """Oxidation state by symbol."""

    @classmethod
    def of(cls, composition: Composition, mobile: str, given: Mapping[str, int]) -> Ions:
        """Assigns oxidation states, so that the mobile ion's energy is defined.

        Raises:
            UnsupportedCrystalError: If the mobile element is missing, no assignment is neutral, or an anion has no
                parameters.
        """
        counts = {e.symbol: float(n) for e, (_, n) in zip(composition.elements, composition.counts, strict=True)}
        if mobile not in counts:
            raise UnsupportedCrystalError(
                f"{composition.reduced_formula} has no {mobile} that could move.",
                remedy=f"Look at crystals with {mobile}, or name another ion in the setting 'mobile'.",
            )
        states = require_oxidation_states(counts, {mobile: 1, **given})
        known = ANIONS[mobile]
        unknown = [f"{symbol}({state})" for symbol, state in states.items() if state < 0 and known.get(symbol) != state]
        if unknown:
            raise UnsupportedCrystalError(
                f"There are no bond-valence parameters of {mobile} with {', '.join(unknown)} for "
                f"{composition.reduced_formula}.",
                remedy=f"Keep to crystals whose anions are among {', '.join(known)}, or correct 'oxidation_states'.",
            )
        return cls(mobile, MappingProxyType(states))


def require_bvlain() -> None:
    """Checks, without importing it, that bvlain is here.

    Raises:
        OracleUnavailableError: If it is not.
    """
    if importlib.util.find_spec("bvlain") is None:
        raise OracleUnavailableError(
            "Bond-valence site energies need bvlain, which is not installed.",
            remedy="pip install 'petalite[transport]'",
        )


def grid_memory_GiB(volume_A3: float, resolution_A: float) -> float:
    """Memory that a landscape of a cell takes at least."""
    return volume_A3 / resolution_A**3 * _BYTES_PER_POINT / 2**30


def site_energies_eV(atoms: Atoms, ions: Ions, *, resolution_A: float, cutoff_A: float) -> NDArray[np.float64]:
    """Computes the energy of the mobile ion on a grid, with all others of its kind taken away.

    Args:
        atoms: An ordered crystal.
        ions: What moves, and what charge everything has.
        resolution_A: Distance between points, Å; a little more where the cell is no multiple of it.
        cutoff_A: Framework ions beyond it are not felt, Å.

    Returns:
        `[X, Y, Z]` eV on a periodic grid along the lattice vectors.

    Raises:
        UnsupportedCrystalError: If an element has no parameters, or the cell is smaller than the grid.
    """
    import numpy as np

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # It imports scipy by an old name, and divides by zero where a point lies on an atom.
        warnings.simplefilter("ignore")
        from bvlain import Lain
        from pymatgen.io.ase import AseAtomsAdaptor

        structure = AseAtomsAdaptor.get_structure(atoms)
        structure.add_oxidation_state_by_element(dict(ions.states))
        calculator = Lain(verbose=False)
        calculator.read_structure(structure, oxi_check=False)
        try:
            energies = calculator.bvse_distribution(
                mobile_ion=f"{ions.mobile}1+", r_cut=cutoff_A, resolution=resolution_A, k=_NEIGHBOURS
            )
        except KeyError as error:
            raise UnsupportedCrystalError(
                f"Element {error} of {atoms.get_chemical_formula()} has no bond-valence parameters.",
                remedy="Leave it out of the search space, or look with a potential.",
            ) from error
    if min(energies.shape) < _SMALLEST_GRID:
        raise UnsupportedCrystalError(
            f"A cell of {atoms.cell.lengths().round(2).tolist()} Å has no room for points {resolution_A:g} Å apart.",
            remedy="Give a finer 'resolution_A'.",
        )
    # Its grid ends where it began: the last plane of each direction is the first of the next cell.
    return np.nan_to_num(np.asarray(energies, dtype=np.float64)[:-1, :-1, :-1], nan=np.inf, posinf=np.inf)
