"""A table answers for the crystals in it, refuses all others, and is refused where a row cannot be right."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import OracleUnavailableError, UnsupportedCrystalError
from domain.look import LookRequest
from domain.measurement import Censoring
from domain.ports import Oracle
from domain.space_groups import SpaceGroup
from oracles.table import build
from oracles.table_file import reduced_formula
from oracles.testing import require_oracle_contract, rock_salt
from services.specs import load_spec

LICL = rock_salt()


@pytest.fixture(autouse=True)
def _is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALITE_MODELS", str(tmp_path))


def _oracle(folder: Path, text: str, *, name: str = "answers.csv", **settings: object) -> Oracle:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return build({"path": str(path), "quantity": "ionic_conductivity", **settings})


def _seen(oracle: Oracle, blueprint: object = LICL) -> object:
    return oracle.look(LookRequest(blueprint, 1))


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    require_oracle_contract(_oracle(tmp_path, "formula,space_group,value\nLiCl,225,1e-9\n"), LICL)


def test_a_row_is_found_by_digest_or_by_formula_and_group(tmp_path: Path) -> None:
    heading = "blueprint,formula,space_group,value,sigma,censoring,temperature_K,note\n"
    text = f"{heading}{LICL.digest},,,2e-8,1e-9,,298.15,by us\n"
    seen = _seen(_oracle(tmp_path, text + ",LiCl,225,1e-12,,<,300,\n"))
    assert (seen.value, seen.sigma, seen.censoring, seen.temperature_K) == (2e-8, 1e-9, Censoring.NONE, 298.15)
    assert seen.details == {"row": 1, "note": "by us"}
    other = _seen(_oracle(tmp_path, text + ",LiCl,225,1e-12,,<,300,\n"), rock_salt(a_A=5.3))
    assert (other.value, other.censoring, other.details) == (1e-12, Censoring.BELOW, {"row": 2})


def test_json_says_the_same_as_csv(tmp_path: Path) -> None:
    rows = [{"formula": "Li4Cl4", "space_group": 225, "value": 1e-9, "censoring": "<"}]
    seen = _seen(_oracle(tmp_path, json.dumps(rows), name="answers.json"))
    assert (seen.value, seen.censoring) == (1e-9, Censoring.BELOW)


def test_cells_tell_crystals_of_one_formula_apart(tmp_path: Path) -> None:
    oracle = _oracle(
        tmp_path,
        "formula,space_group,a,b,c,alpha,beta,gamma,value\n"
        "LiCl,225,5.13,5.13,5.13,90,90,90,1e-9\n"
        "LiCl,225,5.2,5.2,5.2,90,90,90,2e-9\n",
    )
    assert _seen(oracle, rock_salt(a_A=5.14)).value == 1e-9
    assert _seen(oracle, rock_salt(a_A=5.19)).value == 2e-9
    with pytest.raises(UnsupportedCrystalError, match=r"no row for LiCl \(Fm-3m\) \(2 with another cell\)"):
        oracle.require_supported(rock_salt(a_A=5.6))


@pytest.mark.parametrize("blueprint", [rock_salt("Na", "Cl", 5.64), replace(LICL, space_group=SpaceGroup(221))])
def test_unknown_crystals_are_refused(tmp_path: Path, blueprint: object) -> None:
    with pytest.raises(UnsupportedCrystalError, match="no row for"):
        _oracle(tmp_path, "formula,space_group,value\nLiCl,225,1e-9\n").require_supported(blueprint)


def test_a_temperature_chooses_among_rows(tmp_path: Path) -> None:
    text = "formula,space_group,value,temperature_K\nLiCl,225,1e-9,300\nLiCl,225,1e-5,600\n"
    assert _seen(_oracle(tmp_path, text, temperature_K=600.0)).value == 1e-5
    with pytest.raises(OracleUnavailableError, match="Rows 1 and 2 of the table name the same crystal"):
        _oracle(tmp_path, text).check()


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("LiCl,225,", "Row 2 of the table: It has no value"),
        ("LiCl,225,abc", "Row 2 of the table: 'abc' in column value is no number"),
        ("LiCl,225,nan", "'nan' in column value is no number"),
        ("LiCl,225,-1", "Row 2 of the table: ionic_conductivity of -1.0 S/cm is implausible"),
        ("LiCl,231,1e-9", "Row 2 of the table: 231 is not the number of a space group"),
        ("LiCl,2.5,1e-9", "2.5 is no space group"),
        (",225,1e-9", "Row 2 of the table: It names no crystal"),
        ("Li(Cl,225,1e-9", r"'Li\(Cl' is no formula"),
        ("Xx2,225,1e-9", "'Xx' is not the symbol"),
        (f"Li{'9' * 400}Cl,225,1e-9", "is no formula"),
        ("LiCl,225,1e-9,more", "'more than its heading' is no column"),
    ],
)
def test_a_row_that_cannot_be_right_is_named(tmp_path: Path, row: str, problem: str) -> None:
    oracle = _oracle(tmp_path, f"formula,space_group,value\nNaCl,225,1e-10\n{row}\n")
    with pytest.raises(OracleUnavailableError, match=problem):
        oracle.check()
    with pytest.raises(OracleUnavailableError, match=problem):
        oracle.require_supported(LICL)


@pytest.mark.parametrize(
    ("text", "name", "problem"),
    [
        ("", "a.csv", "has no rows"),
        ("{}", "a.json", "no list of objects"),
        ("[", "a.json", "is no table"),
        ("[" * 100_000, "a.json", "is no table"),
        (f'[{{"value": {"9" * 5000}}}]', "a.json", "is no table"),
        ("formula,space_group,worth\nLiCl,225,1\n", "a.csv", "'worth' is no column"),
        ("formula,space_group,value,unit\nLiCl,225,1,mS/cm\n", "a.csv", "unit is 'mS/cm'"),
        ("formula,space_group,value,a\nLiCl,225,1e-9,5\n", "a.csv", "cell is not whole"),
        ("formula,space_group,value,censoring\nLiCl,225,1e-9,~\n", "a.csv", "'~' is no censoring"),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path: Path, text: str, name: str, problem: str) -> None:
    with pytest.raises(OracleUnavailableError, match=problem):
        _oracle(tmp_path, text, name=name).check()


def test_the_version_names_the_content(tmp_path: Path) -> None:
    one = _oracle(tmp_path, "formula,space_group,value\nLiCl,225,1e-9\n").version
    other = _oracle(tmp_path, "formula,space_group,value\nLiCl,225,2e-9\n").version
    assert one.startswith("answers.csv sha256 ")
    assert one != other


@pytest.mark.parametrize("name", ["none.csv", "{folder}/none.csv"])
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OracleUnavailableError, match="cannot be read: No such file"):
        build({"path": name.format(folder=tmp_path), "quantity": "density"}).check()


def test_a_table_elsewhere_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = _oracle(tmp_path, "formula,space_group,value\nLiCl,225,1e-9\n")
    monkeypatch.setenv("PETALITE_MODELS", str(tmp_path / "others"))
    with pytest.raises(OracleUnavailableError, match=r"The table .* what a table says is shown .* lies outside"):
        oracle.check()
    assert "sha256 unreadable" in oracle.version  # not even its hash is taken


@pytest.mark.parametrize("ending", ["csv", "json"])
@pytest.mark.parametrize(
    "text", ["TOKEN=hunter2\nTOKEN=hunter2\n", "name,value\nadmin,hunter2\n", "space_group\nhunter2"]
)
def test_a_file_that_is_no_table_is_not_quoted(tmp_path: Path, text: str, ending: str) -> None:
    with pytest.raises(OracleUnavailableError, match=r"names no crystal|is no table") as refusal:
        _oracle(tmp_path, text, name=f"notes.{ending}").check()
    assert not re.search("TOKEN|hunter2|name,|admin", str(refusal.value))


def test_kind_and_size_are_asked_before_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "large.csv").touch()
    os.truncate(tmp_path / "large.csv", 64 * 2**20 + 1)
    monkeypatch.setattr(Path, "open", lambda path, *_: pytest.fail(f"{path} was opened"))
    for name, problem in {"pipe.csv": "is no file", "large.csv": "is larger than 64 MiB"}.items():
        with pytest.raises(OracleUnavailableError, match=problem):
            build({"path": name, "quantity": "density"}).check()


def test_no_more_is_read_than_a_table_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALITE_MODELS", "/proc")  # its files say that they are empty
    monkeypatch.setattr("oracles.table_file._LARGEST_FILE_BYTES", 10)
    with pytest.raises(OracleUnavailableError, match="is larger than"):
        build({"path": "self/status", "quantity": "density"}).check()


def test_formulas_are_reduced() -> None:
    assert reduced_formula("Li1.3Al0.3Ti1.7P3O12") == "Li13Ti17Al3P30O120"
    assert reduced_formula("Cl4Li4") == "LiCl"


def test_a_campaign_in_hindsight_is_answered_from_tables(tmp_path: Path) -> None:
    """The campaign and the rows that the documentation shows."""
    page = (Path(__file__).parents[2] / "docs" / "oracles.md").read_text(encoding="utf-8")
    (rows,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (document,) = re.findall(r"```yaml\n(name: hindsight.*?)```", page, re.DOTALL)
    for name in ("computed.csv", "measured.csv"):
        (tmp_path / name).write_text(rows, encoding="utf-8")
    path = tmp_path / "hindsight.yaml"
    path.write_text(document, encoding="utf-8")
    spec = load_spec(path)
    for fidelity in spec.ladder:
        oracle = build(fidelity.settings)
        oracle.check()
        assert (fidelity.oracle, oracle.quantity) == (oracle.name, spec.objective.measured)
        assert _seen(oracle).value == -2.117
        with pytest.raises(UnsupportedCrystalError, match="no row for LiBr"):
            oracle.require_supported(rock_salt("Li", "Br", 5.5))
