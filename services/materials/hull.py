"""The convex hull of formation energies: the lowest energy that a composition can have as a mixture of phases.

The hull's energy e at a composition with shares c_j of its atoms is the least sum_i x_i e_i of phases i with energies
e_i and shares c_ij whose amounts x_i >= 0 give the composition: sum_i x_i c_ij = c_j for every element j. That is a
linear programme; its solution names the phases that the composition falls apart into.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidValueError

_NOTHING: Final = 1e-9
"""Shares below are those of phases that are not there, up to the solver's tolerance."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Something with a composition and a formation energy."""

    amounts: Mapping[str, float]
    """Atoms of each element in any number of formula units, by symbol."""
    energy_eV_per_atom: float
    """Formation energy; all phases of one hull are of the same kind."""
    sigma: float | None = None
    """Its standard deviation; None where nobody knows."""

    @property
    def shares(self) -> dict[str, float]:
        """Share of all atoms, by symbol."""
        total = sum(self.amounts.values())
        return {symbol: amount / total for symbol, amount in self.amounts.items()}


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The mixture of lowest energy."""

    energy_eV_per_atom: float
    sigma: float | None
    """Its standard deviation, of phases that err independently; None where that of one of them is not known."""
    amounts: tuple[tuple[int, float], ...]
    """Pairs (index of a phase, share of all atoms that are in it), the largest first."""


def element_phase(symbol: str) -> Phase:
    """An element in its reference structure, from which formation energies count."""
    return Phase({symbol: 1.0}, 0.0, 0.0)


def decompose(amounts: Mapping[str, float], phases: Sequence[Phase]) -> Decomposition:
    """Finds the mixture of phases that has a composition and the lowest energy.

    Args:
        amounts: The composition, by symbol.
        phases: What it may fall apart into. Those with other elements are never part of it.

    Raises:
        InvalidValueError: If no mixture of them has the composition, as where an element is missing.
    """
    import numpy as np
    from scipy.optimize import linprog

    wanted = Phase(amounts, 0.0).shares
    symbols = sorted(wanted)
    usable = [index for index, phase in enumerate(phases) if phase.amounts.keys() <= wanted.keys()]
    shares = [phases[index].shares for index in usable]
    energies = np.array([phases[index].energy_eV_per_atom for index in usable])
    solved = None
    if usable:
        solved = linprog(
            energies,
            A_eq=np.array([[share.get(symbol, 0.0) for share in shares] for symbol in symbols]),
            b_eq=np.array([wanted[symbol] for symbol in symbols]),
            bounds=(0, None),
            method="highs",
        )
    if solved is None or not solved.success:
        raise InvalidValueError(
            f"No mixture of the {len(phases)} phases has the composition of {'-'.join(symbols)}.",
            remedy="Add the elements themselves.",
        )
    found = [(index, float(share)) for index, share in zip(usable, solved.x, strict=True) if share > _NOTHING]
    largest_first = tuple(sorted(found, key=lambda part: (-part[1], part[0])))
    energy = sum(share * phases[index].energy_eV_per_atom for index, share in largest_first)
    return Decomposition(energy, _sigma(phases, largest_first), largest_first)


def _sigma(phases: Sequence[Phase], parts: Sequence[tuple[int, float]]) -> float | None:
    variance = 0.0
    for index, share in parts:
        sigma = phases[index].sigma
        if sigma is None:
            return None
        variance += (share * sigma) ** 2
    return math.sqrt(variance)
