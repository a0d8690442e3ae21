"""Networks without pickle, and the pipeline that makes one: small settings, CHGNet as the teacher.

mace is imported by subprocesses only: its import switches off safe loading of torch files for the whole process.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase.build import bulk
from typer.testing import CliRunner

from domain.errors import InvalidValueError, OracleUnavailableError
from domain.fidelity import Fidelity
from oracles.potentials.converting import run_conversion
from oracles.potentials.fine_tuning import FineTuningRequest, TaughtEnergy, run_fine_tuning
from oracles.potentials.portable import FOLDER, read_portable, weights_path
from oracles.running.process import OracleProcess, Refusal
from oracles.structures import to_cif
from services.cli.main import app

pytestmark = [pytest.mark.slow, pytest.mark.physics]

BUILD = """
import sys, torch, numpy
from mace import modules  # before e3nn, which loads only after it
from e3nn import o3
torch.manual_seed(11)
interaction = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
model = modules.ScaleShiftMACE(
    r_max=4.5, num_bessel=6, num_polynomial_cutoff=5, max_ell=2,
    interaction_cls=interaction, interaction_cls_first=interaction, num_interactions=2,
    num_elements=2, atomic_numbers=[3, 17], atomic_energies=numpy.array([-1.9, -1.7]),
    hidden_irreps=o3.Irreps("8x0e"), MLP_irreps=o3.Irreps("8x0e"), radial_MLP=[8, 8],
    avg_num_neighbors=12.0, correlation=2, gate=torch.nn.functional.silu, pair_repulsion=True,
    distance_transform="Agnesi", atomic_inter_scale=0.5, atomic_inter_shift=0.0,
)
torch.save(model, sys.argv[1])
"""
COMPARE = """
import json, sys, numpy
from ase.build import bulk
from oracles.dynamics.forces import Cells
from oracles.potentials import PotentialChoice
atoms = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
atoms.rattle(0.1, seed=2)
answers = []
for model in sys.argv[1:]:
    atoms.calc = PotentialChoice("mace", model).load().calculator
    answers.append((atoms.get_forces(), atoms.get_potential_energy(), atoms.get_stress()))
print(json.dumps([float(numpy.abs(numpy.array(a) - numpy.array(b)).max()) for a, b in zip(*answers)]))
"""


LATTICE = """
from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE
from oracles.potentials import PotentialChoice
atoms = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
atoms.calc = PotentialChoice("mace", "petalite-li-1", dtype="float32").load().calculator
FIRE(FrechetCellFilter(atoms), logfile=None).run(fmax=0.02, steps=200)
print(atoms.cell.lengths()[0])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trainer's checkpoint, and what is made of it."""
    made = tmp_path_factory.mktemp("networks")
    subprocess.run([sys.executable, "-W", "ignore", "-c", BUILD, str(made / "tiny.model")], check=True)
    card = {"source": "a test"}
    run_conversion(made / "tiny.model", made, name="tiny", licence="none", card=card, report=lambda _: None)
    return made


@pytest.fixture(autouse=True)
def trusted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALITE_MODELS", str(folder))


def test_a_network_that_is_rebuilt_answers_as_the_trainers_checkpoint(folder: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", COMPARE, "tiny.model", "tiny.json"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    forces, energy, stress = json.loads(told.splitlines()[-1])
    assert forces < 1e-6
    assert energy < 1e-6
    assert stress < 1e-6


def test_petalites_own_network_needs_no_trusted_folder_and_relaxes_rock_salt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PETALITE_MODELS", str(tmp_path))
    told = subprocess.run([sys.executable, "-W", "ignore", "-c", LATTICE], check=True, capture_output=True, text=True)
    assert float(told.stdout.split()[-1]) == pytest.approx(5.15, rel=0.03)  # 5.13 measured, 5.15 in PBE; here 5.22


def test_a_network_that_does_not_hold_an_element_together_gives_no_reference(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Petalite's own, whose card is silent about what it may not do.
    monkeypatch.setenv("PETALITE_MODELS", str(tmp_path))
    own = FOLDER / "petalite-li-1.json"
    (tmp_path / "mine.json").write_text(json.dumps(json.loads(own.read_text()) | {"card": {}}))
    weights_path(tmp_path / "mine.json").write_bytes(weights_path(own).read_bytes())
    with OracleProcess(Fidelity("mace", "potential", 1.0, {"potential": "mace", "model": "mine.json"})) as process:
        answer = process.reference("Li")
    assert isinstance(answer, Refusal), answer


def test_a_checkpoint_that_is_no_network_is_not_converted(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.model").write_bytes(b"no archive")
    with pytest.raises(OracleUnavailableError, match=r"The conversion of broken\.model ended"):
        run_conversion(tmp_path / "broken.model", tmp_path, name="x", licence="", card={}, report=lambda _: None)


def test_a_network_is_continued_on_energies_and_errs_less_on_crystals_that_it_was_not_shown(
    folder: Path, tmp_path: Path
) -> None:
    energies = tuple(_energy(4.8 + 0.06 * index) for index in range(12))
    request = FineTuningRequest(str(folder / "tiny.json"), str(tmp_path), "more", 1, "a test", energies, n_epochs=10)
    run_fine_tuning(request, report=lambda _: None)
    told = read_portable(tmp_path / "more.json").card["fine_tuning"]
    assert told["error_after_meV_per_atom"] < 0.1 * told["error_before_meV_per_atom"]  # type: ignore[index,call-overload,operator]
    assert read_portable(tmp_path / "more.json").card["continued_from"] == "tiny"
    with pytest.raises(InvalidValueError, match=r"2 crystals have an energy.*at least 8"):
        run_fine_tuning(FineTuningRequest(**(asdict(request) | {"energies": energies[:2]})), report=lambda _: None)


def _energy(a_A: float) -> TaughtEnergy:
    return TaughtEnergy(to_cif(bulk("LiCl", "rocksalt", a=a_A, cubic=True)), -3.0 + 0.4 * (a_A - 5.1) ** 2)


def test_the_whole_pipeline_makes_a_network_with_a_card_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    cifs = tmp_path / "cifs"
    cifs.mkdir()
    for cation in ("Li", "Na", "K"):
        for anion, a_A in (("F", 4.4), ("Cl", 5.5), ("Br", 5.8)):
            atoms = bulk(cation + anion, "rocksalt", a=a_A, cubic=True)
            (cifs / f"{cation}{anion}.cif").write_text(to_cif(atoms))
    recipe = tmp_path / "small.yaml"
    recipe.write_text(yaml.safe_dump(SMALL))
    command = ["potential", "train", "--cifs", str(cifs), "--recipe", str(recipe), "--folder", str(tmp_path / "work")]
    runner = CliRunner()
    for stage in ("prepare", "label", "explore"):
        ran = runner.invoke(app, [*command, "--stage", stage])
        assert ran.exit_code == 0, (ran.output, ran.exception)
    labels = sorted((tmp_path / "work" / "labels").glob("*.xyz"))
    written = [path.stat().st_mtime_ns for path in labels]
    ran = runner.invoke(app, command)
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert [path.stat().st_mtime_ns for path in labels] == written
    network = read_portable(tmp_path / "work" / "shipped" / "small.json")
    errors = network.card["examine"]["errors"]["small"]["all"]["all"]  # type: ignore[index,call-overload]
    assert np.isfinite(errors["forces_meV_A"])  # type: ignore[index,call-overload,arg-type]
    held_out = set(network.card["held_out"]["test"])  # type: ignore[index,call-overload,arg-type]
    assert held_out
    assert "Never taught" in (tmp_path / "work" / "shipped" / "small.md").read_text()


SMALL = {
    "name": "small",
    "seed": 5,
    "teacher": "chgnet",
    "teacher_model": "0.3.0",
    "crystals": {
        "min_atoms": 8,
        "held_out": 0.2,
        "validation": 0.12,
        "min_systems": 1,
        "has_references": False,
        "n_substituted": 1,
        "substitutes": [["Cl", "Br"]],
    },
    "distortions": {"most": 3},
    "exploration": {"epochs": 1, "n_steps": 10, "frames": 1, "max_crystals": 2},
    "training": {"channels": 8, "epochs": 3, "second_stage_from": 2, "cutoff_A": 4.0},
    "endurance": {"duration_ps": 0.1, "held_out": 1, "taught": 1, "temperature_K": 300.0},
}
