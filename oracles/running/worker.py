"""The child of `OracleProcess`: reads tasks, looks, answers, and never outlives its parent.

Run as `python -P -m oracles.running.worker REPLY_FD LIFELINE_FD`. The lifeline is the reading end of a pipe that the
parent holds open and never writes to: when it closes, the parent is gone.
"""

import fcntl
import os
import resource
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from domain.errors import (
    OracleUnavailableError,
    PermanentLookError,
    PetaliteError,
    TransientLookError,
    UnsupportedCrystalError,
)
from domain.json_value import JsonValue
from domain.look import LookProgress, LookRequest, LookResult
from domain.measurement import FailureKind
from domain.parsing import parse_json, to_json
from domain.ports import ComputedOracle, ResumableOracle
from oracles.checks import require_sound_reference, require_sound_result
from oracles.registry import build_oracle
from oracles.running.files import require_files
from oracles.running.protocol import Job, Refused, Reply, Task, TaskKind
from oracles.running.workbench import held_workbench

_TRACEBACK_LINES = 6


def main() -> None:
    """Serves tasks until standard input ends."""
    reply_fd, lifeline_fd = (int(argument) for argument in sys.argv[1:3])
    _die_with_parent(lifeline_fd)
    with os.fdopen(reply_fd, "w", encoding="utf-8") as replies:
        job = parse_json(Job, sys.stdin.readline())
        _limit_memory(job.memory_GiB)
        _serve(job, replies)
    # Libraries may print or crash while the interpreter takes them apart; everything is said, so leave at once.
    os._exit(0)


def _serve(job: Job, replies: TextIO) -> None:
    def say(reply: Reply) -> None:
        replies.write(to_json(reply) + "\n")
        replies.flush()

    worker = _Worker(job, say)
    for line in sys.stdin:
        reply = worker.answer(parse_json(Task, line))
        say(reply)
        if reply.is_last:
            return


def _die_with_parent(lifeline_fd: int) -> None:
    """Ends this process when the lifeline closes, even while foreign code computes.

    A thread waits for it everywhere. Where the kernel can signal it (SIGIO, whose default is to terminate), it does
    too, because a library that never gives up the interpreter lock would stop the thread. Linux's parent-death signal
    is no choice: it fires when the parent's *thread* ends.
    """
    if hasattr(os, "O_ASYNC"):
        fcntl.fcntl(lifeline_fd, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline_fd, fcntl.F_SETFL, fcntl.fcntl(lifeline_fd, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_wait_for_end, args=(lifeline_fd,), daemon=True).start()


def _wait_for_end(lifeline_fd: int) -> None:
    while os.read(lifeline_fd, 1):
        pass
    os._exit(0)


def _limit_memory(memory_GiB: float) -> None:
    limit = int(memory_GiB * 2**30)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class _Worker:
    """Holds the oracle, built by the first task, and turns whatever happens into a reply."""

    def __init__(self, job: Job, say: Callable[[Reply], None]) -> None:
        self._job = job
        self._say = say
        self._oracle: ComputedOracle | None = None

    def answer(self, task: Task) -> Reply:
        began = _core_seconds()
        try:
            reply = self._done(self._built(), task, began)
        except Exception as error:  # noqa: BLE001 - the boundary to foreign code: every failure becomes data
            reply = Reply(task.number, 0.0, refused=_refused(error, self._job), is_last=_is_out_of_memory(error))
        return replace(reply, core_seconds=_core_seconds() - began)

    def _built(self) -> ComputedOracle:
        if self._oracle is None:
            oracle = build_oracle(self._job.oracle, self._job.settings)
            if not isinstance(oracle, ComputedOracle):
                raise PermanentLookError(
                    f"The oracle '{self._job.oracle}' does not compute: people answer it.",
                    remedy="Leave its queries in the store for the laboratory.",
                )
            self._oracle = oracle
        return self._oracle

    def _done(self, oracle: ComputedOracle, task: Task, began: float) -> Reply:
        if task.kind is TaskKind.LOOK and task.request is not None:
            oracle.require_supported(task.request.blueprint)

            def report(progress: LookProgress) -> None:
                self._say(Reply(task.number, _core_seconds() - began, progress=progress))

            result = _look(oracle, task.request, task.folder, report)
            require_sound_result(oracle.quantity, task.request, result)
            return Reply(task.number, 0.0, oracle.version, result=result)
        if task.kind is TaskKind.REFERENCE and task.symbol is not None:
            reference = oracle.reference(task.symbol)
            require_sound_reference(task.symbol, reference)
            return Reply(task.number, 0.0, oracle.version, reference=reference)
        raise PermanentLookError("The task names nothing to do.", remedy="Send a request or a symbol.")


def _look(
    oracle: ComputedOracle, request: LookRequest, folder: str | None, report: Callable[[LookProgress], None]
) -> LookResult:
    if folder is None or not isinstance(oracle, ResumableOracle):
        # Without a workbench nothing outlives the look.
        return replace(oracle.look(request), files=())
    with held_workbench(Path(folder), report) as workbench:
        result = oracle.resume(request, workbench)
    require_files(Path(folder), result.files)
    return result


def _refused(error: Exception, job: Job) -> Refused:
    details: dict[str, JsonValue] = {"error": type(error).__name__}
    if _is_out_of_memory(error):
        return Refused(
            FailureKind.PERMANENT, f"The look needed more than its {job.memory_GiB:g} GiB of memory.", details
        )
    if isinstance(error, PetaliteError):
        return Refused(_kind(error), error.problem, {**details, "remedy": error.remedy})
    trace = traceback.format_exception(error)
    details["traceback"] = "".join(trace)[-4000:].splitlines()[-_TRACEBACK_LINES:]
    kind = FailureKind.TRANSIENT if isinstance(error, OSError) else FailureKind.PERMANENT
    return Refused(kind, f"The oracle raised {type(error).__name__}: {_first_line(str(error))}", details)


def _kind(error: PetaliteError) -> FailureKind:
    if isinstance(error, UnsupportedCrystalError):
        return FailureKind.REJECTED
    # Missing software says nothing about the crystal: the same look succeeds once it is installed.
    if isinstance(error, TransientLookError | OracleUnavailableError):
        return FailureKind.TRANSIENT
    return FailureKind.PERMANENT


def _is_out_of_memory(error: Exception) -> bool:
    """Torch and C++ libraries report exhausted memory as other errors, in these words."""
    words = ("can't allocate memory", "cannot allocate memory", "bad_alloc", "not enough memory")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "no message")[:300]


def _core_seconds() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    main()
