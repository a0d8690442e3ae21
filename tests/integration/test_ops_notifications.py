"""People are told at least once, only what they asked for, only where it was meant to go."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from domain.errors import SpecError
from domain.events import Event, EventKind
from domain.states import CampaignState
from services.notifications import Notifier
from services.notifications.notes import Note, NoteKind
from services.notifications.rules import Target, load_targets
from services.notifications.senders import deliver, example_note
from services.notifications.webhook import UndeliveredError, post_signed
from services.store.database import utc_now
from services.store.examples import Bench, bench, example_pick, example_spec, open_round

EVERYTHING = Target("json://chat.example.org/x", name="chat")


class Mailbox:
    """Takes notes, or does not."""

    def __init__(self) -> None:
        self.is_away = False
        self.taken: list[Note] = []

    def __call__(self, target: Target, notes: Sequence[Note], now: datetime) -> None:
        if self.is_away:
            raise UndeliveredError(f"{target.title} is away.", remedy="Wait.")
        self.taken += notes

    @property
    def kinds(self) -> list[NoteKind]:
        return [note.kind for note in self.taken]


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def on_bench(tmp_path: Path) -> Iterator[Bench]:
    with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
        yield opened


def _notifier(on_bench: Bench, mailbox: Mailbox, *targets: Target) -> Notifier:
    return Notifier(on_bench.store, targets or (EVERYTHING,), public_url="https://petalite.example.org", send=mailbox)


def _finish(on_bench: Bench, name: str = "example") -> None:
    campaign = on_bench.store.campaigns.create(example_spec(name))
    on_bench.store.campaigns.set_state(campaign.id, CampaignState.RUNNING)
    on_bench.store.campaigns.set_state(campaign.id, CampaignState.COMPLETED)


def test_laboratory_and_end_are_told_once(on_bench: Bench, mailbox: Mailbox) -> None:
    notifier = _notifier(on_bench, mailbox)
    campaign = on_bench.store.campaigns.create(example_spec())
    open_round(on_bench.store, campaign.id, 0, [example_pick(0), example_pick(1, "lab"), example_pick(2, "lab")])
    on_bench.store.campaigns.set_state(campaign.id, CampaignState.STOPPED)
    notifier.look_round()
    assert mailbox.taken == []  # an event with a lower number may still be on its way
    on_bench.clock.advance(10)
    for _ in range(3):
        notifier.look_round()
    assert mailbox.kinds == [NoteKind.LABORATORY, NoteKind.FINISHED]
    assert mailbox.taken[0].text == "2 crystals of round 1 wait to be made and measured."
    assert mailbox.taken[0].url == "https://petalite.example.org/campaigns/example"


def test_a_target_that_is_away_is_told_later_and_holds_nobody_up(on_bench: Bench, mailbox: Mailbox) -> None:
    other = Mailbox()
    away, here = Target("json://away.example.org"), Target("json://here.example.org")

    def send(target: Target, notes: Sequence[Note], now: datetime) -> None:
        (mailbox if target is away else other)(target, notes, now)

    notifier = Notifier(on_bench.store, (away, here), public_url="https://p.example.org", send=send)
    mailbox.is_away = True
    _finish(on_bench)
    on_bench.clock.advance(10)
    notifier.look_round()
    assert (mailbox.kinds, other.kinds) == ([], [NoteKind.FINISHED])
    mailbox.is_away = False
    notifier.look_round()
    assert mailbox.kinds == []  # not so soon
    on_bench.clock.advance(31)
    notifier.look_round()
    assert (mailbox.kinds, other.kinds) == ([NoteKind.FINISHED], [NoteKind.FINISHED])


def test_two_processes_tell_once(on_bench: Bench, mailbox: Mailbox) -> None:
    notifiers = [_notifier(on_bench, mailbox) for _ in range(2)]
    _finish(on_bench)
    on_bench.clock.advance(10)
    for notifier in notifiers:
        notifier.look_round()
    assert mailbox.kinds == [NoteKind.FINISHED]


def test_what_happened_before_is_not_told(on_bench: Bench, mailbox: Mailbox) -> None:
    _finish(on_bench)
    on_bench.clock.advance(10)
    _notifier(on_bench, mailbox).look_round()
    assert mailbox.taken == []


def test_targets_hear_what_they_asked_for(on_bench: Bench, mailbox: Mailbox) -> None:
    notifier = _notifier(
        on_bench,
        mailbox,
        Target("json://a.example.org", campaigns=("mine",)),
        Target("json://b.example.org", kinds=(NoteKind.APPROVAL,)),
        Target("json://c.example.org", groups=(7,)),
    )
    _finish(on_bench, "mine")
    _finish(on_bench, "other")
    on_bench.clock.advance(10)
    notifier.look_round()
    assert [note.campaign for note in mailbox.taken] == ["mine"]


def test_a_row_of_failures_is_told_when_it_is_long_enough(on_bench: Bench, mailbox: Mailbox) -> None:
    notifier = _notifier(on_bench, mailbox)
    campaign = on_bench.store.campaigns.create(example_spec())
    open_round(on_bench.store, campaign.id, 0, [example_pick(0), example_pick(1, "dft")])
    kinds = [EventKind.QUERY_FAILED] * 2 + [EventKind.QUERY_DONE] + [EventKind.QUERY_FAILED] * 5
    for kind in kinds:
        on_bench.store.events.append(Event(kind, "example", "it broke", {"query_id": 1}, on_bench.clock()))
        on_bench.store.events.append(Event(EventKind.QUERY_DONE, "example", "fine", {"query_id": 2}, on_bench.clock()))
    on_bench.clock.advance(10)
    notifier.look_round()
    assert mailbox.kinds == [NoteKind.FAILING]
    assert mailbox.taken[0].text == "3 looks in a row at static failed, the last one: it broke"


def test_a_laboratory_is_told_once_of_what_was_approved(on_bench: Bench, mailbox: Mailbox) -> None:
    spec = example_spec()
    campaign = on_bench.store.campaigns.create(replace(spec, budget=replace(spec.budget, approval_above=10.0)))
    open_round(on_bench.store, campaign.id, 0, [example_pick(n, "lab") for n in range(2)])
    on_bench.clock.advance(10)
    notifier = _notifier(on_bench, mailbox)
    for query in on_bench.store.queries.list(campaign.id):
        on_bench.store.approval.approve(query.id, "ada")
    on_bench.clock.advance(10)
    notifier.look_round()
    assert mailbox.kinds == [NoteKind.LABORATORY]
    assert mailbox.taken[0].text.startswith("2 crystals wait to be made and measured")


def test_an_approval_that_concerns_no_laboratory_tells_none(on_bench: Bench, mailbox: Mailbox) -> None:
    spec = example_spec()
    campaign = on_bench.store.campaigns.create(replace(spec, budget=replace(spec.budget, approval_above=10.0)))
    open_round(on_bench.store, campaign.id, 0, [example_pick(0, "dft"), example_pick(1, "lab")])
    on_bench.clock.advance(10)
    notifier = _notifier(on_bench, mailbox)
    on_bench.store.approval.approve(on_bench.store.queries.list(campaign.id, fidelity="dft")[0].id, "ada")
    on_bench.clock.advance(10)
    notifier.look_round()
    assert mailbox.taken == []


def test_what_goes_on_failing_alike_is_told_once_a_day(on_bench: Bench, mailbox: Mailbox) -> None:
    notifier = _notifier(on_bench, mailbox)
    on_bench.store.campaigns.create(example_spec())

    def fail(*messages: str) -> list[str]:
        for message in messages:
            on_bench.store.events.append(Event(EventKind.ADVANCE_FAILED, "example", message, at=on_bench.clock()))
            on_bench.clock.advance(300)
        notifier.look_round()
        told = [note.text for note in mailbox.taken]
        mailbox.taken.clear()
        return told

    assert fail("the disk is full", "the disk is full", "it is away", "the disk is full") == [
        "the disk is full",
        "it is away",
    ]
    assert fail("it is away") == []
    on_bench.clock.advance(86_400)
    assert fail("it is away", "it is away") == ["it is away"]


def test_a_campaign_that_was_paused_by_itself_is_told(on_bench: Bench, mailbox: Mailbox) -> None:
    notifier = _notifier(on_bench, mailbox)
    campaign = on_bench.store.campaigns.create(example_spec())
    on_bench.store.halting.halt(campaign.id, "nothing works.")
    on_bench.clock.advance(10)
    notifier.look_round()
    assert [(note.kind, note.text) for note in mailbox.taken] == [
        (NoteKind.FAILING, "example was paused: nothing works.")
    ]


class Receiver(BaseHTTPRequestHandler):
    """A webhook's other end."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((dict(self.headers), body))  # type: ignore[attr-defined] - kept on the server
        self.send_response(302 if self.path == "/elsewhere" else 204)
        self.send_header("Location", "/")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.received = []  # type: ignore[attr-defined] - read by the tests
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_webhooks_are_signed(receiver: HTTPServer) -> None:
    target = Target(f"http://hooks.test:{receiver.server_port}/", secret="k", is_private_allowed=True)
    post_signed(target, {"a": 1}, message_id="m", timestamp_s=5, resolve=lambda _host, _port: ["127.0.0.1"])
    ((headers, body),) = receiver.received  # type: ignore[attr-defined] - set by the fixture
    expected = base64.b64encode(hmac.new(b"k", b"m.5." + body, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["Host"] == f"hooks.test:{receiver.server_port}"
    assert json.loads(body) == {"a": 1}


def test_redirects_are_not_followed(receiver: HTTPServer) -> None:
    target = Target(f"http://127.0.0.1:{receiver.server_port}/elsewhere", secret="k", is_private_allowed=True)
    with pytest.raises(UndeliveredError, match="answered 302"):
        deliver(target, [example_note("https://p.example.org", utc_now())], now=utc_now())
    assert len(receiver.received) == 1  # type: ignore[attr-defined] - set by the fixture


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "192.168.0.9",
        "::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "224.0.0.1",
        "0.0.0.0",
    ],
)
def test_webhooks_stay_out_of_private_networks(address: str) -> None:
    target = Target("https://hooks.example.org/x", secret="k")
    with pytest.raises(UndeliveredError, match="leads into a private network"):
        post_signed(target, {}, message_id="m", timestamp_s=5, resolve=lambda _host, _port: ["93.184.216.34", address])


def test_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "notify.yaml"
    path.write_text("targets: [{url: 'https://h.example.org/x', secret: s, kinds: [approval], campaigns: [one]}]")
    (target,) = load_targets(path)
    assert target.kinds == (NoteKind.APPROVAL,)
    assert "h.example.org" not in repr(target)
    assert "h.example.org" not in target.title


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("targets: [{url: hunter2}]", "has no scheme"),
        ("targets: [{url: 'https://x.example.org/hunter2'}]", "has no secret"),
        ("targets: [{url: 'http://x.example.org/hunter2', secret: s}]", "begins with http"),
        ("targets: [{url: 'json://hunter2', kind: [approval]}]", "unknown key"),
        ("targets: [{url: 'json://hunter2', kinds: [gossip]}]", "targets"),
        ("- hunter2", "holds no targets"),
        ("{hunter2", "is not YAML"),
    ],
)
def test_a_file_that_is_not_understood_is_refused_without_its_secrets(
    tmp_path: Path, content: str, problem: str
) -> None:
    path = tmp_path / "notify.yaml"
    path.write_text(content)
    with pytest.raises(SpecError, match=problem) as refused:
        load_targets(path)
    assert "hunter2" not in str(refused.value)
