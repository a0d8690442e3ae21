"""Crystals that nobody has made: random neutral compositions in random space groups and cells.

A generator asks a potential about crystals that are nothing like what is known; it must have seen such.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.digest import derive_seed
from domain.elements import element
from domain.errors import PetaliteError, UnsupportedCrystalError
from domain.lattice import LatticeParameters
from domain.space_groups import SpaceGroup
from oracles.potentials.distillation.crystals import TaughtCrystal, repeated
from oracles.realization import DrawSettings, draw_sites
from oracles.structures import primitive_cell

if TYPE_CHECKING:
    import numpy as np

_ANIONS: Final = ("O", "S", "Se", "F", "Cl", "Br", "I", "N")
_GROUPS: Final = (1, 2, 4, 14, 15, 19, 33, 36, 61, 62, 63, 113, 121, 129, 136, 139, 148, 155, 160, 166, 186, 194, 225)
_MOST_ATOMS: Final = 12
_MOST_OF_ONE: Final = 8
_TRIALS: Final = 2_000
_VOLUME_PER_SPHERES: Final = (1.6, 2.8)
"""Range of a cell's volume, in volumes of its atoms' covalent spheres: Li2O has 1.3, LiCl 2.6."""
_ATTEMPTS_EACH: Final = 40
_DRAWS: Final = DrawSettings(draws=1)


def imagined(symbols: Sequence[str], n_crystals: int, *, min_atoms: int, seed: int) -> list[TaughtCrystal]:
    """Draws lithium compounds of the elements given; fewer where sites are not found in a bounded number of attempts.

    Args:
        symbols: Elements to choose from beside lithium.
        n_crystals: How many are wanted.
        min_atoms: Smaller cells are repeated.
        seed: Of everything that is drawn.
    """
    import numpy as np

    rng = np.random.default_rng(derive_seed(seed, "imagined"))
    anions = [symbol for symbol in symbols if symbol in _ANIONS]
    cations = [symbol for symbol in symbols if symbol not in {*_ANIONS, "Li", "H"} and _positive(symbol)]
    found: list[TaughtCrystal] = []
    for attempt in range(_ATTEMPTS_EACH * n_crystals if anions else 0):
        if len(found) == n_crystals:
            break
        try:
            blueprint = _blueprint(anions, cations, rng)
            atoms = draw_sites(blueprint, _DRAWS, seed=derive_seed(seed, "imagined", attempt)).kept[0].atoms
        except PetaliteError:
            continue
        cell = repeated(primitive_cell(atoms), min_atoms)
        found.append(TaughtCrystal(f"imagined-{len(found)}", cell, "imagined", "generated"))
    return found


def _blueprint(anions: Sequence[str], cations: Sequence[str], rng: np.random.Generator) -> Blueprint:
    """One blueprint; an impossible one raises."""
    group = SpaceGroup(int(rng.choice(_GROUPS)))
    counts = _neutral_counts(anions, cations, rng)
    n_formulas = int(rng.choice([1, 2]))
    composition = Composition.of({symbol: n_formulas * n for symbol, n in counts.items()})
    volume_A3 = float(rng.uniform(*_VOLUME_PER_SPHERES)) * _spheres_A3(composition)
    return Blueprint(group, composition, _cell(group.number, volume_A3, rng))


def _neutral_counts(anions: Sequence[str], cations: Sequence[str], rng: np.random.Generator) -> dict[str, int]:
    """Counts of one formula unit: lithium, one or two anions, none to two other cations.

    Raises:
        UnsupportedCrystalError: If no trial is neutral.
    """
    import numpy as np

    chosen = ["Li", *rng.permutation(list(cations))[: int(rng.integers(3))].tolist()]
    chosen += rng.permutation(list(anions))[: 1 + int(rng.integers(2))].tolist()
    charges = np.array([_negative(symbol) if symbol in _ANIONS else _positive(symbol) for symbol in chosen])
    trials = rng.integers(1, 1 + _MOST_OF_ONE, (_TRIALS, len(chosen)))
    neutral = trials[(trials @ charges == 0) & (trials.sum(axis=1) <= _MOST_ATOMS)]
    if not len(neutral):
        raise UnsupportedCrystalError(f"No counts make {chosen} neutral.", remedy="Draw other elements.")
    return dict(zip(chosen, neutral[0].tolist(), strict=True))


def _positive(symbol: str) -> int:
    return max((state for state in element(symbol).common_oxidation_states if state > 0), default=0)


def _negative(symbol: str) -> int:
    return min(element(symbol).common_oxidation_states)


def _spheres_A3(composition: Composition) -> float:
    import math

    from ase.data import covalent_radii

    return sum(n * 4 / 3 * math.pi * float(covalent_radii[z]) ** 3 for z, n in composition.counts)


def _cell(group: int, volume_A3: float, rng: np.random.Generator) -> LatticeParameters:
    """A cell of the volume that the group's lattice system allows."""
    from pyxtal.lattice import Lattice
    from pyxtal.symmetry import Group

    lattice = Lattice(Group(group).lattice_type, volume_A3, random_state=rng)
    a, b, c, alpha, beta, gamma = lattice.get_para(degree=True)
    return LatticeParameters(a, b, c, alpha, beta, gamma)
