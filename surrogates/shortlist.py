"""The part of a large sample that is worth a closer look.

Legend: B blueprints, P that are shortlisted.
"""

from typing import Final

import torch

from domain.fidelity import Ladder
from domain.ports import Sample
from surrogates.acquisition import log_value_per_cost
from surrogates.pool import distinct_rows
from surrogates.ports import Belief

_MOST_INFORMATIVE: Final = 800
_MOST_PROMISING: Final = 200


def shortlist(belief: Belief, ladder: Ladder, sample: Sample) -> Sample:
    """Keeps the crystals of a sample with the most value per cost and those with the most expected improvement.

    Near duplicates go first, so that a generator that repeats itself cannot fill the list with one crystal. The rest is
    ordered by content, so that the order of the draws does not matter.
    """
    if not len(sample.batch):
        return sample
    sorted_sample = _take(sample, _canonical_order(sample))
    distinct = _take(sorted_sample, distinct_rows(sorted_sample.batch))
    n_distinct = len(distinct.batch)
    if n_distinct <= _MOST_INFORMATIVE + _MOST_PROMISING:
        return distinct
    informative = log_value_per_cost(belief, ladder, distinct.batch).amax(1).topk(_MOST_INFORMATIVE).indices
    promising = belief.log_improvement(distinct.batch).topk(_MOST_PROMISING).indices
    return _take(distinct, torch.unique(torch.cat((informative, promising))))


def _take(sample: Sample, rows: torch.Tensor) -> Sample:
    return Sample(sample.batch.select(rows), sample.log_probability[rows])


def _canonical_order(sample: Sample) -> torch.Tensor:
    """Rows by descending probability; among equals by content."""
    batch = sample.batch
    columns = (*batch.lattice.unbind(1), *batch.counts.unbind(1), batch.space_group, -sample.log_probability)
    order = torch.arange(len(batch))
    for column in columns:
        order = order[column[order].argsort(stable=True)]
    return order
