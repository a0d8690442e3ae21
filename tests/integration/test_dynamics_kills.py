"""A run that is killed at any instant ends with the files of an undisturbed one, bit for bit."""

import multiprocessing
import os
import random

import pytest
from support.dynamics import REPULSION, copper_plan, ignore, never, run_in_child, stop_early_when_hot

from oracles.dynamics.running import run

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["oracles.dynamics.running", "matscipy.neighbours", "safetensors.numpy", "ase.build"])


def _run(folder, **options):
    calls = {"report": ignore, "should_stop": never, "monitor": stop_early_when_hot, **options}
    return run(copper_plan(), REPULSION, folder, **calls)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    assert _run(folder).is_finished
    return folder


def _contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def _killed_after(folder, n_frames):
    """Runs in a child process that is killed after some frames; tells whether it was still running."""
    reports, its_end = CONTEXT.Pipe(duplex=False)
    child = CONTEXT.Process(target=run_in_child, args=(str(folder), its_end))
    child.start()
    its_end.close()
    try:
        for _ in range(n_frames):
            reports.recv()
    except EOFError:
        pass
    child.kill()
    child.join()
    return child.exitcode == -9


def _kill_often(folder, n_kills):
    randomness = random.Random(n_kills)
    n_killed = 0
    while n_killed < n_kills:
        assert _killed_after(folder, randomness.randint(1, 2 * 100 // n_kills))
        n_killed += 1


def test_five_kills_leave_no_trace(tmp_path, undisturbed):
    _kill_often(tmp_path, 5)
    _run(tmp_path)
    assert _contents(tmp_path) == _contents(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("n_kills", [25])
def test_many_kills_leave_no_trace(n_kills, tmp_path, undisturbed):
    _kill_often(tmp_path, n_kills)
    _run(tmp_path)
    assert _contents(tmp_path) == _contents(undisturbed)


class _Cut(BaseException):
    """Nothing catches it, like a kill."""


def _cut_in_call(monkeypatch, name, at):
    """Lets the process end in some call of a function of `os`, before it does anything."""
    real, calls = getattr(os, name), iter(range(at + 1))

    def cutting(*arguments, **options):
        if next(calls) == at:
            raise _Cut("cut")
        return real(*arguments, **options)

    monkeypatch.setattr(os, name, cutting)


@pytest.mark.parametrize(("name", "at"), [*(("fsync", at) for at in (0, 1, 3, 4, 7, 8, 9, 10)), ("replace", 9)])
def test_an_end_within_any_write_leaves_no_trace(name, at, tmp_path, undisturbed, monkeypatch):
    with monkeypatch.context() as patch:
        _cut_in_call(patch, name, at)
        with pytest.raises(_Cut, match="cut"):
            _run(tmp_path)
    _run(tmp_path)
    assert _contents(tmp_path) == _contents(undisturbed)
