"""The flow for work pools calls the command that answers one query, as often as it is told to."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.main import get_command

from domain.errors import ServiceError
from flows.answering import answer_queries
from flows.machine.held_name import held_name
from services.cli.main import app

URL = "https://petalite.test"


class Calls:
    """Stands in for processes that end with a status."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.commands: list[list[str]] = []

    @property
    def names(self) -> list[str]:
        """Of the workers."""
        return [command[command.index("--name") + 1] for command in self.commands]

    def __call__(
        self, command: Sequence[str], *, check: bool, pass_fds: Sequence[int]
    ) -> subprocess.CompletedProcess[str]:
        self.commands.append(list(command))
        return subprocess.CompletedProcess(command, self.status)


def test_as_many_queries_are_answered_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(0)
    monkeypatch.setattr(subprocess, "run", calls)
    answer_queries.fn(URL, Path("token"), ["ase", "density"], worker="node", campaign="halides", n_looks=3)
    assert len(calls.commands) == 3
    (words,) = {tuple(command[command.index("services.cli") + 1 :]) for command in calls.commands}
    worker = get_command(app).commands["worker"]
    parsed = worker.make_context("worker", list(words[1:])).params
    given = {name: parsed[name] for name in ("oracle", "url", "token_file", "name", "campaign", "once")}
    assert given == {
        "oracle": ["ase", "density"],
        "url": URL,
        "token_file": Path("token"),
        "name": "node",
        "campaign": "halides",
        "once": True,
    }


def test_a_refusal_ends_the_flow_run_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(1)
    monkeypatch.setattr(subprocess, "run", calls)
    with pytest.raises(ServiceError, match="ended with status 1"):
        answer_queries.fn(URL, Path("token"), ["density"], worker="node", n_looks=3)
    assert len(calls.commands) == 1


def test_a_run_without_a_name_goes_on_under_that_of_one_that_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    (folder,) = _names_folder(monkeypatch, tmp_path)
    with held_name(folder, "prefect-here"):  # another run, which is busy
        failing = Calls(1)
        monkeypatch.setattr(subprocess, "run", failing)
        with pytest.raises(ServiceError, match="ended with status 1"):
            answer_queries.fn(URL, Path("token"), ["density"])
    next_one = Calls(0)
    monkeypatch.setattr(subprocess, "run", next_one)
    answer_queries.fn(URL, Path("token"), ["density"], n_looks=2)
    assert next_one.names == failing.names * 2


def _names_folder(monkeypatch: pytest.MonkeyPatch, home: Path) -> list[Path]:
    """Where names are kept, after a first run."""
    monkeypatch.setattr(subprocess, "run", Calls(0))
    answer_queries.fn(URL, Path("token"), ["density"])
    return list((home / "prefect-names").iterdir())


def test_names_are_kept_apart_while_they_are_held_and_used_again(tmp_path: Path) -> None:
    with held_name(tmp_path, "a") as first, held_name(tmp_path, "a") as second:
        assert (first.name, second.name) == ("a-1", "a-2")
    with held_name(tmp_path, "b"), pytest.raises(RuntimeError, match="killed"), held_name(tmp_path, "b") as failed:
        raise RuntimeError("killed")
    with held_name(tmp_path, "b") as again, held_name(tmp_path, "b") as other:
        assert (again.name, other.name) == (failed.name, "a-1") == ("a-2", "a-1")


def test_a_name_is_held_by_the_process_that_answers_when_the_flow_run_is_killed(tmp_path: Path) -> None:
    with held_name(tmp_path, "a") as held:
        command = [sys.executable, "-c", "print(flush=True); input()"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[held.lock])
    with child:
        with held_name(tmp_path, "a") as other:
            assert other.name == "a-2"
        child.communicate(b"\n")
    with held_name(tmp_path, "a") as free:
        assert free.name == "a-1"
