"""Batches of cells refuse what does not fit together, and supercells are as large as they must be."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidValueError, UnsupportedCrystalError
from oracles.dynamics.forces import AseForces, Cells, Evaluation
from oracles.dynamics.supercell import perpendicular_heights_A, supercell

CELL = np.eye(3)[None] * 4.0


def _cells(**changes):
    arrays = {
        "positions_A": np.zeros((2, 3)),
        "replicas": np.array([0, 1]),
        "cells_A": np.repeat(CELL, 2, axis=0),
        "atomic_numbers": np.array([3, 3]),
    }
    return Cells(**{**arrays, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"positions_A": np.zeros((3, 3))}, r"'positions_A' has the shape \(3, 3\); \(2, 3\) was expected"),
        ({"atomic_numbers": np.array([3])}, "'atomic_numbers' has the shape"),
        ({"cells_A": np.eye(3)}, "'cells_A' has the shape"),
        ({"replicas": np.array([1, 0])}, "do not count from 0 to 1"),
        ({"replicas": np.array([0, 0])}, "do not count from 0 to 1"),
        ({"replicas": np.array([0, 2])}, "do not count from 0 to 1"),
        ({"positions_A": np.full((2, 3), np.nan)}, "is no number"),
    ],
)
def test_batches_that_do_not_fit_together_are_refused(changes, words):
    with pytest.raises(InvalidValueError, match=words):
        _cells(**changes)


def test_a_batch_may_be_empty_and_cannot_be_changed():
    nothing = _cells().only(np.array([False, False]))
    assert (nothing.n_atoms, nothing.n_replicas) == (0, 0)
    with pytest.raises(ValueError, match="read-only"):
        _cells().positions_A[0] = 1.0


def test_replicas_are_chosen_and_come_back_as_atoms():
    copper, gold = bulk("Cu", cubic=True), bulk("Au")
    cells = Cells.of(copper, gold, copper)
    assert cells.atoms_per_replica.tolist() == [4, 1, 4]
    assert cells.single(1).to_ase(0) == gold
    assert cells.only(np.array([True, False, True])).to_ase(1) == copper


def test_an_evaluation_must_fit_its_cells():
    with pytest.raises(InvalidValueError, match="'forces_eV_A' has the shape"):
        Evaluation(np.zeros(2), np.zeros((3, 3))).require_fits(_cells())
    with pytest.raises(InvalidValueError, match="'stresses_eV_A3' has the shape"):
        Evaluation(np.zeros(2), np.zeros((2, 3)), np.zeros((2, 6))).require_fits(_cells())


def test_calculators_are_made_once_for_each_replica_or_anew_for_each_call():
    for is_renewed, expected in ((False, 3), (True, 5)):
        made = []
        forces = AseForces("EMT", lambda made=made: made.append(EMT()) or made[-1], is_renewed=is_renewed)
        copper = bulk("Cu", cubic=True)
        forces.evaluate(Cells.of(copper, copper))
        evaluation = forces.evaluate(Cells.of(copper, copper, copper))
        assert len(made) == expected
        assert evaluation.stresses_eV_A3.shape == (3, 3, 3)


def test_stresses_are_left_out_where_there_are_none():
    forces = AseForces("EMT", EMT, has_stresses=False)
    assert forces.evaluate(Cells.of(bulk("Cu"))).stresses_eV_A3 is None


@pytest.mark.parametrize(
    ("atoms", "n_atoms"),
    [
        (Atoms("Li", cell=[5, 10, 10], pbc=True), 2),
        (Atoms("Li", cell=[4, 5, 11], pbc=True), 6),
        (Atoms("Li", cell=[[10, 0, 0], [30, 10, 0], [0, 0, 10]], pbc=True), 1),  # a cube, obliquely given
        (Atoms("Li2Cl", positions=np.eye(3), cell=[10.0, 10.0, 10.0], pbc=True), 3),
    ],
    ids=["just high enough", "orthorhombic", "oblique", "as it is"],
)
def test_supercells_have_the_atoms_that_they_need(atoms, n_atoms):
    found = supercell(atoms)
    assert len(found) == n_atoms
    assert perpendicular_heights_A(found.cell[:]).min() >= 10.0 - 1e-5


def test_sums_of_the_vectors_save_atoms():
    """Along its own vectors, the primitive cell of rock salt needs 4 × 4 × 4 copies; the cube has half of that."""
    found = supercell(bulk("NaCl", "rocksalt", a=5.13))
    assert len(found) == 64
    assert found.cell.cellpar() == pytest.approx([10.26, 10.26, 10.26, 90, 90, 90])


@settings(max_examples=8)
@given(
    lengths=st.tuples(*[st.floats(4.0, 12.0)] * 3),
    angles=st.tuples(*[st.floats(60.0, 120.0)] * 3),
    min_height_A=st.floats(4.0, 10.0),
)
def test_supercells_are_the_same_crystal(lengths, angles, min_height_A):
    try:
        atoms = Atoms("LiCl", scaled_positions=[[0, 0, 0], [0.4, 0.5, 0.6]], cell=[*lengths, *angles], pbc=True)
    except (AssertionError, ValueError):
        assume(False)
    assume(abs(atoms.cell.volume) > 40)
    large = supercell(atoms, min_height_A=min_height_A, max_atoms=100_000)
    assert perpendicular_heights_A(large.cell[:]).min() >= min_height_A - 1e-5
    copies = len(large) / 2
    assert copies == pytest.approx(abs(large.cell.volume / atoms.cell.volume))
    fractional = large.positions[large.numbers == 3] @ np.linalg.inv(atoms.cell[:])
    assert np.allclose(fractional, fractional.round(), atol=1e-6)
    assert len(np.unique((large.get_scaled_positions() % 1).round(6) % 1, axis=0)) == len(large)


def test_supercells_that_are_too_large_are_refused_with_the_numbers():
    rock_salt = bulk("NaCl", "rocksalt", a=5.13, cubic=True)
    words = "Cl4Na4 that is at least 10 Å high each way has at least 8 times its 8 atoms, and none with up to 50"
    with pytest.raises(UnsupportedCrystalError, match=words):
        supercell(rock_salt, max_atoms=50)
    with pytest.raises(InvalidValueError, match="cannot be 0 Å high"):
        supercell(rock_salt, min_height_A=0)
