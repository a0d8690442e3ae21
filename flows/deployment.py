"""The process that carries out a worker's flow runs, each in a process of its own.

Run as `python -m flows.deployment`; it ends at the end of its standard input, and asks for flow runs at once when a
line comes there. Its flow runs end with it, even if it is killed. What is ended in the middle goes on later: the store
knows where each campaign stands.

Prefect's own runner starts an interpreter for each flow run, which on a busy machine spends most of a minute on loading
libraries. This process has loaded them once and for all, keeps to one thread, and forks.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Final

import structlog

from domain.json_value import JsonObject
from flows.prefect_api import PrefectApi, PrefectAwayError
from flows.prefect_runs import FlowRuns
from services.children import end_with_forker
from services.logging import configure_logging
from services.settings import load_settings

POLL_S: Final = 2.0
"""How often Prefect is asked for flow runs where nobody wakes this process."""
PATIENCE_S: Final = 20.0
"""How long flow runs may take, together, to give back what they have."""


def main() -> None:
    """Carries out flow runs until SIGTERM or the end of standard input."""
    settings = load_settings(os.environ)
    configure_logging(level=settings.log_level)
    import flows.advancing  # noqa: F401 - what every flow run needs

    gc.freeze()  # else the first collection in each child would copy all that is shared
    runner = Runner(FlowRuns(PrefectApi(os.environ)), carry_out, n_slots=settings.campaigns)
    with _signalled() as asked:
        runner.serve(sys.stdin.fileno(), asked)
    os._exit(0)


class Runner:
    """Takes flow runs, no more at a time than it has slots for, and starts a process for each.

    Args:
        flow_runs: Where they come from.
        work: Carries one out, in the new process.
        n_slots: Flow runs at the same time.
    """

    def __init__(self, flow_runs: FlowRuns, work: Callable[[JsonObject], None], *, n_slots: int) -> None:
        self._flow_runs = flow_runs
        self._work = work
        self._n_slots = n_slots
        self._running: dict[str, BaseProcess] = {}
        self._known_problem = ""

    def serve(self, wishes: int, asked: int) -> None:
        """Carries out flow runs until it is asked to end, then lets them give back what they have.

        Args:
            wishes: A file descriptor: a line wakes the runner, its end ends it.
            asked: A file descriptor that can be read once the runner is to end.
        """
        while True:
            self._look_round()
            ready = wait([wishes, asked, *(process.sentinel for process in self._running.values())], POLL_S)
            if asked in ready or (wishes in ready and not os.read(wishes, 1024)):
                break
        self._end_all()

    @property
    def processes(self) -> tuple[BaseProcess, ...]:
        """The processes of flow runs under way."""
        return tuple(self._running.values())

    def _look_round(self) -> None:
        try:
            self._collect()
            n_free = self._n_slots - len(self._running)
            for flow_run in self._flow_runs.take(n_free) if n_free else ():
                self._running[str(flow_run["id"])] = _start(self._work, flow_run)
            self._known_problem = ""
        except PrefectAwayError as error:
            if error.problem != self._known_problem:
                structlog.get_logger("petalite.runner").warning("runner waits", problem=error.problem)
            self._known_problem = error.problem

    def _collect(self) -> None:
        """Frees the slots of processes that have ended, and tells Prefect of those that were killed."""
        for number, process in list(self._running.items()):
            if process.exitcode is not None:
                del self._running[number]
                if process.exitcode < 0:
                    self._flow_runs.report_crash(number, signal.Signals(-process.exitcode).name)

    def _end_all(self) -> None:
        """Asks the processes to end, and kills those that do not."""
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + PATIENCE_S
        for process in self._running.values():
            process.join(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.join()


def _start(work: Callable[[JsonObject], None], flow_run: JsonObject) -> BaseProcess:
    # Elsewhere a process that has loaded numerical libraries cannot be forked safely.
    way = multiprocessing.get_context("fork") if sys.platform == "linux" else multiprocessing.get_context("spawn")
    process = way.Process(target=_work_while_wanted, args=(work, flow_run))
    process.start()
    return process


def _work_while_wanted(work: Callable[[JsonObject], None], flow_run: JsonObject) -> None:
    # What the runner does when it is asked to end is not for its children.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    end_with_forker(patience_s=PATIENCE_S)
    work(flow_run)


def carry_out(flow_run: JsonObject) -> None:
    """Carries a flow run out in this process; SIGTERM ends it in order."""
    from prefect.client.schemas.objects import FlowRun
    from prefect.engine import handle_engine_signals
    from prefect.flow_engine import run_flow

    from flows.advancing import advance_campaign

    taken = FlowRun.model_validate(flow_run)
    with handle_engine_signals(taken.id):
        run_flow(advance_campaign, flow_run=taken)


@contextmanager
def _signalled() -> Iterator[int]:
    """A file descriptor that can be read once SIGTERM has come. Ctrl-C at a terminal is for the worker."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield reading


if __name__ == "__main__":
    main()
