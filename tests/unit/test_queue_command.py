"""Approval, pauses and priorities on the command line, each with its line in the audit log."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.states import CampaignState, QueryState
from services.cli import approval, campaign
from services.store import Store, open_store
from services.store.examples import example_pick, example_spec, open_round


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    with open_store(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as opened:
        spec = example_spec()
        created = opened.campaigns.create(replace(spec, budget=replace(spec.budget, approval_above=50.0)))
        open_round(opened, created.id, 0, [example_pick(n, "dft") for n in range(3)])
        yield opened


def run(app, *arguments: str) -> str:
    outcome = CliRunner().invoke(app, arguments)
    return outcome.output if outcome.exception is None else str(outcome.exception)


def states(store: Store) -> list[QueryState]:
    return [query.state for query in store.queries.list(store.campaigns.get("example").id)]


def actions(store: Store) -> list[str]:
    return [row.action for row in store.audit.list()]


def test_queries_are_judged_one_by_one_and_all_at_once(store: Store) -> None:
    waiting = json.loads(run(approval.app, "list", "--json", "--campaign", "example"))
    assert [query["declared"]["amount"] for query in waiting] == [50.3] * 3
    assert "turn." in run(approval.app, "list")
    assert run(approval.app, "deny", "2", "--reason", "too dear") == "Denied 1 query for 50.3.\n"
    approved = run(approval.app, "approve", "--all", "--campaign", "example")
    assert approved == "Approved 2 queries for 100.6.\n"
    assert states(store) == [QueryState.QUEUED, QueryState.CANCELLED, QueryState.QUEUED]
    judged = store.queries.get(2)
    assert (judged.judgement, judged.judged_by) == ("too dear", store.audit.list()[0].actor)
    assert actions(store) == ["query.deny", "query.approve"]
    assert run(approval.app, "list") == "Nothing waits for approval.\n"


def test_a_refused_judgement_changes_nothing(store: Store) -> None:
    assert "No query is named" in run(approval.app, "approve")
    assert "No query is named" in run(approval.app, "approve", "--campaign", "example")
    assert "no query number 99" in run(approval.app, "approve", "1", "99")
    assert states(store) == [QueryState.AWAITING_APPROVAL] * 3
    assert actions(store) == []


def test_a_campaign_is_paused_resumed_and_made_urgent(store: Store) -> None:
    assert "neither paused nor stopped" in run(campaign.app, "resume", "example")
    assert "is paused" in run(campaign.app, "pause", "example")
    assert store.campaigns.get("example").state is CampaignState.PAUSED
    assert "goes on" in run(campaign.app, "resume", "example")
    record = store.campaigns.get("example")
    assert record.state is CampaignState.RUNNING
    assert record.wake_at is not None
    run(campaign.app, "priority", "example", "--", "-3")
    assert store.campaigns.get("example").priority == -3
    run(campaign.app, "stop", "example")
    assert actions(store) == ["campaign.pause", "campaign.resume", "campaign.priority", "campaign.stop"]


def test_a_list_says_which_campaigns_move(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    number = store.campaigns.get("example").id
    store.campaigns.set_state(number, CampaignState.RUNNING)
    assert "running (nobody drives it)" in run(campaign.app, "list")
    assert not json.loads(run(campaign.app, "list", "--json"))[0]["is_driven"]
    store.campaigns.acquire_runner(number, "runner:here", 60)
    assert "nobody" not in run(campaign.app, "list")
    assert json.loads(run(campaign.app, "list", "--json"))[0]["is_driven"]
