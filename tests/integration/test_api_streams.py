"""Streams of events: shared looks, bounds, and ends."""

import asyncio
import threading
from collections import Counter

import pytest

from services.access.principal import local_operator
from services.access.roles import Role
from services.access.tokens import revoke_token
from services.api.app import stop_streams
from services.api.errors import TooManyRequestsError
from services.api.routers import events
from services.api.streams import StreamLimits, Streams
from services.api.testing import serving
from services.store.examples import example_pick, open_round


@pytest.fixture
def served(tmp_path):
    with serving(tmp_path) as running:
        running.new_campaign("followed")
        yield running


class CountingStore:
    """A store whose campaigns have the events that they are given."""

    def __init__(self):
        self.newest = Counter()
        self.looks = 0
        self.events = self

    def list(self, campaign_id, after_id, limit):
        self.looks += 1
        return tuple(range(after_id + 1, self.newest[campaign_id] + 1))[:limit]


def test_one_look_serves_every_stream_of_a_campaign(monkeypatch):
    monkeypatch.setattr("services.api.streams.LOOK_S", 0.01)
    store = CountingStore()
    streams = Streams(lambda: store, lambda: False)

    async def follow():
        followers = [streams.enter(number, 7, after_id=3) for number in range(20)]
        stranger = streams.enter(99, 8, after_id=0)
        waits = [asyncio.create_task(streams.wait(stream, longest_s=30)) for stream in followers]
        elsewhere = asyncio.create_task(streams.wait(stranger, longest_s=30))
        while store.looks < 10:
            await asyncio.sleep(0)
        store.newest[7] = 4
        await asyncio.gather(*waits)
        assert not elsewhere.done()
        elsewhere.cancel()
        for stream in (*followers, stranger):
            streams.leave(stream)

    asyncio.run(follow())
    assert store.looks < 50  # two campaigns a look, and not twenty-one streams


def test_a_stream_that_is_behind_is_woken_although_others_have_heard(monkeypatch):
    monkeypatch.setattr("services.api.streams.LOOK_S", 0.01)
    store = CountingStore()
    store.newest[7] = 5
    streams = Streams(lambda: store, lambda: False)

    async def follow():
        ahead, behind = streams.enter(1, 7, after_id=5), streams.enter(2, 7, after_id=4)
        others = asyncio.create_task(streams.wait(ahead, longest_s=30))
        await streams.wait(behind, longest_s=30)
        others.cancel()

    asyncio.run(asyncio.wait_for(follow(), timeout=20))


def test_nobody_holds_more_streams_than_the_limits_say():
    streams = Streams(CountingStore, lambda: False, limits=StreamLimits(per_caller=2, in_all=3))
    first = streams.enter(1, 7, after_id=0)
    streams.enter(1, 8, after_id=0)
    with pytest.raises(TooManyRequestsError, match="2 campaigns at the same time") as refused:
        streams.enter(1, 7, after_id=0)
    assert "page by page" in refused.value.remedy
    streams.leave(first)
    streams.enter(1, 7, after_id=0)
    streams.enter(2, 7, after_id=0)
    with pytest.raises(TooManyRequestsError, match="3 streams are open here"):
        streams.enter(3, 7, after_id=0)


def test_a_stream_too_many_is_refused_and_ends_make_room(served, monkeypatch):
    service = served.app.state.service
    service.streams.limits = StreamLimits(per_caller=1)
    headers = served.acting_as(Role.VIEWER)
    path = "/api/v1/campaigns/followed/events/stream"
    user = served.store.people.get("viewer").id
    held = service.streams.enter(user, 1, after_id=0)
    refused = served.client.get(path, headers=headers)
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) > 0
    service.streams.leave(held)
    stop_streams(served.app)
    for _ in range(3):
        assert served.client.get(path, headers=headers).status_code == 200


def test_a_stream_ends_when_its_token_is_revoked(served, monkeypatch):
    monkeypatch.setattr(events, "RECOGNISE_S", 0.01)
    monkeypatch.setattr("services.api.streams.LOOK_S", 0.01)
    path = "/api/v1/campaigns/followed/events/stream"
    user = served.store.people.get("viewer").id
    (token,) = served.store.tokens.list(user_id=user)
    answers = []

    def listen():  # an answer in process arrives whole: when the stream has ended
        answers.append(served.client.get(path, headers=served.acting_as(Role.VIEWER), timeout=60))

    listening = threading.Thread(target=listen)
    listening.start()
    revoke_token(served.store, token.id, by=local_operator())
    listening.join(timeout=60)
    assert not listening.is_alive()
    if answers[0].status_code == 200:  # else it was revoked before the stream began
        open_round(served.store, 1, 1, [example_pick(50)])
        assert "event: round.opened" in answers[0].text
