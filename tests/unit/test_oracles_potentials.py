"""Potentials by name: what is refused before anything is loaded, and the door before every potential."""

import hashlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from domain.blueprint import Realization
from domain.errors import InvalidValueError, OracleUnavailableError, UnsupportedCrystalError
from domain.json_value import JsonObject
from domain.look import LookRequest
from oracles.dynamics.forces import Cells
from oracles.potentials import PotentialChoice, survey
from oracles.potentials import memory as memory_of_potentials
from oracles.potentials.foundation import foundation_path
from oracles.potentials.memory import MemoryRule
from oracles.registry import build_oracle
from oracles.structures import from_cif, require_sound_structure, to_cif
from oracles.testing import cubic
from services.cli import doctor

ZIP = b"PK\x05\x06" + bytes(18)
"""The smallest archive, which is what a checkpoint is."""


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PETALITE_MODELS", str(tmp_path))
    path = tmp_path / "some.model"
    path.write_bytes(ZIP)
    return path


def rock_salt() -> Atoms:
    return bulk("LiCl", "rocksalt", a=5.13, cubic=True)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"potential": "maec"}, "no potential 'maec'.*chgnet, mace, or the dotted path"),
        ({"potential": "chgnet", "dtype": "float64"}, "single precision only"),
        ({"potential": "chgnet", "accelerate": True}, "accelerates mace only"),
        ({"potential": "mace", "accelerate": True}, "on a GPU only.*device: cuda"),
        ({"potential": "mace", "parameters": {"a": 1}}, "takes no 'parameters'"),
        ({"potential": "lj", "device": "cuda", "threads": 2}, "does not take device, threads"),
        ({"potential": "my.package.Calculator", "model": "x"}, "does not take model"),
        ({"potential": "lj", "parameters": {"command": "true"}}, "run commands"),
        ({"threads": 0}, "0 threads compute nothing"),
        ({"model_sha256": "abc"}, "'abc' is no sha256.*sha256sum"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: JsonObject, words: str) -> None:
    with pytest.raises(InvalidValueError, match=words):
        PotentialChoice(**settings)


def test_a_checkpoint_of_another_content_is_refused_without_loading_it(checkpoint: Path) -> None:
    found = hashlib.sha256(ZIP).hexdigest()
    PotentialChoice("mace", str(checkpoint), model_sha256=found).check()
    with pytest.raises(OracleUnavailableError, match=f"has the sha256 {found}, but 'model_sha256' says {'0' * 64}"):
        PotentialChoice("mace", str(checkpoint), model_sha256="0" * 64).check()
    with pytest.raises(OracleUnavailableError, match=f"but 'model_sha256' says {'0' * 64}"):
        PotentialChoice("chgnet", model_sha256="0" * 64).check()


def test_a_foundation_model_that_is_here_is_held_against_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    choice = PotentialChoice("mace", "small", model_sha256="0" * 64)
    choice.check()  # nothing here yet: mace may download it
    path = foundation_path("small")
    path.parent.mkdir()
    path.write_bytes(ZIP)
    assert path == tmp_path / "mace" / "20231210mace128L0_energy_epoch249model"
    with pytest.raises(OracleUnavailableError, match="but 'model_sha256' says"):
        choice.check()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"potential": "chgnet", "model": "9.9"}, "no model '9.9'.*0.2.0, 0.3.0, r2scan"),
        ({"potential": "mace", "model": "enormous"}, "no foundation model 'enormous'.*medium-mpa-0"),
        ({"potential": "nosuchcode.Calculator"}, "needs the package 'nosuchcode'"),
    ],
)
def test_what_is_not_here_is_refused_with_what_there_is(
    settings: JsonObject, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALITE_CALCULATORS", "nosuchcode")
    with pytest.raises(OracleUnavailableError, match=words):
        PotentialChoice(**settings).check()


@pytest.mark.parametrize("potential", ["chgnet", "mace"])
def test_a_gpu_is_refused_where_torch_is_built_without(potential: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oracles.potentials.computing.version", lambda _: "2.13.0+cpu")
    with pytest.raises(OracleUnavailableError, match=r"2\.13\.0\+cpu.*cannot use a GPU.*device: cpu"):
        PotentialChoice(potential, device="cuda").check()


def test_names_tell_models_and_precisions_apart(checkpoint: Path) -> None:
    model = str(checkpoint)
    double, single = (PotentialChoice("mace", model, dtype=dtype).name for dtype in ("float64", "float32"))
    assert f"some.model sha256 {hashlib.sha256(ZIP).hexdigest()[:16]} float64 on cpu" in double
    assert single == double.replace("float64", "float32")
    assert "chgnet_0.3.0" in PotentialChoice().name
    soft, hard = (PotentialChoice("lj", parameters={"epsilon": epsilon}).name for epsilon in (1.0, 2.0))
    assert soft != hard


def test_any_ase_calculator_is_a_potential() -> None:
    potential = PotentialChoice("ase.calculators.lj.LennardJones", parameters={"sigma": 2.2, "rc": 6.0}).load()
    near, far = rock_salt(), rock_salt()
    near.rattle(0.05, seed=1)
    far.rattle(0.3, seed=2)
    found = potential.forces.evaluate(Cells.of(near, far))
    for index, atoms in enumerate((near, far)):
        potential.admit(atoms)
        atoms.calc = potential.calculator
        assert found.energies_eV[index] == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
        assert found.forces_eV_A[8 * index : 8 * index + 8] == pytest.approx(atoms.get_forces(), abs=1e-9)
    assert potential.details == {
        "calculator": "ase.calculators.lj.LennardJones",
        "parameters": {"sigma": 2.2, "rc": 6.0},
    }


def test_memory_is_counted_by_an_independent_neighbour_list() -> None:
    atoms = rock_salt() * (2, 1, 1)
    atoms.rattle(0.1, seed=3)
    first, distance = neighbor_list("id", atoms, cutoff=6.0)
    bonds = np.bincount(first[distance < 3.0], minlength=len(atoms))
    expected = (1000 * len(first) + 10 * (bonds * (bonds - 1)).sum()) / 2**30
    assert MemoryRule("cpu", 6.0, 1000, 3.0, 10).predicted_GiB(atoms) == pytest.approx(expected)


def test_a_cell_that_does_not_fit_is_refused_with_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_of_potentials, "_left_GiB", lambda _: 2.0)
    atoms = rock_salt()
    bytes_per_pair = 2**30 / len(neighbor_list("i", atoms, cutoff=6.0))
    one_GiB = MemoryRule("cpu", 6.0, bytes_per_pair, is_batched=True)
    one_GiB.require_room(atoms, n_replicas=2)
    MemoryRule("cpu", 6.0, bytes_per_pair).require_room(atoms, n_replicas=9)  # one after the other
    with pytest.raises(UnsupportedCrystalError, match=r"3 cells of 8 atoms need about 3\.0 GiB.*2\.0 GiB.*memory_GiB"):
        one_GiB.require_room(atoms, n_replicas=3)


def test_the_limit_of_a_worker_is_what_a_cell_must_fit_into() -> None:
    code = (
        "import psutil, resource\n"
        "from oracles.potentials.memory import _left_GiB\n"
        "free = _left_GiB('cpu')\n"
        "resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + 2**29,) * 2)\n"
        "print(free, _left_GiB('cpu'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    free_GiB, limited_GiB = map(float, done.stdout.split())
    assert 0.3 < limited_GiB <= 0.5 < free_GiB


@pytest.mark.parametrize("distance_A", [0.0, 0.4, 1.1])
def test_atoms_inside_each_other_are_refused(distance_A: float) -> None:
    atoms = rock_salt() + Atoms("Li", [(5.13 - distance_A, 5.13, 5.13)])  # across the cell's corner
    with pytest.raises(UnsupportedCrystalError, match=f"Li-Li at {distance_A:.2f} Å.*draw its sites"):
        require_sound_structure(atoms)


def test_crystals_pass() -> None:
    for atoms in (rock_salt(), bulk("Li"), Atoms("H2", [(0, 0, 0), (0.74, 0, 0)], cell=[5, 5, 5], pbc=True)):
        require_sound_structure(atoms)


def test_a_structure_without_a_cell_or_with_lost_atoms_is_refused() -> None:
    lost = rock_salt()
    lost.positions[0] = math.nan
    for atoms in (lost, Atoms("Li", cell=[5, 5, 0], pbc=True)):
        with pytest.raises(UnsupportedCrystalError, match="no number, or a cell without volume"):
            require_sound_structure(atoms)


def test_sites_occupied_in_part_are_refused_where_the_text_is_read() -> None:
    text = to_cif(rock_salt())
    site = next(line for line in text.splitlines() if line.startswith("Li1 "))
    with pytest.raises(UnsupportedCrystalError, match=r"occupied in part \(Li 0\.5\).*Order it first"):
        from_cif(text.replace(site, site.removesuffix("1") + "0.5"))
    shared = site.removesuffix("1") + "0.5\n" + site.replace("Li1 Li", "Na1 Na").removesuffix("1") + "0.5"
    with pytest.raises(UnsupportedCrystalError, match=r"occupied in part \(Li 0\.5, Na 0\.5\)"):
        from_cif(text.replace(site, shared))


@pytest.mark.parametrize(("name", "settings"), [("potential", {"potential": "emt"}), ("ase", {"calculator": "emt"})])
def test_no_calculator_sees_atoms_inside_each_other(name: str, settings: JsonObject) -> None:
    alloy = cubic(221, {"Cu": 3, "Au": 1}, 3.75)
    sound = bulk("Cu", "fcc", a=3.75, cubic=True)
    sound.symbols[0] = "Au"
    collapsed = sound.copy()
    collapsed.positions[1] = collapsed.positions[0] + 0.4
    oracle = build_oracle(name, settings)
    references = {"Cu": 0.0, "Au": 0.0}
    realizations = [
        Realization(alloy.digest, to_cif(atoms), "by hand", 1, None, None, is_relaxed=False)
        for atoms in (sound, collapsed)
    ]
    assert oracle.look(LookRequest(alloy, 1, (realizations[0],), references)).realization_digest
    with pytest.raises(UnsupportedCrystalError, match="Atoms lie inside each other"):
        oracle.look(LookRequest(alloy, 1, (realizations[1],), references))


def test_the_survey_says_what_is_usable_here_and_how_to_come_by_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = {one.name: one for one in survey()}
    assert found["potential chgnet"].is_usable
    assert "sha256" in found["potential chgnet"].detail
    assert found["potential mace"].is_usable
    assert f"mace-mpa-0-medium.model elsewhere and put it here as {tmp_path}/mace/" in found["potential mace"].detail
    assert all(one.remedy for one in found.values() if not one.is_usable)
    foundation_path("small").parent.mkdir()
    foundation_path("small").write_bytes(ZIP)
    assert "foundation models here: small" in {one.name: one for one in survey()}["potential mace"].detail


def test_the_doctor_reports_the_potentials() -> None:
    found = {one.what: one for one in doctor._potentials()}
    for one in survey():
        assert one.detail in found[one.name].detail
        assert one.remedy in found[one.name].detail + found[one.name].remedy
        assert found[one.name].is_well or one.is_required


def test_an_element_that_a_potential_does_not_bind_is_no_reference() -> None:
    settings = {"potential": "morse", "parameters": {"r0": 3.7, "epsilon": 0.5}}
    with pytest.raises(UnsupportedCrystalError, match=r"does not hold the element Li together.* 1\.\d times"):
        build_oracle("potential", settings).reference("Li")
