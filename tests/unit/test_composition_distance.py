"""How far compositions are from each other: what is published, what a distance must be, and the plain way of moving."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from domain.composition_distance import _places, composition_distance
from domain.elements import HEAVIEST, Element
from domain.errors import InvalidValueError

SYMBOLS = tuple(Element(number).symbol for number in range(1, HEAVIEST + 1))
COMPOSITIONS = st.dictionaries(st.sampled_from(SYMBOLS), st.floats(0.01, 100), min_size=1, max_size=6)


def test_replacing_an_atom_in_five_by_its_neighbour_moves_a_fifth_of_a_place() -> None:
    """The authors' own example: calcium and strontium are neighbours."""
    calcium, strontium = ({metal: 1.0, "Ti": 1.0, "O": 3.0} for metal in ("Ca", "Sr"))
    assert composition_distance(calcium, strontium) == pytest.approx(0.2)


def test_every_element_has_one_place() -> None:
    assert set(SYMBOLS) <= _places().keys()
    assert sorted(_places().values()) == list(range(103))


@given(COMPOSITIONS, COMPOSITIONS)
def test_it_is_the_earth_movers_distance_of_a_library(one: dict[str, float], other: dict[str, float]) -> None:
    places = _places()
    expected = wasserstein_distance(
        [places[symbol] for symbol in one], [places[symbol] for symbol in other], [*one.values()], [*other.values()]
    )
    assert composition_distance(one, other) == pytest.approx(expected, abs=1e-9)


@given(COMPOSITIONS, COMPOSITIONS, COMPOSITIONS, st.floats(0.1, 10))
def test_it_is_a_metric_of_proportions(
    one: dict[str, float], other: dict[str, float], third: dict[str, float], factor: float
) -> None:
    there = composition_distance(one, other)
    assert there == pytest.approx(composition_distance(other, one), abs=1e-9)
    assert there <= composition_distance(one, third) + composition_distance(third, other) + 1e-9
    multiple = {symbol: factor * amount for symbol, amount in one.items()}
    assert composition_distance(one, multiple) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("amounts", [{}, {"Xx": 1.0}, {"Li": 0.0}])
def test_what_is_no_composition_is_refused(amounts: dict[str, float]) -> None:
    with pytest.raises(InvalidValueError, match="is no composition"):
        composition_distance({"Li": 1.0}, amounts)
