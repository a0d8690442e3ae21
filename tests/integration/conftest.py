"""Campaigns run as their user runs them: by the command line, in processes of their own."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from support.books import Document
from support.terminal import Terminal

from flows.environment import prepare_environment
from flows.prefect_server import prefect_server
from services.store.examples import fresh_postgres


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a new PostgreSQL store; empty where the service keeps its own SQLite file."""
    if request.param == "sqlite":
        yield ""
        return
    with request.getfixturevalue("on_postgres")() as url:
        yield url


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Makes processes that need not import what they kill themselves in."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["services.intake.testing"])
    return context


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a new store on either database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.sqlite3"
        return
    with request.getfixturevalue("on_postgres")() as address:
        yield address


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a database of either kind in which no store has been made."""
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


@pytest.fixture(scope="session")
def undisturbed(make_terminal: Callable[[str], Terminal], density_spec: Path) -> Document:
    """The campaign for dense crystals, run in one go."""
    terminal = make_terminal("undisturbed")
    terminal.run("run", str(density_spec))
    return terminal.document("dense")
