"""Campaigns that are put away, deleted before they began, or woken by nobody any more."""

import pytest

from domain.errors import ConflictError, NotFoundError
from domain.events import EventKind
from domain.states import CampaignState
from domain.timing import Timing, TimingKind
from services.store.examples import example_pick, example_spec, open_round

HOURLY = Timing(TimingKind.INTERVAL, "1h")


def test_a_campaign_that_is_over_is_put_away_and_brought_back(store_bench):
    store = store_bench.store
    campaign = store.campaigns.create(example_spec())
    store.schedules.add(campaign.id, HOURLY, created_by="ada")
    with pytest.raises(ConflictError, match="is ready, not over"):
        store.archive.put_away(campaign.id, by="ada")
    store.campaigns.set_state(campaign.id, CampaignState.STOPPED)
    for _ in range(2):
        assert store.archive.put_away(campaign.id, by="ada").archived_at == store.now()
    assert store.campaigns.list_page(None, are_archived=False) == ()
    assert [found.name for found in store.campaigns.list_page(None, are_archived=True)] == ["example"]
    assert [found.name for found in store.campaigns.list()] == ["example"]
    assert [(found.is_active, found.next_at) for found in store.schedules.list(campaign.id)] == [(False, None)]
    with pytest.raises(ConflictError, match="is archived") as refused:
        store.campaigns.resume(campaign.id)
    assert "Bring it back" in refused.value.remedy
    with pytest.raises(ConflictError, match="archived: no schedule"):
        store.schedules.add(campaign.id, HOURLY, created_by="ada")
    for _ in range(2):
        assert store.archive.bring_back(campaign.id, by="ada").archived_at is None
    assert store.campaigns.resume(campaign.id).state is CampaignState.RUNNING
    kinds = [found.event.kind for found in store.events.list(campaign.id)]
    assert kinds.count(EventKind.CAMPAIGN_ARCHIVED) == kinds.count(EventKind.CAMPAIGN_BROUGHT_BACK) == 1


def test_what_began_is_never_deleted(store_bench):
    store = store_bench.store
    campaign = store.campaigns.create(example_spec())
    open_round(store, campaign.id, 0, [example_pick(1)])
    store.campaigns.set_state(campaign.id, CampaignState.STOPPED)
    with pytest.raises(ConflictError, match="has asked, and what was recorded is kept") as refused:
        store.archive.delete(campaign.id)
    assert "Archive it" in refused.value.remedy


def test_what_a_worker_has_in_hand_is_not_deleted(store_bench):
    store = store_bench.store
    campaign = store.campaigns.create(example_spec())
    store.campaigns.acquire_runner(campaign.id, "host/1", 60)
    with pytest.raises(ConflictError, match="worker has campaign 'example' in hand"):
        store.archive.delete(campaign.id)


def test_a_campaign_that_never_began_is_deleted_and_its_number_is_not_used_again(store_bench):
    store = store_bench.store
    campaign = store.campaigns.create(example_spec())
    store.schedules.add(campaign.id, HOURLY, created_by="ada")
    store.campaigns.wake(campaign.id)
    assert store.archive.delete(campaign.id).name == "example"
    with pytest.raises(NotFoundError, match="no campaign 'example'"):
        store.campaigns.get("example")
    with pytest.raises(NotFoundError, match="no campaign '~1'"):
        store.campaigns.get("~1")
    assert store.campaigns.list() == store.campaigns.list_page(None) == ()
    assert store.campaigns.ids(None) == frozenset()
    assert store.campaigns.waking(store.now()) == ()
    assert sum(store.pages.count_campaigns().values()) == 0
    with pytest.raises(ConflictError, match="takes no more rounds"):
        open_round(store, campaign.id, 0, [example_pick(1)])
    again = store.campaigns.create(example_spec())
    assert (again.name, again.state) == ("example", CampaignState.READY)
    assert again.id > campaign.id


def test_a_schedule_ends_with_its_campaign_and_says_why(store_bench):
    store = store_bench.store
    campaign = store.campaigns.create(example_spec())
    added = store.schedules.add(campaign.id, HOURLY, created_by="ada")
    for state in (CampaignState.RUNNING, CampaignState.COMPLETED):
        store.campaigns.set_state(campaign.id, state)
    store_bench.clock.advance(3601)
    (due,) = store.schedules.due()
    assert not store.schedules.fire(due)
    ended = store.schedules.get(added.id)
    assert (ended.is_active, ended.next_at) == (False, None)
    assert store.campaigns.get("example").wake_at is None
    (told,) = [found.event for found in store.events.list(campaign.id) if found.event.kind is EventKind.SCHEDULE_ENDED]
    assert told.message == f"schedule {added.id} (1h) ended: example is completed"
    assert not store.schedules.fire(due)
    assert store.schedules.due() == ()
    with pytest.raises(ConflictError, match="completed: no schedule"):
        store.schedules.set_active(added.id, is_active=True)
