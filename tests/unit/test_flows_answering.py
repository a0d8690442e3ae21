"""The flow for work pools calls the command that answers one query, as often as it is told to."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.main import get_command

from domain.errors import ServiceError
from flows.answering import answer_queries
from services.cli.main import app

URL = "https://petalite.test"


class Calls:
    """Stands in for processes that end with a status."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.commands: list[list[str]] = []

    def __call__(self, command: Sequence[str], *, check: bool) -> subprocess.CompletedProcess[str]:
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
