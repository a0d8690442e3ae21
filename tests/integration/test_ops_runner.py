"""Flow runs are taken from Prefect and carried out in processes of their own, which end with the runner."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from domain.json_value import JsonObject
from flows.deployment import Runner
from flows.prefect_api import PrefectApi
from flows.prefect_runs import REGISTERS_EVERY_S, FlowRuns

# The runner itself has one thread; the process of the tests has more.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


class Prefect(httpx.BaseTransport):
    """A Prefect server with flow runs that are due."""

    def __init__(self, *due: str) -> None:
        self.due = list(due)
        self.taken_elsewhere: set[str] = set()
        self.states: list[tuple[str, str]] = []
        self.n_registered = 0
        self.is_away = False
        self.has_answered = threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.has_answered.set()
        if self.is_away:
            raise httpx.ConnectError("the line is cut")
        path, body = request.url.path, json.loads(request.content)
        if path == "/api/flows/":
            return httpx.Response(200, json={"id": "f1"})
        if path == "/api/deployments/":
            self.n_registered += 1
            assert body["flow_id"] == "f1"
            return httpx.Response(201, json={"id": "d1"})
        if path == "/api/deployments/get_scheduled_flow_runs":
            assert body["deployment_ids"] == ["d1"]
            return httpx.Response(200, json=[{"id": run} for run in self.due[: body["limit"]]])
        run, state = path.split("/")[3], body["state"]["type"]
        self.states.append((run, state))
        if state == "PENDING":
            self.due.remove(run)
        return httpx.Response(201, json={"status": "ABORT" if run in self.taken_elsewhere else "ACCEPT"})


def flow_runs(prefect: Prefect, clock: Callable[[], float] = time.monotonic) -> FlowRuns:
    client = httpx.Client(transport=prefect, base_url="http://prefect.test/api")
    return FlowRuns(PrefectApi({}, client=client), clock=clock)


@pytest.fixture
def line() -> Iterator[tuple[int, int]]:
    """The ends of a runner's standard input: the runner's and the worker's."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


@pytest.fixture
def asked() -> Iterator[int]:
    """What can never be read: nobody signals."""
    reading, writing = os.pipe()
    yield reading
    os.close(reading)
    os.close(writing)


def test_a_flow_run_that_another_worker_has_taken_is_left_to_it() -> None:
    prefect = Prefect("a", "b", "c")
    prefect.taken_elsewhere = {"a"}
    runs = flow_runs(prefect)
    assert [run["id"] for run in runs.take(2)] == ["b"]
    assert [run["id"] for run in runs.take(2)] == ["c"]


def test_a_server_that_forgot_the_deployment_is_told_again() -> None:
    passed = [0.0]
    prefect = Prefect()
    runs = flow_runs(prefect, lambda: passed[0])
    runs.take(1)
    runs.take(1)
    assert prefect.n_registered == 1
    passed[0] += REGISTERS_EVERY_S
    runs.take(1)
    assert prefect.n_registered == 2


def test_each_flow_run_has_a_process_of_its_own(tmp_path: Path, line: tuple[int, int], asked: int) -> None:
    reading, writing = line
    prefect = Prefect("a", "b", "c")

    def work(flow_run: JsonObject) -> None:
        (tmp_path / str(flow_run["id"])).write_text(str(os.getpid()), encoding="utf-8")
        if flow_run["id"] == "c":
            os.close(writing)  # this process's own copy
            os.kill(os.getpid(), 9)

    def end_when_over() -> None:
        while ("c", "CRASHED") not in prefect.states:
            prefect.has_answered.wait(60)
            prefect.has_answered.clear()
        os.close(writing)

    threading.Thread(target=end_when_over).start()
    Runner(flow_runs(prefect), work, n_slots=2).serve(reading, asked)
    processes = {path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert len(processes) == 3
    assert str(os.getpid()) not in processes
    assert ("a", "CRASHED") not in prefect.states


def test_a_line_wakes_a_runner_whose_server_was_away(line: tuple[int, int], asked: int, tmp_path: Path) -> None:
    reading, writing = line
    prefect = Prefect("a")
    prefect.is_away = True

    def work(flow_run: JsonObject) -> None:
        (tmp_path / str(flow_run["id"])).touch()

    def bring_back() -> None:
        prefect.has_answered.wait(60)
        prefect.is_away = False
        while not (tmp_path / "a").exists():
            os.write(writing, b"\n")
            prefect.has_answered.clear()
            prefect.has_answered.wait(60)
        os.close(writing)

    threading.Thread(target=bring_back).start()
    Runner(flow_runs(prefect), work, n_slots=1).serve(reading, asked)
    assert (tmp_path / "a").exists()


FORKING = """
import sys, time
from flows.deployment import _start
process = _start(lambda _run: time.sleep(600), {})
sys.stdout.write(f"{process.pid}\\n")
sys.stdout.flush()
time.sleep(600)
"""


def test_what_is_under_way_ends_even_if_the_runner_is_killed() -> None:
    runner = subprocess.Popen([sys.executable, "-c", FORKING], stdout=subprocess.PIPE, text=True)
    flow_run = psutil.Process(int(runner.stdout.readline()))
    runner.kill()
    runner.wait()
    runner.stdout.close()
    _, left = psutil.wait_procs([flow_run], timeout=60)
    assert left == []


def test_what_is_under_way_is_ended_with_the_runner(line: tuple[int, int], asked: int) -> None:
    reading, writing = line
    prefect = Prefect("a")

    def work(flow_run: JsonObject) -> None:
        threading.Event().wait(600)

    os.write(writing, b"\n")
    os.close(writing)
    runner = Runner(flow_runs(prefect), work, n_slots=1)
    runner.serve(reading, asked)
    assert [process.is_alive() for process in runner.processes] == [False]
