"""The registry finds what is installed, refuses doubles, and loads nothing heavy."""

import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import ConflictError, SpecError, UnknownOracleError
from domain.ports import ComputedOracle, OracleMode
from oracles.registry import build_oracle, oracle_names
from oracles.testing import install_plugin

PLUGIN = "from oracles.density import build\n"


def test_our_own_oracles_are_registered() -> None:
    assert {"ase", "density", "laboratory", "potential"} <= set(oracle_names())


def test_an_unknown_oracle_is_refused_with_what_exists() -> None:
    with pytest.raises(UnknownOracleError, match=r"no oracle 'tarot'\. Choose one of .*density.*potential"):
        build_oracle("tarot", {})


def test_a_plugin_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin(tmp_path, "guesswork", PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    assert "guesswork" in oracle_names()
    assert isinstance(build_oracle("guesswork", {}), ComputedOracle)


def test_a_plugin_that_lacks_what_it_needs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin(tmp_path, "hunch", "import crystal_ball\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SpecError, match=r"'hunch' \(.*\) cannot be imported: No module named 'crystal_ball'"):
        build_oracle("hunch", {})


def test_the_same_name_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin(tmp_path, "guesswork", PLUGIN)
    other = tmp_path / "other-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text("[petalite.oracles]\nguesswork = other:build\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConflictError, match="'guesswork' is registered twice"):
        oracle_names()


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("density", {"x": 1}, "x: unknown key"),
        ("potential", {"potentail": "chgnet"}, "potentail: unknown key"),
        ("potential", {"potential": "crystal ball"}, "no potential 'crystal ball'.*chgnet, mace"),
        ("potential", {"draws": 0}, "place no atom"),
        ("potential", {"max_steps": 0}, "allow no relaxation"),
        ("ase", {}, "calculator"),
        ("ase", {"calculator": "wien2k"}, "names no calculator"),
        ("ase", {"calculator": "emt", "prerelax": {"x": 1}}, r"prerelax\.x: unknown key"),
        ("ase", {"calculator": "emt", "kpoint_density_A": 2.0, "parameters": {"kpts": [1, 1, 1]}}, "twice"),
        ("ase", {"calculator": "emt", "kpoint_density_A": -1.0}, "gives no grid"),
        ("laboratory", {}, "quantity"),
        ("laboratory", {"quantity": "beauty"}, "not a known quantity"),
    ],
)
def test_wrong_settings_are_refused_in_words(name: str, settings: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        build_oracle(name, settings)


def test_the_laboratory_never_computes() -> None:
    laboratory = build_oracle("laboratory", {"quantity": "ionic_conductivity", "instructions": "Press a pellet."})
    assert laboratory.mode is OracleMode.LABORATORY
    assert laboratory.quantity.unit == "S/cm"
    assert not isinstance(laboratory, ComputedOracle)


def test_building_and_describing_every_oracle_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from oracles.registry import build_oracle, oracle_names\n"
        "import oracles.running.process, oracles.checks, oracles.testing\n"
        "for name, settings in (('potential', {}), ('ase', {'calculator': 'gpaw', 'prerelax': {}}), ('density', {}),"
        " ('laboratory', {'quantity': 'band_gap'})):\n"
        "    oracle = build_oracle(name, settings)\n"
        "    oracle.version, oracle.quantity\n"
        "    oracle.check()\n"
        "heavy = {'torch', 'chgnet', 'mace', 'gpaw', 'pymatgen', 'pyxtal', 'ase', 'spglib'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
