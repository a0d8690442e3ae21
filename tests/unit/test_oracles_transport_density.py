"""Where ions are: peaks where they sit, as many as there are, whatever the choice of cell and origin."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidValueError
from oracles.transport.density import FoldedCell, ion_density, settled_ions_A
from oracles.transport.trajectory import IonTrajectory

A = 4.2
PRIMITIVE = A / 2 * np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
"""Of a face-centred lattice."""
CUBIC = A * np.eye(3)
FOLDED = FoldedCell(CUBIC, PRIMITIVE)
OFF = np.array([0.25, 0.25, 0.25]) * A
"""Where the ion of each primitive cell sits; the framework's atom is at its origin."""


def einstein(generator, *, n_frames=400, n_copies=3, spread_A=0.15, drift_A=0.0):
    """Ions that shiver about their sites in a row of primitive cells, while all of it drifts."""
    cells = np.array([(i, 0, 0) for i in range(n_copies)]) @ PRIMITIVE
    rest = np.concatenate([cells + OFF, cells])
    noise = generator.normal(scale=spread_A, size=(n_frames, len(rest), 3))
    noise[:, n_copies:] -= noise[:, n_copies:].mean(axis=1, keepdims=True)
    moving = rest + noise + drift_A * np.arange(n_frames)[:, None, None]
    is_ion = np.arange(len(rest)) < n_copies
    supercell = np.array([[n_copies, 0, 0], [0, 1, 0], [0, 0, 1]]) @ PRIMITIVE
    return IonTrajectory(moving, supercell, is_ion, 0.1, 300.0), rest


def density(trajectory, rest, folded=FOLDED):
    return ion_density(settled_ions_A(trajectory, rest), folded, n_primitive=trajectory.n_ions)


@pytest.fixture
def generator():
    return np.random.default_rng(11)


def test_an_einstein_solid_has_its_peaks_at_its_sites(generator):
    trajectory, rest = einstein(generator, drift_A=0.01)
    found = density(trajectory, rest)
    assert found.sum() * FOLDED.volume_A3 / found.size == pytest.approx(4), "four ions in the cubic cell"
    n = found.shape[0]
    sites = [tuple((np.array(point) + 0.25) % 1) for point in FOLDED.lattice_points]
    near = np.zeros_like(found, dtype=bool)
    places = np.stack(np.meshgrid(*[np.arange(n) / n] * 3, indexing="ij"), axis=-1)
    for site in sites:
        away = places - np.array(site)
        away -= away.round()
        distances = np.linalg.norm(away * A, axis=-1)
        near |= distances < 0.8
        # A normal law: its share in the voxel around the site follows from its spread.
        edge_A = A / n
        share = math.erf(edge_A / 2 / (0.15 * math.sqrt(2))) ** 3
        assert found[distances < 0.01].item() == pytest.approx(share / edge_A**3, rel=0.1)
    assert found[near].sum() / found.sum() > 0.999


def test_a_supercell_of_three_primitive_cells_fills_all_four_of_the_cubic_one(generator):
    found = density(*einstein(generator))
    n = found.shape[0]
    for shift in ((n // 2, n // 2, 0), (0, n // 2, n // 2)):
        np.testing.assert_allclose(np.roll(found, shift, axis=(0, 1, 2)), found, atol=1e-12)


@given(vector=st.tuples(*[st.integers(-3, 3)] * 3))
def test_a_lattice_vector_changes_nothing(vector):
    trajectory, rest = einstein(np.random.default_rng(3), n_frames=20)
    moved_A = np.array(vector) @ PRIMITIVE
    # So far from a voxel's edge that rounding takes nothing over it.
    ions_A = (settled_ions_A(trajectory, rest) / 0.01).round() * 0.01 + 1e-4
    before = ion_density(ions_A, FOLDED, n_primitive=3)
    np.testing.assert_array_equal(ion_density(ions_A + moved_A, FOLDED, n_primitive=3), before)


def test_the_framework_is_laid_over_itself(generator):
    _, rest = einstein(generator)
    sites = FOLDED.sites(rest[3:])
    assert len(sites) == 4
    assert sorted(tuple(site.round(6) % 1) for _, site in sites) == [
        (0.0, 0.0, 0.0),
        (0.0, 0.5, 0.5),
        (0.5, 0.0, 0.5),
        (0.5, 0.5, 0.0),
    ]


def test_a_cell_that_is_no_multiple_is_refused():
    with pytest.raises(InvalidValueError, match="no multiple of the primitive cell"):
        FoldedCell(1.1 * CUBIC, PRIMITIVE)
