"""Reading foreign files in a process that has little memory and time, and neither network nor other programs."""

import contextlib
import json
import math
import os
import queue
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from domain.errors import UnreadableFileError
from domain.json_value import JsonObject, JsonValue
from services.uploads.reader import PREPARE

_CHUNK_BYTES: Final = 65_536
_START_S: Final = 30.0
"""How long a process may take before it can read: importing a parser takes seconds where others are busy."""
_LONGEST_ANSWER_BYTES: Final = 32 * 1024 * 1024
_KEPT_VARIABLES: Final = ("PATH", "LANG", "LC_ALL", "HOME", "VIRTUAL_ENV")
_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What reading one file may cost."""

    memory_bytes: int = 1024**3
    """Address space of the process that reads."""
    wall_s: float = 8.0
    """From the question to the answer. The start of the process that reads is not the file's fault and not in it."""
    n_children: int = 2
    """Files that are read at the same time."""


class _Child:
    """A process that reads, kept warm. It ends when its input closes.

    Args:
        limits: Of each reading.
        soon: Tasks that it gets ready for by itself.
    """

    def __init__(self, limits: ReadingLimits, soon: Collection[str] = ()) -> None:
        self.tasks: set[str] = set()
        """What it is known to be ready for."""
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [
                sys.executable,
                "-P",
                "-m",
                "services.uploads.reader",
                str(limits.memory_bytes),
                str(math.ceil(limits.wall_s)),
                *sorted(soon),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            cwd="/",
            start_new_session=True,
        )
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)

    def ask(self, line: bytes, *, deadline: float) -> bytes | None:
        """Sends a line and waits for its answer; None if the deadline passes or the process dies."""
        tasks, replies = self._process.stdin, self._process.stdout
        if tasks is None or replies is None:
            return None
        outgoing, incoming = memoryview(line + b"\n"), bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(replies.fileno(), selectors.EVENT_READ)
            selector.register(tasks.fileno(), selectors.EVENT_WRITE)
            for descriptor in _ready(selector, deadline):
                if descriptor == tasks.fileno():
                    try:
                        outgoing = outgoing[os.write(descriptor, outgoing) :]
                    except BrokenPipeError:
                        return None
                    if not outgoing:
                        selector.unregister(descriptor)
                    continue
                chunk = os.read(descriptor, _CHUNK_BYTES)
                incoming += chunk
                if not chunk or len(incoming) > _LONGEST_ANSWER_BYTES:
                    return None
                if incoming.endswith(b"\n"):
                    return bytes(incoming)
        return None

    def end(self) -> int:
        """Kills the process and everything that it started. Returns how it ended, negative for a signal."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        return code


class Readers:
    """A few warm processes that read files for this one. Threads may share it.

    Close it, or use it as a context manager.
    """

    def __init__(self, limits: ReadingLimits) -> None:
        self.limits = limits
        self._idle: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(limits.n_children):
            self._idle.put(None)
        self._lock = threading.Lock()
        self._children: set[_Child] = set()
        self._is_closed = False

    def deadline(self) -> float:
        """When a file that comes now must have been read, on `time.monotonic`."""
        return time.monotonic() + self.limits.wall_s

    def read(self, task: str, arguments: Mapping[str, JsonValue], *, deadline: float) -> JsonObject:
        """Has something read.

        Args:
            task: Name of a task in `services.uploads.reader`.
            arguments: Its arguments.
            deadline: On `time.monotonic`.

        Raises:
            UnreadableFileError: If it cannot be read, or not with so little memory and time.
        """
        line = _question(task, arguments)
        with self._borrowed(deadline) as child:
            answer = child.ask(line, deadline=deadline + _prepare(child, task))
            if answer is None:
                self._bury(child)
                raise UnreadableFileError(
                    "The file could not be read within the time and memory that one file may take.",
                    remedy="Have it checked again; if that does not help, hand in a smaller or simpler file.",
                )
        reply = json.loads(answer)
        if "problem" in reply:
            raise UnreadableFileError(reply["problem"], remedy=reply["remedy"])
        result: JsonObject = reply["result"]
        return result

    def close(self) -> None:
        """Ends every process."""
        with self._lock:
            self._is_closed = True
            children = tuple(self._children)
        for child in children:
            self._bury(child)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _borrowed(self, deadline: float) -> Iterator[_Child]:
        try:
            child = self._idle.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise UnreadableFileError(
                "Too many files are being read right now.", remedy="Hand the file in again in a minute."
            ) from None
        try:
            if child is None:
                child = self._start()
            yield child
        finally:
            self._idle.put(self._successor(child))

    def _start(self, soon: Collection[str] = ()) -> _Child:
        child = _Child(self.limits, soon)
        with self._lock:
            if not self._is_closed:
                self._children.add(child)
                return child
        child.end()
        raise UnreadableFileError("No more files are read: this process ends.", remedy="Hand the file in again.")

    def _successor(self, child: _Child | None) -> _Child | None:
        """What takes the next file: the same process, or where that died a new one, for which nobody has to wait."""
        with self._lock:
            if child is None or child in self._children:
                return child
        with contextlib.suppress(UnreadableFileError, OSError):
            return self._start(child.tasks)
        return None

    def _bury(self, child: _Child) -> None:
        with self._lock:
            self._children.discard(child)
        child.end()


def _prepare(child: _Child, task: str) -> float:
    """Waits until a process is ready for a task; the seconds that it took."""
    if task in child.tasks:
        return 0.0
    began = time.monotonic()
    if child.ask(_question(PREPARE, {"task": task}), deadline=began + _START_S) is not None:
        child.tasks.add(task)
    return time.monotonic() - began


def _question(task: str, arguments: Mapping[str, JsonValue]) -> bytes:
    return json.dumps({"task": task, "arguments": arguments}).encode()


def _environment() -> dict[str, str]:
    """Nothing of the parent's secrets, and one numerical thread."""
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _ready(selector: selectors.BaseSelector, deadline: float) -> Iterator[int]:
    while (left := deadline - time.monotonic()) > 0:
        for key, _ in selector.select(left):
            yield key.fd
