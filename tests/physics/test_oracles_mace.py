"""MACE with weights: a tiny random model, looked at through the public interface and called directly.

mace is imported by subprocesses only: its import switches off safe loading of torch files for the whole process.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from domain.errors import OracleUnavailableError
from domain.fidelity import Fidelity
from domain.look import LookRequest
from domain.measurement import FailureKind
from oracles.registry import build_oracle
from oracles.running.process import Answer, OracleProcess, ReferenceAnswer, Refusal
from oracles.testing import require_oracle_contract, rock_salt

pytestmark = [pytest.mark.slow, pytest.mark.physics]

BUILD_MODEL = """
import sys, torch, numpy
from mace import modules  # before e3nn, which loads only after it
from e3nn import o3
torch.manual_seed(11)
torch.set_default_dtype(getattr(torch, sys.argv[2]))
interaction = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
model = modules.ScaleShiftMACE(
    r_max=4.5, num_bessel=6, num_polynomial_cutoff=5, max_ell=2,
    interaction_cls=interaction, interaction_cls_first=interaction, num_interactions=2,
    num_elements=2, atomic_numbers=[3, 17], atomic_energies=numpy.array([-1.9, -1.7]),
    hidden_irreps=o3.Irreps("8x0e"), MLP_irreps=o3.Irreps("8x0e"), radial_MLP=[8, 8],
    avg_num_neighbors=12.0, correlation=2, gate=torch.nn.functional.silu,
    atomic_inter_scale=0.5, atomic_inter_shift=0.0,
)
torch.save(model, sys.argv[1])
torch.save(model.state_dict(), sys.argv[1] + ".weights.pt")
"""
CALL_DIRECTLY = """
import json, sys
from ase.build import bulk
from mace.calculators import MACECalculator
calculator = MACECalculator(model_paths=sys.argv[1], device="cpu", default_dtype="float64")
energies = {}
for symbol, atoms in (
    ("LiCl", bulk("LiCl", "rocksalt", a=5.13, cubic=True)),
    ("wide LiCl", bulk("LiCl", "rocksalt", a=5.4, cubic=True)),
):
    atoms.calc = calculator
    energies[symbol] = float(atoms.get_potential_energy()) / len(atoms)
print(json.dumps(energies))
"""
ISOLATED_ATOMS_eV = -1.8
"""Mean energy of the isolated atoms of LiCl in the model."""


def run(code: str, *arguments: str) -> str:
    finished = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=False, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights [1]")  # a pattern, to whoever expands it


@pytest.fixture(autouse=True)
def trusted_folders(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALITE_MODELS", f"{folder}{os.pathsep}{tmp_path}")


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    return built(folder, "float64")


def built(folder: Path, precision: str) -> Path:
    path = folder / f"tiny-{precision}.model"
    if not path.exists():
        run(BUILD_MODEL, str(path), precision)
    return path


def mace(model: Path | str, **settings: object) -> Fidelity:
    return Fidelity("mace", "potential", 1.0, {"potential": "mace", "model": str(model), **settings})


def look(process: OracleProcess, a_A: float, references: dict[str, float]) -> Answer:
    answer = process.look(LookRequest(rock_salt(a_A=a_A), seed=1, references=references))
    assert isinstance(answer, Answer), answer
    return answer


def refused(fidelity: Fidelity) -> Refusal:
    with OracleProcess(fidelity) as process:
        refusal = process.look(LookRequest(rock_salt(), seed=1, references={"Li": 0.0, "Cl": 0.0}))
    assert isinstance(refusal, Refusal), refusal
    return refusal


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_energies_are_those_of_the_model_called_directly(folder: Path, precision: str, tmp_path: Path) -> None:
    model = built(folder, precision)
    plain = tmp_path / "copy.model"
    plain.write_bytes(model.read_bytes())
    expected = json.loads(run(CALL_DIRECTLY, str(plain)).splitlines()[-1])
    with OracleProcess(mace(model)) as process:
        references = {}
        for symbol in ("Li", "Cl"):
            answer = process.reference(symbol)
            assert isinstance(answer, ReferenceAnswer), answer
            references[symbol] = answer.reference.energy_eV_per_atom
        for name, a_A in (("LiCl", 5.13), ("wide LiCl", 5.4)):
            answer = look(process, a_A, references)
            energy = answer.result.details["energy_eV_per_atom"]
            assert energy == pytest.approx(expected[name], abs=1e-6)
            assert answer.result.value == pytest.approx(energy - sum(references.values()) / 2, abs=1e-12)
            assert abs(energy - ISOLATED_ATOMS_eV) > 1e-3  # the network says something, not its constants alone
    assert abs(expected["LiCl"] - expected["wide LiCl"]) > 1e-4


def test_the_contract_is_kept(model: Path) -> None:
    with OracleProcess(mace(model)) as process:
        require_oracle_contract(process.as_oracle(), rock_salt())


def test_an_element_that_the_model_lacks_is_refused_and_charged_to_nobody(model: Path) -> None:
    with OracleProcess(mace(model)) as process:
        for refusal in (
            process.reference("Na"),
            process.look(LookRequest(rock_salt("Na", "F"), seed=1, references={"Na": 0.0, "F": 0.0})),
        ):
            assert isinstance(refusal, Refusal)
            assert refusal.kind is FailureKind.REJECTED
            assert "The model knows no" in refusal.reason
            assert "Leave" in str(refusal.details["remedy"])
        assert "knows no F, Na" in refusal.reason


def test_the_potential_that_relaxes_for_a_calculator_refuses_what_it_lacks(model: Path) -> None:
    prerelax = {"potential": "mace", "model": str(model)}
    with OracleProcess(Fidelity("dft", "ase", 1.0, {"calculator": "lj", "prerelax": prerelax})) as process:
        refusal = process.look(LookRequest(rock_salt("Na", "Cl"), seed=1, references={"Na": 0.0, "Cl": 0.0}))
    assert isinstance(refusal, Refusal)
    assert (refusal.kind, "knows no Na" in refusal.reason) == (FailureKind.REJECTED, True)


def test_the_version_names_the_weights_by_their_content(model: Path) -> None:
    digest = hashlib.sha256(model.read_bytes()).hexdigest()[:16]
    with OracleProcess(mace(model)) as process:
        answer = look(process, 5.13, {"Li": 0.0, "Cl": 0.0})
        assert f"{model.name} sha256 {digest}" in answer.oracle_version
        assert answer.oracle_version == process.as_oracle().version  # asked here, without loading anything
    assert all(f"sha256 {digest}" in str(realization.ranked_by) for realization in answer.result.realizations)


def test_a_file_that_is_replaced_does_not_lend_its_name_to_the_loaded_weights(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "tiny.model"
    path.write_bytes(model.read_bytes())
    with OracleProcess(mace(path)) as process:
        before = look(process, 5.13, {"Li": 0.0, "Cl": 0.0})
        path.write_bytes(b"other weights")
        after = look(process, 5.13, {"Li": 0.0, "Cl": 0.0})
    assert before.oracle_version == after.oracle_version


def test_naming_the_weights_loads_neither_mace_nor_torch(model: Path) -> None:
    code = textwrap.dedent(
        """
        import sys
        from oracles.registry import build_oracle
        oracle = build_oracle("potential", {"potential": "mace", "model": sys.argv[1]})
        oracle.check()
        print(oracle.version)
        print(sorted({"torch", "mace", "e3nn"} & set(sys.modules)))
        """
    )
    version, loaded = run(code, str(model)).splitlines()
    assert " sha256 " in version
    assert loaded == "[]"


def test_a_missing_checkpoint_is_refused_with_what_to_do(tmp_path: Path) -> None:
    refusal = refused(mace(tmp_path / "nowhere.model"))
    assert refusal.kind is FailureKind.TRANSIENT
    assert f"There is no checkpoint at {tmp_path / 'nowhere.model'}" in refusal.reason
    assert "Put the checkpoint there" in str(refusal.details["remedy"])


def test_a_name_is_found_in_the_trusted_folders(model: Path) -> None:
    with OracleProcess(mace(model.name)) as process:
        answer = look(process, 5.13, {"Li": 0.0, "Cl": 0.0})
    assert answer.result.details["potential"]["model"] == str(model)


def test_a_checkpoint_outside_the_trusted_folders_never_runs(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALITE_MODELS", str(tmp_path))
    assert "lies outside the folders" in refused(mace(model)).reason


def test_a_file_that_is_no_checkpoint_is_refused_before_anything_is_loaded(model: Path, tmp_path: Path) -> None:
    for name, content in (("text", b"no weights at all"), ("part", model.read_bytes()[:1000])):
        path = tmp_path / f"{name}.model"
        path.write_bytes(content)
        oracle = build_oracle("potential", {"potential": "mace", "model": str(path)})
        with pytest.raises(OracleUnavailableError, match=f"{name}.model is no checkpoint.*Copy it again"):
            oracle.check()


def test_weights_without_their_model_are_refused_with_what_to_do(model: Path) -> None:
    weights_alone = Path(f"{model}.weights.pt")
    refusal = refused(mace(weights_alone))
    assert refusal.kind is FailureKind.TRANSIENT
    assert f"The MACE checkpoint {weights_alone} cannot be loaded on cpu: " in refusal.reason
    assert "Give a whole model" in str(refusal.details["remedy"])


def test_weights_of_another_content_than_the_expected_are_refused_and_the_expected_taken(model: Path) -> None:
    refusal = refused(mace(model, model_sha256="0" * 64))
    assert f"but 'model_sha256' says {'0' * 64}" in refusal.reason
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    with OracleProcess(mace(model, model_sha256=digest, dtype="float32")) as process:
        answer = look(process, 5.13, {"Li": 0.0, "Cl": 0.0})
    assert answer.result.details["potential"] == {
        "model": str(model),
        "sha256": digest,
        "device": "cpu",
        "dtype": "float32",
        "threads": 1,
    }
    assert f"sha256 {digest[:16]} float32 on cpu" in answer.oracle_version


def test_an_unknown_foundation_model_is_refused_with_those_that_exist() -> None:
    refusal = refused(mace("enormous"))
    assert refusal.reason == "MACE has no foundation model 'enormous'."
    assert "medium-mpa-0" in str(refusal.details["remedy"])


def test_a_foundation_model_without_a_network_is_refused_with_where_to_fetch_it_and_where_to_put_it(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    refusal = refused(mace("small"))
    assert refusal.kind is FailureKind.TRANSIENT
    assert "'small' are not on this machine and cannot be downloaded" in refusal.reason
    remedy = str(refusal.details["remedy"])
    assert "Fetch https://github.com/ACEsuit/mace-mp/" in remedy
    place = re.search(r"put it here as (\S+),", remedy)
    assert place is not None
    where = Path(place[1])
    assert where.is_relative_to(tmp_path)
    where.parent.mkdir(exist_ok=True)
    where.write_bytes(model.read_bytes())  # brought from elsewhere
    with OracleProcess(mace("small")) as process:
        assert f"small {where.name} sha256 " in look(process, 5.13, {"Li": 0.0, "Cl": 0.0}).oracle_version
