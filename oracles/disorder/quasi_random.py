"""Special quasi-random arrangements: as near to perfect disorder as whole atoms in a small cell can be.

Neighbours of a site in a random alloy are as often of each species as the alloy as a whole. An arrangement is sought
whose pairs come near to that, shell by shell, the nearest shells first.

Source: Zunger, Wei, Ferreira, Bernard, Physical Review Letters 65, 353 (1990) for the idea; pairs alone, by simulated
annealing as in van de Walle et al., Calphad 42, 13 (2013).

Legend: S sites of the supercell, M of them shared, L labels (the species, then vacancy), N shells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from oracles.disorder.arrangements import Block

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Labels = NDArray[np.int8]

_N_SHELLS: Final = 4
"""Shells of neighbours whose pairs count; the weight of each is half of that of the one before."""
_SAME_SHELL_A: Final = 0.05
"""Distances that differ by less are one shell."""
_SWEEPS: Final = 120
_HOTTEST: Final = 0.05
_COLDEST: Final = 1e-5
"""Temperatures of the annealing, in units of the mismatch."""


@dataclass(frozen=True, slots=True)
class PairShells:
    """How often each two shared sites are neighbours in each shell, images of the supercell included."""

    counts: Floats
    """`[N, M, M]`, symmetric, each row adding up to a site's neighbours."""
    sites: tuple[int, ...]
    """`[M]`: which sites of the supercell they are."""


@dataclass(frozen=True, slots=True)
class QuasiRandom:
    """Draws arrangements whose pairs are nearly those of perfect disorder."""

    blocks: tuple[Block, ...]
    shells: PairShells
    clashes: Floats
    """`[S, S]`: 1 for two sites of which one at most is occupied, else 0."""
    n_labels: int
    """Species and vacancy; vacancy is the last."""

    def mismatch(self, labels: Labels) -> float:
        """How far pairs are from perfect disorder: squared differences of their frequencies, and a price for clashes.

        Args:
            labels: `[S]`.
        """
        import numpy as np

        hot = np.eye(self.n_labels)[labels[list(self.shells.sites)]]  # [M, L]
        found = np.einsum("ma,nmk,kb->nab", hot, self.shells.counts, hot)
        wanted = self._expected()
        sizes = self.shells.counts.sum(axis=(1, 2))
        weights = 0.5 ** np.arange(len(sizes))
        differences = ((found - wanted) / sizes[:, None, None]) ** 2
        occupied = (labels != self.n_labels - 1).astype(float)
        return float((weights * differences.sum(axis=(1, 2))).sum() + occupied @ self.clashes @ occupied)

    def draw(self, n_sites: int, rng: np.random.Generator) -> Labels:
        """One arrangement, `[S]` labels: from a random start, annealed; the best that was seen."""
        import numpy as np

        labels = np.zeros(n_sites, dtype=np.int8)
        for block in self.blocks:
            labels[list(block.sites)] = rng.permutation(np.array(block.labels, dtype=np.int8))
        mixed = [block.sites for block in self.blocks if block.is_mixed]
        now = self.mismatch(labels)
        best, lowest = labels.copy(), now
        for heat in np.geomspace(_HOTTEST, _COLDEST, _SWEEPS):
            for _ in range(len(self.shells.sites)):
                sites = mixed[int(rng.integers(len(mixed)))]
                here, there = (int(site) for site in rng.choice(sites, size=2, replace=False))
                if labels[here] == labels[there]:
                    continue
                labels[[here, there]] = labels[[there, here]]
                then = self.mismatch(labels)
                if then <= now or rng.random() < np.exp((now - then) / heat):
                    now = then
                else:
                    labels[[here, there]] = labels[[there, here]]
                if now < lowest:
                    best, lowest = labels.copy(), now
        return best

    def _expected(self) -> Floats:
        """`[N, L, L]`: pairs of each two labels if every site had its sublattice's composition."""
        import numpy as np

        place = {site: index for index, site in enumerate(self.shells.sites)}
        shares = np.zeros((len(self.shells.sites), self.n_labels))
        for block in self.blocks:
            if block.is_mixed:
                composition = np.bincount(block.labels, minlength=self.n_labels) / len(block.labels)
                shares[[place[site] for site in block.sites]] = composition
        expected: Floats = np.einsum("ma,nmk,kb->nab", shares, self.shells.counts, shares)
        return expected


def pair_shells(sites: Atoms, blocks: Sequence[Block]) -> PairShells:
    """Counts the neighbours among the shared sites of a supercell, shell by shell.

    Args:
        sites: All sites as atoms.
        blocks: What is to be put on them.
    """
    import numpy as np
    from matscipy.neighbours import neighbour_list

    shared = tuple(sorted(site for block in blocks if block.is_mixed for site in block.sites))
    chosen = sites[list(shared)]
    cutoff_A = 2 * (chosen.get_volume() / len(chosen)) ** (1 / 3)
    distances = np.empty(0)
    while len(starts := _shell_starts(distances)) <= _N_SHELLS:  # one more, so that the last is whole
        first, second, distances = neighbour_list(
            "ijd", positions=chosen.positions, cell=chosen.cell[:], pbc=(True, True, True), cutoff=cutoff_A
        )
        cutoff_A *= 1.3
    counts = np.zeros((_N_SHELLS, len(shared), len(shared)))
    for shell in range(_N_SHELLS):
        inside = (distances >= starts[shell]) & (distances < starts[shell + 1])
        np.add.at(counts[shell], (first[inside], second[inside]), 1.0)
    return PairShells(counts, shared)


def _shell_starts(distances: Floats) -> Floats:
    """Where shells begin: after every gap in the sorted distances."""
    import numpy as np

    ordered = np.sort(distances)
    starts: Floats = ordered[np.diff(ordered, prepend=-1.0) > _SAME_SHELL_A]
    return starts
