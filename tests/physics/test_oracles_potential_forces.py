"""Forces of networks for many cells: the contract of `Forces`, and the numbers of each network's own ASE calculator.

mace and chgnet are imported by subprocesses only: that switches off safe loading of torch files for the whole process.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.physics]

BUILD_MODEL = """
import sys, torch, numpy
from mace import modules  # before e3nn, which loads only after it
from e3nn import o3
torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
interaction = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
model = modules.ScaleShiftMACE(
    r_max=4.0, num_bessel=4, num_polynomial_cutoff=5, max_ell=2,
    interaction_cls=interaction, interaction_cls_first=interaction, num_interactions=1,
    num_elements=3, atomic_numbers=[3, 8, 17], atomic_energies=numpy.array([-1.9, -2.4, -1.7]),
    hidden_irreps=o3.Irreps("4x0e"), MLP_irreps=o3.Irreps("4x0e"), radial_MLP=[8],
    avg_num_neighbors=12.0, correlation=2, gate=torch.nn.functional.silu,
    atomic_inter_scale=0.5, atomic_inter_shift=0.0,
)
torch.save(model, sys.argv[1])
"""
COMPARE = """
import json, sys
import numpy as np
from ase.build import bulk, make_supercell
from oracles.dynamics.forces import Cells
from oracles.dynamics.testing import Tolerance, require_forces_contract
from oracles.potentials import PotentialChoice

settings = json.loads(sys.argv[1])
potential = PotentialChoice(**settings).load()
cubic = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
small = bulk("LiCl", "rocksalt", a=5.3)  # its cell is shorter than the cutoff
skewed = make_supercell(bulk("Li2O", "fluorite", a=4.62), [[1, 0, 0], [3, 1, 0], [-2, 1, 1]])
structures = [cubic, small, skewed]
for index, atoms in enumerate(structures):
    atoms.rattle(0.12, seed=index)
    atoms.positions += atoms.cell[:].sum(axis=0) * index  # atoms that have left their cell
cells = Cells.of(*structures)
# Networks are rough: over the step of Tolerance.single() their forces change.
single = Tolerance(slope=2e-2, rounding=1e-4, step_A=5e-3)
tolerance = single if potential.details["dtype"] == "float32" else Tolerance.double()
require_forces_contract(potential.forces, cells, tolerance)
found = potential.forces.evaluate(cells)
apart = {"energies": 0.0, "forces": 0.0, "stresses": 0.0}
for index, atoms in enumerate(structures):
    atoms.calc = potential.calculator
    here = cells.replicas == index
    for what, ours, theirs in (
        ("energies", found.energies_eV[index], atoms.get_potential_energy()),
        ("forces", found.forces_eV_A[here], atoms.get_forces()),
        ("stresses", found.stresses_eV_A3[index], atoms.get_stress(voigt=False)),
    ):
        apart[what] = max(apart[what], float(np.abs(ours - theirs).max()))
sizes = {"energies": found.energies_eV, "forces": found.forces_eV_A, "stresses": found.stresses_eV_A3}
print(json.dumps({"apart": apart, "sizes": {what: float(np.abs(size).max()) for what, size in sizes.items()}}))
"""


def run(code: str, *arguments: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments], capture_output=True, check=False, text=True
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.model"
    run(BUILD_MODEL, str(path))
    return path


@pytest.mark.parametrize(("dtype", "rounding"), [("float64", 1e-10), ("float32", 2e-5)])
def test_a_batch_through_mace_keeps_the_contract_and_has_the_numbers_of_single_calls(
    model: Path, dtype: str, rounding: float
) -> None:
    compare({"potential": "mace", "model": str(model), "dtype": dtype}, rounding)


def test_replicas_through_chgnet_keep_the_contract_and_have_the_numbers_of_single_calls() -> None:
    compare({"potential": "chgnet"}, 2e-5)


@pytest.fixture(autouse=True)
def trusted_folder(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALITE_MODELS", str(model.parent))


def compare(settings: dict[str, str], rounding: float) -> None:
    compared = json.loads(run(COMPARE, json.dumps(settings)).splitlines()[-1])
    for what, size in compared["sizes"].items():
        assert size > 1e-3, what  # the network says something
        assert compared["apart"][what] <= rounding * max(1.0, size), what


def test_an_element_that_the_network_lacks_is_refused(model: Path) -> None:
    code = (
        "import sys\n"
        "from ase.build import bulk\n"
        "from domain.errors import UnsupportedCrystalError\n"
        "from oracles.dynamics.forces import Cells\n"
        "from oracles.potentials import PotentialChoice\n"
        "potential = PotentialChoice('mace', sys.argv[1]).load()\n"
        "for call in (potential.admit, lambda atoms: potential.forces.evaluate(Cells.of(atoms))):\n"
        "    try:\n"
        "        call(bulk('NaCl', 'rocksalt', a=5.6))\n"
        "    except UnsupportedCrystalError as error:\n"
        "        print(error.problem)\n"
    )
    lines = [line for line in run(code, str(model)).splitlines() if "The model knows no Na" in line]
    assert len(lines) == 2


def test_the_table_of_foundation_models_and_their_places_is_mace_s_own(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from mace.calculators.foundations_models import download_mace_mp_checkpoint, mace_mp_urls\n"
        "from oracles.potentials.foundation import ADDRESSES, foundation_path\n"
        "assert dict(ADDRESSES) == mace_mp_urls\n"
        "for name in ADDRESSES:\n"
        "    path = foundation_path(name)\n"
        "    path.parent.mkdir(exist_ok=True, parents=True)\n"
        "    path.touch()\n"
        "    assert Path(download_mace_mp_checkpoint(name)) == path, name\n"
    )
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
