"""Structures written by us and read by others, and the other way round."""

import io
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ImpossibleCellError, InvalidValueError, SpecError, UnreadableFileError
from domain.material import KnownMaterial, alphabetical_formula, anonymous_formula, whole_proportions
from domain.structure import Occupation, Site, Structure, fractional_coordinates, vectors_of_cell
from services.materials.files import read_materials, structure_from_pymatgen
from services.materials.formats import StructureFormat, write_material, write_structure
from services.materials.optimade_entry import material_from_optimade
from services.materials.plain_cif import read_plain_cif
from services.materials.symmetry import find_symmetry, known_material

SYMBOLS = ("Li", "Na", "O", "Cl", "Ti")
lengths = st.floats(3.0, 12.0)
angles = st.floats(70.0, 110.0)
places = st.tuples(*[st.integers(0, 999).map(lambda n: n / 1000)] * 3)


@st.composite
def structures(draw: st.DrawFn, *, ordered: bool = True) -> Structure:
    cell = vectors_of_cell(draw(st.tuples(lengths, lengths, lengths)), draw(st.tuples(angles, angles, angles)))
    sites = []
    for place in draw(st.lists(places, min_size=1, max_size=8, unique=True)):
        symbols = draw(st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=1 if ordered else 3, unique=True))
        share = 1.0 if ordered else draw(st.sampled_from([0.1, 0.25, 0.3]))
        sites.append(Site(Occupation.of(dict.fromkeys(symbols, share)), place))
    return Structure(cell, tuple(sites))


def assert_same(found: Structure, expected: Structure) -> None:
    def described(structure: Structure) -> list[tuple[object, ...]]:
        return sorted(
            (site.occupation.shares, *(round(x % 1, 6) % 1 for x in site.fractional)) for site in structure.sites
        )

    assert described(found) == described(expected)
    np.testing.assert_allclose(found.lengths_A, expected.lengths_A, atol=1e-6)
    np.testing.assert_allclose(found.angles, expected.angles, atol=1e-5)


@given(structures(ordered=False))
def test_our_cif_is_read_by_ourselves(structure: Structure) -> None:
    assert_same(read_plain_cif(write_structure(structure, StructureFormat.CIF, title="x")), structure)


@given(structures())
def test_others_read_what_we_write(structure: Structure) -> None:
    from ase.io import read
    from pymatgen.core import Structure as PymatgenStructure
    from pymatgen.io.vasp import Poscar

    texts = {wanted: write_structure(structure, wanted, title='a "title"\nin two lines') for wanted in StructureFormat}
    assert_same(structure_from_pymatgen(Poscar.from_str(texts[StructureFormat.POSCAR]).structure), structure)
    mson = PymatgenStructure.from_dict(json.loads(texts[StructureFormat.MSON]))
    assert_same(structure_from_pymatgen(mson), structure)
    atoms = read(io.StringIO(texts[StructureFormat.EXTXYZ]), format="extxyz")
    np.testing.assert_allclose(
        atoms.get_positions(), [structure.cartesian(site) for site in structure.sites], atol=1e-7
    )
    assert atoms.get_chemical_symbols() == [site.occupation.shares[0][0] for site in structure.sites]
    np.testing.assert_allclose(atoms.cell[:], structure.lattice_vectors, atol=1e-7)


def test_pymatgen_reads_our_cif_with_shared_sites() -> None:
    from pymatgen.io.cif import CifParser

    cell = vectors_of_cell((4.0, 4.0, 6.0), (90.0, 90.0, 120.0))
    sites = (
        Site(Occupation.of({"Li": 0.5, "Na": 0.25}), (0.0, 0.0, 0.0)),
        Site(Occupation.of({"O": 1.0}), (1 / 3, 2 / 3, 0.5)),
    )
    structure = Structure(cell, sites)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen announces that it rounds 1/3
        parser = CifParser.from_str(write_structure(structure, StructureFormat.CIF, title="x"))
        (found,) = parser.parse_structures(primitive=False)
    assert found.composition.as_dict() == pytest.approx({"Li": 0.5, "Na": 0.25, "O": 1.0})


def test_formats_without_shares_refuse_shared_sites() -> None:
    cell = vectors_of_cell((4.0, 4.0, 4.0), (90.0, 90.0, 90.0))
    structure = Structure(cell, (Site(Occupation.of({"Li": 0.5}), (0.0, 0.0, 0.0)),))
    for wanted in (StructureFormat.POSCAR, StructureFormat.EXTXYZ):
        with pytest.raises(InvalidValueError, match="shared or partly vacant"):
            write_structure(structure, wanted, title="x")


def test_what_oracles_write_is_read(rock_salt_licl) -> None:
    from oracles.realization import DrawSettings, draw_sites

    for draw in draw_sites(rock_salt_licl, DrawSettings(), seed=3).kept:
        assert find_symmetry(read_plain_cif(draw.cif)).blueprint == rock_salt_licl


GOOD = write_structure(
    Structure(vectors_of_cell((4, 4, 4), (90, 90, 90)), (Site(Occupation.of({"Li": 1}), (0, 0, 0)),)),
    StructureFormat.CIF,
    title="x",
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "0 data blocks"),
        (GOOD + GOOD, "2 data blocks"),
        (GOOD.replace("x, y, z", "-x, y, z"), "not written out"),
        (
            GOOD.replace("_space_group_IT_number 1", "_space_group_IT_number 225").replace("x, y, z", "x,y,-z"),
            "written",
        ),
        (GOOD.replace("_cell_length_a 4.00000000", ""), "no _cell_length_a"),
        (GOOD.replace("4.00000000", "nan", 1), "no number"),
        (GOOD.replace("0.00000000", "?", 1), "no number"),
        (GOOD.replace(" Li ", " 4Li ", 1), "no element"),
        (GOOD + "Na2 Na", "different lengths"),
        (GOOD.replace("loop_\n_atom", "_atom"), "stands where a name"),
        (GOOD + "\n_text\n;a field\n;", "text field"),
        ("data_x\n" + " " * 1_000_001, "characters"),
    ],
)
def test_cifs_that_take_more_than_reading_are_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidValueError, match=reason):
        read_plain_cif(text)


@pytest.mark.parametrize(
    ("before", "after"), [("4.00000000", "1e9"), ("90.00000000", "179.99"), ("4.00000000", "1e-9")]
)
def test_impossible_cells_are_refused(before: str, after: str) -> None:
    with pytest.raises((ImpossibleCellError, InvalidValueError), match=r"span|long|room|impossible"):
        read_plain_cif(GOOD.replace(before, after))


@given(structures(ordered=False))
def test_an_optimade_entry_is_read_as_it_was_shown(structure: Structure) -> None:
    from services.optimade.entries import structure_attributes

    entry = {"id": "1", "type": "structures", "attributes": structure_attributes(structure)}
    assert_same(material_from_optimade(entry, source="x").structure, structure)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"structure_features": ["implicit_atoms"]}, "leave atoms out"),
        ({"lattice_vectors": [[1, 0, 0], [0, 1, 0], [1, 1, 0]]}, "span no volume"),
        ({"lattice_vectors": [[None] * 3] * 3}, "lattice_vectors"),
        ({"species_at_sites": ["Na"]}, "do not fit"),
        ({"cartesian_site_positions": []}, "do not fit"),
        ({"species": [{"name": "Li", "chemical_symbols": ["X"], "concentration": [1.0]}]}, "'X'"),
        ({"species": [{"name": "Li", "chemical_symbols": ["Li"], "concentration": []}]}, "other symbols"),
        ({"species": [{"name": "Li", "chemical_symbols": ["Li"], "concentration": [7.0]}]}, "share of 7"),
    ],
)
def test_bad_optimade_entries_are_refused(changed: dict[str, object], reason: str) -> None:
    attributes = {
        "lattice_vectors": [[4, 0, 0], [0, 4, 0], [0, 0, 4]],
        "cartesian_site_positions": [[0, 0, 0]],
        "species": [{"name": "Li", "chemical_symbols": ["Li"], "concentration": [1.0]}],
        "species_at_sites": ["Li"],
    }
    assert material_from_optimade({"id": "1", "type": "structures", "attributes": attributes}, source="x")
    with pytest.raises((InvalidValueError, SpecError), match=reason):
        material_from_optimade({"id": "1", "type": "structures", "attributes": attributes | changed}, source="x")


def test_formulas() -> None:
    assert whole_proportions({"Li": 0.5, "Cl": 0.5}) == {"Li": 1, "Cl": 1}
    assert whole_proportions({"Li": 6.6, "O": 12.0}) == {"Li": 11, "O": 20}
    assert whole_proportions({"Li": 1e-9, "O": 12.0}) is None
    assert alphabetical_formula({"Li": 2, "O": 1}) == "Li2O"
    assert anonymous_formula({"O": 1, "Li": 2, "Cl": 3}) == "A3B2C"
    with pytest.raises(InvalidValueError, match="amounts above 0"):
        KnownMaterial("x", "y", {"Li": 0.0}, 1)


def test_positions_and_fractions_undo_each_other() -> None:
    cell = vectors_of_cell((4, 5, 6), (80, 95, 110))
    (found,) = fractional_coordinates(cell, ((1.0, 2.0, 3.0),))
    site = Site(Occupation.of({"Li": 1}), found)
    assert Structure(cell, (site,)).cartesian(site) == pytest.approx((1.0, 2.0, 3.0))


def test_files_and_folders_are_read_and_bad_ones_told(tmp_path: Path, rock_salt_licl) -> None:
    structure = read_plain_cif(GOOD)
    for wanted, name in (
        (StructureFormat.CIF, "a.cif"),
        (StructureFormat.POSCAR, "POSCAR"),
        (StructureFormat.EXTXYZ, "c.extxyz"),
    ):
        (tmp_path / name).write_text(write_structure(structure, wanted, title="x"))
    (tmp_path / "bad.cif").write_text("data_nothing\n")
    (tmp_path / "notes.txt").write_text("nothing")
    found = {reading.name: reading for reading in read_materials(tmp_path, source="own")}
    assert sorted(found) == ["POSCAR", "a.cif", "bad.cif", "c.extxyz"]
    assert found["bad.cif"].problem
    for name in ("POSCAR", "a.cif", "c.extxyz"):
        assert found[name].material.blueprint is not None, found[name]
        assert found[name].material.space_group == 221
    assert write_material(found["a.cif"].material, StructureFormat.CIF) == (tmp_path / "a.cif").read_text()
    with pytest.raises(UnreadableFileError, match="no file"):
        list(read_materials(tmp_path / "gone.cif", source="own"))
    with pytest.raises(UnreadableFileError, match=r"notes.txt is no"):
        list(read_materials(tmp_path / "notes.txt", source="own"))


def test_a_known_material_of_a_blueprint_alone_has_no_sites_to_write(rock_salt_licl) -> None:
    material = KnownMaterial.of_blueprint(rock_salt_licl, source="handbook", source_id="salt")
    with pytest.raises(InvalidValueError, match="sites of salt are not known"):
        write_material(material, StructureFormat.CIF)
    assert known_material(read_plain_cif(GOOD), source="x", source_id="y").formula == "Li"


def test_one_bad_entry_of_an_optimade_file_does_not_lose_the_others(tmp_path: Path) -> None:
    from services.optimade.entries import structure_attributes

    good = {"id": "1", "type": "structures", "attributes": structure_attributes(read_plain_cif(GOOD))}
    bad = {**good, "id": "bare", "attributes": {**good["attributes"], "lattice_vectors": None}}
    (tmp_path / "found.json").write_text(json.dumps({"data": [good, bad, good, 7]}))
    found = list(read_materials(tmp_path / "found.json", source="own"))
    assert [reading.material is None for reading in found] == [False, True, False, True]
    assert [reading.name for reading in found[1::2]] == ["found.json: bare", "found.json: entry 4"]
    assert "lattice_vectors" in (found[1].problem or "")
