"""Looks in a process of their own: a hang, a crash, exhausted memory or nonsense becomes a refusal with its reason."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from domain.blueprint import Blueprint
from domain.errors import PermanentLookError, SpecError, TransientLookError, UnsupportedCrystalError
from domain.fidelity import Fidelity
from domain.json_value import JsonValue
from domain.look import LookProgress, LookRequest, LookResult, ReferenceEnergy
from domain.measurement import FailureKind
from domain.parsing import ParseError, parse_json, to_json
from domain.ports import ComputedOracle, OracleMode
from domain.quantity import Quantity
from oracles.registry import build_oracle
from oracles.running.child import Child, End, LookTimedOutError, WorkerDiedError, WorkerSpokeGarbageError
from oracles.running.protocol import Job, Refused, Reply, Task, TaskKind

_MEMORY_WORDS = ("MemoryError", "bad_alloc", "allocate memory")


@dataclass(frozen=True, slots=True)
class Answer:
    """A look that gave a value."""

    result: LookResult
    core_seconds: float
    """Processor time of this look; the first look of a process also pays for loading the software."""
    wall_s: float
    oracle_version: str


@dataclass(frozen=True, slots=True)
class ReferenceAnswer:
    """A reference energy that was computed."""

    reference: ReferenceEnergy
    core_seconds: float
    wall_s: float
    oracle_version: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A look that gave none."""

    kind: FailureKind
    reason: str
    """One sentence in the user's words."""
    core_seconds: float
    wall_s: float
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    """Name of the error and, where there are any, its remedy, traceback and the worker's last printed lines."""


class OracleProcess:
    """A fidelity's oracle in one warm child process.

    The child starts with the first task, keeps its software loaded between tasks, and is replaced after any end that it
    does not survive. One task runs at a time: a second thread waits. `interrupt` alone may be called while one runs.

    Args:
        fidelity: What is asked, and within which limits.
        scratch: Folder for the temporary files of looks; the system's by default.
    """

    def __init__(self, fidelity: Fidelity, *, scratch: Path | None = None) -> None:
        self._fidelity = fidelity
        self._scratch = scratch
        self._child: Child | None = None
        self._n_tasks = 0
        self._was_interrupted = False
        self._is_busy = False
        self._one_task = threading.Lock()
        self._state = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def look(
        self,
        request: LookRequest,
        *,
        folder: Path | None = None,
        on_progress: Callable[[LookProgress], None] = lambda _: None,
    ) -> Answer | Refusal:
        """Looks at a crystal within the fidelity's limits. Never raises for what the oracle does.

        Args:
            request: What to look at.
            folder: Where a look that takes long keeps what it needs to go on after it was killed; the same for every
                attempt at the same look, and for no other look. None: a look that was killed begins anew.
            on_progress: Told how far a look that takes long has come.
        """
        began = time.monotonic()
        reply = self._ask(TaskKind.LOOK, request=request, folder=folder, on_progress=on_progress)
        wall_s = time.monotonic() - began
        if reply.result is None:
            return _refusal(reply, wall_s)
        return Answer(reply.result, reply.core_seconds, wall_s, reply.oracle_version)

    def reference(self, symbol: str) -> ReferenceAnswer | Refusal:
        """Computes an element's reference energy within the fidelity's limits."""
        began = time.monotonic()
        reply = self._ask(TaskKind.REFERENCE, symbol=symbol)
        wall_s = time.monotonic() - began
        if reply.reference is None:
            return _refusal(reply, wall_s)
        return ReferenceAnswer(reply.reference, reply.core_seconds, wall_s, reply.oracle_version)

    def interrupt(self) -> None:
        """Kills the child at once, from any thread; a task under way ends as a transient refusal.

        Later tasks start a new child: whoever interrupts for good must also stop asking.
        """
        with self._state:
            self._was_interrupted = self._is_busy
            if self._child is not None:
                self._child.kill()

    def close(self) -> None:
        """Ends the child, after the task that may be under way. Harmless when repeated."""
        with self._one_task:
            self._discard()

    def as_oracle(self) -> ComputedOracle:
        """The same oracle behind the port, for code that wants errors instead of refusals.

        Raises:
            UnknownOracleError: If no oracle has the fidelity's name.
            SpecError: If its settings are impossible, or if people answer it.
        """
        described = build_oracle(self._fidelity.oracle, self._fidelity.settings)
        if not isinstance(described, ComputedOracle):
            raise SpecError(
                f"The oracle '{self._fidelity.oracle}' does not compute: people answer it.",
                remedy="Leave its queries in the store for the laboratory.",
            )
        return _RemoteOracle(described, self)

    def _ask(
        self,
        kind: TaskKind,
        *,
        request: LookRequest | None = None,
        symbol: str | None = None,
        folder: Path | None = None,
        on_progress: Callable[[LookProgress], None] = lambda _: None,
    ) -> Reply:
        with self._one_task:
            self._n_tasks += 1
            task = Task(self._n_tasks, kind, request, symbol, str(folder.absolute()) if folder is not None else None)
            deadline = time.monotonic() + self._fidelity.limits.time_s
            child = self._begin()
            spent_before = child.core_seconds()
            goes_on = False
            try:
                child.tell(to_json(task))
                while (reply := _understood(task, child.hear(deadline=deadline))).progress is not None:
                    goes_on = folder is not None
                    on_progress(reply.progress)
            except WorkerDiedError:
                return self._died(task, spent_before)
            except LookTimedOutError:
                return self._timed_out(task, spent_before, goes_on=goes_on)
            except WorkerSpokeGarbageError:
                return self._spoke_garbage(task, spent_before)
            except BaseException:
                # Ctrl-C here leaves a child that still computes; its answer must not meet the next task.
                self._discard()
                raise
            finally:
                with self._state:
                    self._is_busy = False
            if reply.is_last:
                self._discard()
            return reply

    def _begin(self) -> Child:
        if self._child is not None and not self._child.is_alive():
            self._discard()
        with self._state:
            if self._child is None:
                job = Job(self._fidelity.oracle, self._fidelity.settings, self._fidelity.limits.memory_GiB)
                self._child = Child(to_json(job), self._scratch)
            self._is_busy = True
            self._was_interrupted = False
            return self._child

    def _discard(self, *, is_dying: bool = False) -> End:
        with self._state:
            child, self._child = self._child, None
        return End(0, 0.0, "") if child is None else child.end(is_dying=is_dying)

    def _timed_out(self, task: Task, spent_before: float, *, goes_on: bool) -> Reply:
        spent = self._discard().core_seconds - spent_before
        limit_s, name = self._fidelity.limits.time_s, self._fidelity.name
        reason = f"The look was ended after {limit_s:g} s, the time limit of fidelity '{name}'."
        if goes_on:
            reason += " It goes on from there at the next attempt."
        kind = FailureKind.TRANSIENT if goes_on else FailureKind.PERMANENT
        return _refused_reply(task, spent, kind, reason, "TimeLimit")

    def _spoke_garbage(self, task: Task, spent_before: float) -> Reply:
        spent = self._discard().core_seconds - spent_before
        reason = "The worker process answered with something that is no answer, so it was ended."
        return _refused_reply(task, spent, FailureKind.TRANSIENT, reason, "Garbage")

    def _died(self, task: Task, spent_before: float) -> Reply:
        end = self._discard(is_dying=True)
        spent = end.core_seconds - spent_before
        with self._state:
            was_interrupted, self._was_interrupted = self._was_interrupted, False
        if was_interrupted:
            return _refused_reply(task, spent, FailureKind.TRANSIENT, "The look was interrupted.", "Interrupted")
        if any(word in end.tail for word in _MEMORY_WORDS):
            memory_GiB = self._fidelity.limits.memory_GiB
            reason = f"The look needed more than its {memory_GiB:g} GiB of memory and its process died."
            return _refused_reply(task, spent, FailureKind.PERMANENT, reason, "OutOfMemory", end.tail)
        return _refused_reply(task, spent, FailureKind.TRANSIENT, _last_words(end), "Crash", end.tail)


def _understood(task: Task, line: bytes) -> Reply:
    """Reads the answer to a task.

    Raises:
        WorkerSpokeGarbageError: If the line is no answer, or one to another task.
    """
    try:
        reply = parse_json(Reply, line)
    except ParseError as error:
        raise WorkerSpokeGarbageError from error
    if reply.number != task.number or [reply.result, reply.reference, reply.refused, reply.progress].count(None) != 3:
        raise WorkerSpokeGarbageError
    return reply


def _last_words(end: End) -> str:
    if end.exit_code < 0:
        name = signal.Signals(-end.exit_code).name
        outside = "; something outside killed it, perhaps for want of memory" if name == "SIGKILL" else ""
        return f"The worker process died of {name} without an answer{outside}."
    return f"The worker process left with exit code {end.exit_code} without an answer."


def _refused_reply(
    task: Task, core_seconds: float, kind: FailureKind, reason: str, error: str, tail: str = ""
) -> Reply:
    details: dict[str, JsonValue] = {"error": error}
    if tail:
        details["printed"] = tail.splitlines()[-20:]
    return Reply(task.number, max(0.0, core_seconds), refused=Refused(kind, reason, details))


def _refusal(reply: Reply, wall_s: float) -> Refusal:
    refused = reply.refused or Refused(FailureKind.TRANSIENT, "The worker process answered another question.")
    return Refusal(refused.kind, refused.reason, reply.core_seconds, wall_s, refused.details)


@dataclass(frozen=True, slots=True)
class _RemoteOracle:
    """A computed oracle whose looks happen in a worker process."""

    described: ComputedOracle
    """Says what it is; never looks."""
    process: OracleProcess

    @property
    def name(self) -> str:
        return self.described.name

    @property
    def version(self) -> str:
        return self.described.version

    @property
    def quantity(self) -> Quantity:
        return self.described.quantity

    @property
    def mode(self) -> OracleMode:
        return self.described.mode

    def check(self) -> None:
        self.described.check()

    def require_supported(self, blueprint: Blueprint) -> None:
        self.described.require_supported(blueprint)

    def reference_elements(self, blueprint: Blueprint) -> tuple[str, ...]:
        return self.described.reference_elements(blueprint)

    def reference(self, symbol: str) -> ReferenceEnergy:
        answer = self.process.reference(symbol)
        if isinstance(answer, Refusal):
            raise _error(answer)
        return answer.reference

    def look(self, request: LookRequest) -> LookResult:
        answer = self.process.look(request)
        if isinstance(answer, Refusal):
            raise _error(answer)
        return answer.result


def _error(refusal: Refusal) -> UnsupportedCrystalError | TransientLookError | PermanentLookError:
    remedy = str(refusal.details.get("remedy", "See the details of the failure."))
    match refusal.kind:
        case FailureKind.REJECTED:
            return UnsupportedCrystalError(refusal.reason, remedy=remedy)
        case FailureKind.TRANSIENT:
            return TransientLookError(refusal.reason, remedy=remedy)
        case FailureKind.PERMANENT:
            return PermanentLookError(refusal.reason, remedy=remedy)
