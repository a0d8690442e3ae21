"""Networks without a program in them: what is refused before anything is built, and what a spec may name."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
import yaml
from typer.testing import CliRunner

from domain.errors import OracleUnavailableError, SpecError, UnsupportedCrystalError
from domain.json_value import JsonObject
from oracles.potentials import PotentialChoice
from oracles.potentials.portable import FOLDER, read_portable, read_weights, weights_path
from oracles.potentials.portable_mace import is_portable, shipped_names
from oracles.registry import build_oracle
from services.cli.main import app

OWN = "petalite-li-1"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Petalite's own network as somebody's file in a trusted folder."""
    monkeypatch.setenv("PETALITE_MODELS", str(tmp_path))
    for ending in (".json", ".safetensors"):
        (tmp_path / f"mine{ending}").write_bytes((FOLDER / f"{OWN}{ending}").read_bytes())
    return tmp_path / "mine.json"


def test_petalites_own_network_is_here_without_a_download_and_names_its_weights() -> None:
    assert OWN in shipped_names()
    choice = PotentialChoice("mace", OWN)
    choice.check()
    network = read_portable(FOLDER / f"{OWN}.json")
    assert network.weights_sha256[:16] in choice.name
    assert {"Li", "O", "S", "P", "Cl"} <= set(network.architecture.elements)


def test_a_network_in_a_trusted_folder_is_taken_by_the_name_of_its_description(copied: Path) -> None:
    PotentialChoice("mace", copied.name).check()
    PotentialChoice("mace", str(copied)).check()


def test_a_network_outside_of_the_trusted_folders_is_refused(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALITE_MODELS", str(copied.parent / "elsewhere"))
    with pytest.raises(OracleUnavailableError, match="outside the folders that are trusted"):
        PotentialChoice("mace", str(copied)).check()


def test_weights_of_another_network_are_refused(copied: Path) -> None:
    weights_path(copied).write_bytes(b"other numbers")
    with pytest.raises(OracleUnavailableError, match=r"mine\.safetensors has the sha256 .* but mine\.json says"):
        PotentialChoice("mace", copied.name).check()


def test_a_description_without_weights_is_refused(copied: Path) -> None:
    weights_path(copied).unlink()
    with pytest.raises(OracleUnavailableError, match="are not at"):
        PotentialChoice("mace", copied.name).check()


def test_only_the_weights_that_a_spec_names_are_taken(copied: Path) -> None:
    network = read_portable(copied)
    PotentialChoice("mace", copied.name, model_sha256=network.weights_sha256).check()
    with pytest.raises(OracleUnavailableError, match=f"'model_sha256' says {'0' * 64}"):
        PotentialChoice("mace", copied.name, model_sha256="0" * 64).check()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "has the format 2; this version reads 1"),
        ({"architecture": {}}, "architecture.r_max"),
        ({"surprise": 1}, "surprise: unknown key"),
        ({"card": {"unfit_for": ["cooking"]}}, "unfit_for"),
    ],
)
def test_a_description_that_means_nothing_here_is_refused(copied: Path, change: dict[str, object], words: str) -> None:
    copied.write_text(json.dumps(json.loads(copied.read_text()) | change))
    with pytest.raises(OracleUnavailableError, match=words):
        PotentialChoice("mace", copied.name).check()


def test_a_file_that_is_no_description_is_refused(copied: Path) -> None:
    copied.write_text("{")
    with pytest.raises(OracleUnavailableError, match="cannot be read"):
        PotentialChoice("mace", copied.name).check()
    copied.unlink()
    with pytest.raises(OracleUnavailableError, match="cannot be read"):
        PotentialChoice("mace", copied.name).check()


def test_checkpoints_and_foundation_models_are_no_networks_of_this_kind() -> None:
    assert not is_portable("medium-mpa-0")
    assert not is_portable("ours.model")
    assert is_portable("mine.json")


def test_every_network_that_is_shipped_has_a_card_and_its_own_weights() -> None:
    for name in shipped_names():
        path = FOLDER / f"{name}.json"
        network = read_portable(path)
        read_weights(network, path)
        assert network.name == name
        assert set(cast("Mapping[str, int]", network.card["systems"])) == set(network.architecture.elements)
        assert {"sources", "teacher", "held_out", "examine", "limits", "command"} <= set(network.card)
        assert path.with_suffix(".md").read_text().startswith(f"# {name}")


def test_what_can_be_used_offline_is_listed_with_its_card(copied: Path) -> None:
    listed = CliRunner().invoke(app, ["potential", "list", "--json"])
    assert [row["model"] for row in json.loads(listed.stdout)] == ["mine.json", OWN]
    told = CliRunner().invoke(app, ["potential", "card", OWN])
    assert "Where it must not be used" in told.stdout
    assert "OBELiX" in told.stdout
    missing = CliRunner().invoke(app, ["potential", "card", "nobody"])
    assert "There is no potential 'nobody'" in str(missing.exception)


def test_a_checkpoint_outside_of_the_trusted_folders_is_not_converted(tmp_path: Path) -> None:
    (tmp_path / "some.model").write_bytes(b"a program")
    arguments = ["potential", "convert", str(tmp_path / "some.model"), "--name", "some", "--licence", "MIT"]
    refused = CliRunner().invoke(app, arguments)
    assert "outside the folders that are trusted" in str(refused.exception)


def test_elements_that_a_network_was_not_taught_are_refused() -> None:
    from domain.elements import Element
    from oracles.potentials.potential import Potential

    network = read_portable(FOLDER / f"{OWN}.json")
    potential = Potential(OWN, calculator=None, forces=None, atomic_numbers=frozenset(network.atomic_numbers))  # type: ignore[arg-type]
    potential.require_elements([Element(3), Element(8)])
    with pytest.raises(UnsupportedCrystalError, match="knows no Fe"):
        potential.require_elements([Element(3), Element(26)])


def test_an_architecture_whose_numbers_stand_nowhere_among_the_weights_is_refused_where_it_is_another(
    copied: Path,
) -> None:
    described = json.loads(copied.read_text())
    described["architecture"]["avg_num_neighbors"] /= 2
    copied.write_text(json.dumps(described))
    choice = PotentialChoice("mace", copied.name, model_sha256=described["weights_sha256"])
    with pytest.raises(OracleUnavailableError, match=r"architecture in mine\.json is not the one"):
        choice.check()


UNFIT: JsonObject = {"potential": "mace", "model": OWN}
RELAXATION = "'petalite-li-1' is not fit for relaxation, says its card"


@pytest.mark.parametrize(
    ("oracle", "settings", "words"),
    [
        ("potential", UNFIT, "'petalite-li-1' is not fit for formation energy, says its card"),
        ("molecular-dynamics", {"potential": UNFIT}, RELAXATION),
        ("frozen-framework", {"potential": {**UNFIT, "relax": "free"}}, RELAXATION),
        ("ase", {"calculator": "emt", "prerelax": {**UNFIT, "relax": "none"}}, RELAXATION),
    ],
)
def test_a_network_is_refused_for_what_its_card_forbids(oracle: str, settings: JsonObject, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        build_oracle(oracle, settings)


def test_a_network_that_may_not_relax_still_moves_atoms_as_the_guide_shows() -> None:
    (block,) = Path("docs/potentials.md").read_text().split("```yaml")[1].split("```")[:1]
    (fidelity,) = yaml.safe_load(block)
    build_oracle(fidelity["oracle"], fidelity["settings"])
    build_oracle("frozen-framework", {"potential": UNFIT})


def test_where_a_network_is_on_another_machine_only_its_card_is_asked_there(copied: Path) -> None:
    settings: JsonObject = {"potential": {"potential": "mace", "model": copied.name}}
    with pytest.raises(SpecError, match=r"'mine\.json' is not fit for relaxation"):
        build_oracle("molecular-dynamics", settings)
    copied.unlink()
    build_oracle("molecular-dynamics", settings)
