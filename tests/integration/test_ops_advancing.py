"""No death of the process that advances a campaign loses the wish that it answers."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

import flows.advance
from domain.events import EventKind
from domain.fidelity import Fidelity
from domain.quantity import Goal, Objective
from domain.states import CampaignState
from flows.advancing import advance_campaign
from services.settings import load_settings
from services.store import open_store
from services.store.examples import example_spec


class PowerCut(BaseException):
    """Ends a process where it stands."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    with open_store(load_settings(os.environ).store_url) as store:
        spec = replace(
            example_spec(),
            objective=Objective("density", Goal.MAXIMIZE),
            ladder=(Fidelity("glance", oracle="density", cost=1.0),),
            initial_looks={"glance": 2},
        )
        store.campaigns.wake(store.campaigns.create(spec).id)
    return tmp_path


def test_a_process_that_dies_before_its_first_round_is_replaced(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(_workplace: object) -> None:
        raise PowerCut("the light is out")

    monkeypatch.setattr(flows.advance, "_next_round", cut)
    with pytest.raises(PowerCut, match="light is out"):
        advance_campaign.fn("example")
    with open_store(load_settings(os.environ).store_url) as store:
        assert [record.name for record in store.campaigns.waking(store.now())] == ["example"]


def test_a_process_that_dies_in_a_round_is_replaced(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(_name: str, _index: int, _runner: str) -> None:
        with open_store(load_settings(os.environ).store_url) as store:
            store.campaigns.wake(1)  # a result arrives meanwhile
        raise PowerCut("the light is out")

    monkeypatch.setattr(flows.advance, "campaign_round", cut)
    with pytest.raises(PowerCut, match="light is out"):
        advance_campaign.fn("example")
    with open_store(load_settings(os.environ).store_url) as store:
        assert store.campaigns.get("example").state is CampaignState.RUNNING
        assert [record.name for record in store.campaigns.waking(store.now())] == ["example"]


def test_what_is_refused_is_told_and_tried_again_later(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(_workplace: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(flows.advance, "_next_round", break_down)
    with pytest.raises(RuntimeError, match="disk is full"):
        advance_campaign.fn("example")
    with open_store(load_settings(os.environ).store_url) as store:
        assert store.campaigns.waking(store.now()) == ()
        wake_at = store.campaigns.get("example").wake_at
        assert wake_at is not None
        assert wake_at > store.now()
        (told,) = [e.event for e in store.events.list(1) if e.event.kind is EventKind.ADVANCE_FAILED]
        assert "the disk is full" in told.message


def test_it_is_told_when_a_worker_takes_a_campaign_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.advance, "_next_round", lambda _workplace: None)
    monkeypatch.setattr(flows.advance, "refresh_summary", lambda _workplace: None)
    advance_campaign.fn("example")
    with open_store(load_settings(os.environ).store_url) as store:
        told = [record.event.message for record in store.events.list(1)]
    assert any(re.search(r"a worker on \S+ takes example up, \d+\.\d s after it was asked for", line) for line in told)
