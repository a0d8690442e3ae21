"""Oracles that are missing, crash, hang or answer nonsense cannot take a campaign down."""

import signal
from pathlib import Path

import pytest

from domain.states import QueryState
from flows.runner import RUNNER_PREFIX
from oracles.testing import install_plugin
from services.store import open_store
from services.store.query_steps import MOST_RESTARTS

pytestmark = pytest.mark.campaign

BAD = """
import os
import signal
import time
from dataclasses import dataclass

from domain.errors import OracleUnavailableError
from domain.look import LookResult
from domain.ports import OracleMode
from domain.quantity import quantity


@dataclass
class Bad:
    settings: dict
    name: str = "bad"
    version: str = "1"
    mode: OracleMode = OracleMode.COMPUTED

    @property
    def quantity(self):
        return quantity("density")

    def check(self):
        if self.settings.get("is_missing"):
            raise OracleUnavailableError("The software of 'bad' is missing.", remedy="Get it from the shelf.")

    def require_supported(self, blueprint):
        pass

    def reference_elements(self, blueprint):
        return ()

    def look(self, request):
        n_atoms = request.blueprint.composition.n_atoms
        if self.settings.get("is_deadly"):
            os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)
            time.sleep(3600)
        if n_atoms % 4 == 0:
            os._exit(9)
        if n_atoms % 4 == 1:
            time.sleep(3600)
        return LookResult(float("nan") if n_atoms % 4 == 2 else 1e9)

    def reference(self, symbol):
        raise NotImplementedError


def build(settings):
    return Bad(dict(settings))
"""

SPEC = """
name: unlucky
objective: { quantity: density, goal: maximize }
space:
  elements: [Li, O, F]
  space_groups: [221, 225]
  max_atoms: 12
ladder:
  - { name: exact, oracle: density, cost: 1 }
  - { name: bad, oracle: bad, cost: 5, settings: { is_missing: IS_MISSING }, limits: { time_s: 3 } }
budget: { total: 60, per_round: 30 }
initial_looks: { exact: 6, bad: 3 }
max_rounds: 2
pool_size: 64
generator: { name: uniform }
"""


@pytest.fixture
def plugged(terminal, tmp_path: Path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    install_plugin(folder, "bad", BAD)
    terminal.environ["PYTHONPATH"] = str(folder)
    return terminal


def write(tmp_path: Path, *, is_missing: bool) -> str:
    path = tmp_path / "unlucky.yaml"
    path.write_text(SPEC.replace("IS_MISSING", str(is_missing).lower()), encoding="utf-8")
    return str(path)


def test_a_missing_oracle_is_named_in_one_line_and_left_out(plugged, tmp_path: Path) -> None:
    output = plugged.run("run", write(tmp_path, is_missing=True))
    told = [line for line in output.splitlines() if "bad is left out" in line]
    assert len(told) == 1
    assert "Get it from the shelf." in told[0]
    document = plugged.document("unlucky")
    assert document["state"] == "completed"
    assert {pick["fidelity"] for pick in document["picks"]} == {"exact"}
    assert all(pick["measurements"] for pick in document["picks"])


def test_crashes_hangs_and_nonsense_become_failures_with_their_reason(plugged, tmp_path: Path) -> None:
    plugged.run("run", write(tmp_path, is_missing=False))
    document = plugged.document("unlucky")
    assert document["state"] == "completed"
    bad = [pick for pick in document["picks"] if pick["fidelity"] == "bad"]
    assert bad
    assert {pick["state"] for pick in bad} <= {"failed", "cancelled"}
    reasons = [failed["failure"]["reason"] for pick in bad for failed in pick["failures"]]
    assert reasons
    known = ("exit code 9", "time limit", "no number", "was expected")
    assert all(any(word in reason for word in known) for reason in reasons)
    booked = sum(row["amount"] for row in document["ledger"] if row["kind"] == "book")
    assert document["balance"]["booked"] == pytest.approx(booked)
    assert document["balance"]["reserved"] == pytest.approx(0)
    assert all(pick["measurements"] for pick in document["picks"] if pick["fidelity"] == "exact")


@pytest.mark.slow
def test_a_look_that_takes_its_computer_down_is_given_up(plugged, tmp_path: Path) -> None:
    path = tmp_path / "unlucky.yaml"
    text = SPEC.replace("IS_MISSING", "false, is_deadly: true").replace("exact: 6, bad: 3", "exact: 2, bad: 1")
    path.write_text(text.replace("max_rounds: 2", "max_rounds: 1"), encoding="utf-8")
    killed = plugged.start("run", str(path))
    killed.communicate(timeout=600)
    assert killed.returncode == -signal.SIGKILL
    with open_store(plugged.store_url) as store:
        (query,) = store.queries.list(1, states=frozenset({QueryState.CLAIMED}))
        for _ in range(MOST_RESTARTS - 2):  # as further restarts do
            store.queries.requeue_held_by(1, RUNNER_PREFIX)
            store.queries.claim(query.id, worker=f"{RUNNER_PREFIX}again", lease_s=60)
        store.queries.requeue_held_by(1, RUNNER_PREFIX)
    killed = plugged.start("run", str(path))
    killed.communicate(timeout=600)
    assert killed.returncode == -signal.SIGKILL
    plugged.run("run", str(path))
    document = plugged.document("unlucky")
    assert document["state"] == "completed"
    (reason,) = [failed["failure"]["reason"] for pick in document["picks"] for failed in pick["failures"]]
    assert reason == f"The campaign's process was gone {MOST_RESTARTS} times while the look was under way."
    assert document["balance"]["reserved"] == pytest.approx(0)
