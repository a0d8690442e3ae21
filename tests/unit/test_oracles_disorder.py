"""Ordered crystals of disordered ones have the right atoms, and are counted and weighed as exact enumeration does."""

from collections import Counter
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from domain.errors import InvalidValueError, UnsupportedCrystalError
from domain.structure import Occupation, Site, Structure
from oracles.disorder.arrangements import Block, distinct, every_arrangement
from oracles.disorder.cells import VACANT
from oracles.disorder.electrostatics import pair_energies
from oracles.disorder.ordering import ENUMERATION, QUASI_RANDOM, SAMPLING, OrderingSettings, order
from oracles.disorder.quasi_random import QuasiRandom, pair_shells
from oracles.disorder.reading import read_cif
from oracles.disorder.realizing import realization_of
from oracles.disorder.symmetry import site_permutations, sublattices_of

CRYSTALS = Path(__file__).parents[1] / "data" / "crystals"


def _rock_salt(shares: dict[str, float], a_A: float = 5.0) -> Structure:
    """Chlorine on one sublattice, what is given on the other; the cubic cell of 8 sites."""
    corners = [(0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)]
    shared = [Site(Occupation.of(shares), corner) for corner in corners]
    chlorine = [Site(Occupation.of({"Cl": 1.0}), ((x + 0.5) % 1, y, z)) for x, y, z in corners]
    return Structure(((a_A, 0, 0), (0, a_A, 0), (0, 0, a_A)), (*shared, *chlorine))


def _counts(atoms: Atoms) -> dict[str, int]:
    return dict(Counter(atoms.get_chemical_symbols()))


def _order(structure: Structure, **settings: object):
    return order(structure, OrderingSettings(**settings), rng=np.random.default_rng(3))


def test_half_of_four_sites_is_one_arrangement_by_symmetry() -> None:
    """Two Li and two Na on a tetrahedron of equivalent sites: all 6 ways are one crystal, layered, in P4/mmm."""
    found = _order(_rock_salt({"Li": 0.5, "Na": 0.5}))
    assert (found.method, found.filling.n_arrangements, found.left_out) == (ENUMERATION, 6, 0.0)
    (only,) = found.every
    assert (only.weight, only.degeneracy) == (1.0, 6)
    assert _counts(only.atoms) == {"Li": 2, "Na": 2, "Cl": 4}
    blueprint, realization = realization_of(only, found, seed=3)
    assert blueprint.title == "NaLiCl2 (P4/mmm)"
    assert realization.is_of_disordered
    assert realization.method.startswith("ordered by enumeration of 6 arrangements in 1×1×1 cells, weight 1 of 1")


def test_vacancies_are_placed_too() -> None:
    found = _order(_rock_salt({"Mg": 0.5}))
    assert _counts(found.every[0].atoms) == {"Mg": 2, "Cl": 4}


def test_the_cell_grows_until_numbers_are_whole() -> None:
    found = _order(_rock_salt({"Li": 0.875, "Na": 0.125}))
    assert found.filling.n_cells == 2
    assert found.filling.composition_error == pytest.approx(0.0, abs=1e-9)
    assert _counts(found.every[0].atoms) == {"Li": 7, "Na": 1, "Cl": 8}


def test_the_smallest_error_is_taken_and_stated_where_none_is_exact() -> None:
    found = _order(_rock_salt({"Li": 0.97, "Na": 0.03}), max_sites=16)
    assert _counts(found.every[0].atoms) == {"Li": 4, "Cl": 4}
    assert found.filling.composition_error == pytest.approx(0.015)


def test_roundings_keep_the_crystal_neutral() -> None:
    """0.66 Li and 0.17 Mg in place of 1 Li: in one cell 2 Li and 1 Mg, although 0.66 × 4 rounds to 3."""
    found = _order(_rock_salt({"Li": 0.66, "Mg": 0.17}), max_sites=8)
    assert _counts(found.every[0].atoms) == {"Li": 2, "Mg": 1, "Cl": 4}
    assert abs(found.filling.excess_charge) < 0.5


def test_every_arrangement_is_listed_once() -> None:
    blocks = [Block((0, 1, 2), (0, 1, 1)), Block((3, 4, 5, 6), (0, 0, 2, 2)), Block((7,), (1,))]
    found = every_arrangement(blocks, 8)
    assert len({tuple(row) for row in found.tolist()}) == len(found) == 3 * 6


@pytest.mark.parametrize("repeats", [(1, 1, 1), (2, 1, 1), (2, 2, 1)])
def test_permutations_keep_all_distances(repeats: tuple[int, int, int]) -> None:
    """A symmetry operation is an isometry: sites keep their distances, and chlorine stays chlorine."""
    structure = _rock_salt({"Li": 0.5, "Na": 0.5})
    permutations = site_permutations(structure, repeats)
    assert permutations.shape[1] == 8 * np.prod(repeats)
    sites = Atoms(
        numbers=[1 + site for _ in range(np.prod(repeats)) for site in range(8)],
        scaled_positions=[
            [(f + c) / n for f, c, n in zip(site.fractional, cell, repeats, strict=True)]
            for cell in np.ndindex(*repeats)
            for site in structure.sites
        ],
        cell=5.0 * np.array(repeats),
        pbc=True,
    )
    distances = sites.get_all_distances(mic=True)
    is_shared = sites.numbers <= 4
    for permutation in permutations:
        assert sorted(permutation) == list(range(len(sites)))
        assert np.allclose(distances[np.ix_(permutation, permutation)], distances)
        assert (is_shared[permutation] == is_shared).all()
    assert len(permutations) >= 24


def test_distinct_arrangements_add_up_to_all() -> None:
    structure = _rock_salt({"Li": 0.5, "Na": 0.5})
    sites = [site for site in range(16) if site % 8 < 4]
    arrangements = np.zeros((comb(8, 4), 16), dtype=np.int8)
    for row, chosen in enumerate(combinations(sites, 4)):
        arrangements[row, list(chosen)] = 1
    first, degeneracy = distinct(arrangements, site_permutations(structure, (2, 1, 1)))
    assert degeneracy.sum() == comb(8, 4)
    assert len(first) < 12


def test_energies_are_those_of_the_madelung_sum() -> None:
    """Rock salt: E = -1.7475646 e²/(4πε₀ r) for each pair of ions (Kittel, Solid State Physics, ch. 3)."""
    atoms = Atoms("Li4Cl4", scaled_positions=[site.fractional for site in _rock_salt({"Li": 1.0}).sites], cell=[5] * 3)
    atoms.pbc = True
    pairs = pair_energies(atoms, [1.0] * 8, min_distance_ratio=0.5)
    charges = np.array([[1.0] * 4 + [-1.0] * 4])
    energy = pairs.energies_eV(charges, np.ones((1, 8)))[0]
    assert energy == pytest.approx(-4 * 1.7475646 * 14.3996 / 2.5, rel=1e-4)


def test_sampling_agrees_with_enumeration() -> None:
    """Metropolis chains draw arrangements as often as the exact Boltzmann weights of all of them say."""
    structure = _rock_salt({"Li": 0.5, "Mg": 0.25})
    exact = _order(structure, keep=100, screening=30.0, temperature_K=2000.0)
    drawn = _order(structure, keep=30, screening=30.0, temperature_K=2000.0, enumerate_up_to=1)
    assert (exact.method, drawn.method) == (ENUMERATION, SAMPLING)
    known = {round(one.energy_eV_per_atom, 6): one.weight for one in exact.every}
    for one in drawn.every:
        expected = known[round(one.energy_eV_per_atom, 6)]
        spread = (expected * (1 - expected) / 30) ** 0.5
        assert abs(one.weight - expected) < 4 * spread + 1e-9


def test_the_same_seed_draws_the_same() -> None:
    structure = read_cif((CRYSTALS / "97b.cif").read_text())
    one, other = (_order(structure, enumerate_up_to=1, keep=2) for _ in range(2))
    assert [each.energy_eV_per_atom for each in one.every] == [each.energy_eV_per_atom for each in other.every]


def test_sites_too_close_are_never_both_occupied() -> None:
    """Lithium split over two sites 0.8 Å apart: of the pair, one is occupied."""
    split = [Site(Occupation.of({"Li": 0.5}), (x, 0.5, 0.5)) for x in (0.4, 0.6)]
    structure = Structure(
        ((4.0, 0, 0), (0, 4.0, 0), (0, 0, 4.0)), (*split, Site(Occupation.of({"Cl": 1.0}), (0, 0, 0)))
    )
    assert _counts(_order(structure).every[0].atoms) == {"Li": 1, "Cl": 1}
    crowded = Structure(structure.lattice_vectors, (*(Site(Occupation.of({"Li": 1.0}), s.fractional) for s in split),
                                                    Site(Occupation.of({"O": 1.0}), (0, 0, 0))))  # fmt: skip
    with pytest.raises(UnsupportedCrystalError, match="Atoms overlap in every arrangement"):
        _order(crowded)


@pytest.mark.parametrize(
    ("name", "formula", "n_arrangements"),
    [("97b", {"Li": 9, "O": 20, "Sc": 9, "Zr": 1}, 100), ("2t8", {"F": 2, "Li": 2, "O": 8, "P": 2, "V": 2}, 4)],
)
def test_published_crystals_are_ordered(name: str, formula: dict[str, int], n_arrangements: int) -> None:
    found = _order(read_cif((CRYSTALS / f"{name}.cif").read_text()))
    assert found.filling.n_arrangements == n_arrangements
    assert sum(one.weight for one in found.every) == pytest.approx(1.0)
    for one in found.every:
        assert _counts(one.atoms) == formula
        blueprint, realization = realization_of(one, found, seed=3)
        assert realization.blueprint_digest == blueprint.digest


def test_equivalent_sites_are_one_sublattice() -> None:
    sublattices = sublattices_of(_rock_salt({"Li": 0.5, "Mg": 0.25}))
    assert [len(sublattice.sites) for sublattice in sublattices] == [4, 4]
    assert sublattices[0].shares == (("Li", 0.5), ("Mg", 0.25), (VACANT, 0.25))


def test_what_cannot_be_ordered_is_refused() -> None:
    with pytest.raises(UnsupportedCrystalError, match="has 8 sites; at most 4"):
        _order(_rock_salt({"Li": 0.5, "Na": 0.5}), max_sites=4)
    with pytest.raises(UnsupportedCrystalError, match="No oxidation states"):
        _order(_rock_salt({"Xe": 0.5, "Na": 0.5}))
    with pytest.raises(UnsupportedCrystalError, match="holds no structure"):
        read_cif("data_nothing\n")
    with pytest.raises(InvalidValueError, match="leave nothing to order"):
        OrderingSettings(keep=0)
    with pytest.raises(InvalidValueError, match="screening"):
        OrderingSettings(screening=0.5)


def _correlations(arrangement: Atoms) -> list[float]:
    """Mean product of spins (+1 for gold, -1 for copper) of neighbours in the first four shells of an fcc alloy."""
    spins = np.where(arrangement.numbers == 79, 1.0, -1.0)
    edge = (4 * arrangement.cell.volume / len(arrangement)) ** (1 / 3)
    first, second, distances = neighbor_list("ijd", arrangement, 1.5 * edge)
    return [
        float(np.mean((spins[first] * spins[second])[np.abs(distances - edge * np.sqrt(n / 2)) < 0.05]))
        for n in range(1, 5)
    ]


def _alloy(n_cells: int) -> tuple[Atoms, QuasiRandom]:
    sites = bulk("Cu", "fcc", a=3.8, cubic=True).repeat((2, 2, n_cells))
    n = len(sites)
    blocks = (Block(tuple(range(n)), tuple([0] * (n // 2) + [1] * (n // 2))),)
    return sites, QuasiRandom(blocks, pair_shells(sites, blocks), np.zeros((n, n)), n_labels=3)


def test_neighbours_of_a_quasi_random_alloy_are_nearly_those_of_chance() -> None:
    """Chance gives 0 for every shell; the layered alloy of that composition -1/3 for the first and 1 for the second.

    Found with a neighbour list that shares no code with the search.
    """
    sites, sought = _alloy(2)
    labels = sought.draw(len(sites), np.random.default_rng(1))
    found = sites.copy()
    found.numbers = np.where(labels == 1, 79, 29)
    assert np.abs(_correlations(found)).max() < 0.05
    layered = sites.copy()
    layers = np.rint(sites.get_scaled_positions()[:, 2] * 4).astype(int) % 2
    layered.numbers = np.where(layers == 1, 79, 29)
    assert _correlations(layered)[:2] == pytest.approx([-1 / 3, 1.0])
    assert sought.mismatch(labels) < 0.01 * sought.mismatch(layers.astype(np.int8))


def test_shells_have_the_neighbours_that_every_site_has() -> None:
    _, sought = _alloy(1)
    assert sought.shells.counts.sum(axis=2).tolist() == [[n] * 16 for n in (12.0, 6.0, 24.0, 12.0)]


def test_quasi_random_choices_weigh_alike_and_keep_the_composition() -> None:
    found = _order(_rock_salt({"Li": 0.5, "Na": 0.5}), method="quasi-random", keep=3, max_sites=16)
    assert found.method == QUASI_RANDOM
    assert found.weighed_by == "all alike"
    assert {one.weight for one in found.every} == {1 / len(found.every)}
    for one in found.every:
        counts = _counts(one.atoms)
        assert counts["Li"] == counts["Na"] == counts["Cl"] / 2
    whole = _order(_rock_salt({"Li": 1.0}), method="quasi-random")
    assert whole.method == ENUMERATION  # nothing is shared


def test_quasi_random_choices_leave_split_sites_alone() -> None:
    split = [Site(Occupation.of({"Li": 0.5}), (x, 0.5, 0.5)) for x in (0.4, 0.6)]
    structure = Structure(
        ((4.0, 0, 0), (0, 4.0, 0), (0, 0, 4.0)), (*split, Site(Occupation.of({"Cl": 1.0}), (0, 0, 0)))
    )
    assert _counts(_order(structure, method="quasi-random").every[0].atoms) == {"Li": 1, "Cl": 1}


def test_alloys_have_no_charges_and_are_weighed_by_number_alone() -> None:
    corners = [(0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)]
    sites = tuple(Site(Occupation.of({"Cu": 0.5, "Au": 0.5}), corner) for corner in corners)
    found = _order(Structure(((3.8, 0, 0), (0, 3.8, 0), (0, 0, 3.8)), sites))
    assert found.states == {"Au": 0, "Cu": 0}
    assert found.weighed_by == "the number of equivalent arrangements"
