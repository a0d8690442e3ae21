"""Elements and compositions: what they are and what they refuse."""

import math
from itertools import product

import ase.data
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition as PymatgenComposition
from pymatgen.core import Element as PymatgenElement

from domain.composition import Composition
from domain.element_names import NAMES
from domain.elements import HEAVIEST, Element, element
from domain.errors import InvalidValueError
from domain.testing import strategies

# Elements without a stable isotope have no standard mass: tables give the mass number, or the nuclide's exact mass.
WITHOUT_STANDARD_MASS = {"Tc", "Pm", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Np", "Pu"}


@pytest.mark.parametrize("atomic_number", range(1, HEAVIEST + 1))
def test_an_element_agrees_with_ase(atomic_number):
    entry = Element(atomic_number)
    tolerance = 1e-3 if entry.symbol in WITHOUT_STANDARD_MASS else 1e-4
    assert entry.symbol == ase.data.chemical_symbols[atomic_number]
    assert entry.mass_u == pytest.approx(ase.data.atomic_masses[atomic_number], rel=tolerance)
    assert element(entry.symbol) == entry


@pytest.mark.parametrize("atomic_number", range(1, HEAVIEST + 1))
def test_common_oxidation_states_agree_with_pymatgen(atomic_number):
    states = Element(atomic_number).common_oxidation_states
    assert set(states) == set(PymatgenElement.from_Z(atomic_number).common_oxidation_states) - {0}
    assert list(states) == sorted(set(states))


@pytest.mark.parametrize("atomic_number", [-1, 0, HEAVIEST + 1])
def test_an_unknown_atomic_number_is_refused(atomic_number):
    with pytest.raises(InvalidValueError, match=f"{atomic_number} is not an atomic number. Give a number from 1 to 94"):
        Element(atomic_number)


@pytest.mark.parametrize("symbol", ["", "li", "LI", "Xx", "Am", "D", "Li "])
def test_an_unknown_symbol_is_refused(symbol):
    with pytest.raises(InvalidValueError, match=f"'{symbol}' is not the symbol of an element"):
        element(symbol)


@pytest.mark.parametrize(
    ("counts", "problem"),
    [
        ((), "distinct elements in ascending order"),
        (((17, 1), (3, 1)), "distinct elements in ascending order"),
        (((3, 1), (3, 2)), "distinct elements in ascending order"),
        (((3, 0),), "Li has 0 atoms"),
        (((3, 1), (17, -2)), "Cl has -2 atoms"),
        (((0, 1),), "0 is not an atomic number"),
        (((95, 1),), "95 is not an atomic number"),
    ],
)
def test_an_impossible_composition_is_refused(counts, problem):
    with pytest.raises(InvalidValueError, match=problem):
        Composition(counts)


def test_a_composition_is_built_from_symbols_in_any_order():
    composition = Composition.of({"O": 4, "Li": 8})
    assert composition.counts == ((3, 8), (8, 4))
    assert (composition.formula, composition.reduced_formula, composition.n_atoms) == ("Li8O4", "Li2O", 12)
    with pytest.raises(InvalidValueError, match="'Qq' is not the symbol"):
        Composition.of({"Qq": 1})


@given(composition=strategies.compositions())
def test_a_composition_agrees_with_pymatgen_and_ase(composition):
    judge = PymatgenComposition(composition.formula)
    assert judge.num_atoms == composition.n_atoms
    assert judge.get_el_amt_dict() == {entry.symbol: n for entry, (_, n) in _with_counts(composition)}
    reduced = PymatgenComposition(composition.reduced_formula)
    assert reduced.fractional_composition.almost_equals(judge.fractional_composition)
    assert math.gcd(*(int(n) for n in reduced.values())) == 1
    masses = [n * ase.data.atomic_masses[z] for z, n in composition.counts]
    assert composition.mass_u == pytest.approx(sum(masses), rel=1e-3)


@given(
    composition=strategies.compositions(max_elements=3),
    states=st.lists(st.lists(st.integers(-4, 4), max_size=4, unique=True), min_size=3, max_size=3),
)
def test_neutral_assignments_are_those_that_brute_force_finds(composition, states):
    allowed = {entry.symbol: tuple(states[i]) for i, entry in enumerate(composition.elements)}
    counts = {entry.symbol: n for entry, (_, n) in _with_counts(composition)}
    every_assignment = [
        dict(zip(counts, chosen, strict=True))
        for chosen in product(range(-4, 5), repeat=len(counts))
        if all(state in allowed[symbol] for symbol, state in zip(counts, chosen, strict=True))
    ]
    expected = [found for found in every_assignment if sum(counts[s] * found[s] for s in counts) == 0]
    found = list(composition.neutral_assignments(allowed))
    assert sorted(map(_sortable, found)) == sorted(map(_sortable, expected))


def test_lithium_oxide_is_neutral_in_one_way():
    composition = Composition.of({"Li": 8, "O": 4})
    allowed = {entry.symbol: entry.common_oxidation_states for entry in composition.elements}
    assert list(composition.neutral_assignments(allowed)) == [{"Li": 1, "O": -2}]
    assert list(Composition.of({"He": 1}).neutral_assignments({"He": ()})) == []


def _with_counts(composition):
    return zip(composition.elements, composition.counts, strict=True)


def _sortable(assignment):
    return sorted(assignment.items())


def test_every_element_has_a_name() -> None:
    assert len(NAMES) == HEAVIEST
    assert [NAMES[symbol] for symbol in ("H", "Li", "Cl", "La", "W", "Pu")] == [
        "hydrogen", "lithium", "chlorine", "lanthanum", "tungsten", "plutonium",
    ]  # fmt: skip
    assert len(set(NAMES.values())) == HEAVIEST
