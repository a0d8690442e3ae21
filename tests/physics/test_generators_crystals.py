"""Crystals judged by programs that share no code with ours."""

import numpy as np
import pytest
import torch
from pymatgen.core import Composition, Lattice
from pymatgen.symmetry.groups import SpaceGroup

from domain.search_space import SearchSpace
from generators.crystal_gfn import CrystalGFN
from generators.settings import CrystalGFNSettings

pytestmark = pytest.mark.physics

SPACE = SearchSpace(
    elements=("Li", "Mg", "O", "F", "S", "Cl"),
    space_groups=(2, 12, 14, 15, 47, 62, 63, 139, 148, 160, 166, 186, 194, 216, 221, 225, 227),
    max_atoms=12,
    max_elements=4,
)


def test_every_crystal_is_possible_for_pyxtal_and_pymatgen():
    symmetry = pytest.importorskip("pyxtal.symmetry", exc_type=ImportError)
    generator = CrystalGFN(SPACE, CrystalGFNSettings(hidden_width=16), seed=0)
    sample = generator.sample(300, rng=torch.Generator().manual_seed(0))
    groups = {number: symmetry.Group(number) for number in SPACE.space_groups}
    metrics = {number: SpaceGroup.from_int_number(number, hexagonal=True) for number in SPACE.space_groups}

    for blueprint in sample.batch.to_blueprints():
        number = blueprint.space_group.number
        group = groups[number]
        assert group.check_compatible([n for _, n in blueprint.composition.counts])[0]
        lattice = Lattice.from_parameters(*blueprint.lattice.parameters)
        assert lattice.volume == pytest.approx(blueprint.lattice.volume_A3, rel=1e-9)
        assert 6.0 <= lattice.volume / blueprint.composition.n_atoms <= 40.0
        assert metrics[number].is_compatible(lattice, tol=1e-6, angle_tol=1e-6)


def test_every_composition_is_neutral_for_pymatgen():
    generator = CrystalGFN(SPACE, CrystalGFNSettings(hidden_width=16), seed=0)
    sample = generator.sample(200, rng=torch.Generator().manual_seed(0))
    states = {symbol: list(allowed) for symbol, allowed in SPACE.allowed_oxidation_states.items()}

    for formula in {blueprint.composition.reduced_formula for blueprint in sample.batch.to_blueprints()}:
        assert Composition(formula).oxi_state_guesses(oxi_states_override=states)


# spglib warns on every call that a later version will raise instead of returning None.
@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")
def test_every_lattice_has_the_metric_of_its_group():
    """Each rotation of spglib's database leaves the metric tensor of the cell as it is."""
    spglib = pytest.importorskip("spglib")
    standard: dict[int, int] = {}
    for hall_number in range(1, 531):
        standard.setdefault(spglib.get_spacegroup_type(hall_number).number, hall_number)
    space = SearchSpace(elements=("Li", "O", "Cl"), space_groups=tuple(range(1, 231)), max_atoms=24)
    generator = CrystalGFN(space, CrystalGFNSettings(hidden_width=16), seed=0)
    seen = set()
    for blueprint in generator.sample(1500, rng=torch.Generator().manual_seed(1)).batch.to_blueprints():
        number = blueprint.space_group.number
        seen.add(number)
        lattice = Lattice.from_parameters(*blueprint.lattice.parameters)
        metric = lattice.matrix @ lattice.matrix.T
        rotations = spglib.get_symmetry_from_database(standard[number])["rotations"]
        turned = np.einsum("nji,jk,nkl->nil", rotations, metric, rotations)
        assert np.allclose(turned, metric, rtol=0, atol=1e-6 * metric.max())
    assert len(seen) > 200
