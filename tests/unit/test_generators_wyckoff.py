from itertools import product

import pytest

from domain.space_groups import SpaceGroup, all_space_groups
from generators.wyckoff import SiteAutomaton, SiteSupply, sums_of

LARGEST = 8


def automaton(number: int, largest: int = LARGEST) -> SiteAutomaton:
    return SiteAutomaton.of(SiteSupply.of(SpaceGroup(number), largest), largest)


def test_rock_salt_fills_both_fixed_positions():
    rock_salt = automaton(225, 12)

    assert rock_salt.hosts([4, 4])
    assert not rock_salt.hosts([4, 4, 4])
    assert rock_salt.hosts([8, 4])
    assert not rock_salt.hosts([2])


def test_inversion_centres_run_out_across_elements():
    assert automaton(2).hosts([1] * 8)
    assert not automaton(2).hosts([1] * 9)
    assert automaton(2).hosts([3] * 8)
    assert automaton(2).hosts([1] * 8 + [2, 4, 6])


def test_one_element_may_fill_several_fixed_positions():
    assert automaton(225, 12).hosts([12])
    assert not automaton(225, 12).hosts([12, 8])


def test_sums_of_multiplicities():
    assert sums_of({3, 5}, 11) == {0, 3, 5, 6, 8, 9, 10, 11}
    assert sums_of((), 3) == {0}


def test_groups_of_equal_supply_are_few_and_their_automata_small():
    supplies = {SiteSupply.of(group, 24) for group in all_space_groups()}

    assert len(supplies) < 100
    assert max(len(SiteAutomaton.of(supply, 24).transitions) for supply in supplies) < 64


@pytest.mark.physics
@pytest.mark.parametrize(
    "number", [1, 2, 10, 14, 16, 47, 62, 99, 123, 139, 148, 162, 166, 187, 191, 194, 221, 224, 225, 229]
)
def test_pyxtal_agrees_on_every_small_composition(number: int):
    symmetry = pytest.importorskip("pyxtal.symmetry", exc_type=ImportError)
    group = symmetry.Group(number)
    sites = automaton(number)
    for counts in [*product(range(1, 9), repeat=1), *product(range(1, 6), repeat=2), *product(range(1, 4), repeat=3)]:
        assert sites.hosts(counts) == group.check_compatible(list(counts))[0], counts
