"""Campaigns on the command line: checked, created, started, put away and deleted, and each step audited."""

import json

import pytest
from typer.testing import CliRunner

from domain.states import CampaignState
from services.cli import campaign
from services.store import open_store
from services.store.examples import example_pick, open_round

SPEC = """
name: walked
objective: { quantity: density, goal: maximize }
space: { elements: [Li, Cl], space_groups: [221, 225], max_atoms: 8 }
ladder:
  - { name: glance, oracle: density, cost: 1 }
budget: { total: 20, per_round: 10 }
initial_looks: { glance: 4 }
max_rounds: 2
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


@pytest.fixture
def store(home):
    with open_store(f"sqlite:///{home / 'petalite.sqlite3'}") as opened:
        yield opened


def run(*arguments):
    outcome = CliRunner().invoke(campaign.app, [str(argument) for argument in arguments])
    return outcome.output if outcome.exception is None else str(outcome.exception)


def test_a_spec_is_checked_without_being_kept(home, store):
    assert "walked can be run: at most 2 rounds for 20 core-seconds" in run("validate", home / "spec.yaml")
    assert json.loads(run("validate", home / "spec.yaml", "--json"))["name"] == "walked"
    (home / "spec.yaml").write_text(SPEC.replace("cost: 1", "cost: 1, settings: { colour: red }"), encoding="utf-8")
    refused = run("validate", home / "spec.yaml")
    assert "spec.yaml:6" in refused
    assert "colour" in refused
    assert "colour" in run("create", home / "spec.yaml")
    assert store.campaigns.list() == ()


def test_what_this_machine_does_not_trust_is_said_with_its_remedy(home):
    potential = "cost: 1, settings: { potential: mace, model: /elsewhere/theirs.model }"
    spec = SPEC.replace("objective: { quantity: density", "objective: { quantity: formation_energy")
    (home / "spec.yaml").write_text(spec.replace("oracle: density", "oracle: potential").replace("cost: 1", potential))
    told = run("validate", home / "spec.yaml")
    assert "walked can be run" in told
    assert "The checkpoint /elsewhere/theirs.model is not loaded" in told
    assert f"Put it into {home / 'models'}, or add its folder to PETALITE_MODELS" in told


def test_from_a_spec_to_the_archive(home, store):
    group = store.people.create_group("petrology")
    for _ in range(2):
        assert "walked is ready" in run("create", home / "spec.yaml", "--group", "petrology")
    record = store.campaigns.get("walked")
    assert record.group_id == group.id
    assert "is to go on" in run("start", "walked")
    assert store.campaigns.get("walked").wake_at is not None
    assert "not over" in run("archive", "walked")
    run("stop", "walked")
    assert "Campaign walked is stopped" in run("start", "walked")
    assert "is archived" in run("archive", "walked")
    assert "walked" not in run("list")
    assert "walked" in run("list", "--archived")
    assert "in lists again" in run("unarchive", "walked")
    open_round(store, store.campaigns.resume(record.id).id, 0, [example_pick(1, "glance")])
    assert "Archive it instead" in run("delete", "walked")
    actions = [row.action for row in store.audit.list()]
    assert actions == [f"campaign.{verb}" for verb in ("create", "start", "stop", "archive", "unarchive")]


def test_what_never_began_is_deleted(home, store):
    run("create", home / "spec.yaml")
    assert run("delete", "walked") == "walked is deleted.\n"
    assert store.campaigns.list() == ()
    assert "walked is ready" in run("create", home / "spec.yaml")
    assert store.campaigns.get("walked").state is CampaignState.READY
    assert [row.action for row in store.audit.list()] == ["campaign.create", "campaign.delete", "campaign.create"]
