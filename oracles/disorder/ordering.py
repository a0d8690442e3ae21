"""Ordered crystals in place of a disordered one, each with its weight among them.

What is ordered is one cell or a few: order that needs more room is not seen. Energies are those of point charges, good
for telling likely arrangements from unlikely ones and for nothing else.

Legend: S sites of the supercell, K arrangements, L labels (the species, then vacancy).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from domain.constants import BOLTZMANN_EV_PER_K
from domain.elements import element
from domain.errors import InvalidValueError, UnsupportedCrystalError
from domain.structure import Structure
from oracles.disorder.arrangements import Block, Sampler, distinct, every_arrangement
from oracles.disorder.cells import VACANT, Filling, Sublattice, choose_filling
from oracles.disorder.electrostatics import PairEnergies, pair_energies
from oracles.disorder.quasi_random import QuasiRandom, pair_shells
from oracles.disorder.symmetry import site_permutations, sublattices_of
from oracles.oxidation import require_oxidation_states

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

    Labels = NDArray[np.int8]
    Floats = NDArray[np.float64]

ENUMERATION: Final = "enumeration"
SAMPLING: Final = "sampling"
QUASI_RANDOM: Final = "quasi-random"
_PUBLISHED_CHARGE_PER_ATOM: Final = 0.1
"""Published cells are often not neutral: hydrogen or lithium was not seen, or occupancies are rounded."""


@dataclass(frozen=True, slots=True)
class OrderingSettings:
    """How a disordered structure is ordered."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    keep: int = 4
    """Ordered crystals to return at most."""
    method: Literal["likely", "quasi-random"] = "likely"
    """`likely`: arrangements by their electrostatic energy, all of them or a sample. `quasi-random`: those whose pairs
    of neighbours come nearest to perfect disorder, all of one weight."""
    weights: Literal["boltzmann", "degeneracy"] = "boltzmann"
    """Of enumerated ones: by energy and number of equivalent arrangements, or by that number alone."""
    temperature_K: float = 1000.0
    """At which the sites were filled: about that of the synthesis."""
    screening: float = 10.0
    """Relative permittivity by which energies of charges are divided; unscreened ones are far too large."""
    enumerate_up_to: int = 5_000
    """Arrangements of which every one is looked at; where there are more, some are drawn."""
    composition_tolerance: float = 0.005
    """Largest difference in the share of an element among all atoms that a supercell may have to be taken at once."""
    max_sites: int = 200
    """Largest supercell, in sites."""
    min_distance_ratio: float = 0.55
    """Sites nearer than this share of their covalent radii's sum are never both occupied."""
    oxidation_states: Mapping[str, int] = field(default_factory=dict)
    """Of elements whose common ones do not fit, by symbol."""

    def __post_init__(self) -> None:
        if min(self.keep, self.enumerate_up_to, self.max_sites) < 1:
            raise InvalidValueError(
                f"keep {self.keep}, enumerate_up_to {self.enumerate_up_to} and max_sites {self.max_sites} leave "
                "nothing to order.",
                remedy="Give numbers of at least 1.",
            )
        if not (self.temperature_K > 0 and self.screening >= 1 and self.composition_tolerance >= 0):
            raise InvalidValueError(
                f"temperature_K {self.temperature_K}, screening {self.screening} or composition_tolerance "
                f"{self.composition_tolerance} is impossible.",
                remedy="Give a temperature above 0, a screening of at least 1 and a tolerance of at least 0.",
            )


@dataclass(frozen=True, slots=True)
class Ordering:
    """One ordered crystal."""

    atoms: Atoms
    weight: float
    """Share among those returned; they add up to 1."""
    energy_eV_per_atom: float
    """Of its point charges, unscreened: for comparison with its siblings alone."""
    degeneracy: int
    """Equivalent arrangements among all; of a sample, how often it was drawn."""


@dataclass(frozen=True, slots=True)
class Orderings:
    """The ordered crystals of a disordered one, and how they were found."""

    every: tuple[Ordering, ...]
    """At least one, the heaviest first; no two alike by the disordered structure's symmetry."""
    method: str
    """`ENUMERATION`, `SAMPLING` or `QUASI_RANDOM`."""
    weighed_by: str
    """Where their weights come from, in words."""
    filling: Filling
    states: Mapping[str, int]
    """Oxidation states that were assumed, by symbol."""
    left_out: float
    """Share of all arrangements' weight that was not returned; of what was drawn, where it was a sample."""


def order(structure: Structure, settings: OrderingSettings, *, rng: np.random.Generator) -> Orderings:
    """Puts whole atoms on the sites of a disordered structure.

    All arrangements are looked at where there are few, and some are drawn as often as they occur at the temperature
    where there are many; or those nearest to perfect disorder are sought.

    Raises:
        UnsupportedCrystalError: If no oxidation states fit, the cell is too large, or atoms overlap in every
            arrangement.
    """
    states = _states(structure, settings)
    sublattices = sublattices_of(structure)
    filling = choose_filling(
        structure, sublattices, states, tolerance=settings.composition_tolerance, max_sites=settings.max_sites
    )
    puzzle = _Puzzle.of(structure, sublattices, filling, states, settings)
    method = _method(puzzle, settings)
    if method == ENUMERATION:
        found = _enumerate(puzzle, structure, settings)
    elif method == SAMPLING:
        found = _sample(puzzle, structure, settings, rng)
    else:
        found = _quasi_random(puzzle, structure, settings, rng)
    kept = found[: settings.keep]
    total = sum(one.weight for one in kept)
    return Orderings(
        every=tuple(Ordering(one.atoms, one.weight / total, one.energy_eV_per_atom, one.degeneracy) for one in kept),
        method=method,
        weighed_by=_weighed_by(method, settings, has_charges=any(states.values())),
        filling=filling,
        states=states,
        left_out=max(0.0, 1.0 - total),
    )


def _states(structure: Structure, settings: OrderingSettings) -> dict[str, int]:
    """Oxidation states by symbol; none in an alloy, whose elements are metals all."""
    lowest = (min(element(symbol).common_oxidation_states, default=-1) for symbol in structure.amounts)
    if not settings.oxidation_states and all(state > 0 for state in lowest):
        return dict.fromkeys(structure.amounts, 0)
    return require_oxidation_states(
        structure.amounts, settings.oxidation_states, charge_per_atom=_PUBLISHED_CHARGE_PER_ATOM
    )


def _method(puzzle: _Puzzle, settings: OrderingSettings) -> str:
    if settings.method == QUASI_RANDOM and any(block.is_mixed for block in puzzle.blocks):
        return QUASI_RANDOM
    return ENUMERATION if puzzle.n_arrangements <= settings.enumerate_up_to else SAMPLING


def _weighed_by(method: str, settings: OrderingSettings, *, has_charges: bool) -> str:
    if method == QUASI_RANDOM:
        return "all alike"
    if method == SAMPLING:
        return f"how often they were drawn at {settings.temperature_K:g} K"
    if settings.weights == "degeneracy" or not has_charges:
        return "the number of equivalent arrangements"
    return f"Boltzmann's factor at {settings.temperature_K:g} K, by charges"


@dataclass(frozen=True, slots=True)
class _Puzzle:
    """Sites of a supercell, what is to be put on them, and what pairs of them cost."""

    sites: Atoms
    repeats: tuple[int, int, int]
    blocks: tuple[Block, ...]
    species: tuple[str, ...]
    """`[L]`; `VACANT` last."""
    charge_of: Floats
    pairs: PairEnergies
    n_arrangements: int

    @classmethod
    def of(
        cls,
        structure: Structure,
        sublattices: tuple[Sublattice, ...],
        filling: Filling,
        states: Mapping[str, int],
        settings: OrderingSettings,
    ) -> _Puzzle:
        """Lays the sites of the supercell out cell by cell."""
        import numpy as np

        sites = _supercell(structure, filling.repeats)
        species = (*sorted(structure.amounts), VACANT)
        n_in_cell = len(structure.sites)
        blocks = []
        radii = np.zeros(len(sites))
        for sublattice, counts in zip(sublattices, filling.counts, strict=True):
            inside = [cell * n_in_cell + site for cell in range(filling.n_cells) for site in sublattice.sites]
            labels = sorted(label for label, symbol in enumerate(species) for _ in range(counts.get(symbol, 0)))
            blocks.append(Block(tuple(inside), tuple(labels)))
            radii[inside] = _smallest_radius_A(sublattice)
        return cls(
            sites=sites,
            repeats=filling.repeats,
            blocks=tuple(blocks),
            species=species,
            charge_of=np.array([float(states.get(symbol, 0)) for symbol in species]),
            pairs=pair_energies(sites, radii.tolist(), min_distance_ratio=settings.min_distance_ratio),
            n_arrangements=filling.n_arrangements,
        )

    def energies_eV(self, arrangements: Labels) -> Floats:
        """`[K]` eV of the supercell, unscreened; those with overlapping atoms refused or, if all have some, an error.

        Raises:
            UnsupportedCrystalError: If atoms overlap in every arrangement.
        """
        import numpy as np

        occupied = (arrangements != len(self.species) - 1).astype(float)
        energies = self.pairs.energies_eV(self.charge_of[arrangements], occupied)
        energies[self.pairs.n_clashes(occupied) > 0] = np.inf
        if not np.isfinite(energies).any():
            raise UnsupportedCrystalError(
                "Atoms overlap in every arrangement of the disordered structure that was looked at.",
                remedy="Check its occupancies, lower 'min_distance_ratio', or allow more 'max_sites'.",
            )
        return energies

    def crystal(self, arrangement: Labels) -> Atoms:
        """The atoms of one arrangement, `[S]` labels."""
        is_atom = arrangement != len(self.species) - 1
        atoms = self.sites[is_atom]
        atoms.symbols = [self.species[label] for label in arrangement[is_atom]]
        return atoms


def _enumerate(puzzle: _Puzzle, structure: Structure, settings: OrderingSettings) -> list[Ordering]:
    """All distinct arrangements, the heaviest first, with their share of all weight."""
    import numpy as np

    arrangements = every_arrangement(puzzle.blocks, len(puzzle.sites))
    first, degeneracy = distinct(arrangements, site_permutations(structure, puzzle.repeats))
    energies = puzzle.energies_eV(arrangements[first])
    weights = degeneracy * np.isfinite(energies)
    if settings.weights == "boltzmann":
        above = (energies - energies.min()) / settings.screening
        weights = degeneracy * np.exp(-above / (BOLTZMANN_EV_PER_K * settings.temperature_K))
    ranked = sorted(
        (index for index in range(len(first)) if np.isfinite(energies[index])),
        key=lambda index: (-weights[index], energies[index]),
    )
    return [
        _ordering(
            puzzle, arrangements[first[index]], energies[index], weights[index] / weights.sum(), degeneracy[index]
        )
        for index in ranked
    ]


def _sample(
    puzzle: _Puzzle, structure: Structure, settings: OrderingSettings, rng: np.random.Generator
) -> list[Ordering]:
    """As many arrangements as are wanted, drawn independently; what is drawn again weighs more."""
    import numpy as np

    sampler = Sampler(puzzle.blocks, puzzle.pairs, puzzle.charge_of, settings.screening, settings.temperature_K)
    drawn = np.array([sampler.draw(len(puzzle.sites), rng) for _ in range(settings.keep)])
    drawn = drawn[np.isfinite(puzzle.energies_eV(drawn))]
    first, times = distinct(drawn, site_permutations(structure, puzzle.repeats))
    energies = puzzle.energies_eV(drawn[first])
    ranked = sorted(range(len(first)), key=lambda index: (-times[index], energies[index]))
    return [
        _ordering(puzzle, drawn[first[index]], energies[index], times[index] / len(drawn), times[index])
        for index in ranked
    ]


def _quasi_random(
    puzzle: _Puzzle, structure: Structure, settings: OrderingSettings, rng: np.random.Generator
) -> list[Ordering]:
    """As many arrangements near to perfect disorder as are wanted, the nearest first; equal ones once."""
    import numpy as np

    shells = pair_shells(puzzle.sites, puzzle.blocks)
    sought = QuasiRandom(puzzle.blocks, shells, puzzle.pairs.clashes, len(puzzle.species))
    drawn = np.array([sought.draw(len(puzzle.sites), rng) for _ in range(settings.keep)])
    drawn = drawn[np.isfinite(puzzle.energies_eV(drawn))]
    first, times = distinct(drawn, site_permutations(structure, puzzle.repeats))
    energies = puzzle.energies_eV(drawn[first])
    ranked = sorted(range(len(first)), key=lambda index: sought.mismatch(drawn[first[index]]))
    return [_ordering(puzzle, drawn[first[index]], energies[index], 1 / len(first), times[index]) for index in ranked]


def _ordering(puzzle: _Puzzle, arrangement: Labels, energy_eV: float, weight: float, degeneracy: int) -> Ordering:
    atoms = puzzle.crystal(arrangement)
    return Ordering(atoms, float(weight), float(energy_eV) / len(atoms), int(degeneracy))


def _supercell(structure: Structure, repeats: tuple[int, int, int]) -> Atoms:
    """All sites, cell by cell, as atoms of one kind."""
    import numpy as np
    from ase import Atoms as AseAtoms

    fractional = np.array([site.fractional for site in structure.sites])
    cells = np.array(list(np.ndindex(*repeats)))
    positions = (cells[:, None] + fractional[None]).reshape(-1, 3) / np.array(repeats)
    vectors = np.array(structure.lattice_vectors) * np.array(repeats)[:, None]
    return AseAtoms(numbers=[1] * len(positions), cell=vectors, scaled_positions=positions, pbc=True)


def _smallest_radius_A(sublattice: Sublattice) -> float:
    from ase.data import covalent_radii

    symbols = [symbol for symbol, _ in sublattice.shares if symbol != VACANT]
    return min(float(covalent_radii[element(symbol).atomic_number]) for symbol in symbols)
