"""One process runs a campaign at a time; a dead one is replaced, and one that lost its lease stops."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.states import CampaignState
from flows.runner import RUNNER_PREFIX, is_alive, runner_lease
from flows.workplace import open_workplace
from services.store import Store, open_store
from services.store.examples import example_spec


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    with open_store(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as opened:
        opened.campaigns.create(example_spec())
        yield opened


def test_even_one_process_runs_a_campaign_once(store: Store) -> None:
    campaign_id = store.campaigns.get("example").id
    with runner_lease(store, campaign_id) as first:
        assert first is not None
        with runner_lease(store, campaign_id) as second:
            assert second is None
        lease = store.campaigns.runner(campaign_id)
        assert lease is not None
        assert lease.holder == first
    assert store.campaigns.runner(campaign_id) is None


def test_a_runner_that_died_on_this_machine_is_replaced_at_once(store: Store, tmp_path: Path) -> None:
    campaign_id = store.campaigns.get("example").id
    dying = f"""
import os
from flows.runner import runner_lease
from services.store import open_store
with open_store("sqlite:///{tmp_path / "petalite.sqlite3"}") as store:
    with runner_lease(store, {campaign_id}) as holder:
        os._exit(0 if holder else 1)
"""
    subprocess.run([sys.executable, "-c", dying], check=True, timeout=120)
    assert store.campaigns.runner(campaign_id) is not None
    with runner_lease(store, campaign_id) as holder:
        assert holder is not None


def test_only_who_is_seen_to_live_is_alive(store: Store) -> None:
    with runner_lease(store, store.campaigns.get("example").id) as holder:
        assert holder is not None
        machine, _, rest = holder.removeprefix(RUNNER_PREFIX).partition(":")
        assert is_alive(f"{holder}/0")
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    number = rest.partition(":")[0]
    assert not is_alive(f"{RUNNER_PREFIX}{machine}:{ended.pid}:00/0")
    assert not is_alive(f"{RUNNER_PREFIX}elsewhere-0123456789ab:{number}:00/0")
    assert not is_alive(f"{RUNNER_PREFIX}{machine}:{number}:1-00/0"), "another process has the number now"
    assert not is_alive(f"{RUNNER_PREFIX}again")


def test_a_runner_of_another_machine_is_left_its_lease(store: Store) -> None:
    campaign_id = store.campaigns.get("example").id
    store.campaigns.acquire_runner(campaign_id, "runner:elsewhere-0123456789ab:1:00", 60)
    with runner_lease(store, campaign_id) as holder:
        assert holder is None


def test_whoever_loses_the_lease_or_is_stopped_may_not_go_on(store: Store) -> None:
    campaign_id = store.campaigns.get("example").id
    with runner_lease(store, campaign_id) as holder:
        assert holder is not None
        with open_workplace("example", holder) as workplace:
            assert workplace.may_go_on()
            store.campaigns.set_state(campaign_id, CampaignState.STOPPED)
            assert not workplace.may_go_on()
            store.campaigns.set_state(campaign_id, CampaignState.RUNNING)
            store.campaigns.release_runner(campaign_id, holder)
            store.campaigns.acquire_runner(campaign_id, "runner:elsewhere:1:00", 60)
            assert not workplace.may_go_on()
