"""One running worker process, seen from its parent: pipes, deadline, processor time, and its end."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from oracles.running.protocol import LINE_LIMIT_BYTES
from oracles.trusted_files import trust_here

_TAIL_BYTES: Final = 4000
"""How much of what a worker prints is kept to explain its failures."""
_CHUNK_BYTES: Final = 65536
_LAST_BREATH_S: Final = 5.0
"""How long a worker that closed its pipe may take to leave before it is killed."""
_PRIVATE: Final = ("PETALITE_", "PREFECT_")
_THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


class LookTimedOutError(Exception):
    """The deadline passed without an answer."""


class WorkerDiedError(Exception):
    """The worker closed its pipe without an answer."""


class WorkerSpokeGarbageError(Exception):
    """The worker sent something that is no answer."""


@dataclass(frozen=True, slots=True)
class End:
    """How a worker ended."""

    exit_code: int
    """As `subprocess` has it: negative for a signal."""
    core_seconds: float
    """Processor time over its whole life."""
    tail: str
    """The last lines that it printed."""


@dataclass(frozen=True, slots=True)
class _Pipes:
    """The parent's ends, as file descriptors."""

    tasks: int
    replies: int
    printed: int
    """Everything that the worker prints, to either stream."""
    lifeline: int
    """Nothing is ever written; it closes when the parent is gone."""

    def close(self) -> None:
        for fd in (self.tasks, self.replies, self.printed, self.lifeline):
            os.close(fd)


class Child:
    """A worker process with one thread for numerics, a scratch directory of its own and a session of its own.

    Its own session keeps Ctrl-C at the terminal away from it: the parent decides.
    """

    def __init__(self, first_line: str, scratch: Path | None = None) -> None:
        """Starts the worker.

        Args:
            first_line: The job.
            scratch: Where its scratch directory is made; the system's temporary folder by default.
        """
        self._scratch = tempfile.TemporaryDirectory(prefix="petalite-oracle-", dir=scratch, ignore_cleanup_errors=True)
        with contextlib.ExitStack() as on_error:
            on_error.callback(self._scratch.cleanup)
            self._process, self._pipes = _start(Path(self._scratch.name))
            on_error.pop_all()
        self._outgoing = first_line.encode() + b"\n"
        self._incoming = bytearray()
        self._tail = bytearray()
        self._is_killed = False

    @property
    def pid(self) -> int:
        """Process number of the worker, and number of its process group."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the worker is there and was not killed."""
        return not self._is_killed and self._process.poll() is None

    def core_seconds(self) -> float:
        """Processor time so far, of the worker, its finished children and its living descendants."""
        total = 0.0
        with contextlib.suppress(psutil.NoSuchProcess):
            worker = psutil.Process(self.pid)
            times = worker.cpu_times()
            total = times.user + times.system + times.children_user + times.children_system
            for descendant in worker.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    spent = descendant.cpu_times()
                    total += spent.user + spent.system
        return total

    def tell(self, line: str) -> None:
        """Sends a line, such as a task, with the next `hear`."""
        self._outgoing += line.encode() + b"\n"

    def hear(self, *, deadline: float) -> bytes:
        """Waits for the next line that the worker says.

        Args:
            deadline: On `time.monotonic`.

        Raises:
            LookTimedOutError: If the deadline passes.
            WorkerDiedError: If the worker closes its pipe.
            WorkerSpokeGarbageError: If the line is too long to be one.
        """
        if (line := self._next_line()) is not None:
            return line
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipes.replies, selectors.EVENT_READ)
            selector.register(self._pipes.printed, selectors.EVENT_READ)
            if self._outgoing:
                selector.register(self._pipes.tasks, selectors.EVENT_WRITE)
            for fd in _ready(selector, deadline):
                if fd == self._pipes.tasks:
                    self._send(selector)
                elif fd == self._pipes.printed:
                    self._listen(selector)
                elif (line := self._receive()) is not None:
                    return line
        raise LookTimedOutError

    def kill(self) -> None:
        """Kills the worker and everything that it started, at once; safe from any thread while it is not reaped."""
        self._is_killed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def end(self, *, is_dying: bool = False) -> End:
        """Ends the worker and collects what is left of it.

        Args:
            is_dying: Whether it is already on its way out, so that its own exit code is worth a short wait.
        """
        if is_dying:
            _wait_without_reaping(self.pid)
        core_seconds = self.core_seconds()
        self.kill()
        exit_code = self._process.wait()
        self._drain()
        self._pipes.close()
        self._scratch.cleanup()
        return End(exit_code, core_seconds, self._tail.decode(errors="replace").strip())

    def _send(self, selector: selectors.BaseSelector) -> None:
        try:
            sent = os.write(self._pipes.tasks, self._outgoing)
        except BrokenPipeError:
            sent = len(self._outgoing)  # its end is noticed on the other pipe
        self._outgoing = self._outgoing[sent:]
        if not self._outgoing:
            selector.unregister(self._pipes.tasks)

    def _listen(self, selector: selectors.BaseSelector) -> None:
        chunk = os.read(self._pipes.printed, _CHUNK_BYTES)
        if not chunk:
            selector.unregister(self._pipes.printed)
        self._tail += chunk
        del self._tail[:-_TAIL_BYTES]

    def _receive(self) -> bytes | None:
        chunk = os.read(self._pipes.replies, _CHUNK_BYTES)
        if not chunk:
            raise WorkerDiedError
        self._incoming += chunk
        line = self._next_line()
        if line is None and len(self._incoming) > LINE_LIMIT_BYTES:
            raise WorkerSpokeGarbageError
        return line

    def _next_line(self) -> bytes | None:
        line, newline, rest = self._incoming.partition(b"\n")
        if not newline:
            return None
        self._incoming = bytearray(rest)
        return bytes(line)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._pipes.printed, _CHUNK_BYTES):
                self._tail += chunk
        del self._tail[:-_TAIL_BYTES]


def _start(scratch: Path) -> "tuple[subprocess.Popen[bytes], _Pipes]":
    tasks, replies, printed, lifeline = os.pipe(), os.pipe(), os.pipe(), os.pipe()
    theirs = (tasks[0], replies[1], printed[1], lifeline[0])
    pipes = _Pipes(tasks=tasks[1], replies=replies[0], printed=printed[0], lifeline=lifeline[1])
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", "oracles.running.worker", str(replies[1]), str(lifeline[0])],
            stdin=tasks[0],
            stdout=printed[1],
            stderr=printed[1],
            pass_fds=(replies[1], lifeline[0]),
            cwd=scratch,
            env=_environment(scratch),
            start_new_session=True,
        )
    except OSError:
        pipes.close()
        raise
    finally:
        for fd in theirs:
            os.close(fd)
    for fd in (pipes.tasks, pipes.printed):
        os.set_blocking(fd, False)
    return process, pipes


def _environment(scratch: Path) -> dict[str, str]:
    """The parent's environment and import path, one numerical thread, and temporary files in the scratch directory.

    Addresses and passwords of the store and of Prefect's server stay behind: an oracle has no business with either.
    What the operator lets specs run goes along, because the child refuses what it does not know of.
    """
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(_PRIVATE)},
        **trust_here().as_environment(),
        **dict.fromkeys(_THREAD_VARIABLES, "1"),
        "PYTHONPATH": path,
        "TMPDIR": str(scratch),
        "PYTHONUNBUFFERED": "1",
    }


def _ready(selector: selectors.BaseSelector, deadline: float) -> Iterator[int]:
    """File descriptors with something to do, until the deadline."""
    while (left := deadline - time.monotonic()) > 0:
        for key, _ in selector.select(left):
            yield key.fd


def _wait_without_reaping(pid: int) -> None:
    """Waits for a process to become a zombie, whose processor time can still be read."""
    deadline = time.monotonic() + _LAST_BREATH_S
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
            return
        time.sleep(0.01)
