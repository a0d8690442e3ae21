"""A user's terminal, in a home of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from domain.events import EventKind
from services.store import open_store

PETALITE = str(Path(sys.executable).with_name("petalite"))
PATIENCE_S = 900.0


@dataclass(frozen=True)
class Terminal:
    """A user's terminal in a home of its own."""

    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def store_url(self) -> str:
        return f"sqlite:///{self.home / 'petalite.sqlite3'}"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            # A shell that starts the tests in the background lets them, and all their children, ignore Ctrl-C.
            ["env", "--default-signal=INT", PETALITE, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.environ, "PETALITE_HOME": str(self.home)},
            start_new_session=True,
        )

    def run(self, *arguments: str, status: int = 0) -> str:
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == status, (
            f"petalite {arguments} ended with {process.returncode}:\n{output}\n{errors}"
        )
        return output

    def refused(self, *arguments: str) -> str:
        process = self.start(*arguments)
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 1, errors
        return " ".join(errors.split())

    def document(self, campaign: str) -> dict[str, list[dict[str, object]]]:
        return json.loads(self.run("campaign", "show", campaign, "--json"))

    def signal_when(
        self, process: subprocess.Popen[str], campaign: str, *, kind: EventKind, nth: int, number: int
    ) -> None:
        """Sends a signal as soon as the nth event of a kind is in the store."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and process.poll() is None:
            if self._n_events(campaign, kind) >= nth:
                os.kill(process.pid, number)
                return
            time.sleep(0.05)
        pytest.fail(f"{kind} number {nth} never came: {process.communicate()}")

    def kill_when(self, process: subprocess.Popen[str], campaign: str, *, kind: EventKind, nth: int) -> None:
        self.signal_when(process, campaign, kind=kind, nth=nth, number=signal.SIGKILL)
        process.communicate(timeout=PATIENCE_S)

    def _n_events(self, campaign: str, kind: EventKind) -> int:
        if not (self.home / "petalite.sqlite3").exists():
            return 0
        with open_store(self.store_url) as store:
            names = [record.name for record in store.campaigns.list()]
            if campaign not in names:
                return 0
            events = store.events.list(store.campaigns.get(campaign).id, limit=10_000)
            return sum(record.event.kind is kind for record in events)
