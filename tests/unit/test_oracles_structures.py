"""Structures survive their text, and contacts are those of an independent neighbour list."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.errors import PermanentLookError
from oracles.structures import (
    contact_ratios,
    conventional_cell,
    from_cif,
    primitive_cell,
    space_group_number,
    to_cif,
)


@st.composite
def crystals(draw: st.DrawFn) -> Atoms:
    lengths = [draw(st.floats(3.0, 9.0)) for _ in range(3)]
    angles = [draw(st.floats(65.0, 110.0)) for _ in range(3)]
    n_atoms = draw(st.integers(1, 6))
    coordinate = st.floats(0.0, 1.0, exclude_max=True)
    positions = [[draw(coordinate) for _ in range(3)] for _ in range(n_atoms)]
    numbers = [draw(st.sampled_from((3, 8, 17))) for _ in range(n_atoms)]
    return Atoms(numbers=numbers, scaled_positions=positions, cell=[*lengths, *angles], pbc=True)


@settings(max_examples=25, deadline=None)
@given(crystals())
def test_writing_what_was_read_changes_nothing(atoms: Atoms) -> None:
    between = atoms.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)]
    assume(between.min(initial=1.0) > 2e-3)  # coinciding atoms are read as one
    text = to_cif(atoms)
    assert to_cif(from_cif(text)) == text


@settings(max_examples=25, deadline=None)
@given(crystals(), st.randoms(use_true_random=False))
def test_the_order_of_atoms_does_not_matter(atoms: Atoms, random: object) -> None:
    order = list(range(len(atoms)))
    random.shuffle(order)
    assert to_cif(atoms[order]) == to_cif(atoms)


@settings(max_examples=25, deadline=None)
@given(crystals())
def test_contacts_agree_with_a_neighbour_list(atoms: Atoms) -> None:
    first, second, distance = neighbor_list("ijd", atoms, cutoff=20.0)
    radii = covalent_radii[atoms.numbers]
    ratios = distance / (radii[first] + radii[second])
    if distance.min() < 2e-3:  # coinciding atoms: contact_ratios takes them for one
        return
    nearest = np.array([ratios[first == atom].min() for atom in range(len(atoms))])
    assert contact_ratios(atoms) == pytest.approx((nearest.min(), nearest.max()), rel=1e-9)


def test_primitive_and_conventional_cells_of_rock_salt() -> None:
    salt = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    assert len(primitive_cell(salt)) == 2
    assert len(conventional_cell(primitive_cell(salt))) == 8
    assert space_group_number(salt) == 225


def test_text_that_holds_no_structure_is_refused() -> None:
    with pytest.raises(PermanentLookError, match="cannot be read"):
        from_cif("not a crystal")
