"""A spec file is read, or refused with its line, its field and what to do."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.campaign import CampaignSpec, Component
from domain.errors import BudgetTooSmallError, SpecError
from domain.fidelity import Fidelity
from domain.parsing import ParseError, Problem
from services.specs import dump_spec, explain, load_spec
from services.store.examples import example_spec

GOOD = """\
name: quick
objective: {quantity: formation_energy, goal: minimize}
space:
  elements: [Li, Cl]
  space_groups: [225]
  max_atoms: 8
ladder:
  - name: static
    oracle: potential
    cost: 1
  - name: dft
    oracle: ase
    cost: 2e2
    settings: {calculator: gpaw}
    limits:
      time_s: 60
budget:
  total: 1000
  per_round: 300
max_rounds: 3
initial_looks:
  static: 4
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "quick.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_good_spec_is_read(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path, "\ufeff# a comment\n" + GOOD))
    assert (spec.name, spec.ladder[1].cost, spec.ladder[1].limits.time_s) == ("quick", 200.0, 60.0)
    assert spec.ladder[1].settings == {"calculator": "gpaw"}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("elements:", "elemnts:", r"quick.yaml:4: unknown key 'elemnts' in space; did you mean 'elements'\?"),
        ("elements:", "elemnts:", r"quick.yaml:3: space.elements: is missing"),
        ("time_s:", "times:", r"quick.yaml:16: unknown key 'times' in ladder\[1\].limits; did you mean 'time_s'\?"),
        ("max_rounds:", "zebra:", r"quick.yaml:20: unknown key 'zebra'\."),
        ("cost: 1\n", "cost: cheap\n", r"quick.yaml:10: ladder\[0\].cost: Input should be a valid number"),
        ("cost: 1\n", "cost: -1\n", r"quick.yaml:8: ladder\[0\]: Fidelity 'static' costs -1"),
        ("[225]", "[225, 231]", r"quick.yaml:3: space: 231 is not the number of a space group"),
        ("  max_atoms: 8", "  angle_deg: [90, 60]", r"quick.yaml:6: space.angle_deg: angle_deg \[90.0, 60.0\] is not"),
        ("max_rounds: 3", "max_rounds: 0", r"quick.yaml:20: max_rounds is 0"),
        ("goal: minimize", "goal: less", r"quick.yaml:2: objective.goal: Input should be 'minimize' or 'maximize'"),
        ("name: quick", "name: Quick!", r"quick.yaml:1: 'Quick!' cannot name a campaign"),
        ("static: 4", "guess: 4", "initial_looks.guess: the ladder has no such fidelity"),
        ("max_atoms: 8", "max_atoms: 8\n  max_atoms: 9", r"quick.yaml:7: the key 'max_atoms' is there twice"),
        ("[Li, Cl]", "[Li, Cl", r"quick.yaml:5: this is not YAML"),
        ("[Li, Cl]", "*all", r"quick.yaml:4: aliases \(\*\) are not read"),
        ("[Li, Cl]", "[" * 50 + "]" * 50, r"quick.yaml:4: nested deeper than any spec"),
        ("[Li, Cl]", "!!python/name:os.system x", r"quick.yaml:4: this is not YAML: could not determine"),
        ("[Li, Cl]", "2026-13-99", "an impossible date"),
        ("name: quick", "? [a]\n: b", "this is not YAML: found unhashable key"),
        ("name: quick", "1: 2\nname: quick", "quick.yaml:1: .*eys should be"),
    ],
)
def test_problem_is_named_with_its_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in GOOD
    with pytest.raises(SpecError, match=f"(?m){problem}"):
        load_spec(write(tmp_path, GOOD.replace(old, new)))


def test_small_budget_keeps_its_error_and_line(tmp_path: Path) -> None:
    with pytest.raises(BudgetTooSmallError, match=r"quick.yaml:19: budget.per_round 0.5 core-seconds is smaller"):
        load_spec(write(tmp_path, GOOD.replace("per_round: 300", "per_round: 0.5")))


def test_dear_initial_looks_are_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"quick.yaml:21: initial_looks costs 2000"):
        load_spec(write(tmp_path, GOOD.replace("static: 4", "static: 2000")))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "holds no fields"),
        (b"- a\n- b\n", "holds no fields"),
        (b"name: \xe9\n", "quick.yaml:1: the text is not UTF-8"),
        (b"name: a\x00b\n", "is not YAML"),
        (b"a: 1\n---\nb: 2\n", "quick.yaml:2: this is not YAML"),
        (b"#" * (2**20 + 1), "larger than 1 MiB"),
        (b"name: quick\n", r"quick.yaml:1: ladder: is missing"),
    ],
)
def test_file_that_is_no_spec_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(SpecError, match=problem):
        load_spec(write(tmp_path, content))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"nothing.yaml cannot be read: No such file or directory. Check the path"):
        load_spec(tmp_path / "nothing.yaml")


def test_later_findings_get_their_line(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    found = ParseError("Settings", (Problem(("ladder", 1, "settings", "calculator"), "is not installed"),))
    message = r"quick.yaml:14: ladder\[1\].settings.calculator: is not installed"
    with pytest.raises(SpecError, match=message):
        raise explain(found, path)


@given(
    description=st.text(st.characters(exclude_categories=["Cs"])),
    cost=st.floats(1e-300, 400.0, exclude_min=True),
    seed=st.integers(0, 2**63 - 1),
    settings=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    ),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    description: str,
    cost: float,
    seed: int,
    settings: dict[str, bool | int | float | str | None],
) -> None:
    spec = replace(
        example_spec(),
        description=description,
        seed=seed,
        ladder=(Fidelity("static", oracle="potential", cost=cost),),
        generator=Component("crystal-gfn", settings),
    )
    path = tmp_path_factory.mktemp("specs") / "spec.yaml"
    path.write_bytes(dump_spec(spec).encode())
    assert load_spec(path) == spec
    assert isinstance(load_spec(path), CampaignSpec)
