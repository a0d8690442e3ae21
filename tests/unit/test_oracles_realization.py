"""Drawn sites belong to the blueprint, repeat with their seed, and are refused in words where there is no room."""

import warnings

import numpy as np
import pytest
import spglib
from ase import Atoms

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.errors import InvalidValueError, PermanentLookError
from domain.lattice import LatticeParameters
from domain.space_groups import CellShape, SpaceGroup
from oracles.realization import DrawSettings, draw_sites
from oracles.structures import contact_ratios
from oracles.testing import cubic, rock_salt

CELLS = {
    CellShape.TRICLINIC: (4.0, 5.0, 6.0, 80.0, 95.0, 100.0),
    CellShape.MONOCLINIC: (6.0, 5.0, 7.0, 90.0, 100.0, 90.0),
    CellShape.ORTHORHOMBIC: (6.0, 5.0, 7.0, 90.0, 90.0, 90.0),
    CellShape.TETRAGONAL: (5.0, 5.0, 7.0, 90.0, 90.0, 90.0),
    CellShape.HEXAGONAL: (5.0, 5.0, 9.0, 90.0, 90.0, 120.0),
    CellShape.CUBIC: (6.0, 6.0, 6.0, 90.0, 90.0, 90.0),
}


def blueprint_of(number: int) -> Blueprint:
    """Two elements on the two smallest Wyckoff positions of a group."""
    group = SpaceGroup(number)
    first, *rest = (position.multiplicity for position in group.wyckoff_positions)
    counts = {"Li": first, "Cl": rest[0] if rest else first}
    return Blueprint(group, Composition.of(counts), LatticeParameters(*CELLS[group.cell_shape]))


def n_operations(atoms: Atoms) -> int:
    """Symmetry operations of the conventional cell that a structure has."""
    cell = (atoms.cell[:], atoms.get_scaled_positions(), atoms.numbers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # spglib announces its new error handling
        return len(spglib.get_symmetry_dataset(cell, symprec=1e-2).rotations)


@pytest.mark.parametrize("number", [1, 2, 5, 14, 15, 62, 63, 123, 139, 148, 160, 166, 194, 216, 221, 225])
def test_draws_belong_to_the_blueprint(number: int) -> None:
    blueprint = blueprint_of(number)
    draws = draw_sites(blueprint, DrawSettings(draws=2), seed=3)
    assert draws.kept
    for draw in draws.kept:
        assert draw.atoms.cell.cellpar() == pytest.approx(blueprint.lattice.parameters)
        assert np.bincount(draw.atoms.numbers)[[3, 17]].tolist() == [n for _, n in blueprint.composition.counts]
        assert contact_ratios(draw.atoms)[0] >= 0.7
        assert (
            n_operations(draw.atoms) % SpaceGroup(number).wyckoff_positions[-1].multiplicity == 0
        )  # accidental symmetry may add to it


@pytest.mark.parametrize("number", [1, 15, 62, 166])
def test_the_same_seed_draws_the_same_sites(number: int) -> None:
    blueprint = blueprint_of(number)
    first, again, other = (draw_sites(blueprint, DrawSettings(draws=2), seed=seed) for seed in (5, 5, 6))
    assert [draw.cif for draw in first.kept] == [draw.cif for draw in again.kept]
    assert [draw.cif for draw in first.kept] != [draw.cif for draw in other.kept]


def test_repeated_placements_are_kept_once_and_counted() -> None:
    draws = draw_sites(rock_salt(), DrawSettings(draws=6), seed=1)
    assert len(draws.kept) <= 2  # Li on 4a and Cl on 4b, or the reverse
    assert draws.tallies["kept"] + draws.tallies["repeated"] == 6


def test_a_cell_without_room_is_refused_with_counts() -> None:
    with pytest.raises(PermanentLookError, match=r"No atom sites .* Li4Cl4 .*\(Fm-3m\).*: 2 placements without room"):
        draw_sites(rock_salt(a_A=3.15), DrawSettings(), seed=1)


def test_a_cell_smaller_than_its_atoms_is_refused_before_drawing() -> None:
    with pytest.raises(PermanentLookError, match=r"its atoms fill 1\.2 times the cell"):
        draw_sites(rock_salt(a_A=2.5), DrawSettings(), seed=1)


def test_counts_that_fit_no_wyckoff_positions_are_refused() -> None:
    with pytest.raises(PermanentLookError, match=r"Li3Cl3 fit no Wyckoff positions of space group 225"):
        draw_sites(cubic(225, {"Li": 3, "Cl": 3}, 6.0), DrawSettings(), seed=1)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="min_distance_ratio 0"):
        DrawSettings(min_distance_ratio=0)
