"""Looks that take long: how far they are is told, and who takes up a killed one goes on where it was."""

import errno
import fcntl
from pathlib import Path

import pytest
from support.counting import install_counting

from domain.fidelity import Fidelity, Limits
from domain.look import LookProgress, LookRequest
from domain.measurement import FailureKind
from oracles.checks import check_oracle
from oracles.registry import build_oracle
from oracles.running.process import Answer, OracleProcess, Refusal
from oracles.running.workbench import REPORT_EVERY_S, held_workbench
from oracles.testing import require_oracle_contract, rock_salt

REQUEST = LookRequest(rock_salt(), seed=1)


@pytest.fixture(autouse=True)
def _plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_counting(tmp_path, monkeypatch)


def counting(**settings: int) -> Fidelity:
    return Fidelity("fake", "counting", 1.0, settings, Limits(60.0, 4.0))


def test_a_killed_look_goes_on_where_it_was_in_another_process(tmp_path: Path) -> None:
    folder = tmp_path / "look 7"
    with OracleProcess(counting(dies_at=4)) as process:
        refusal = process.look(REQUEST, folder=folder)
        assert isinstance(refusal, Refusal)
        assert refusal.kind is FailureKind.TRANSIENT
        answer = process.look(REQUEST, folder=folder)
    assert isinstance(answer, Answer)
    assert answer.result.details == {"began_at": 4, "steps": 6}


def test_whoever_waits_is_told_how_far_it_is(tmp_path: Path) -> None:
    told: list[LookProgress] = []
    with OracleProcess(counting()) as process:
        first = process.look(REQUEST, folder=tmp_path / "look", on_progress=told.append)
        second = process.look(REQUEST, folder=tmp_path / "other", on_progress=told.append)
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert told == [LookProgress(1 / 6, "1 of 6 steps")] * 2


def test_oracles_that_go_on_are_checked_like_others() -> None:
    oracle = build_oracle("counting", {})
    require_oracle_contract(oracle, rock_salt())
    (line,) = (line for line in check_oracle(oracle, rock_salt()) if line.name == "a look that goes on")
    assert line.detail == "6 of 6 steps"


def test_without_a_folder_it_is_a_look_like_any_other() -> None:
    with OracleProcess(counting()) as process:
        answer = process.look(REQUEST)
    assert isinstance(answer, Answer)
    assert answer.result.details == {}


def test_two_processes_are_never_at_the_same_look(tmp_path: Path) -> None:
    with OracleProcess(counting()) as process, (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refusal = process.look(REQUEST, folder=tmp_path)
        assert isinstance(refusal, Refusal)
        assert (refusal.kind, refusal.details["error"]) == (FailureKind.TRANSIENT, "LookUnderWayError")
        assert refusal.reason.startswith("Another process computes this look already")
        fcntl.flock(held, fcntl.LOCK_UN)
        assert isinstance(process.look(REQUEST, folder=tmp_path), Answer)


def test_a_disk_without_locks_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_file: object, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with held_workbench(tmp_path, lambda _: None) as workbench:
        assert workbench.folder == tmp_path


def test_what_a_time_limit_ends_goes_on_at_the_next_attempt(tmp_path: Path) -> None:
    never = Fidelity("fake", "counting", 1.0, {"waits_for": str(tmp_path / "never")}, Limits(4.0, 4.0))
    with OracleProcess(never) as process:
        refusal = process.look(REQUEST, folder=tmp_path / "look")
        assert isinstance(refusal, Refusal)
        assert (refusal.kind, refusal.details["error"]) == (FailureKind.TRANSIENT, "TimeLimit")
        assert refusal.reason.endswith("It goes on from there at the next attempt.")


def test_progress_is_passed_on_now_and_then(tmp_path: Path) -> None:
    now, told = [0.0], []
    with held_workbench(tmp_path, told.append, clock=lambda: now[0]) as workbench:
        for step in range(5):
            now[0] = step * REPORT_EVERY_S / 2
            workbench.report(LookProgress(step / 5, f"{step}"))
    assert [progress.note for progress in told] == ["0", "2", "4"]
