"""Schedules, cursors and abandoned campaigns on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from domain.errors import NotFoundError
from domain.states import CampaignState
from domain.timing import Timing, TimingKind
from services.store import open_store
from services.store.examples import Bench, example_spec

HOURLY = Timing(TimingKind.INTERVAL, "1h")


def test_a_schedule_is_kept(store_bench: Bench) -> None:
    store = store_bench.store
    campaign = store.campaigns.create(example_spec())
    added = store.schedules.add(campaign.id, Timing(TimingKind.CRON, "0 6 * * 1", "Europe/Berlin"), created_by="ada")
    assert store.schedules.get(added.id) == added
    assert store.schedules.list(campaign.id) == (added,)
    assert store.schedules.list(campaign.id, after_id=added.id) == ()
    assert added.next_at == added.timing.after(store.now())
    store.schedules.remove(added.id)
    with pytest.raises(NotFoundError, match=f"no schedule number {added.id}"):
        store.schedules.remove(added.id)


def test_a_due_schedule_wakes_once_however_late(store_bench: Bench) -> None:
    store = store_bench.store
    campaign = store.campaigns.create(example_spec())
    added = store.schedules.add(campaign.id, HOURLY, created_by="ada")
    assert store.schedules.due() == ()
    store_bench.clock.advance(5 * 3600 + 10)
    (due,) = store.schedules.due()
    assert store.schedules.fire(due)
    assert not store.schedules.fire(due)
    assert store.schedules.due() == ()
    assert store.campaigns.get("example").wake_at == store.now()
    fired = store.schedules.get(added.id)
    assert (fired.last_at, fired.next_at) == (store.now(), store.now() + timedelta(hours=1))


def test_of_several_workers_one_fires(store_bench: Bench) -> None:
    campaign = store_bench.store.campaigns.create(example_spec())
    store_bench.store.schedules.add(campaign.id, HOURLY, created_by="ada")
    store_bench.clock.advance(3601)
    (due,) = store_bench.store.schedules.due()

    def fire(_number: int) -> bool:
        with open_store(store_bench.url, clock=store_bench.clock) as store:
            return store.schedules.fire(due)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(fire, range(4))) == [False, False, False, True]


def test_a_paused_schedule_makes_up_for_nothing(store_bench: Bench) -> None:
    store = store_bench.store
    added = store.schedules.add(store.campaigns.create(example_spec()).id, HOURLY, created_by="ada")
    store_bench.clock.advance(3601)
    (due,) = store.schedules.due()
    assert store.schedules.set_active(added.id, is_active=False).next_at is None
    assert not store.schedules.fire(due)
    assert store.schedules.due() == ()
    store_bench.clock.advance(7200)
    resumed = store.schedules.set_active(added.id, is_active=True)
    assert resumed.next_at == store.now() + timedelta(hours=1)


def test_a_cursor_is_held_by_one(store_bench: Bench) -> None:
    cursors = store_bench.store.cursors
    assert cursors.take("reader", 60) is None
    cursors.begin("reader", 7)
    cursors.begin("reader", 9)
    assert cursors.take("reader", 60) == 7
    assert cursors.take("reader", 60) is None
    cursors.move("reader", 8)
    assert cursors.take("reader", 60) == 8
    store_bench.clock.advance(61)
    assert cursors.take("reader", 60) == 8
    cursors.move("reader", 12)
    cursors.move("reader", 8)  # whoever held it a minute ago and was slow
    assert cursors.position("reader") == 12


def test_signs_of_life_grow_old(store_bench: Bench) -> None:
    cursors = store_bench.store.cursors
    cursors.give_sign("worker:a")
    store_bench.clock.advance(100)
    cursors.give_sign("worker:b")
    cursors.begin("notify:x", 1)
    assert [sign.name for sign in cursors.signs("worker:")] == ["worker:b", "worker:a"]
    cursors.forget_silent("worker:", since=store_bench.clock() - timedelta(seconds=50))
    assert [sign.name for sign in cursors.signs("worker:")] == ["worker:b"]
    assert cursors.position("notify:x") == 1


def test_a_running_campaign_without_a_driver_is_abandoned(store_bench: Bench) -> None:
    campaigns = store_bench.store.campaigns
    campaign = campaigns.create(example_spec())
    campaigns.set_state(campaign.id, CampaignState.RUNNING)
    assert [record.name for record in campaigns.abandoned(store_bench.clock())] == ["example"]
    campaigns.acquire_runner(campaign.id, "runner:a", 60)
    assert campaigns.abandoned(store_bench.clock()) == ()
    store_bench.clock.advance(61)
    assert [record.name for record in campaigns.abandoned(store_bench.clock())] == ["example"]
    campaigns.wake(campaign.id, store_bench.clock() + timedelta(seconds=300))
    assert campaigns.abandoned(store_bench.clock()) == ()


def test_events_of_all_campaigns_are_read_in_order(store_bench: Bench) -> None:
    store = store_bench.store
    for name in ("one", "two"):
        store.campaigns.create(example_spec(name))
    store_bench.clock.advance(10)
    store.campaigns.create(example_spec("three"))
    settled = store.events.since(0, until=store_bench.clock() - timedelta(seconds=5))
    assert [record.event.campaign for record in settled] == ["one", "two"]
    newest = store.events.since(settled[-1].id, until=store_bench.clock())
    assert [record.event.campaign for record in newest] == ["three"]
    assert store.events.newest_id() == newest[-1].id
