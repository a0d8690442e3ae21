"""The facts about the 230 space groups, judged by codes and derivations that cannot share an error with the table."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
import spglib
from pymatgen.symmetry.groups import SpaceGroup as PymatgenSpaceGroup

from domain.errors import InvalidValueError
from domain.space_groups import CellShape, CrystalSystem, SpaceGroup, WyckoffPosition, all_space_groups

pytestmark = pytest.mark.physics

NUMBERS = range(1, 231)
N_WYCKOFF_POSITIONS = 1731
"""International Tables for Crystallography, vol. A."""
GRID = 24
"""Special positions of all space groups lie on multiples of 1/8 and 1/6 of the cell, and so on this grid."""


@pytest.fixture(autouse=True)
def _spglib_raises(monkeypatch):
    """Without it spglib 2.8 warns at every call that it would rather raise than return None."""
    monkeypatch.setenv("SPGLIB_OLD_ERROR_HANDLING", "false")


@cache
def _standard_settings():
    """The first setting that spglib lists for each group: axis b, origin 1, hexagonal axes."""
    settings = {}
    for hall_number in range(1, 531):
        entry = spglib.get_spacegroup_type(hall_number)
        settings.setdefault(entry.number, entry)
    return settings


def test_there_are_230_space_groups_and_no_other():
    assert [group.number for group in all_space_groups()] == list(NUMBERS)
    for number in (-1, 0, 231):
        with pytest.raises(InvalidValueError, match=f"{number} is not the number of a space group"):
            SpaceGroup(number)


@pytest.mark.parametrize("number", NUMBERS)
def test_symbol_and_point_group_agree_with_spglib(number):
    judge = _standard_settings()[number]
    group = SpaceGroup(number)
    two_orientations = {"-62m": "-6m2"}  # of one point group; spglib names both by the second
    point_group = two_orientations.get(group.point_group, group.point_group)
    assert group.symbol == judge.international_short.replace("_", "")
    assert point_group == two_orientations.get(judge.pointgroup_international, judge.pointgroup_international)


@pytest.mark.parametrize("number", NUMBERS)
def test_crystal_system_and_order_agree_with_pymatgen(number):
    judge = PymatgenSpaceGroup.from_int_number(number)
    group = SpaceGroup(number)
    assert group.crystal_system == judge.crystal_system
    assert group.wyckoff_positions[-1].multiplicity == judge.order


@pytest.mark.parametrize("number", NUMBERS)
def test_the_group_keeps_just_the_metric_of_its_cell_shape(number):
    """A metric tensor G is possible when WᵀGW = G for every rotation; averaging finds the free numbers in it."""
    rotations = _operations(number)[0].astype(float)
    rng = np.random.default_rng(number)
    basis = rng.normal(size=(3, 3))
    metric = np.einsum("nji,jk,nkl->il", rotations, basis.T @ basis, rotations) / len(rotations)
    lengths = np.sqrt(np.diag(metric))
    a, b, c = lengths
    alpha, beta, gamma = (metric[i, j] / (lengths[i] * lengths[j]) for i, j in ((1, 2), (0, 2), (0, 1)))
    right = [np.isclose(cosine, 0) for cosine in (alpha, beta, gamma)]
    if np.isclose(a, b) and np.isclose(b, c):
        found = CellShape.CUBIC
    elif np.isclose(a, b):
        found = CellShape.HEXAGONAL if np.isclose(gamma, -0.5) else CellShape.TETRAGONAL
    elif all(right):
        found = CellShape.ORTHORHOMBIC
    else:
        found = CellShape.MONOCLINIC if right == [True, False, True] else CellShape.TRICLINIC
    assert SpaceGroup(number).cell_shape is found


def test_trigonal_groups_are_the_only_ones_whose_shape_is_not_named_as_their_system():
    for group in all_space_groups():
        if group.crystal_system is CrystalSystem.TRIGONAL:
            assert group.cell_shape is CellShape.HEXAGONAL
        else:
            assert group.cell_shape == group.crystal_system


def test_wyckoff_letters_follow_the_alphabet_from_the_most_special_position():
    alphabet = "abcdefghijklmnopqrstuvwxyzA"
    for group in all_space_groups():
        positions = group.wyckoff_positions
        assert "".join(position.letter for position in positions) == alphabet[: len(positions)]
        multiplicities = [position.multiplicity for position in positions]
        assert multiplicities == sorted(multiplicities)
        assert positions[-1].n_free == 3
        assert all(positions[-1].multiplicity % multiplicity == 0 for multiplicity in multiplicities)
    assert sum(len(group.wyckoff_positions) for group in all_space_groups()) == N_WYCKOFF_POSITIONS


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, "1a3"),
        (2, "1a0 1b0 1c0 1d0 1e0 1f0 1g0 1h0 2i3"),
        (62, "4a0 4b0 4c2 8d3"),
        (166, "3a0 3b0 6c1 9d0 9e0 18f1 18g1 18h2 36i3"),
        (194, "2a0 2b0 2c0 2d0 4e1 4f1 6g0 6h1 12i1 12j2 12k2 24l3"),
        (225, "4a0 4b0 8c0 24d0 24e1 32f1 48g1 48h1 48i1 96j2 96k2 192l3"),
    ],
)
def test_wyckoff_positions_are_those_of_the_international_tables(number, expected):
    positions = SpaceGroup(number).wyckoff_positions
    assert " ".join(f"{entry.multiplicity}{entry.letter}{entry.n_free}" for entry in positions) == expected


@pytest.mark.parametrize("number", NUMBERS)
def test_wyckoff_positions_follow_from_the_symmetry_operations(number):
    positions: tuple[WyckoffPosition, ...] = SpaceGroup(number).wyckoff_positions
    listed = Counter((position.multiplicity, position.n_free) for position in positions)
    assert listed == _derived_wyckoff_positions(number)


def _operations(number):
    """Rotations `[N, 3, 3]` and translations `[N, 3]` (in steps of the grid), centring included."""
    found = spglib.get_symmetry_from_database(_standard_settings()[number].hall_number)
    translations = found["translations"] * GRID
    assert np.allclose(translations, np.round(translations))
    return found["rotations"].astype(np.int64), np.round(translations).astype(np.int64)


def _derived_wyckoff_positions(number):
    """Counts Wyckoff positions by (multiplicity, free coordinates) from the operations alone.

    A point's multiplicity is the order of the group over that of its stabiliser S. Its free coordinates are the
    dimension of the space that all of S leaves fixed, which is the trace of the mean of S. Two points with the same
    stabiliser, or with stabilisers that an operation maps onto each other, belong to one position: they are found by
    walking along the fixed space and applying every operation.
    """
    rotations, translations = _operations(number)
    order = len(rotations)
    axis = np.arange(GRID)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    is_fixed = np.empty((order, len(points)), dtype=bool)
    for index in range(order):
        is_fixed[index] = ((points @ rotations[index].T + translations[index] - points) % GRID == 0).all(1)
    stabiliser_orders = is_fixed.sum(0)
    n_free = np.einsum("np,nii->p", is_fixed, rotations) // stabiliser_orders

    unassigned = n_free < 3
    found = Counter({(order, 3): 1})
    while unassigned.any():
        seed = int(np.argmax(unassigned))
        fixed_space = points[seed] + _fixed_grid_vectors(rotations[is_fixed[:, seed]], int(n_free[seed]), points)
        members = np.concatenate(
            [fixed_space @ rotation.T + shift for rotation, shift in zip(rotations, translations, strict=True)]
        )
        labels = np.unique(_label(members))
        labels = labels[n_free[labels] == n_free[seed]]
        assert unassigned[labels].all(), "two positions overlap"
        assert len(set(stabiliser_orders[labels])) == 1
        unassigned[labels] = False
        found[order // int(stabiliser_orders[seed]), int(n_free[seed])] += 1
    return found


def _fixed_grid_vectors(stabiliser, n_free, points):
    """Vectors of the grid that a stabiliser leaves fixed, up to translations of the cell, `[P, 3]`."""
    projector = stabiliser.sum(0)
    if n_free == 0:
        return np.zeros((1, 3), dtype=np.int64)
    if n_free == 1:
        direction = next(column for column in projector.T if column.any())
        return np.arange(GRID)[:, None] * (direction // np.gcd.reduce(direction))
    first = next(column for column in projector.T if column.any())
    normal = next(found for column in projector.T if (found := np.cross(first, column)).any())
    normal = normal // np.gcd.reduce(normal)
    return points[points @ normal % GRID == 0]


def _label(points):
    """Index of each point in the grid."""
    return np.ravel_multi_index(tuple((points % GRID).T), (GRID, GRID, GRID))
