"""Sites as people list them: one line for each set of equivalent ones."""

import random

import pytest

from domain.structure import Occupation, Site, Structure
from services.materials.formats import StructureFormat, write_structure
from services.materials.sites import MOST_SITES, list_sites

SHIFTS = ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))
A = 5.0


def rock_salt(shift: float = 0.5) -> str:
    sites = [Site(Occupation.of({"Li": 1.0}), place) for place in SHIFTS]
    sites += [Site(Occupation.of({"Cl": 1.0}), tuple((x + shift) % 1 for x in place)) for place in SHIFTS]
    cell = ((A, 0.0, 0.0), (0.0, A, 0.0), (0.0, 0.0, A))
    return write_structure(Structure(cell, tuple(sites)), StructureFormat.CIF, title="salt")


@pytest.mark.parametrize(
    ("shift", "group", "letters", "distance"),
    [(0.5, 225, {"a", "b"}, A / 2), (0.25, 216, {"a", "c"}, A * 3**0.5 / 4)],
)
def test_a_salt_has_two_kinds_of_sites(shift, group, letters, distance) -> None:
    found = list_sites(rock_salt(shift))
    assert (found.space_group, found.n_sites) == (group, 8)
    assert {(orbit.label, orbit.neighbour, orbit.n_sites) for orbit in found.orbits} == {
        ("Li", "Cl", 4),
        ("Cl", "Li", 4),
    }
    assert {orbit.wyckoff for orbit in found.orbits} == letters
    assert [orbit.distance_A for orbit in found.orbits] == pytest.approx([distance, distance])


def test_one_atom_has_its_own_image_for_a_neighbour() -> None:
    cell = ((3.0, 0.0, 0.0), (0.0, 4.0, 0.0), (0.0, 0.0, 5.0))
    structure = Structure(cell, (Site(Occupation.of({"Li": 1.0}), (0.99999999, 0.0, 0.0)),))
    (orbit,) = list_sites(write_structure(structure, StructureFormat.CIF, title="lithium")).orbits
    assert (orbit.neighbour, orbit.distance_A) == ("Li", pytest.approx(3.0))
    assert all(0 <= x < 1 for x in orbit.fractional)


def test_what_cannot_be_read_or_is_too_large_is_not_listed() -> None:
    assert list_sites("no CIF") is None
    sites = tuple(Site(Occupation.of({"Li": 1.0}), (n / (MOST_SITES + 1), 0.0, 0.0)) for n in range(MOST_SITES + 1))
    wire = Structure(((900.0, 0.0, 0.0), (0.0, 3.0, 0.0), (0.0, 0.0, 3.0)), sites)
    assert list_sites(write_structure(wire, StructureFormat.CIF, title="wire")) is None


def test_a_large_cell_without_symmetry_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is done in Python for each pair of sites: the service would stand still meanwhile."""
    rng = random.Random(3)
    sites = tuple(
        Site(Occupation.of({"Li": 1.0}), (rng.random(), rng.random(), rng.random())) for _ in range(MOST_SITES)
    )
    cif = write_structure(
        Structure(((30.0, 0.0, 0.0), (0.0, 31.0, 0.0), (3.0, 0.0, 32.0)), sites), StructureFormat.CIF, title="liquid"
    )
    monkeypatch.setattr(Structure, "cartesian", None)
    found = list_sites(cif)
    assert (found.space_group, len(found.orbits)) == (1, MOST_SITES)
