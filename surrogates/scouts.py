"""Typical crystals of a search space, made from those that were looked at.

Legend: B blueprints.
"""

import torch

from domain.batch import BlueprintBatch
from domain.search_space import SearchSpace
from surrogates.features import volume_A3


def recombine(batch: BlueprintBatch, *, n_scouts: int, space: SearchSpace, rng: torch.Generator) -> BlueprintBatch:
    """Gives the compositions of some crystals the groups and cell shapes of others, at a volume drawn anew.

    The scouts stand for the unexplored part of the space where only statistics over it are needed. They keep the
    space's chemistry and symmetry, but nobody promises that atoms fit their sites: they must not be looked at.
    """
    if not len(batch):
        return batch
    chemistry = torch.randint(len(batch), (n_scouts,), generator=rng)
    shape = torch.randint(len(batch), (n_scouts,), generator=rng)
    low, high = space.volume_per_atom_A3
    drawn = low * (high / low) ** torch.rand(n_scouts, generator=rng, dtype=torch.float64)
    counts, lattice = batch.counts[chemistry], batch.lattice[shape].clone()
    stretch = drawn * counts.sum(1) / volume_A3(lattice)
    lattice[:, :3] *= stretch.pow(1 / 3).unsqueeze(1)
    return BlueprintBatch(batch.elements, batch.space_group[shape], counts, lattice)
