"""Cells in numbers: what a file says agrees with the blueprint that it was written from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.lattice import LatticeParameters
from domain.space_groups import SpaceGroup
from domain.structure import Occupation, Site, Structure, vectors_of_cell
from services.materials.cell import cell_of_blueprint, cell_of_cif
from services.materials.formats import StructureFormat, write_structure


@given(st.tuples(*[st.floats(3, 20)] * 3), st.tuples(*[st.floats(80, 100)] * 3))
def test_the_cell_of_a_file_is_that_of_its_blueprint(lengths, angles) -> None:
    blueprint = Blueprint(SpaceGroup(1), Composition.of({"Li": 1, "Cl": 1}), LatticeParameters(*lengths, *angles))
    sites = (Site(Occupation.of({"Li": 1.0}), (0.0, 0.0, 0.0)), Site(Occupation.of({"Cl": 1.0}), (0.5, 0.5, 0.5)))
    cif = write_structure(Structure(vectors_of_cell(lengths, angles), sites), StructureFormat.CIF, title="salt")
    imagined, written = cell_of_blueprint(blueprint), cell_of_cif(cif)
    assert written.n_atoms == imagined.n_atoms == 2
    assert written.lengths_A == pytest.approx(imagined.lengths_A, rel=1e-4)
    assert written.angles_deg == pytest.approx(imagined.angles_deg, rel=1e-4)
    assert written.volume_per_atom_A3 == pytest.approx(imagined.volume_per_atom_A3, rel=1e-3)
    assert written.density_g_cm3 == pytest.approx(imagined.density_g_cm3, rel=1e-3)


def test_shared_sites_weigh_what_their_shares_weigh() -> None:
    cell = ((4.0, 0.0, 0.0), (0.0, 4.0, 0.0), (0.0, 0.0, 4.0))
    half = Structure(cell, (Site(Occupation.of({"Li": 0.5}), (0.0, 0.0, 0.0)),))
    found = cell_of_cif(write_structure(half, StructureFormat.CIF, title="half"))
    assert (found.n_atoms, found.volume_per_atom_A3) == (0.5, 128.0)
    assert found.density_g_cm3 == pytest.approx(0.5 * 6.94 / 64 * 1.66053906660)


def test_what_cannot_be_read_has_no_cell() -> None:
    assert cell_of_cif("no CIF") is None
