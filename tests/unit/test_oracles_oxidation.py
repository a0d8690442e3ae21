"""Oxidation states from compositions are those of the textbooks, and what has none is refused."""

import pytest

from domain.composition import Composition
from domain.errors import UnsupportedCrystalError
from oracles.oxidation import require_oxidation_states
from oracles.valence_landscape import ANIONS, Ions


@pytest.mark.parametrize(
    ("amounts", "states"),
    [
        ({"Li": 10, "Ge": 1, "P": 2, "S": 12}, {"Li": 1, "Ge": 4, "P": 5, "S": -2}),
        ({"Li": 6, "P": 1, "S": 5, "Cl": 1}, {"Li": 1, "P": 5, "S": -2, "Cl": -1}),
        ({"Li": 1, "Fe": 1, "P": 1, "O": 4}, {"Li": 1, "Fe": 2, "P": 5, "O": -2}),
        ({"Li": 4, "P": 2, "S": 6}, {"Li": 1, "P": 4, "S": -2}),  # a less common state, where nothing else fits
        ({"Li": 7, "Bi": 1, "O": 6}, {"Li": 1, "Bi": 5, "O": -2}),
        ({"Li": 1, "B": 1, "H": 4}, {"Li": 1, "B": 3, "H": -1}),
    ],
)
def test_states_of_known_compounds(amounts: dict[str, float], states: dict[str, int]) -> None:
    assert require_oxidation_states(amounts, {}) == states


def test_what_cannot_be_neutral_is_refused_with_the_setting_that_helps() -> None:
    with pytest.raises(UnsupportedCrystalError, match=r"Ag4P1S3 neutral.*oxidation_states"):
        require_oxidation_states({"Ag": 4, "P": 1, "S": 3}, {})
    assert require_oxidation_states({"Ag": 4, "P": 1, "S": 3}, {"P": 2})["P"] == 2


def test_rounded_occupancies_need_a_tolerance() -> None:
    amounts = {"Li": 2.04, "O": 1.0}
    assert require_oxidation_states(amounts, {}, charge_per_atom=0.05) == {"Li": 1, "O": -2}
    with pytest.raises(UnsupportedCrystalError, match="neutral"):
        require_oxidation_states(amounts, {})


@pytest.mark.parametrize(
    ("counts", "problem"),
    [({"Na": 1, "Cl": 1}, "no Li that could move"), ({"Li": 1, "H": 1}, r"parameters of Li with H\(-1\)")],
)
def test_ions_without_parameters_are_refused(counts: dict[str, int], problem: str) -> None:
    with pytest.raises(UnsupportedCrystalError, match=problem):
        Ions.of(Composition.of(counts), "Li", {})


def test_every_anion_in_the_table_has_one_state() -> None:
    assert {state for anions in ANIONS.values() for state in anions.values()} == {-1, -2, -3}
