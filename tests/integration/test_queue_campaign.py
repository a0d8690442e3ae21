"""A campaign whose dear looks need approval and machines, from the command line to its end."""

import json
from pathlib import Path

import pytest

from domain.cost import Cost
from domain.fidelity import Capability
from domain.measurement import Measurement, Provenance
from services.intake import record_measurement
from services.store import open_store

pytestmark = [pytest.mark.campaign, pytest.mark.slow]

SPEC = """
name: guarded
objective: { quantity: density, goal: maximize }
space: { elements: [Li, O, F], space_groups: [221, 225], max_atoms: 12 }
ladder:
  - { name: computed, oracle: density, cost: 1 }
  - { name: approved, oracle: density, cost: 5, settings: {} }
  - { name: elsewhere, oracle: density, cost: 10, answered_by: machines, max_concurrent: 4 }
budget: { total: 60, per_round: 30, target_share: 0.5, approval_above: 3 }
initial_looks: { computed: 4, approved: 1, elsewhere: 1 }
max_rounds: 2
pool_size: 64
generator: { name: uniform }
"""


def _answer(quick_terminal) -> int:
    """Does what machines do: answers whatever waits."""
    n_answered = 0
    with open_store(quick_terminal.store_url) as store:
        while query := store.queries.claim_next(worker="m", lease_s=60, oracles=[Capability("density")]):
            density = store.candidates.get(query.candidate_id).blueprint.density_g_cm3
            measurement = Measurement(
                density, "g/cm^3", 0.0, Provenance("density", "1", "x", "m"), Cost(10.0), store.now()
            )
            record_measurement(store, query.id, fence=query.fence, measurement=measurement)
            n_answered += 1
    return n_answered


def test_a_campaign_waits_for_approval_and_for_machines(quick_terminal, tmp_path: Path) -> None:
    spec = tmp_path / "guarded.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    assert "approval list" in quick_terminal.run("run", str(spec), status=3)
    assert {query["fidelity"] for query in json.loads(quick_terminal.run("approval", "list", "--json"))} == {
        "approved", "elsewhere"
    }  # fmt: skip
    assert _answer(quick_terminal) == 0
    assert [found["state"] for found in quick_terminal.document("guarded")["rounds"]] == ["open"]

    quick_terminal.run("approval", "approve", "--all", "--campaign", "guarded", "--reason", "go on")
    assert "machine run" in quick_terminal.run("run", "guarded", status=3)
    quick_terminal.run("campaign", "pause", "guarded")
    assert _answer(quick_terminal) == 0
    assert "is paused" in quick_terminal.refused("run", "guarded")
    quick_terminal.run("campaign", "resume", "guarded")
    assert _answer(quick_terminal) > 0

    quick_terminal.run("run", "guarded", status=3)
    while waiting := json.loads(quick_terminal.run("approval", "list", "--json")):
        quick_terminal.run("approval", "approve", *(str(query["id"]) for query in waiting))
        quick_terminal.run("run", "guarded", status=3)
    _answer(quick_terminal)
    quick_terminal.run("run", "guarded")
    with open_store(quick_terminal.store_url) as store:
        campaign = store.campaigns.get("guarded")
        assert campaign.state.value == "completed"
        assert {row.action for row in store.audit.list()} == {
            "campaign.create",
            "query.approve",
            "campaign.pause",
            "campaign.resume",
        }
        balance = store.ledger.balance(campaign.id)
        assert (balance.reserved, balance.booked) == (0.0, sum(
            query.declared.amount for query in store.queries.list(campaign.id)
        ))  # fmt: skip
