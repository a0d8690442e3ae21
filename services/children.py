"""Child processes that are replaced when they die and end when their parent ends, however it ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from types import TracebackType
from typing import Final, Self

import structlog

REPLACE_AFTER_S: Final = 5.0
"""A child that dies at once is not replaced more often than this."""
_LOOK_S: Final = 1.0
"""How often a forked process looks whether its parent is still there."""


class Child:
    """A Python module that runs in a process of its own, as long as this one lives.

    It reads the end of its standard input as the wish that it should end (`end_with_parent`): the kernel closes that
    when this process is killed.

    Args:
        name: What it is called in the log.
        arguments: Module and its arguments, as after `python -m`.
        environ: Its environment.
        patience_s: How long it may take to end before it is killed.
    """

    def __init__(self, name: str, arguments: Sequence[str], environ: Mapping[str, str], *, patience_s: float) -> None:
        self._name = name
        self._arguments = tuple(arguments)
        self._environ = dict(environ)
        self._patience_s = patience_s
        self._started_at = 0.0
        self._process = self._start()

    def keep_alive(self) -> None:
        """Replaces the child if it has died."""
        status = self._process.poll()
        if status is not None and time.monotonic() - self._started_at >= REPLACE_AFTER_S:
            structlog.get_logger("petalite.children").warning("child died, replaced", child=self._name, status=status)
            self._process = self._start()

    def poke(self) -> None:
        """Writes a line to the child, which may take it as a sign that there is something to do."""
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):  # it has died, and looks round by itself when it is replaced
                os.write(self._process.stdin.fileno(), b"\n")

    def end(self) -> None:
        """Asks the child to end and waits for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(self._patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _start(self) -> subprocess.Popen[bytes]:
        self._started_at = time.monotonic()
        return subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-P", "-m", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=sys.stderr.fileno(),
            env=self._environ,
            start_new_session=True,  # Ctrl-C is for the parent, which ends the child
        )


def end_with_parent() -> None:
    """Lets this process receive SIGTERM when its standard input ends."""
    threading.Thread(target=_wait_for_end, name="end-with-parent", daemon=True).start()


def _wait_for_end() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def end_with_forker(*, patience_s: float) -> None:
    """Lets this process receive SIGTERM when the one that started it by `multiprocessing` is gone, however it ended.

    Args:
        patience_s: How long it may take to end before it is killed.
    """
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        watch = (parent.pid, parent.sentinel, patience_s)
        threading.Thread(target=_wait_for_forker, args=watch, name="end-with-forker", daemon=True).start()


def _wait_for_forker(number: int, sentinel: int, patience_s: float) -> None:
    while os.getppid() == number:
        # Processes that were forked after this one keep its sentinel from telling, so it cannot be relied on alone.
        wait([sentinel], _LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(patience_s)
    os.kill(os.getpid(), signal.SIGKILL)
