"""The crystals among which a round chooses, without near duplicates.

Legend: B blueprints, P crystals of the pool.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.blueprint import Blueprint
from domain.ports import Sample

LENGTH_TOLERANCE: Final = 0.01
"""Share to which the lengths of near duplicates agree."""
ANGLE_TOLERANCE_deg: Final = 1.0
"""Degrees to which their angles agree."""


@dataclass(frozen=True, slots=True)
class Pool:
    """P distinct crystals."""

    batch: BlueprintBatch
    blueprints: tuple[Blueprint, ...]
    digests: tuple[str, ...]
    log_probability: tuple[float | None, ...]
    """With which the generator drew each; None for crystals that it did not draw."""
    is_looked_at: Tensor
    """`[P]` bool: whether it was looked at before."""

    def __len__(self) -> int:
        return len(self.blueprints)


def make_pool(looked_at: BlueprintBatch, sample: Sample) -> Pool:
    """Joins crystals that were looked at with a sample; of near duplicates the one that was looked at stays.

    Near duplicates have the same space group, the same reduced formula and the same lattice within a tolerance.

    Args:
        looked_at: Each of them is kept, once.
        sample: Over the same elements.
    """
    known = looked_at.select(_first_of_each_content(looked_at))
    n_looked_at = len(known)
    batch = join(known, sample.batch)
    kept = distinct_rows(batch, n_protected=n_looked_at)
    chosen = batch.select(kept)
    blueprints = chosen.to_blueprints()
    drawn = sample.log_probability.tolist()
    return Pool(
        batch=chosen,
        blueprints=blueprints,
        digests=tuple(blueprint.digest for blueprint in blueprints),
        log_probability=tuple(None if row < n_looked_at else drawn[row - n_looked_at] for row in kept.tolist()),
        is_looked_at=kept < n_looked_at,
    )


def join(first: BlueprintBatch, second: BlueprintBatch) -> BlueprintBatch:
    """Puts two batches over the same elements one after the other."""
    if not len(first):
        return second
    return BlueprintBatch(
        second.elements,
        torch.cat((first.space_group, second.space_group)),
        torch.cat((first.counts, second.counts)),
        torch.cat((first.lattice, second.lattice)),
    )


def distinct_rows(batch: BlueprintBatch, *, n_protected: int = 0) -> Tensor:
    """Rows `[P]`, ascending, of which no two are near duplicates; the first of each kind stays.

    Args:
        batch: B blueprints.
        n_protected: The first rows that stay in any case.
    """
    keys = torch.cat((batch.space_group.unsqueeze(1), _reduced_counts(batch.counts)), dim=1)
    _, kind = torch.unique(keys, dim=0, return_inverse=True)
    # within a tolerance of each other: lengths on a log scale, angles as they are
    cells = torch.cat(
        (batch.lattice[:, :3].log() / LENGTH_TOLERANCE, batch.lattice[:, 3:] / ANGLE_TOLERANCE_deg), dim=1
    )
    kept: list[Tensor] = []
    for members in _members_of_each(kind):
        left = members
        while len(left):
            first = left[:1]
            kept.append(first)
            is_far = (cells[left] - cells[first]).abs().amax(1) > 1
            is_far[0] = False
            left = left[is_far | ((left < n_protected) & (left != first))]
    return torch.cat(kept).sort().values if kept else torch.zeros(0, dtype=torch.int64)


def _first_of_each_content(batch: BlueprintBatch) -> Tensor:
    """One row of each distinct content, in an order that depends on the contents alone."""
    contents = torch.cat((batch.space_group.unsqueeze(1), batch.counts, batch.lattice), dim=1)
    distinct, kind = torch.unique(contents, dim=0, return_inverse=True)
    first = torch.full((len(distinct),), len(batch))
    return first.scatter_reduce(0, kind, torch.arange(len(batch)), "amin")


def _reduced_counts(counts: Tensor) -> Tensor:
    divisor = counts[:, 0]
    for column in counts.unbind(1):
        divisor = torch.gcd(divisor, column)
    return counts // divisor.unsqueeze(1)


def _members_of_each(kind: Tensor) -> tuple[Tensor, ...]:
    """Rows of each kind, ascending."""
    order = kind.argsort(stable=True)
    return torch.split(order, kind.bincount().tolist()) if len(kind) else ()
