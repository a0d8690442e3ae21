"""Cells and blueprints: geometry against other codes, and refusal of what cannot exist."""

import math
import warnings
from itertools import permutations

import numpy as np
import pytest
from ase.geometry import cellpar_to_cell
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from domain.blueprint import Blueprint, Realization
from domain.composition import Composition
from domain.errors import ImpossibleCellError, InvalidValueError
from domain.lattice import LatticeParameters, relative_volume, shape_equalities_hold
from domain.space_groups import CellShape, SpaceGroup
from domain.testing import strategies

CUBE = (5.0, 5.0, 5.0, 90.0, 90.0, 90.0)


def test_a_cell_that_pymatgen_bends_silently_is_refused():
    impossible = (5.0, 5.0, 5.0, 50.0, 50.0, 150.0)
    with pytest.raises(ImpossibleCellError, match="span no volume"):
        LatticeParameters(*impossible)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some versions of pymatgen do warn
        bent = Lattice.from_parameters(*impossible)
    assert bent.volume == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("position", range(3))
@pytest.mark.parametrize("length", [0.0, -1.0, 4e-5, math.nan, math.inf])
def test_an_impossible_length_is_refused(position, length):
    parameters = list(CUBE)
    parameters[position] = length
    with pytest.raises(ImpossibleCellError, match="positive finite numbers were expected"):
        LatticeParameters(*parameters)


@pytest.mark.parametrize("position", range(3, 6))
@pytest.mark.parametrize("angle", [0.0, -90.0, 180.0, 200.0, math.nan, math.inf])
def test_an_impossible_angle_is_refused(position, angle):
    parameters = list(CUBE)
    parameters[position] = angle
    with pytest.raises(ImpossibleCellError, match="between 0 and 180 were expected"):
        LatticeParameters(*parameters)


@pytest.mark.parametrize(
    "angles",
    [
        *permutations((40.0, 50.0, 90.0)),
        *permutations((40.0, 50.0, 120.0)),
        *permutations((40.0, 50.0, 89.9999)),
        (120.0, 120.0, 120.0),
        (119.9999, 120.0, 120.0),
        (130.0, 130.0, 130.0),
    ],
)
def test_a_flat_cell_is_refused(angles):
    with pytest.raises(ImpossibleCellError, match="span no volume"):
        LatticeParameters(5.0, 5.0, 5.0, *angles)


@given(lattice=strategies.lattice_parameters())
def test_the_volume_agrees_with_ase_and_pymatgen(lattice):
    assert lattice.volume_A3 == pytest.approx(abs(np.linalg.det(cellpar_to_cell(lattice.parameters))), rel=1e-6)
    assert lattice.volume_A3 == pytest.approx(Lattice.from_parameters(*lattice.parameters).volume, rel=1e-6)


@given(angles=st.tuples(*[st.floats(1.0, 179.0)] * 3))
def test_the_relative_volume_is_zero_just_where_no_cell_exists(angles):
    cosines = np.cos(np.radians(angles))
    gram = np.array([[1, cosines[2], cosines[1]], [cosines[2], 1, cosines[0]], [cosines[1], cosines[0], 1]])
    smallest = np.linalg.eigvalsh(gram)[0]
    if smallest > 1e-9:
        assert relative_volume(*angles) == pytest.approx(math.sqrt(np.linalg.det(gram)), rel=1e-4)
    elif smallest < -1e-9:
        assert relative_volume(*angles) == 0.0


@given(angles=strategies.triclinic_angles())
def test_the_relative_volume_does_not_depend_on_the_order_of_angles(angles):
    assert {round(relative_volume(*order), 9) for order in permutations(angles)} == {round(relative_volume(*angles), 9)}


EXAMPLES = {
    CellShape.TRICLINIC: (4.0, 5.0, 6.0, 80.0, 85.0, 95.0),
    CellShape.MONOCLINIC: (4.0, 5.0, 6.0, 90.0, 85.0, 90.0),
    CellShape.ORTHORHOMBIC: (4.0, 5.0, 6.0, 90.0, 90.0, 90.0),
    CellShape.TETRAGONAL: (4.0, 4.0, 6.0, 90.0, 90.0, 90.0),
    CellShape.HEXAGONAL: (4.0, 4.0, 6.0, 90.0, 90.0, 120.0),
    CellShape.CUBIC: (4.0, 4.0, 4.0, 90.0, 90.0, 90.0),
}
SPECIAL_CASES_OF = {
    CellShape.TRICLINIC: set(CellShape),
    CellShape.MONOCLINIC: {
        CellShape.MONOCLINIC, CellShape.ORTHORHOMBIC, CellShape.TETRAGONAL, CellShape.CUBIC,
    },
    CellShape.ORTHORHOMBIC: {CellShape.ORTHORHOMBIC, CellShape.TETRAGONAL, CellShape.CUBIC},
    CellShape.TETRAGONAL: {CellShape.TETRAGONAL, CellShape.CUBIC},
    CellShape.HEXAGONAL: {CellShape.HEXAGONAL},
    CellShape.CUBIC: {CellShape.CUBIC},
}  # fmt: skip


@pytest.mark.parametrize("shape", CellShape)
@pytest.mark.parametrize("example", CellShape)
def test_a_cell_obeys_just_the_shapes_that_it_is_a_special_case_of(shape, example):
    parameters = EXAMPLES[example]
    expected = example in SPECIAL_CASES_OF[shape]
    assert LatticeParameters(*parameters).obeys(shape) is expected
    assert shape_equalities_hold(shape, parameters[:3], parameters[3:]) is expected


@pytest.mark.parametrize(
    "parameters",
    [
        (4.0, 4.0001, 4.0, 90.0, 90.0, 90.0),
        (4.0, 4.0, 4.0, 90.001, 90.0, 90.0),
        (4.0, 4.0, 4.0, 90.0, 90.0, 120.0),
    ],
)
def test_a_blueprint_refuses_a_cell_that_its_group_forbids(parameters):
    with pytest.raises(ImpossibleCellError, match=r"is not cubic, as space group 225 \(Fm-3m\) demands"):
        Blueprint(SpaceGroup(225), Composition.of({"Li": 4, "Cl": 4}), LatticeParameters(*parameters))


def test_a_cell_is_named_by_its_rounded_parameters(rock_salt_licl):
    nearly = LatticeParameters(5.13004, 5.12996, 5.13, 90.0004, 89.9996, 90.0)
    assert nearly == rock_salt_licl.lattice
    assert Blueprint(SpaceGroup(225), rock_salt_licl.composition, nearly).digest == rock_salt_licl.digest


@given(blueprint=strategies.blueprints())
def test_different_crystals_have_different_names(blueprint):
    stretched = LatticeParameters(*(1.01 * x for x in blueprint.lattice.lengths), *blueprint.lattice.angles)
    doubled = Composition(tuple((z, 2 * n) for z, n in blueprint.composition.counts))
    others = {
        Blueprint(blueprint.space_group, blueprint.composition, stretched).digest,
        Blueprint(blueprint.space_group, doubled, blueprint.lattice).digest,
    }
    assert len(others | {blueprint.digest}) == 3


def test_the_names_of_known_crystals_never_change(rock_salt_licl, antifluorite_li2o):
    assert rock_salt_licl.digest == "59a9f80e73b9c88e1d3702121a273d051801acf597abe50a058cb0e109df760a"
    assert antifluorite_li2o.digest == "e1045a39c8521dc0ef291d2f0de9a98c26395b80eec1b88259fa5620a86d300f"


def test_density_agrees_with_pymatgen_and_the_handbook(rock_salt_licl, antifluorite_li2o):
    licl = Structure.from_spacegroup(225, Lattice.cubic(5.13), ["Li", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    li2o = Structure.from_spacegroup(225, Lattice.cubic(4.62), ["Li", "O"], [[0.25, 0.25, 0.25], [0, 0, 0]])
    for blueprint, structure, handbook in ((rock_salt_licl, licl, 2.07), (antifluorite_li2o, li2o, 2.01)):
        assert blueprint.density_g_cm3 == pytest.approx(float(structure.density), rel=2e-4)
        assert blueprint.density_g_cm3 == pytest.approx(handbook, rel=0.02)
        assert blueprint.volume_per_atom_A3 == pytest.approx(structure.volume / len(structure))


def test_a_realization_has_both_an_energy_and_who_gave_it_or_neither(rock_salt_licl):
    known = {"blueprint_digest": rock_salt_licl.digest, "cif": "", "method": "pyxtal", "seed": 0, "is_relaxed": False}
    for energy, ranked_by in ((-3.0, None), (None, "potential 1.0")):
        with pytest.raises(InvalidValueError, match="Give both, or neither"):
            Realization(**known, energy_eV_per_atom=energy, ranked_by=ranked_by)
    for energy in (math.nan, math.inf, -math.inf):
        with pytest.raises(InvalidValueError, match="eV/atom is no crystal"):
            Realization(**known, energy_eV_per_atom=energy, ranked_by="potential 1.0")


@given(realization=strategies.realizations())
def test_a_realization_is_named_by_its_sites_and_not_by_its_energy(realization):
    fields = {name: getattr(realization, name) for name in ("blueprint_digest", "cif", "method", "seed", "is_relaxed")}
    again = Realization(**fields, energy_eV_per_atom=None, ranked_by=None)
    assert again.digest == realization.digest
    moved = Realization(**{**fields, "cif": realization.cif + " "}, energy_eV_per_atom=None, ranked_by=None)
    assert moved.digest != realization.digest
