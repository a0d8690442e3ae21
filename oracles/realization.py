"""Sites for a blueprint: random draws from Wyckoff positions in the blueprint's own cell (PyXtal).

Source: Fredericks, Parrish, Sayre, Zhu, Computer Physics Communications 261, 107810 (2021).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from domain.blueprint import Blueprint
from domain.digest import derive_seed
from domain.errors import InvalidValueError, PermanentLookError
from domain.json_value import JsonObject
from oracles.structures import contact_ratios, to_cif

if TYPE_CHECKING:
    from ase import Atoms
    from pyxtal.crystal import random_crystal

METHOD: Final = "pyxtal"
_HOPELESS_AFTER: Final = 2
"""Draws without a success after which the rest is not tried."""
_MAX_ROUNDS: Final = 3
"""Rounds of up to ten placements that PyXtal tries for one draw; its own forty cost seconds where there is no room."""
_PYXTAL_TOLERANCE: Final = 0.5
"""PyXtal's own smallest distance for atomic crystals, as a share of the sum of covalent radii."""


class _NoRoomError(Exception):
    """PyXtal found no placement."""


@dataclass(frozen=True, slots=True)
class DrawSettings:
    """How sites are drawn."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    draws: int = 4
    """Distinct placements to keep."""
    min_distance_ratio: float = 0.7
    """Smallest distance between two atoms as a share of the sum of their covalent radii."""

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise InvalidValueError(f"{self.draws} draws place no atom.", remedy="Give at least 1.")
        if not 0 < self.min_distance_ratio < 1.5:
            raise InvalidValueError(
                f"min_distance_ratio {self.min_distance_ratio} is out of range.", remedy="Give about 0.7."
            )


@dataclass(frozen=True, slots=True)
class Draw:
    """One placement of the atoms."""

    atoms: Atoms
    """Conventional cell, in the blueprint's setting."""
    cif: str
    seed: int


@dataclass(frozen=True, slots=True)
class Draws:
    """What came of all draws."""

    kept: tuple[Draw, ...]
    """At least one, no two alike."""
    tallies: JsonObject
    """How many attempts ended how."""


def draw_sites(blueprint: Blueprint, settings: DrawSettings, *, seed: int) -> Draws:
    """Draws sites for a blueprint; the same seed always gives the same sites.

    Raises:
        PermanentLookError: If no draw succeeds, with the counts of why.
    """
    _require_room(blueprint, settings)
    tally: Counter[str] = Counter()
    kept: dict[str, Draw] = {}
    for index in range(settings.draws):
        if not kept and index == _HOPELESS_AFTER:
            break
        draw_seed = derive_seed(seed, "draw", index)
        atoms = _place(blueprint, settings, seed=draw_seed, tally=tally)
        if atoms is not None:
            draw = Draw(atoms, to_cif(atoms), draw_seed)
            tally["kept" if draw.cif not in kept else "repeated"] += 1
            kept.setdefault(draw.cif, draw)
    if not kept:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(tally.items()))
        raise _no_sites(blueprint, reasons)
    return Draws(tuple(kept.values()), dict(tally))


def _require_room(blueprint: Blueprint, settings: DrawSettings) -> None:
    """Refuses cells that are smaller than the spheres that may not overlap; drawing would take long to find out."""
    from ase.data import covalent_radii

    spheres_A3 = sum(
        n_atoms * 4 / 3 * math.pi * (settings.min_distance_ratio * float(covalent_radii[atomic_number])) ** 3
        for atomic_number, n_atoms in blueprint.composition.counts
    )
    if spheres_A3 > blueprint.lattice.volume_A3:
        raise _no_sites(blueprint, f"its atoms fill {spheres_A3 / blueprint.lattice.volume_A3:.1f} times the cell")


def _no_sites(blueprint: Blueprint, reasons: str) -> PermanentLookError:
    group = blueprint.space_group
    return PermanentLookError(
        f"No atom sites could be drawn for {blueprint.composition.formula} in space group {group.number} "
        f"({group.symbol}) with {blueprint.volume_per_atom_A3:.1f} Å³ per atom: {reasons}.",
        remedy="Look at a crystal with a larger cell or other counts, or allow more draws.",
    )


def _place(blueprint: Blueprint, settings: DrawSettings, *, seed: int, tally: Counter[str]) -> Atoms | None:
    import numpy as np
    from ase import Atoms as AseAtoms
    from pyxtal.msg import Comp_CompatibilityError

    try:
        crystal = _random_crystal(blueprint, settings, seed=seed)
    except Comp_CompatibilityError as error:
        raise PermanentLookError(
            f"The counts of {blueprint.composition.formula} fit no Wyckoff positions of space group "
            f"{blueprint.space_group.number} ({blueprint.space_group.symbol}).",
            remedy="Look at a crystal whose counts are multiples of the group's multiplicities.",
        ) from error
    except _NoRoomError:
        tally["placements without room"] += 1
        return None
    atoms = AseAtoms(
        symbols=[site.specie for site in crystal.atom_sites for _ in site.coords],
        scaled_positions=np.concatenate([site.coords for site in crystal.atom_sites]),
        cell=blueprint.lattice.parameters,
        pbc=True,
    )
    atoms.wrap()
    if sorted(atoms.numbers.tolist()) != [z for z, n in blueprint.composition.counts for _ in range(n)]:
        tally["placements with other counts"] += 1
        return None
    if contact_ratios(atoms)[0] < settings.min_distance_ratio:
        tally["placements with atoms too close"] += 1
        return None
    return atoms


def _random_crystal(blueprint: Blueprint, settings: DrawSettings, *, seed: int) -> random_crystal:
    """PyXtal's random crystal in the given cell, with its own hundreds of attempts cut short.

    Raises:
        Comp_CompatibilityError: If the counts fit no Wyckoff positions.
        _NoRoomError: If no attempt finds room for all atoms.
    """
    import numpy as np
    from pyxtal.crystal import random_crystal
    from pyxtal.lattice import Lattice
    from pyxtal.symmetry import Group
    from pyxtal.tolerance import Tol_matrix

    class BoundedCrystal(random_crystal):  # type: ignore[misc]
        n_rounds = 0

        def set_volume(self) -> None:
            """Opens every round of attempts. The volume is given, so there is nothing to set."""
            self.n_rounds += 1
            if self.n_rounds > _MAX_ROUNDS:
                raise _NoRoomError

    group = Group(blueprint.space_group.number)
    # PyXtal draws Wyckoff positions from one generator and coordinates from the lattice's own: both need the seed.
    lattice = Lattice.from_para(
        *blueprint.lattice.parameters, ltype=group.lattice_type, random_state=np.random.default_rng([seed, 0])
    )
    crystal = BoundedCrystal(
        group=group,
        species=[element.symbol for element in blueprint.composition.elements],
        numIons=[n_atoms for _, n_atoms in blueprint.composition.counts],
        lattice=lattice,
        tm=Tol_matrix(prototype="atomic", factor=settings.min_distance_ratio / _PYXTAL_TOLERANCE),
        random_state=np.random.default_rng([seed, 1]),
    )
    if not crystal.valid:
        raise _NoRoomError
    return crystal
