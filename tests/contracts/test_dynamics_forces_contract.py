"""Force fields keep the contract of the port, and the contract finds those that do not."""

from dataclasses import dataclass

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from domain.errors import InvalidValueError
from oracles.dynamics.forces import AseForces, Cells, Evaluation
from oracles.dynamics.testing import PairwiseRepulsion, require_forces_contract

REPULSION = PairwiseRepulsion(reach_A=3.3)


@pytest.fixture(scope="module")
def cells():
    crystals = [bulk("Cu", cubic=True), bulk("Au", "hcp", a=2.9, c=4.7) * (2, 2, 1), bulk("Cu", cubic=True, a=3.7)]
    for seed, atoms in enumerate(crystals):
        atoms.rattle(0.1, seed=seed)
    return Cells.of(*crystals)


@pytest.fixture(scope="module")
def wide_cells():
    crystals = [bulk("Cu", cubic=True) * 2, bulk("Cu", cubic=True, a=3.7) * 2]
    for seed, atoms in enumerate(crystals):
        atoms.rattle(0.2, seed=seed)
    return Cells.of(*crystals)


@pytest.mark.parametrize(
    ("name", "make"),
    [("EMT", EMT), ("LJ", lambda: LennardJones(sigma=2.2, epsilon=0.4, rc=4.0, smooth=True))],
    ids=["EMT", "LJ"],
)
def test_calculators_of_ase_keep_the_contract(name, make, cells):
    require_forces_contract(AseForces(name, make, is_renewed=True), cells)


def test_the_repulsion_keeps_the_contract(wide_cells):
    require_forces_contract(REPULSION, wide_cells)


@dataclass
class Broken:
    """A repulsion with one thing wrong."""

    wrong: str
    name: str = "broken"
    n_calls: int = 0

    def evaluate(self, cells):
        self.n_calls += 1
        right = REPULSION.evaluate(cells)
        energies, forces, stresses = right.energies_eV, right.forces_eV_A.copy(), right.stresses_eV_A3
        match self.wrong:
            case "forces":
                forces *= 1.001
            case "stresses":
                stresses = -stresses
            case "memory":
                energies = energies + 1e-13 * self.n_calls
            case "batch":
                energies = energies + (0.01 if cells.n_replicas > 1 else 0.0)
            case "order":
                forces[np.diff(cells.replicas, prepend=-1) == 1] += 1e-6
            case "wrapping":
                energies = energies + 1e-4 * np.bincount(cells.replicas, weights=cells.positions_A[:, 0])
            case "precision":
                forces = forces.astype(np.float32)
            case "shape":
                energies = energies[:1]
            case "number":
                energies = energies * np.nan
        return Evaluation(energies, forces, stresses)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("forces", "forces differ from the slope"),
        ("stresses", "stresses differ from the slope"),
        ("memory", "other bits"),
        ("batch", "A replica alone"),
        ("order", "Another order"),
        ("wrapping", "lattice vectors"),
        ("precision", "float32"),
        ("shape", "energies_eV"),
        ("number", "not finite"),
    ],
)
def test_the_contract_finds_what_is_wrong(wrong, words, wide_cells):
    with pytest.raises(InvalidValueError, match=words):
        require_forces_contract(Broken(wrong), wide_cells)


def test_one_replica_shows_nothing_of_a_batch(wide_cells):
    with pytest.raises(InvalidValueError, match="One replica"):
        require_forces_contract(REPULSION, wide_cells.single(0))
