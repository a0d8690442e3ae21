import pytest

from domain.errors import EmptySpaceError
from domain.search_space import SearchSpace
from generators.feasibility import require_feasible


def test_report_counts_exactly():
    report = require_feasible(SearchSpace(elements=("Li", "Cl", "Ar"), space_groups=(225, 227), max_atoms=8))

    assert report.groups == (225,)
    assert report.empty_groups == (227,)
    assert report.inert_elements == ("Ar",)
    assert report.n_compositions == 1


@pytest.mark.parametrize(
    ("constraints", "match"),
    [
        ({"elements": ("Mg", "Na", "Li")}, "Li, Na and Mg are all cations"),
        ({"elements": ("Li",)}, "Li is the only element and forms only cations"),
        ({"elements": ("O", "F")}, "O and F are all anions"),
        ({"elements": ("Ar", "Ne")}, "None of the elements Ar and Ne has an oxidation state"),
        ({"elements": ("Li", "Ar", "F"), "required_elements": ("Ar",)}, "required_elements names Ar"),
        ({"elements": ("Li", "F"), "min_elements": 3}, "min_elements 3 exceeds the 2 elements"),
        ({"elements": ("Li", "F"), "required_elements": ("Li", "F"), "max_elements": 1}, "exceed max_elements 1"),
        ({"elements": ("Li", "F"), "max_atoms": 1, "min_elements": 2}, "max_atoms 1 is too small"),
        ({"elements": ("Al", "O"), "max_atoms": 4}, "No composition of up to 4 atoms"),
        ({"elements": ("Li", "F"), "space_groups": (230,)}, "None of the space_groups hosts 1 or more elements"),
        ({"elements": ("Al", "O"), "space_groups": (225,), "max_atoms": 8}, "hosts a neutral composition"),
        ({"elements": ("Li", "F"), "length_A": (1.0, 1.5)}, "No cell of up to 8 atoms has lengths within length_A"),
        ({"elements": ("Li", "F"), "space_groups": (2,), "angle_deg": (120.0, 130.0)}, "leaves only flat cells"),
        (
            {"elements": ("Al", "O"), "space_groups": (1,), "length_A": (2.0, 2.5), "max_atoms_per_element": 3},
            "leave no cell for the numbers of atoms",
        ),
    ],
)
def test_the_constraint_that_empties_a_space_is_named(constraints: dict[str, object], match: str):
    with pytest.raises(EmptySpaceError, match=match):
        require_feasible(SearchSpace(**{"space_groups": (62, 225), "max_atoms": 8, **constraints}))
