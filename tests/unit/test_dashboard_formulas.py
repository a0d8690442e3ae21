"""Formulas are seen as they were and spoken in names."""

import pytest

from services.dashboard.formulas import formula, spoken
from services.dashboard.periodic_table import ROWS


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("LiCl", "lithium chlorine"),
        ("Li4Cl4", "lithium 4 chlorine 4"),
        ("Li10GeP2S12", "lithium 10 germanium phosphorus 2 sulfur 12"),
    ],
)
def test_a_formula_is_spoken_in_names(text, heard):
    assert spoken(text) == heard
    assert f'<span class="visually-hidden spoken">{heard}</span>' in formula(text)


def test_counts_are_set_low():
    assert "Li<sub>2</sub>S" in formula("Li2S")


@pytest.mark.parametrize("text", ["", "sample 7", "<b>", "Xx2", "li2s"])
def test_what_is_no_formula_stays_what_it_is(text):
    assert spoken(text) == text
    assert "<b>" not in formula(text)
    assert formula(text).unescape() == text


def test_every_element_of_the_periodic_table_has_a_name():
    assert not [symbol for row in ROWS for symbol in row if symbol is not None and spoken(symbol) == symbol]
