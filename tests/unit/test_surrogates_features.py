import math

import pytest
import torch
from ase.data import covalent_radii
from pymatgen.core import Element as ReferenceElement

from domain.batch import BlueprintBatch
from domain.blueprint import Blueprint
from domain.elements import Element
from domain.errors import InvalidValueError
from domain.search_space import SearchSpace
from domain.space_groups import N_SPACE_GROUPS
from surrogates._element_facts import ROWS
from surrogates.features import FeatureMap, volume_A3
from surrogates.kernel import GROUPS
from surrogates.testing import random_crystals

SPACE = SearchSpace(elements=("Li", "O", "Cl"), space_groups=tuple(range(1, N_SPACE_GROUPS + 1)))
MAP = FeatureMap(SPACE)
NAMES = [name for group in MAP.groups for name in group.features]


def features_of(blueprint: Blueprint) -> dict[str, float]:
    row = MAP(BlueprintBatch.from_blueprints([blueprint], SPACE.atomic_numbers))[0]
    return dict(zip(NAMES, row.tolist(), strict=True))


def test_names_and_columns_agree() -> None:
    features = MAP(random_crystals(SPACE, 50, seed=0))
    assert tuple(group.name for group in MAP.groups) == GROUPS
    assert len(set(NAMES)) == len(NAMES) == features.shape[1] == MAP.columns[-1].stop


def test_every_crystal_lies_in_about_the_unit_cube() -> None:
    features = MAP(random_crystals(SPACE, 2000, seed=1))
    assert bool(features.isfinite().all())
    assert float(features.min()) >= -0.5
    assert float(features.max()) <= 1.5


def test_rock_salt_by_hand(rock_salt_licl: Blueprint) -> None:
    features = features_of(rock_salt_licl)
    low, high = SPACE.volume_per_atom_A3
    assert features["fraction_Li"] == features["fraction_Cl"] == 0.5
    assert features["fraction_O"] == 0
    assert features["mean_electronegativity"] == pytest.approx((0.98 + 3.16) / 2 / 4)
    assert features["spread_electronegativity"] == pytest.approx((3.16 - 0.98) / 4)
    assert features["log_volume_per_atom"] == pytest.approx(math.log(5.13**3 / 8 / low) / math.log(high / low))
    assert features["log_b_over_a"] == features["log_c_over_a"] == 0.5
    assert features["is_cubic"] > 0 == features["is_tetragonal"]
    assert features["log_order"] == features["is_centrosymmetric"] == features["is_symmorphic"] == 1
    assert features["is_polar"] == 0


def test_group_descriptors_have_the_textbook_counts() -> None:
    batch = random_crystals(SPACE, 1, seed=0)
    rows = torch.arange(1, N_SPACE_GROUPS + 1)
    every = BlueprintBatch(batch.elements, rows, batch.counts.expand(230, -1), batch.lattice.expand(230, -1))
    features = MAP(every)
    n_groups = {
        name: int(features[:, NAMES.index(name)].sum()) for name in ("is_centrosymmetric", "is_polar", "is_symmorphic")
    }
    assert n_groups == {"is_centrosymmetric": 92, "is_polar": 68, "is_symmorphic": 73}


def test_volume_is_the_domains_own() -> None:
    batch = random_crystals(SPACE, 30, seed=3)
    expected = [blueprint.lattice.volume_A3 for blueprint in batch.to_blueprints()]
    torch.testing.assert_close(volume_A3(batch.lattice), torch.tensor(expected, dtype=torch.float64))


def test_columns_of_elements_may_come_in_another_list() -> None:
    few = BlueprintBatch(
        (3, 17), torch.tensor([225]), torch.tensor([[4, 4]]), torch.tensor([[5.0, 5, 5, 90, 90, 90]]).double()
    )
    all_of_them = BlueprintBatch(SPACE.atomic_numbers, few.space_group, torch.tensor([[4, 0, 4]]), few.lattice)
    assert torch.equal(MAP(few), MAP(all_of_them))
    strange = BlueprintBatch((3, 9), few.space_group, few.counts, few.lattice)
    with pytest.raises(InvalidValueError, match="may contain F"):
        MAP(strange)


@pytest.mark.filterwarnings("ignore:No Pauling electronegativity")
def test_facts_about_elements_agree_with_other_collections() -> None:
    assert len(ROWS) == 94
    for atomic_number, (radius_A, group, period) in enumerate(ROWS, start=1):
        reference = ReferenceElement.from_Z(atomic_number)
        assert (group, period) == (reference.group, reference.row)
        assert radius_A == pytest.approx(covalent_radii[atomic_number], abs=0.005)
        electronegativity = Element(atomic_number).electronegativity
        expected = float(reference.X)
        known = None if math.isnan(expected) else pytest.approx(expected, abs=0.005)
        assert electronegativity == known
