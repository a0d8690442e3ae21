"""Endless paths are found whatever the cell, and where the energy that they need is known exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from oracles.percolation import percolating_directions, percolation_energies_eV


def _region(*planes: tuple[object, object, object]) -> np.ndarray:
    region = np.zeros((8, 8, 8), dtype=bool)
    for plane in planes:
        region[plane] = True
    return region


EVERY = slice(None)


@pytest.mark.parametrize(
    ("region", "directions"),
    [
        (_region(), 0),
        (_region((2, 2, 2)), 0),
        (_region((EVERY, 2, 2)), 1),
        (_region((EVERY, 2, 2), (2, 6, EVERY)), 1),  # two channels that never meet
        (_region((EVERY, 2, 2), (2, 2, EVERY)), 2),
        (_region((EVERY, EVERY, 5)), 2),
        (_region((EVERY, 2, 2), (2, EVERY, 2), (2, 2, EVERY)), 3),
        (_region((EVERY, EVERY, EVERY)), 3),
    ],
)
def test_directions_of_channels_and_layers(region: np.ndarray, directions: int) -> None:
    assert percolating_directions(region) == directions


def test_a_diagonal_channel_runs_in_one_direction() -> None:
    """It crosses two faces of the cell; counting faces would give two directions."""
    region = np.zeros((8, 8, 8), dtype=bool)
    region[range(8), range(8), 3] = True
    assert percolating_directions(region) == 1


def test_a_channel_that_closes_after_two_cells_runs_in_one_direction() -> None:
    """Two parts of a cell, each of which continues as the other in the next cell."""
    region = np.zeros((8, 16, 4), dtype=bool)
    region[range(8), range(8), 1] = True
    region[range(8), range(8, 16), 1] = True
    assert percolating_directions(region) == 1


@given(arrays(bool, (3, 3, 3)), st.sampled_from([(2, 1, 1), (1, 2, 2), (3, 1, 2)]), st.integers(0, 2))
def test_neither_supercell_nor_origin_matters(region: np.ndarray, repeats: tuple[int, ...], shift: int) -> None:
    directions = percolating_directions(region)
    assert percolating_directions(np.tile(region, repeats)) == directions
    assert percolating_directions(np.roll(region, shift, axis=(0, 1, 2))) == directions


def test_energies_of_a_known_landscape() -> None:
    """E = -Σ A cos 2πx has its minima at the corners; along each axis the saddle lies 2 A higher."""
    points = np.arange(20) / 20
    x, y, z = np.meshgrid(points, points, points, indexing="ij")
    amplitudes = (0.3, 0.1, 0.2)
    landscape = -sum(a * np.cos(2 * np.pi * u) for a, u in zip(amplitudes, (x, y, z), strict=True))
    energies = percolation_energies_eV(landscape, highest_eV=5.0)
    assert energies == pytest.approx((0.2, 0.4, 0.6), abs=1e-3)
    assert percolation_energies_eV(landscape, highest_eV=0.5) == pytest.approx((0.2, 0.4, None), abs=1e-3)


def test_nothing_passes_walls_without_end() -> None:
    landscape = np.full((6, 6, 6), np.inf)
    landscape[2, :, :] = 0.0
    assert percolation_energies_eV(landscape, highest_eV=10.0) == (0.0, 0.0, None)
