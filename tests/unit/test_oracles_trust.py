"""What is loaded and imported: only what the operator of a machine named, wherever a path seems to lead."""

import os
from pathlib import Path

import pytest

from domain.errors import InvalidValueError, OracleUnavailableError
from domain.trust import Trust, read_trust
from oracles.calculators import CalculatorChoice
from oracles.potentials import PotentialChoice, survey
from oracles.trusted_files import trusted_file
from services.settings import load_settings

ZIP = b"PK\x05\x06" + bytes(18)
"""The smallest archive, which is what a checkpoint is."""


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    folder.mkdir(mode=0o755)
    (folder / "ours.model").write_bytes(ZIP)
    monkeypatch.setenv("PETALITE_MODELS", str(folder))
    return folder


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """A file that a stranger handed in."""
    path = tmp_path / "artifacts" / "theirs.model"
    path.parent.mkdir()
    path.write_bytes(ZIP)
    return path


def test_a_checkpoint_elsewhere_is_refused_before_it_is_read(upload: Path, models: Path) -> None:
    choice = PotentialChoice("mace", str(upload))
    for refused in (choice.check, choice.load):
        with pytest.raises(OracleUnavailableError, match="lies outside the folders") as refusal:
            refused()
        assert str(upload) in refusal.value.problem
        assert str(models) in refusal.value.problem
        assert refusal.value.remedy.startswith(f"Put it into {models}, or add its folder to PETALITE_MODELS")
    assert "unknown float64" in choice.name  # not even its hash is taken


def test_a_checkpoint_there_is_taken_by_its_path_and_by_its_name(models: Path) -> None:
    by_path, by_name = PotentialChoice("mace", str(models / "ours.model")), PotentialChoice("mace", "ours.model")
    by_path.check()
    by_name.check()
    assert by_path.name == by_name.name
    assert " ours.model sha256 " in by_name.name


def test_the_first_folder_that_has_a_name_gives_it(models: Path, upload: Path) -> None:
    trust = Trust((models, upload.parent))
    assert trusted_file("theirs.model", trust) == upload
    (models / "theirs.model").write_bytes(ZIP)
    assert trusted_file("theirs.model", trust) == models / "theirs.model"
    assert trusted_file("nowhere.model", trust) == models / "nowhere.model"


@pytest.mark.parametrize("given", ["../artifacts/theirs.model", "{models}/../artifacts/theirs.model"])
def test_no_path_leads_out(models: Path, upload: Path, given: str) -> None:
    with pytest.raises(OracleUnavailableError, match="lies outside the folders"):
        trusted_file(given.format(models=models), Trust((models,)))


def test_no_link_leads_out(models: Path, upload: Path) -> None:
    (models / "linked.model").symlink_to(upload)
    (models / "linked").symlink_to(upload.parent)
    for given in ("linked.model", "linked/theirs.model", str(models / "linked.model")):
        with pytest.raises(OracleUnavailableError, match="lies outside the folders"):
            trusted_file(given, Trust((models,)))


def test_links_lead_in_and_to_the_trusted_folder(models: Path, tmp_path: Path) -> None:
    (tmp_path / "short").symlink_to(models)
    (models / "latest.model").symlink_to(models / "ours.model")
    trust = Trust((tmp_path / "short",))
    for given in (str(tmp_path / "short" / "ours.model"), str(models / "ours.model"), "latest.model"):
        assert trusted_file(given, trust) == models / "ours.model"


def test_a_folder_whose_name_only_begins_alike_is_another_one(models: Path) -> None:
    other = models.with_name("models-of-others")
    other.mkdir()
    (other / "theirs.model").write_bytes(ZIP)
    with pytest.raises(OracleUnavailableError, match="lies outside the folders"):
        trusted_file(str(other / "theirs.model"), Trust((models,)))


@pytest.mark.parametrize("given", ["a\0.model", "~nobody-has-this-name/a.model", "loop.model"])
def test_paths_that_cannot_be_followed_are_refused(models: Path, given: str) -> None:
    (models / "loop.model").symlink_to("loop.model")
    with pytest.raises(OracleUnavailableError, match="cannot be found"):
        trusted_file(given, Trust((models,)))


@pytest.mark.parametrize(
    ("place", "mode"), [(".", 0o777), (".", 0o1777), ("below", 0o777), ("below/a.model", 0o666), ("..", 0o777)]
)
def test_what_anybody_may_exchange_is_refused(tmp_path: Path, place: str, mode: int) -> None:
    models = tmp_path / "above" / "models"
    (models / "below").mkdir(parents=True)
    (models / "below" / "a.model").write_bytes(ZIP)
    trust = Trust((models,))
    assert trusted_file("below/a.model", trust)
    (models / place).chmod(mode)
    with pytest.raises(OracleUnavailableError, match=r"anybody on this machine may write to .*chmod o-w"):
        trusted_file("below/a.model", trust)


def test_a_sticky_folder_above_is_excused(tmp_path: Path) -> None:
    models = tmp_path / "above" / "models"
    models.mkdir(parents=True)
    models.parent.chmod(0o1777)
    assert trusted_file("a.model", Trust((models,))) == models / "a.model"


def test_without_a_word_only_the_home_folder_s_models_are_trusted(tmp_path: Path) -> None:
    assert read_trust({"PETALITE_HOME": str(tmp_path)}) == Trust((tmp_path / "models",), ("gpaw", "ase.calculators"))
    with pytest.raises(OracleUnavailableError, match=r"\(none\)\. Add its folder to PETALITE_MODELS"):
        trusted_file("a.model", Trust())


@pytest.mark.parametrize("calculators", ["gpaw, ase.calculators.vasp", "none", ""])
def test_a_child_is_told_the_same(calculators: str) -> None:
    named = {"PETALITE_MODELS": f"/srv/models{os.pathsep}/opt/models", "PETALITE_CALCULATORS": calculators}
    trust = read_trust(named)
    assert trust.model_folders == (Path("/srv/models"), Path("/opt/models"))
    assert read_trust(trust.as_environment()) == trust


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"PETALITE_MODELS": "models"}, "holds 'models', which is no whole path"),
        ({"PETALITE_HOME": f"/srv/a{os.pathsep}b"}, "no whole path, or has"),
        ({"PETALITE_CALCULATORS": "gpaw, *"}, r"holds '\*', which is no dotted path"),
        ({"PETALITE_HOME": "/srv/petalite", "PETALITE_MODELS": "/srv/petalite"}, "files that people hand in are kept"),
        ({"PETALITE_ARTIFACTS": "/srv/files", "PETALITE_MODELS": "/srv/files/ours"}, "files that people hand in"),
    ],
)
def test_settings_that_trust_too_much_or_nonsense_are_refused(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        load_settings(environ)


def test_the_survey_names_the_folders_and_what_is_wrong_with_them(models: Path) -> None:
    name = f"files in {models}"
    found = {one.name: one for one in survey()}
    assert found[name].is_usable
    assert "trusted: ours.model" in found[name].detail
    assert "gpaw, ase.calculators" in found["calculators by dotted path"].detail
    models.chmod(0o777)
    found = {one.name: one for one in survey()}
    assert (found[name].is_usable, found[name].is_required) == (False, True)
    assert found[name].remedy.endswith(f"chmod o-w {models}")


@pytest.mark.parametrize(
    ("named", "path", "is_allowed"),
    [
        ("", "ase.calculators.lj.LennardJones", True),
        ("", "ase.calculators_of_others.Calculator", False),
        ("", "theirs.Calculator", False),
        ("gpaw", "ase.calculators.lj.LennardJones", False),
        ("none", "gpaw.GPAW", False),
        ("ase.calculators.lj.LennardJones", "ase.calculators.lj.LennardJones", True),
    ],
)
def test_calculators_are_imported_where_the_operator_names_them(
    named: str, path: str, is_allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALITE_CALCULATORS", named)
    choice = CalculatorChoice(path, {})
    if is_allowed:
        choice.check()
        return
    with pytest.raises(OracleUnavailableError, match=r"not among those that may run.*PETALITE_CALCULATORS"):
        choice.check()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("mace.calculators.MACECalculator", "a checkpoint is a program. Set 'potential: mace'"),
        ("mace.calculators.mace.MACECalculator", "a checkpoint is a program"),
        ("ase.calculators.lammpslib.LAMMPSlib", "would let a spec run commands"),
    ],
)
def test_calculators_that_run_whatever_they_are_told_are_refused_whoever_allows_them(path: str, words: str) -> None:
    for refuse in (lambda: CalculatorChoice(path, {}), lambda: PotentialChoice(path)):
        with pytest.raises(InvalidValueError, match=words):
            refuse()


def test_no_module_hands_out_another_s_forbidden_calculator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "detour.py").write_text("from ase.calculators.lammpsrun import LAMMPS\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PETALITE_CALCULATORS", "detour")
    with pytest.raises(InvalidValueError, match=r"'ase\.calculators\.lammpsrun\.LAMMPS' would let a spec run commands"):
        CalculatorChoice("detour.LAMMPS", {}).build()


@pytest.mark.parametrize("key", ["castep_command", "lmpcmds", "amber_exe", "external", "mpi"])
def test_parameters_that_reach_a_shell_are_refused(key: str) -> None:
    with pytest.raises(InvalidValueError, match=f"parameters.{key} would let a spec"):
        CalculatorChoice("ase.calculators.vasp.Vasp", {key: "touch /tmp/here"})


def test_files_that_other_calculators_may_unpickle_must_be_trusted(
    models: Path, upload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (models / "theirs.py").write_text("")
    monkeypatch.syspath_prepend(models)
    monkeypatch.setenv("PETALITE_CALCULATORS", "theirs, ase.calculators")
    CalculatorChoice("theirs.Calculator", {"model": str(models / "ours.model"), "kind": "small"}).check()
    CalculatorChoice("ase.calculators.dftb.Dftb", {"slako_dir": "/opt/pseudo"}).check()
    for given in (str(upload), {"deep": [f"{upload}"]}):
        with pytest.raises(OracleUnavailableError, match="lies outside the folders"):
            CalculatorChoice("theirs.Calculator", {"model": given}).check()
    for given in ("../artifacts/theirs", "~/theirs", "somebody/on-a-hub"):
        with pytest.raises(OracleUnavailableError, match=r"may name a file.*whole path"):
            CalculatorChoice("theirs.Calculator", {"model": given}).check()
