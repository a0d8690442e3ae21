"""Ways to put the atoms of a filling on their sites: all of them, or a sample.

Legend: S sites of the supercell, K arrangements, L labels (the species, then vacancy), P permutations.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.constants import BOLTZMANN_EV_PER_K
from oracles.disorder.electrostatics import PairEnergies

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Labels = NDArray[np.int8]
    Integers = NDArray[np.int64]

_HOTTEST: Final = 30.0
"""Sampling begins at this multiple of the temperature."""
_SWEEPS: Final = 150
"""Times that each site is tried on the way down, and as often again at the temperature itself."""


@dataclass(frozen=True, slots=True)
class Block:
    """The sites of one sublattice in the supercell, with what is to be put on them."""

    sites: tuple[int, ...]
    labels: tuple[int, ...]
    """As many as there are sites, ascending."""

    @property
    def is_mixed(self) -> bool:
        """Whether there is anything to choose."""
        return len(set(self.labels)) > 1


def every_arrangement(blocks: Sequence[Block], n_sites: int) -> Labels:
    """Lists all arrangements, `[K, S]` labels."""
    import numpy as np

    found = np.zeros((1, n_sites), dtype=np.int8)
    for block in blocks:
        ways = np.array(list(_permutations(block.labels)), dtype=np.int8)
        found = np.repeat(found, len(ways), axis=0)
        found[:, list(block.sites)] = np.tile(ways, (len(found) // len(ways), 1))
    return found


def _permutations(labels: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Distinct orders of a sequence that contains repeats."""
    if not labels:
        yield ()
        return
    for first in sorted(set(labels)):
        rest = list(labels)
        rest.remove(first)
        for others in _permutations(tuple(rest)):
            yield (first, *others)


def distinct(arrangements: Labels, permutations: Integers) -> tuple[Integers, Integers]:
    """Finds one arrangement of each set that symmetry makes equal.

    Arrangements are told apart by sums of random numbers, one for each label on each site: the smallest sum over all
    permutations is the set's name. Two sets share one with a probability of about K² / 2⁶⁴.

    Args:
        arrangements: `[K, S]` labels.
        permutations: `[P, S]`: the site onto which each site is moved.

    Returns:
        Index of the first arrangement of each set, and how many the set has.
    """
    import numpy as np

    n_labels = int(arrangements.max()) + 1
    rng = np.random.default_rng(0)  # names, not a draw: any numbers do
    numbers = rng.integers(2**63, size=(arrangements.shape[1], n_labels), dtype=np.uint64)
    names = np.full(len(arrangements), np.iinfo(np.uint64).max, dtype=np.uint64)
    for permutation in permutations:
        moved = numbers[permutation]
        np.minimum(names, moved[np.arange(arrangements.shape[1]), arrangements].sum(axis=1, dtype=np.uint64), out=names)
    _, first, counts = np.unique(names, return_index=True, return_counts=True)
    return first.astype(np.int64), counts.astype(np.int64)


@dataclass(frozen=True, slots=True)
class Sampler:
    """Draws arrangements as often as they occur at a temperature (Metropolis), each by a chain of its own."""

    blocks: tuple[Block, ...]
    pairs: PairEnergies
    charge_of: Floats
    """`[L]` elementary charges; 0 for vacancy."""
    screening: float
    """Relative permittivity that divides all energies of charges."""
    temperature_K: float

    def draw(self, n_sites: int, rng: np.random.Generator) -> Labels:
        """One arrangement, `[S]` labels: from a random start, cooled to the temperature and kept there."""
        import numpy as np

        labels = np.zeros(n_sites, dtype=np.int8)
        for block in self.blocks:
            labels[list(block.sites)] = rng.permutation(np.array(block.labels, dtype=np.int8))
        mixed = [block for block in self.blocks if block.is_mixed]
        n_mixed = sum(len(block.sites) for block in mixed)
        heats = np.concatenate([np.geomspace(_HOTTEST, 1.0, _SWEEPS), np.ones(_SWEEPS)])
        state = _State(labels, self)
        odds = np.array([len(block.sites) / n_mixed for block in mixed])
        for heat in heats:
            beta = 1 / (BOLTZMANN_EV_PER_K * self.temperature_K * heat)
            # Drawn for a whole sweep at once: one number at a time takes longer than the swap itself.
            where = rng.choice(len(mixed), size=n_mixed, p=odds).tolist()
            for index, (here, there, chance) in zip(where, rng.random((n_mixed, 3)).tolist(), strict=True):
                sites = mixed[index].sites
                state.try_swap(sites[int(here * len(sites))], sites[int(there * len(sites))], beta, chance)
        return labels


class _State:
    """An arrangement under way, with the field that each site feels."""

    def __init__(self, labels: Labels, sampler: Sampler) -> None:
        self._labels = labels
        self._charge_of = sampler.charge_of
        self._vacancy = len(sampler.charge_of) - 1
        self._coulomb = sampler.pairs.charges / sampler.screening
        self._clashes = sampler.pairs.clash_costs
        self._field = self._coulomb @ self._charge_of[labels]
        self._crowd = self._clashes @ (labels != self._vacancy).astype(float)

    def try_swap(self, here: int, there: int, beta: float, chance: float) -> None:
        """Swaps what sits on two sites where energy allows it, or chance (between 0 and 1)."""
        first, second = int(self._labels[here]), int(self._labels[there])
        if first == second:
            return
        charge = float(self._charge_of[second] - self._charge_of[first])
        atoms = float(second != self._vacancy) - float(first != self._vacancy)
        energy = _cost(self._coulomb, self._field, here, there, charge)
        energy += _cost(self._clashes, self._crowd, here, there, atoms)
        if energy > 0 and chance >= math.exp(-beta * energy):
            return
        self._labels[here], self._labels[there] = second, first
        self._field += charge * (self._coulomb[here] - self._coulomb[there])
        self._crowd += atoms * (self._clashes[here] - self._clashes[there])


def _cost(pairs: Floats, field: Floats, here: int, there: int, amount: float) -> float:
    """What it costs to take an amount from one site to another, where pairs of sites interact."""
    of_itself = pairs[here, here] + pairs[there, there] - 2 * pairs[here, there]
    return float(2 * amount * (field[here] - field[there]) + amount**2 * of_itself)
