"""Blueprints as tensors and back."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from domain.batch import BlueprintBatch
from domain.errors import ImpossibleCellError, InvalidValueError
from domain.testing import strategies

SYMBOLS = ("Li", "O", "F", "Mg", "Cl")
ELEMENTS = (3, 8, 9, 12, 17)
lists_of_blueprints = st.lists(strategies.blueprints(contents=strategies.compositions(SYMBOLS)), max_size=4)


@given(blueprints=lists_of_blueprints)
def test_a_batch_holds_just_its_blueprints(blueprints):
    batch = BlueprintBatch.from_blueprints(blueprints, ELEMENTS)
    assert len(batch) == len(blueprints)
    assert batch.to_blueprints() == tuple(blueprints)
    assert (batch.space_group.dtype, batch.counts.dtype, batch.lattice.dtype) == (
        torch.int64, torch.int64, torch.float64,
    )  # fmt: skip
    assert batch.counts.sum(1).tolist() == [blueprint.composition.n_atoms for blueprint in blueprints]


@given(blueprints=lists_of_blueprints, data=st.data())
def test_rows_are_picked_by_index_or_mask(blueprints, data):
    batch = BlueprintBatch.from_blueprints(blueprints, ELEMENTS)
    mask = torch.tensor(data.draw(st.lists(st.booleans(), min_size=len(blueprints), max_size=len(blueprints)))).bool()
    expected = tuple(blueprint for blueprint, is_kept in zip(blueprints, mask.tolist(), strict=True) if is_kept)
    assert batch.select(mask).to_blueprints() == expected
    assert batch.select(mask.nonzero().squeeze(1)).to_blueprints() == expected


def test_an_element_outside_of_the_columns_is_refused(rock_salt_licl):
    with pytest.raises(InvalidValueError, match=r"Li4Cl4 contains an element outside of \(3, 8\)"):
        BlueprintBatch.from_blueprints([rock_salt_licl], (3, 8))


@pytest.mark.parametrize("shapes", [((3,), (2, 2), (2, 6)), ((2,), (2, 3), (2, 6)), ((2,), (2, 2), (2, 5))])
def test_shapes_that_do_not_fit_are_refused(shapes):
    groups, counts, lattice = (torch.ones(shape) for shape in shapes)
    with pytest.raises(
        InvalidValueError, match=r"is inconsistent; .* was expected\. Give \[B\], \[B, E\] and \[B, 6\]"
    ):
        BlueprintBatch((3, 17), groups, counts, lattice)


@pytest.mark.parametrize("elements", [(17, 3), (3, 17, 17)])
def test_columns_out_of_order_are_refused(rock_salt_licl, elements):
    with pytest.raises(InvalidValueError, match="are not distinct elements in ascending order"):
        BlueprintBatch.from_blueprints([rock_salt_licl], elements)


def test_an_impossible_row_is_refused_on_the_way_out(rock_salt_licl):
    batch = BlueprintBatch.from_blueprints([rock_salt_licl], ELEMENTS)
    batch.lattice[0, 0] = 6.0
    with pytest.raises(ImpossibleCellError, match="is not cubic"):
        batch.to_blueprints()
    batch.space_group[0] = 0
    with pytest.raises(InvalidValueError, match="0 is not the number of a space group"):
        batch.to_blueprints()
