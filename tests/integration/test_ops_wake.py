"""The herald calls each campaign that is to go on, the most urgent first, and no more than its worker can carry."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from domain.states import CampaignState
from flows.prefect_api import PrefectApi, PrefectAwayError
from flows.schedules import fire_due
from flows.wake import ASK_AGAIN_S, Herald, PrefectDeployment
from services.store.examples import Bench, bench, example_spec


class FakePrefect:
    """Answers like a Prefect server that has the deployment."""

    def __init__(self) -> None:
        self.is_away = False
        self.runs: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.is_away:
            raise httpx.ConnectError("away")
        if request.method == "GET":
            assert request.url.path == "/api/deployments/name/advance-campaign/advance"
            return httpx.Response(200, json={"id": "d1"})
        assert request.url.path == "/api/deployments/d1/create_flow_run"
        body = json.loads(request.content)
        self.runs.setdefault(body["idempotency_key"], body["parameters"]["campaign"])
        return httpx.Response(201, json={"id": "r1"})

    @property
    def called(self) -> list[str]:
        return list(self.runs.values())


@pytest.fixture
def prefect() -> FakePrefect:
    return FakePrefect()


@pytest.fixture
def on_bench(tmp_path: Path) -> Iterator[Bench]:
    with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
        yield opened


def _herald(on_bench: Bench, prefect: FakePrefect, *, n_slots: int = 2) -> Herald:
    client = httpx.Client(base_url="http://prefect/api", transport=httpx.MockTransport(prefect))
    return Herald(on_bench.store, PrefectDeployment(PrefectApi({}, client=client)), n_slots=n_slots)


def _waking(on_bench: Bench, name: str, *, priority: int = 0) -> int:
    record = on_bench.store.campaigns.create(example_spec(name))
    on_bench.store.campaigns.set_priority(record.id, priority)
    on_bench.store.campaigns.wake(record.id)
    return record.id


def _drive(on_bench: Bench, campaign_id: int) -> None:
    """What a process that advances a campaign does at its start."""
    campaigns = on_bench.store.campaigns
    assert campaigns.acquire_runner(campaign_id, "runner:x", 60)
    campaigns.set_state(campaign_id, CampaignState.RUNNING)
    campaigns.take_wake(campaign_id, campaigns.by_id(campaign_id).wake_at)


def test_the_urgent_go_first_and_no_more_than_there_are_slots(on_bench: Bench, prefect: FakePrefect) -> None:
    for name, priority in (("calm", 0), ("urgent", 9), ("brisk", 5)):
        _waking(on_bench, name, priority=priority)
    herald = _herald(on_bench, prefect)
    assert herald.look_round() == ("urgent", "brisk")
    assert herald.look_round() == ()


def test_a_campaign_that_is_driven_is_not_started_twice(on_bench: Bench, prefect: FakePrefect) -> None:
    campaign_id = _waking(on_bench, "one")
    herald = _herald(on_bench, prefect)
    assert herald.look_round() == ("one",)
    _drive(on_bench, campaign_id)
    on_bench.store.campaigns.wake(campaign_id)
    on_bench.clock.advance(30)
    assert herald.look_round() == ()
    assert _herald(on_bench, prefect).look_round() == ()


def test_a_result_during_a_run_wakes_after_it(on_bench: Bench, prefect: FakePrefect) -> None:
    campaign_id = _waking(on_bench, "one")
    herald = _herald(on_bench, prefect)
    herald.look_round()
    _drive(on_bench, campaign_id)
    on_bench.clock.advance(1)
    on_bench.store.campaigns.wake(campaign_id)
    on_bench.store.campaigns.release_runner(campaign_id, "runner:x")
    assert herald.look_round() == ("one",)
    assert prefect.called == ["one", "one"]


def test_a_killed_driver_is_replaced(on_bench: Bench, prefect: FakePrefect) -> None:
    campaign_id = _waking(on_bench, "one")
    herald = _herald(on_bench, prefect)
    herald.look_round()
    _drive(on_bench, campaign_id)
    herald.look_round()
    on_bench.clock.advance(61)
    assert herald.look_round() == ("one",)


def test_a_flow_run_that_nobody_begins_is_asked_for_again(on_bench: Bench, prefect: FakePrefect) -> None:
    _waking(on_bench, "one")
    herald = _herald(on_bench, prefect)
    herald.look_round()
    on_bench.clock.advance(ASK_AGAIN_S + 1)
    assert herald.look_round() == ("one",)
    assert len(prefect.runs) == 2


def test_two_heralds_ask_for_one_flow_run(on_bench: Bench, prefect: FakePrefect) -> None:
    _waking(on_bench, "one")
    for herald in (_herald(on_bench, prefect), _herald(on_bench, prefect)):
        assert herald.look_round() == ("one",)
    assert prefect.called == ["one"]


def test_nothing_is_lost_while_prefect_is_away(on_bench: Bench, prefect: FakePrefect) -> None:
    _waking(on_bench, "one")
    herald = _herald(on_bench, prefect)
    prefect.is_away = True
    with pytest.raises(PrefectAwayError, match="does not answer"):
        herald.look_round()
    prefect.is_away = False
    assert herald.look_round() == ("one",)


@pytest.mark.parametrize("state", [CampaignState.STOPPED, CampaignState.PAUSED])
def test_halted_campaigns_sleep_on(on_bench: Bench, prefect: FakePrefect, state: CampaignState) -> None:
    campaign_id = _waking(on_bench, "one")
    on_bench.store.campaigns.set_state(campaign_id, CampaignState.RUNNING)
    on_bench.store.campaigns.set_state(campaign_id, state)
    herald = _herald(on_bench, prefect)
    assert herald.look_round() == ()
    on_bench.store.campaigns.resume(campaign_id)
    assert herald.look_round() == ("one",)


def test_due_schedules_wake_their_campaigns(on_bench: Bench) -> None:
    from domain.timing import Timing, TimingKind

    record = on_bench.store.campaigns.create(example_spec("one"))
    on_bench.store.schedules.add(record.id, Timing(TimingKind.INTERVAL, "30m"), created_by="ada")
    assert fire_due(on_bench.store) == ()
    on_bench.clock.advance(1801)
    assert fire_due(on_bench.store) == ("one",)
    assert [found.name for found in on_bench.store.campaigns.waking(on_bench.clock())] == ["one"]
