"""One ion in a rigid framework: landscapes whose ways through are known, whatever the grid and the cell."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from domain.blueprint import Blueprint
from domain.errors import InvalidValueError, SpecError, UnsupportedCrystalError
from domain.look import LookRequest
from domain.measurement import Censoring
from oracles.frozen_framework import FrozenFrameworkOracle, build
from oracles.ion_grid import IonGrid
from oracles.ion_landscape import look_round
from oracles.testing import cubic, require_oracle_contract, rock_salt

LENNARD_JONES = {
    "potential": "ase.calculators.lj.LennardJones",
    "parameters": {"sigma": 2.3, "epsilon": 0.1, "rc": 5.0, "smooth": True},
    "draws": 1,
}
AMPLITUDES_EV = (0.3, 0.1, 0.2)


def oracle(**settings: object) -> FrozenFrameworkOracle:
    built = build({"potential": LENNARD_JONES, "min_height_A": 6.0, **settings})
    assert isinstance(built, FrozenFrameworkOracle)
    return built


def cosines(cell: np.ndarray, lowest: tuple[float, float, float], height: float = 1.0):
    """-Σ A cos 2π(u - u0): along each axis the way through lies 2 A above the lowest place."""

    def energies(positions: np.ndarray) -> np.ndarray:
        away = positions @ np.linalg.inv(cell) - lowest
        return -7.0 - height * (np.array(AMPLITUDES_EV) * np.cos(2 * np.pi * away)).sum(axis=1)

    return energies


@pytest.mark.parametrize(
    ("resolution_A", "lowest", "height"),
    [(0.5, (0.0, 0.0, 0.0), 1.0), (0.5, (0.13, 0.41, 0.77), 4.0), (0.3, (0.13, 0.41, 0.77), 1.0)],
)
def test_the_ways_through_a_landscape_of_cosines_are_known(
    resolution_A: float, lowest: tuple[float, float, float], height: float
) -> None:
    cell = np.array([[4.0, 0.0, 0.0], [1.0, 5.0, 0.0], [0.0, 2.0, 6.0]])
    framework = Atoms("ClBr", scaled_positions=[(0.5, 0.5, 0.5), (0.2, 0.3, 0.4)], cell=cell, pbc=True)
    grid = IonGrid.of(framework, resolution_A=resolution_A)
    landscape = look_round(grid, cosines(cell, lowest, height), highest_eV=5.0)
    fall_eV = landscape.lowest_eV - (-7.0 - height * sum(AMPLITUDES_EV))
    found = [way + fall_eV for way in landscape.barriers_eV(highest_eV=5.0)]
    assert found == pytest.approx([height * way for way in (0.2, 0.4, 0.6)], abs=0.01 * height)


def test_walls_and_holes_are_looked_at_coarsely() -> None:
    """A channel along z of 2 Å within walls: most of the cell decides nothing."""
    cell = np.diag([8.0, 8.0, 6.0])
    framework = Atoms("ClBr", scaled_positions=[(0.5, 0.5, 0.5), (0.2, 0.3, 0.4)], cell=cell, pbc=True)
    grid = IonGrid.of(framework, resolution_A=0.3)

    def channel(positions: np.ndarray) -> np.ndarray:
        beside = (positions[:, :2] + 4) % 8 - 4
        return 5 * (beside**2).sum(axis=1) - 0.2 * np.cos(2 * np.pi * positions[:, 2] / 6)

    landscape = look_round(grid, channel, highest_eV=5.0)
    first, *others = landscape.barriers_eV(highest_eV=5.0)
    assert first == pytest.approx(0.4, abs=0.02)
    assert others == [None, None]
    assert landscape.n_seen < grid.n_points / 3


def test_points_that_are_the_same_by_symmetry_are_asked_once() -> None:
    grid = IonGrid.of(bulk("Cl", "fcc", a=5.13), resolution_A=0.3)
    assert grid.n_operations == 48
    n_orbits = len(np.unique(grid.orbits))
    assert n_orbits < grid.n_points / 20
    assert set(grid.coarse.tolist()) <= set(grid.orbits.tolist())


def test_an_ion_that_fits_nowhere_is_told() -> None:
    with pytest.raises(UnsupportedCrystalError, match=r"has no room for an ion.*least_distance_ratio"):
        oracle(least_distance_ratio=5.0).barriers_eV(bulk("LiCl", "rocksalt", a=5.13))


def test_neither_supercell_nor_origin_nor_turning_matters() -> None:
    crystal = bulk("LiCl", "rocksalt", a=5.8)
    looker = oracle(resolution_A=0.3)
    expected, _ = looker.barriers_eV(crystal)
    other = crystal.repeat((1, 2, 1))
    other.rotate(25, (1, 2, 3), rotate_cell=True)
    other.positions += (0.3, 0.2, 0.1)
    found, _ = looker.barriers_eV(other)
    assert None not in expected
    assert found == pytest.approx(expected, abs=0.03)


def test_a_look_answers_with_the_barrier_and_keeps_the_contract() -> None:
    looker = oracle(resolution_A=0.4)
    require_oracle_contract(looker, rock_salt(a_A=5.8))
    seen = looker.look(LookRequest(rock_salt(a_A=5.8), 1))
    assert seen.censoring is Censoring.NONE
    assert seen.details["barriers_eV"]["3 directions"] == seen.value
    blocked = oracle(resolution_A=0.4, highest_eV=0.01, quantity="ionic_conductivity").look(LookRequest(rock_salt(), 1))
    assert blocked.censoring is Censoring.BELOW


def test_a_barrier_above_the_highest_energy_is_none_of_that_energy() -> None:
    """The ion falls from the grid's lowest point into the lowest place: what is added for it counts too."""
    crystal = bulk("LiCl", "rocksalt", a=5.8)
    (barrier, *_), _ = oracle(resolution_A=0.4).barriers_eV(crystal)
    assert barrier is not None
    (censored, *_), _ = oracle(resolution_A=0.4, highest_eV=barrier - 1e-4).barriers_eV(crystal)
    assert censored is None


@pytest.mark.parametrize(
    ("blueprint", "settings", "problem"),
    [
        (rock_salt("Na", "Cl", 5.6), {}, "no Li that could move"),
        (cubic(229, {"Li": 2}, 3.5), {}, "no Li that could move"),
        (rock_salt(), {"max_atoms": 7}, "at most 7"),
    ],
)
def test_crystals_are_refused_before_anything_is_charged(
    blueprint: Blueprint, settings: dict[str, object], problem: str
) -> None:
    with pytest.raises(UnsupportedCrystalError, match=problem):
        oracle(**settings).require_supported(blueprint)


@pytest.mark.parametrize(
    "settings",
    [
        {"resolution_A": 1.0},
        {"highest_eV": 50.0},
        {"min_height_A": -1.0},
        {"directions": 4},
        {"mobile": "H"},
        {"speed": 1},
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises((SpecError, InvalidValueError), match=next(iter(settings))):
        oracle(**settings)
