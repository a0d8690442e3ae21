"""Energies of arrangements of point charges, and which sites are too close to be occupied together.

Source of the sums: Ewald, Annalen der Physik 369, 253 (1921), as pymatgen computes them.

Legend: S sites of the supercell, K arrangements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.errors import UnsupportedCrystalError

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_CLASH_EV: Final = 100.0
"""What two atoms on overlapping sites cost: more than any arrangement of charges gains by it."""
_SAME_PLACE_A: Final = 1e-2


@dataclass(frozen=True, slots=True)
class PairEnergies:
    """Energies of pairs of sites; one half of a pair's energy stands on each side of the diagonal."""

    charges: Floats
    """`[S, S]` eV for unit charges on both sites; on the diagonal, of a charge with its own images."""
    clashes: Floats
    """`[S, S]`: 1 for two sites of which one at most is occupied, else 0."""

    def energies_eV(self, charges: Floats, occupied: Floats) -> Floats:
        """Energy of each arrangement, clashes counted at a price beyond all reason.

        Args:
            charges: `[K, S]` elementary charges; 0 where a site is vacant.
            occupied: `[K, S]`: 1 or 0.

        Returns:
            `[K]` eV for the supercell.
        """
        coulomb = ((charges @ self.charges) * charges).sum(axis=-1)
        energies: Floats = coulomb + _CLASH_EV * self.n_clashes(occupied)
        return energies

    def n_clashes(self, occupied: Floats) -> Floats:
        """Pairs of atoms in each arrangement that overlap, `[K]`."""
        pairs: Floats = ((occupied @ self.clashes) * occupied).sum(axis=-1) / 2
        return pairs

    @property
    def clash_costs(self) -> Floats:
        """`[S, S]` eV: what clashes add, halved as the charges are."""
        costs: Floats = self.clashes * _CLASH_EV / 2
        return costs


def pair_energies(sites: Atoms, radii_A: Sequence[float], *, min_distance_ratio: float) -> PairEnergies:
    """Sums unit charges over all images (Ewald), with a background that keeps the crystal neutral.

    Args:
        sites: All sites of the supercell, occupied or not.
        radii_A: Smallest covalent radius of what may sit on each site, Å.
        min_distance_ratio: Two sites nearer than this share of their radii's sum are never both occupied.

    Raises:
        UnsupportedCrystalError: If two sites are in one place.
    """
    import numpy as np
    from pymatgen.analysis.ewald import EwaldSummation
    from pymatgen.core import Structure

    distances = sites.get_all_distances(mic=True)
    np.fill_diagonal(distances, np.inf)
    if distances.min(initial=np.inf) < _SAME_PLACE_A:
        raise UnsupportedCrystalError(
            "Two sites of the disordered structure are in the same place.",
            remedy="Make one shared site of them, with the share of each element.",
        )
    structure = Structure(sites.cell[:], ["H+"] * len(sites), sites.get_scaled_positions())
    radii = np.array(radii_A)
    return PairEnergies(
        charges=np.asarray(EwaldSummation(structure).total_energy_matrix, dtype=np.float64),
        clashes=(distances < min_distance_ratio * (radii[:, None] + radii[None])).astype(np.float64),
    )
