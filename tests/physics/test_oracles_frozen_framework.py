"""The barrier of a frozen framework is that of the hop that it consists of, found by ASE's nudged elastic bands."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.constraints import FixAtoms
from ase.mep import NEB
from ase.optimize import BFGS

from oracles.frozen_framework import FrozenFrameworkOracle, build

pytestmark = pytest.mark.physics

PARAMETERS = {"sigma": 2.3, "epsilon": 0.1, "rc": 5.0, "smooth": True}


def band_barrier_eV(a_A: float) -> float:
    """Of lithium on its way from the octahedron to the tetrahedron of chlorine's lattice, and through its face."""
    chlorine = bulk("Cl", "fcc", a=a_A, cubic=True).repeat(2)
    images = []
    for share in np.linspace(0, 1, 9):
        image = chlorine.copy()
        image.append("Li")
        image.positions[-1] = a_A / 2 - share * a_A / 4
        image.set_constraint(FixAtoms(range(len(chlorine))))
        image.calc = LennardJones(**PARAMETERS)
        images.append(image)
    for end in (images[0], images[-1]):
        BFGS(end, logfile=None).run(fmax=0.01)
    band = NEB(images, climb=True, k=1.0, method="improvedtangent")
    BFGS(band, logfile=None).run(fmax=0.02, steps=200)
    energies = [image.get_potential_energy() for image in images]
    return max(energies) - min(energies)


@pytest.mark.parametrize(("a_A", "resolution_A", "tolerance_eV"), [(5.8, 0.25, 0.02), (5.4, 0.15, 0.05)])
def test_the_barrier_is_that_of_a_band(a_A: float, resolution_A: float, tolerance_eV: float) -> None:
    """Steep barriers need the finer grid."""
    potential = {"potential": "ase.calculators.lj.LennardJones", "parameters": PARAMETERS, "draws": 1}
    oracle = build({"potential": potential, "min_height_A": 8.0, "resolution_A": resolution_A})
    assert isinstance(oracle, FrozenFrameworkOracle)
    barriers, _ = oracle.barriers_eV(bulk("LiCl", "rocksalt", a=a_A))
    assert barriers == pytest.approx([band_barrier_eV(a_A)] * 3, abs=tolerance_eV)
