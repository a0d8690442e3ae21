"""Blueprints as points in a fixed cube, many at once.

Legend: B blueprints, E elements of the search space, D descriptors of an element, F features.

Every feature is scaled to about [0, 1] by bounds that are declared (the search space's or the periodic table's),
never by data, so that a crystal keeps its features for the whole campaign.
"""

import math
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from typing import Final

import torch
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.elements import Element
from domain.errors import InvalidValueError
from domain.search_space import SearchSpace
from domain.space_groups import N_SPACE_GROUPS, CrystalSystem, SpaceGroup
from surrogates._element_facts import ROWS

FEATURES_VERSION: Final = "1"
"""Changes whenever the same blueprint would get other features."""

ELEMENT_DESCRIPTORS: Final = ("electronegativity", "radius", "group", "period", "highest_state", "lowest_state")
_SYSTEMS: Final = tuple(CrystalSystem)
_SYMMETRY: Final = (
    *(f"is_{system.value}" for system in _SYSTEMS),
    "log_order",
    "log_lattice_points",
    "is_centrosymmetric",
    "is_polar",
    "is_symmorphic",
    "log_smallest_multiplicity",
    "log_fixed_positions",
)
_CENTROSYMMETRIC: Final = frozenset(
    {"-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m", "6/m", "6/mmm", "m-3", "m-3m"}  # the Laue groups
)
_POLAR: Final = frozenset({"1", "2", "m", "mm2", "4", "4mm", "3", "3m", "6", "6mm"})
_LATTICE_POINTS: Final = {"P": 1, "A": 2, "B": 2, "C": 2, "I": 2, "F": 4, "R": 3}
_LARGEST_ORDER: Final = 48


@dataclass(frozen=True, slots=True)
class FeatureGroup:
    """Features that share a lengthscale."""

    name: str
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """Turns blueprints of one search space into features."""

    space: SearchSpace

    @property
    def groups(self) -> tuple[FeatureGroup, ...]:
        """The features by group, in the order of the columns."""
        symbols = (Element(z).symbol for z in self.space.atomic_numbers)
        statistics = (f"{kind}_{name}" for kind in ("mean", "spread") for name in ELEMENT_DESCRIPTORS)
        return (
            FeatureGroup("fractions", tuple(f"fraction_{symbol}" for symbol in symbols)),
            FeatureGroup("chemistry", tuple(statistics)),
            FeatureGroup("packing", ("log_volume_per_atom", "log_packing_fraction", "log_atoms")),
            FeatureGroup("shape", ("log_b_over_a", "log_c_over_a", "cos_alpha", "cos_beta", "cos_gamma")),
            FeatureGroup("symmetry", _SYMMETRY),
        )

    @property
    def columns(self) -> tuple[slice, ...]:
        """Where each group's features stand."""
        ends = accumulate((len(group.features) for group in self.groups), initial=0)
        return tuple(slice(start, end) for start, end in pairwise(ends))

    def __call__(self, batch: BlueprintBatch) -> Tensor:
        """Computes features.

        Returns:
            `[B, F]` float64.

        Raises:
            InvalidValueError: If the batch has elements that the search space does not have.
        """
        counts = self._counts(batch)
        n_atoms = counts.sum(dim=1, keepdim=True)
        fractions = counts / n_atoms
        descriptors = _element_table(self.space.atomic_numbers)
        mean = fractions @ descriptors
        # Σ w (d - mean)², written out so that rounding cannot make it negative
        spread = (fractions.unsqueeze(2) * (descriptors.unsqueeze(0) - mean.unsqueeze(1)).square()).sum(1).sqrt()
        return torch.cat(
            (
                fractions,
                mean,
                2 * spread,
                self._packing(batch.lattice, n_atoms.squeeze(1), counts),
                _shape(batch.lattice),
                _symmetry_table()[batch.space_group],
            ),
            dim=1,
        )

    def _counts(self, batch: BlueprintBatch) -> Tensor:
        column = {z: index for index, z in enumerate(self.space.atomic_numbers)}
        strangers = [Element(z).symbol for z in batch.elements if z not in column]
        if strangers:
            raise InvalidValueError(
                f"The crystals may contain {', '.join(strangers)}, which the search space does not have.",
                remedy="Give crystals of the campaign's own search space.",
            )
        counts = torch.zeros(len(batch), len(column), dtype=torch.float64)
        counts[:, [column[z] for z in batch.elements]] = batch.counts.to(torch.float64)
        return counts

    def _packing(self, lattice: Tensor, n_atoms: Tensor, counts: Tensor) -> Tensor:
        low, high = (math.log(bound) for bound in self.space.volume_per_atom_A3)
        log_volume_per_atom = (volume_A3(lattice) / n_atoms).log()
        radii = torch.tensor([ROWS[z - 1][0] for z in self.space.atomic_numbers], dtype=torch.float64)
        log_packing = (4 / 3 * math.pi * (counts @ radii**3) / n_atoms).log() - log_volume_per_atom
        return torch.stack(
            (
                (log_volume_per_atom - low) / (high - low),
                (log_packing + 3) / 4,
                n_atoms.log() / math.log(max(2, self.space.max_atoms)),
            ),
            dim=1,
        )


def volume_A3(lattice: Tensor) -> Tensor:
    """Volumes `[B]` (Å³) of cells `[B, 6]`."""
    cosines = lattice[:, 3:].deg2rad().cos()
    squared = 1 - cosines.square().sum(dim=1) + 2 * cosines.prod(dim=1)
    return lattice[:, :3].prod(dim=1) * squared.clamp_min(1e-12).sqrt()


def _shape(lattice: Tensor) -> Tensor:
    # a ratio of 4 either way spans the unit interval
    ratios = (lattice[:, 1:3] / lattice[:, :1]).log() / (2 * math.log(4)) + 0.5
    return torch.cat((ratios, lattice[:, 3:].deg2rad().cos() + 0.5), dim=1)


_INERT_ELECTRONEGATIVITY: Final = 4.5
"""Stands in for the noble gases that have none on Pauling's scale: they hold their electrons firmest."""


@cache
def _element_table(atomic_numbers: tuple[int, ...]) -> Tensor:
    """Descriptors `[E, D]` of elements."""
    return torch.tensor([_describe_element(z) for z in atomic_numbers], dtype=torch.float64)


def _describe_element(atomic_number: int) -> tuple[float, ...]:
    radius_A, group, period = ROWS[atomic_number - 1]
    electronegativity = Element(atomic_number).electronegativity or _INERT_ELECTRONEGATIVITY
    states = Element(atomic_number).common_oxidation_states or (0,)
    return (electronegativity / 4, radius_A / 2.6, group / 18, period / 7, max(states) / 8, -min(states) / 4)


@cache
def _symmetry_table() -> Tensor:
    """Features of every space group, by number; row 0 is unused."""
    rows = [_describe_group(SpaceGroup(number)) for number in range(1, N_SPACE_GROUPS + 1)]
    return torch.tensor([[0.0] * len(_SYMMETRY), *rows], dtype=torch.float64)


def _describe_group(group: SpaceGroup) -> list[float]:
    positions = group.wyckoff_positions
    lattice_points = _LATTICE_POINTS[group.symbol[0]]
    order = positions[-1].multiplicity / lattice_points
    n_fixed = sum(position.n_free == 0 for position in positions)
    return [
        *(math.sqrt(0.5) * (group.crystal_system is system) for system in _SYSTEMS),  # two systems lie 1 apart
        math.log(order) / math.log(_LARGEST_ORDER),
        math.log(lattice_points) / math.log(4),
        float(group.point_group in _CENTROSYMMETRIC),
        float(group.point_group in _POLAR),
        float(positions[0].multiplicity == lattice_points),  # a site that has the whole point group
        math.log(positions[0].multiplicity) / math.log(_LARGEST_ORDER),
        math.log1p(n_fixed) / math.log(9),
    ]
