"""`petalite serve` as people meet it: a process in a home of its own, with a worker and a Prefect server beside it."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from support.processes import PATIENCE_S, answers, descendants, free_port, kill_all, start, stop, wait_until
from support.terminal import Terminal

from services.dashboard.testing import PASSWORD, make_people
from services.store import Store, open_store

FOUNDER = "founder"
"""The administrator whom the link that `petalite serve` prints at its first start has made."""


@dataclass
class RealService:
    """A service that can be stopped, killed and started again where it was."""

    url: str
    store: Store
    """The service's store, opened once more by the test."""
    terminal: Terminal
    """Runs `petalite …` on the same machine."""
    log: Path
    """All that the service and its worker print."""
    environ: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    """All that were started, the newest last."""

    @property
    def home(self) -> Path:
        return self.terminal.home

    def start(self) -> None:
        """Starts the service, and waits until it answers."""
        process = start(self.log, self.environ, "petalite", "serve")
        self.processes.append(process)
        wait_until(lambda: answers(f"{self.url}/api/v1/health/ready"), "the service answers", process)

    def kill(self) -> None:
        """Lets the machine lose its power."""
        process = self.processes[-1]
        family = descendants(process)
        process.kill()
        process.wait()
        kill_all(family)

    def stop(self) -> None:
        stop(self.processes[-1])


@contextmanager
def real_service(home: Path) -> Iterator[RealService]:
    """Serves from an empty home until the end of the block.

    The printed link makes `FOUNDER`, an administrator; beside them are the people of
    `services.dashboard.testing.make_people`, all with `PASSWORD`.
    """
    port = free_port()
    home.mkdir(parents=True, exist_ok=True)
    terminal = Terminal(home)
    with open_store(terminal.store_url) as store:
        environ = {"PETALITE_HOME": str(home), "PETALITE_PORT": str(port)}
        service = RealService(f"http://127.0.0.1:{port}", store, terminal, home / "serve.log", environ)
        try:
            service.start()
            _accept_the_link(service)
            make_people(store)
            yield service
        finally:
            service.stop()


def _accept_the_link(service: RealService) -> None:
    link = re.search(rf"{service.url}/join#(\S+)", service.log.read_text())
    assert link is not None, "no link was printed"
    given = {"invitation": link[1], "name": FOUNDER, "password": PASSWORD}
    httpx.post(f"{service.url}/api/v1/invitations/accept", json=given, timeout=PATIENCE_S).raise_for_status()
