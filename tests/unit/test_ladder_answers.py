"""Answers of the benchmark of the ladder, kept in a file: whose they are, and what a killed run leaves of one."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Self

import pytest

from domain.fidelity import Fidelity, Limits

FILE = Path(__file__).parents[2] / "benchmarks" / "support" / "rungs.py"


@pytest.fixture
def rungs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark's module; no test reads the files of crystals that its neighbour needs."""
    monkeypatch.setitem(sys.modules, "support.obelix", SimpleNamespace(Conductor=object))
    spec = importlib.util.spec_from_file_location("ladder_rungs", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


class Looks:
    """Stands in for the worker process and for looks in it."""

    def __init__(self, rungs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.version = "model 1"
        self.made: list[str] = []
        self._rungs = rungs
        monkeypatch.setattr(rungs, "OracleProcess", lambda _: self)
        monkeypatch.setattr(rungs, "_look", self._look)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held."""

    def as_oracle(self) -> Self:
        return self

    def _look(self, rung: SimpleNamespace, material: SimpleNamespace, *_: object) -> object:
        self.made.append(self.version)
        about = (rung.name, rung.fidelity.settings_digest, self.version, material.identifier)
        return self._rungs.Seen(*about, 1.0, "", 2.0, "")


def test_answers_of_a_model_that_was_made_again_are_not_its_own(
    rungs: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    looks, answers = Looks(rungs, monkeypatch), tmp_path / "answers.jsonl"
    rung = rungs.Rung(Fidelity("student", "density", 1.0, {}, Limits()), 1)

    def climb() -> None:
        assert len(list(rungs.looked(rung, [SimpleNamespace(identifier="a8v")], answers, refresh_failures=False))) == 1

    climb()
    climb()
    assert looks.made == ["model 1"]
    looks.version = "model 2"
    climb()
    assert looks.made == ["model 1", "model 2"]


def test_a_line_that_was_never_finished_is_written_anew(
    rungs: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    looks, answers = Looks(rungs, monkeypatch), tmp_path / "answers.jsonl"
    rung = rungs.Rung(Fidelity("student", "density", 1.0, {}, Limits()), 1)
    materials = [SimpleNamespace(identifier=name) for name in ("a8v", "cju")]
    list(rungs.looked(rung, materials, answers, refresh_failures=False))
    whole = answers.read_text()
    answers.write_text(whole[:-20])
    list(rungs.looked(rung, materials, answers, refresh_failures=False))
    assert len(looks.made) == 3
    assert answers.read_text() == whole
