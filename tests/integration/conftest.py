"""Campaigns run as their user runs them: by the command line, in processes of their own."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from domain.events import EventKind
from flows.environment import prepare_environment
from flows.prefect_server import prefect_server
from services.store import open_store
from services.store.examples import fresh_postgres

PETALITE = str(Path(sys.executable).with_name("petalite"))
PATIENCE_S = 300.0


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


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of an empty PostgreSQL store; empty where the service keeps its own SQLite file."""
    if request.param == "sqlite":
        yield ""
        return
    server = os.environ.get("PETALITE_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("PETALITE_TEST_POSTGRES_URL is not set")
    with fresh_postgres(server) as url:
        yield url


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Makes processes that need not import what they kill themselves in."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["services.intake.testing"])
    return context


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty store on either database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.sqlite3"
        return
    server = os.environ.get("PETALITE_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("PETALITE_TEST_POSTGRES_URL is not set")
    with fresh_postgres(server) as address:
        yield address


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "home")


@pytest.fixture(scope="session")
def prefect_environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Names a Prefect server that outlives the campaigns, as in production; it also saves each run its own."""
    home = tmp_path_factory.mktemp("prefect")
    environ = dict(os.environ)
    prepare_environment(environ, home=home)
    with prefect_server(environ, home=home):
        yield {name: value for name, value in environ.items() if name.startswith("PREFECT_") and "HOME" not in name}


@pytest.fixture
def quick_terminal(tmp_path: Path, prefect_environ: dict[str, str]) -> Terminal:
    """A terminal whose campaigns find a Prefect server running."""
    return Terminal(tmp_path / "home", prefect_environ)


@pytest.fixture(scope="session")
def make_terminal(
    tmp_path_factory: pytest.TempPathFactory, prefect_environ: dict[str, str]
) -> Callable[[str], Terminal]:
    return lambda name: Terminal(tmp_path_factory.mktemp(name) / "home", prefect_environ)


@pytest.fixture(scope="session")
def density_spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign for dense crystals whose looks take no time."""
    path = tmp_path_factory.mktemp("specs") / "dense.yaml"
    path.write_text(
        """
name: dense
objective: { quantity: density, goal: maximize }
space:
  elements: [Li, Mg, O, F]
  space_groups: [166, 221, 225]
  max_elements: 3
  max_atoms: 12
ladder:
  - { name: glance, oracle: density, cost: 1 }
  - { name: gaze, oracle: density, cost: 10 }
budget: { total: 120, per_round: 40, target_share: 0.5 }
initial_looks: { glance: 8, gaze: 2 }
max_rounds: 3
pool_size: 128
seed: 3
generator: { name: crystal-gfn, settings: { n_steps: 20, batch_size: 32 } }
""",
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="session")
def model_crystal_spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign whose looks draw sites, need reference energies and take a moment: Lennard-Jones by ASE."""
    path = tmp_path_factory.mktemp("specs") / "model.yaml"
    path.write_text(
        """
name: model
objective: { quantity: formation_energy, goal: minimize }
space:
  elements: [Li, F]
  space_groups: [221, 225]
  max_atoms: 8
  volume_per_atom_A3: [9, 20]
ladder:
  - { name: short, oracle: ase, cost: 1, settings: { calculator: lj, parameters: { sigma: 1.2, rc: 4.0 } } }
  - { name: long, oracle: ase, cost: 10, settings: { calculator: lj, parameters: { sigma: 1.2, rc: 8.0 } } }
budget: { total: 60, per_round: 30, target_share: 0.5 }
initial_looks: { short: 6, long: 2 }
max_rounds: 2
pool_size: 64
seed: 5
generator: { name: uniform }
""",
        encoding="utf-8",
    )
    return path
