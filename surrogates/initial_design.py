"""The first round, before anything is known.

Legend: B blueprints, P crystals of the design, F features.
"""

import math
from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.elements import Element
from domain.fidelity import Ladder
from domain.ports import Sample
from domain.search_space import SearchSpace
from domain.training import Decision, Pick
from surrogates.features import FeatureMap
from surrogates.pool import distinct_rows

_INNER_SHARE: Final = 0.9
"""Designs by largest distance are made of outliers; the outermost crystals of the sample are left out."""


def initial_picks(sample: Sample, *, ladder: Ladder, initial_looks: Mapping[str, int]) -> tuple[Pick, ...]:
    """Chooses the looks of the first round.

    One list of crystals, each as far as possible from those before it in chemistry, cell and symmetry, starting from
    the most typical one. Every fidelity looks at the first crystals of that list, so that the crystals of an expensive
    one are among those of a cheaper one that looks at more, and their correlation can be learned.

    Args:
        sample: Crystals that the generator drew.
        ladder: Its order is the order of the picks.
        initial_looks: Looks by fidelity.

    Returns:
        At most the looks that were asked for; fewer where the sample has fewer distinct crystals.

    Raises:
        InvalidValueError: If the ladder has no such fidelity.
    """
    wanted = {name: n_looks for name, n_looks in initial_looks.items() if ladder.rank(name) >= 0 and n_looks > 0}
    if not wanted or not len(sample.batch):
        return ()
    distinct = distinct_rows(sample.batch)
    batch = sample.batch.select(distinct)
    order = _spread_out(_design_features(batch), n_points=max(wanted.values()))
    blueprints = batch.select(order).to_blueprints()
    log_probability = sample.log_probability[distinct][order].tolist()
    return tuple(
        Pick(
            blueprint=blueprints[place],
            fidelity=fidelity.name,
            decision=Decision(
                reason="First round: spreads looks over the space and repeats crystals across fidelities.",
                score=None,
                predicted_mean=None,
                predicted_sd=None,
                details={"round": 0, "declared_cost": fidelity.cost, "purpose": "first design", "place": place},
            ),
            log_probability=log_probability[place],
        )
        for fidelity in ladder.fidelities
        for place in range(min(wanted.get(fidelity.name, 0), len(blueprints)))
    )


def _design_features(batch: BlueprintBatch) -> Tensor:
    """Features `[B, F]` in which every group counts alike."""
    symbols = tuple(Element(z).symbol for z in batch.elements)
    # only scales depend on the space's bounds, and a design needs none in particular
    feature_map = FeatureMap(SearchSpace(elements=symbols, space_groups=(1,)))
    features = feature_map(batch)
    for span in feature_map.columns:
        features[:, span] /= math.sqrt(span.stop - span.start)
    return features


def _spread_out(features: Tensor, *, n_points: int) -> Tensor:
    """Rows `[P]` of a farthest-point design that starts at the point nearest to the mean."""
    from_center = (features - features.mean(0)).norm(dim=1)
    is_inner = from_center <= from_center.quantile(_INNER_SHARE)
    if int(is_inner.sum()) < n_points:
        is_inner[:] = True
    nearest = torch.where(is_inner, torch.full_like(from_center, math.inf), torch.full_like(from_center, -1.0))
    chosen = [int(from_center.argmin())]
    while len(chosen) < min(n_points, int(is_inner.sum())):
        nearest = torch.minimum(nearest, (features - features[chosen[-1]]).norm(dim=1))
        nearest[chosen[-1]] = -1.0
        chosen.append(int(nearest.argmax()))
    return torch.tensor(chosen)
