"""The process that checks specs: asked once for each spec, replaced when it dies, given up when it takes too long."""

import subprocess
import sys

import pytest

from domain.errors import ServiceError, SpecError
from services.api import spec_checker
from services.api.spec_checker import SpecChecker
from services.store.examples import example_spec

PATIENT = "import sys\nfor line in sys.stdin: print('{}', flush=True)"


@pytest.fixture
def child(monkeypatch):
    """Sets what the checker starts; tells how often it did."""
    started = []

    def be(script):
        def start():
            started.append(script)
            pipe = subprocess.PIPE
            return subprocess.Popen([sys.executable, "-S", "-c", script], stdin=pipe, stdout=pipe, text=True)

        monkeypatch.setattr(spec_checker, "_started", start)
        return started

    return be


def test_a_spec_that_was_good_is_not_asked_again(child):
    started = child("import sys\nprint('{}', flush=True); sys.stdin.readline()")  # one answer, then it ends
    with SpecChecker() as checker:
        for _ in range(3):
            checker.require_runnable(example_spec())
    assert len(started) == 1


def test_a_check_that_takes_too_long_is_given_up_and_the_next_one_has_a_new_process(child, monkeypatch):
    monkeypatch.setattr(spec_checker, "LONGEST_CHECK_S", 0.1)
    monkeypatch.setattr(spec_checker, "_LONGEST_START_S", 0.1)
    child("import time\ntime.sleep(600)")
    with SpecChecker() as checker:
        with pytest.raises(SpecError, match="not found out within 0 s") as refused:
            checker.require_runnable(example_spec())
        assert "fewer" in refused.value.remedy
        monkeypatch.setattr(spec_checker, "LONGEST_CHECK_S", 60)
        child(PATIENT)
        checker.require_runnable(example_spec())


def test_a_process_that_dies_is_no_verdict_on_the_spec(child):
    child("raise SystemExit(1)")
    with SpecChecker() as checker:
        with pytest.raises(ServiceError, match="could not be checked"):
            checker.require_runnable(example_spec())
        child(PATIENT)
        checker.require_runnable(example_spec())


def test_a_refusal_has_every_problem_in_its_place():
    with SpecChecker() as checker, pytest.raises(SpecError, match=r"ladder\[1\]\.settings") as refused:
        checker.require_runnable(example_spec())
    fields = [problem.field for problem in refused.value.problems]
    assert fields == ["ladder[1].settings.calculator", "ladder[2].settings.quantity"]
