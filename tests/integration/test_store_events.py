"""Events that are committed out of their order are missed by nobody who reads on."""

import os
import threading
from collections.abc import Iterator

import pytest

from domain.events import Event, EventKind
from services.store import open_store
from services.store.database import utc_now
from services.store.events import write_events
from services.store.examples import example_spec, fresh_postgres
from services.store.settling import SETTLED_AFTER


@pytest.fixture
def address() -> Iterator[str]:
    server = os.environ.get("PETALITE_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("PETALITE_TEST_POSTGRES_URL is not set")
    with fresh_postgres(server) as url:
        yield url


@pytest.mark.postgres
def test_an_event_that_is_committed_late_is_not_missed(address: str) -> None:
    with open_store(address) as slow, open_store(address) as quick:
        campaign = quick.campaigns.create(example_spec())
        known = quick.events.last_id(campaign.id)
        appended, may_end = threading.Event(), threading.Event()

        def write_slowly() -> None:
            with slow.writing() as connection:
                write_events(connection, campaign.id, [(EventKind.STAGE_NOTE, "late", {})], at=slow.now())
                appended.set()
                may_end.wait(30)

        writer = threading.Thread(target=write_slowly)
        writer.start()
        try:
            assert appended.wait(30)
            quick.events.append(Event(EventKind.STAGE_NOTE, "example", "early"))
            assert quick.events.last_id(campaign.id) == known + 2
            assert quick.events.list(campaign.id, after_id=known) == ()
        finally:
            may_end.set()
            writer.join()
        told = quick.events.list(campaign.id, after_id=known)
        assert [record.event.message for record in told] == ["late", "early"]


@pytest.mark.postgres
def test_a_transaction_that_lasts_does_not_keep_old_events_back(address: str) -> None:
    with open_store(address) as slow:
        campaign = slow.campaigns.create(example_spec())
        with open_store(address, clock=lambda: utc_now() + 2 * SETTLED_AFTER) as later, slow.writing() as connection:
            write_events(connection, campaign.id, [(EventKind.STAGE_NOTE, "late", {})], at=slow.now())
            assert [record.event.kind for record in later.events.list(campaign.id)] == [EventKind.CAMPAIGN_CREATED]
