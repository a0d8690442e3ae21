"""Programs of this environment, started as their maintainer starts them and ended with all that they started."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

BIN = Path(sys.executable).parent
PATIENCE_S = 300.0
_TO_STOP_S = 30.0


def wait_until(condition: Callable[[], bool], what: str, *processes: subprocess.Popen[bytes]) -> None:
    """Fails as soon as one of the processes has ended, which would make it wait in vain."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        ended = [process.args for process in processes if process.poll() is not None]
        assert not ended, f"{ended} ended while waiting until {what}"
        assert time.monotonic() < deadline, f"{what}: never"
        time.sleep(0.2)


def start(log: Path, environ: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    """Starts a program of this environment; what it prints is appended to the log."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(BIN / arguments[0]), *arguments[1:]],
            env={**os.environ, **environ},
            stdout=output,
            stderr=output,
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a program with everything that it has started."""
    family = descendants(process)
    process.terminate()
    try:
        process.wait(_TO_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    kill_all(family)


@contextmanager
def started(log: Path, environ: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = start(log, environ, *arguments)
    try:
        yield process
    finally:
        stop(process)


def descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []


def kill_all(family: list[psutil.Process]) -> None:
    for member in family:
        if member.is_running():
            member.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False
