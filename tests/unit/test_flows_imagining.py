"""What is told of the crystals that a generator drew."""

from types import SimpleNamespace

import torch

from domain.batch import BlueprintBatch
from domain.events import EventKind
from flows.imagining import imagine_crystals


def test_crystals_of_one_composition_and_group_count_as_alike() -> None:
    lattice = torch.arange(24, dtype=torch.float64).reshape(4, 6) + 3  # all different
    counts = torch.tensor([[1, 1], [1, 1], [2, 1], [1, 1]])
    batch = BlueprintBatch((3, 17), torch.tensor([225, 225, 225, 216]), counts, lattice)
    told = []
    workplace = SimpleNamespace(
        generator=SimpleNamespace(version="gfn 1", sample=lambda _n, *, rng: SimpleNamespace(batch=batch, rng=rng)),
        spec=SimpleNamespace(pool_size=4),
        seed=lambda *_: 1,
        emit=lambda kind, _message, **payload: told.append((kind, payload)),
    )
    imagine_crystals(workplace, belief=None, index=0)
    (drawn,) = [payload for kind, payload in told if kind is EventKind.SAMPLED]
    assert drawn == {"round": 0, "n_sampled": 4, "n_kinds": 3, "n_space_groups": 2, "n_elements": 2}
