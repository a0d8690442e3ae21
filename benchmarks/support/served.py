"""`petalite serve` in a process of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the service."""

    port: int
    number: int
    """Of the process."""

    @property
    def cpu_s(self) -> float:
        """Processor time that it has taken so far, in user and system mode."""
        fields = Path(f"/proc/{self.number}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:13]) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(home: Path, store_url: str, *, log: Path) -> Iterator[Process]:
    """Starts the service without a worker, waits until it answers, yields it, and ends it."""
    port = free_port()
    with log.open("ab") as output:
        process = start(home, store_url, port, output.fileno())
        try:
            wait_until_ready(process, port, log)
            yield Process(port, process.pid)
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S)


def start(home: Path, store_url: str, port: int, output: int) -> subprocess.Popen[bytes]:
    """Starts the service without waiting for it."""
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("petalite")), "serve", "--no-worker", "--port", str(port)],
        env={**os.environ, "PETALITE_HOME": str(home), "PETALITE_STORE_URL": store_url},
        stdout=output,
        stderr=output,
    )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server((HOST, 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Waits until the service says that it is ready."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/api/v1/health/ready", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise SystemExit(f"The service did not start:\n{log.read_text(errors='replace')[-4000:]}")
