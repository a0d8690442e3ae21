"""Oracles that are missing, crash, hang or answer nonsense cannot take a campaign down."""

from pathlib import Path

import pytest

from oracles.testing import install_plugin

pytestmark = pytest.mark.campaign

BAD = """
import os
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
