"""Whatever cannot be run is refused before anything is spent, in words that name the place and the remedy."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import BudgetTooSmallError, EmptySpaceError, PetaliteError, SpecError, UnknownOracleError
from domain.parsing import LocatedError, to_json_value
from flows.validation import require_runnable
from services.specs import load_spec

GOOD = """
name: good
objective: { quantity: density, goal: maximize }
space:
  elements: [Li, Mg, O, F]
  space_groups: [166, 221, 225]
  max_atoms: 12
ladder:
  - { name: glance, oracle: density, cost: 1 }
budget: { total: 20, per_round: 10 }
initial_looks: { glance: 4 }
max_rounds: 2
"""


def refuse(tmp_path: Path, spec: str) -> str:
    path = tmp_path / "spec.yaml"
    path.write_text(spec, encoding="utf-8")
    with pytest.raises(PetaliteError, match=r".+") as caught:
        require_runnable(load_spec(path))
    assert caught.value.remedy
    return f"{type(caught.value).__name__}: {caught.value}"


def test_the_good_spec_is_runnable(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(GOOD, encoding="utf-8")
    require_runnable(load_spec(path))


@pytest.mark.parametrize(
    ("good", "bad", "error", "words"),
    [
        ("max_rounds: 2", "max_rounds: 2\nmax_round: 3", SpecError, ["spec.yaml:13", "max_round", "max_rounds"]),
        ("elements: [Li, Mg, O, F]", "elemnts: [Li, Mg, O, F]", SpecError, ["spec.yaml:5", "elemnts", "elements"]),
        ("max_atoms: 12", "max_atoms: 12\n  angle_deg: [150, 60]", SpecError, ["angle_deg"]),
        ("max_atoms: 12", "max_atoms: 12\n  length_A: [90, 99]", EmptySpaceError, ["length_A"]),
        ("[Li, Mg, O, F]", "[Li, Mg]", EmptySpaceError, ["neutral", "Li", "Mg"]),
        ("max_atoms: 12", "max_atoms: 3\n  min_elements: 4", EmptySpaceError, ["max_atoms", "4 distinct elements"]),
        ("[166, 221, 225]", "[230]", EmptySpaceError, ["space_groups", "16"]),
        ("per_round: 10", "per_round: 0.5", BudgetTooSmallError, ["budget.per_round", "cheapest"]),
        ("oracle: density", "oracle: crystal-ball", UnknownOracleError, ["crystal-ball", "density"]),
        ("quantity: density", "quantity: band_gap", SpecError, ["ladder[0]", "density", "band_gap"]),
        ("cost: 1 }", "cost: 1, settings: { colour: red } }", SpecError, ["colour"]),
        ("max_rounds: 2", "max_rounds: 2\ngenerator: { name: dice }", SpecError, ["dice", "crystal-gfn"]),
        ("max_rounds: 2", "max_rounds: 2\nsurrogate: { name: dice }", SpecError, ["dice", "multi-fidelity-gp"]),
        ("glance: 4", "stare: 4", SpecError, ["stare", "glance"]),
        ("name: good", "name: [", SpecError, ["spec.yaml"]),
    ],
)
def test_a_bad_spec_names_the_place_and_the_remedy(
    tmp_path: Path, good: str, bad: str, error: type[PetaliteError], words: list[str]
) -> None:
    assert good in GOOD
    message = refuse(tmp_path, GOOD.replace(good, bad))
    for word in words:
        assert word in message


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    bad = GOOD.replace("oracle: density", "oracle: crystal-ball").replace("[Li, Mg, O, F]", "[Li, Mg]")
    path = tmp_path / "spec.yaml"
    path.write_text(bad + "surrogate: { name: dice }\n", encoding="utf-8")
    with pytest.raises(LocatedError, match="crystal-ball") as caught:
        require_runnable(load_spec(path))
    assert [problem.field for problem in caught.value.problems] == [
        "space.elements", "ladder[0].oracle", "surrogate.name",
    ]  # fmt: skip


def test_checking_loads_nothing_that_computes(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(GOOD, encoding="utf-8")
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(to_json_value(load_spec(tmp_path / "spec.yaml"))), encoding="utf-8")
    script = (
        "import json, sys; from pathlib import Path; from services.cli.spec_checks import answer\n"
        "assert answer({'spec': json.loads(Path(sys.argv[1]).read_text())}) == {}\n"
        "assert not {'torch', 'pymatgen', 'prefect'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script, path], check=True)


def test_a_refused_spec_leaves_no_campaign(terminal, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(GOOD.replace("[Li, Mg, O, F]", "[Li, Mg]"), encoding="utf-8")
    message = terminal.refused("run", str(path))
    assert "Error:" in message
    assert "Remedy:" in message
    assert terminal.run("campaign", "list", "--json").strip() == "[]"


def test_a_corrupt_store_is_refused_and_left_as_it_is(terminal) -> None:
    terminal.home.mkdir()
    file = terminal.home / "petalite.sqlite3"
    file.write_bytes(b"SQLite format 3\x00" + b"rubbish" * 500)
    before = file.read_bytes()
    assert "is no Petalite store" in terminal.refused("campaign", "list")
    assert file.read_bytes() == before


def test_a_foreign_database_is_refused_and_left_as_it_is(terminal) -> None:
    terminal.home.mkdir()
    file = terminal.home / "petalite.sqlite3"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    before = file.read_bytes()
    assert "Petalite" in terminal.refused("campaign", "list")
    assert file.read_bytes() == before


def test_a_store_of_a_newer_version_is_refused(terminal) -> None:
    terminal.run("campaign", "list")
    with sqlite3.connect(terminal.home / "petalite.sqlite3") as connection:
        connection.execute("UPDATE petalite_schema_version SET version_num = '9999'")
    connection.close()
    assert "newer" in terminal.refused("campaign", "list")


def test_another_spec_under_the_same_name_is_refused(terminal, tmp_path: Path) -> None:
    from services.store import open_store

    path = tmp_path / "spec.yaml"
    path.write_text(GOOD, encoding="utf-8")
    with open_store(terminal.store_url) as store:
        store.campaigns.create(load_spec(path))
    path.write_text(GOOD.replace("total: 20", "total: 30"), encoding="utf-8")
    message = terminal.refused("run", str(path))
    assert "budget" in message
    assert "good" in message
