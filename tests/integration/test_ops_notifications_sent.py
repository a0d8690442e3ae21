"""Notes travel by the code that really sends them, to receivers on this machine: by webhook, chat and e-mail."""

import asyncio
import base64
import hashlib
import hmac
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.states import CampaignState
from services.cli.notify import app
from services.logging import configure_logging
from services.notifications import Notifier
from services.notifications.rules import Target
from services.store.examples import Bench, bench, example_spec

SECRET = "hunter2hunter2"
SETTLED_S = 10.0
# apprise looks for what Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@dataclass
class Inbox:
    """What a receiver was sent, and whether it takes anything at all."""

    is_down: bool = False
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def http_port(inbox: Inbox) -> Iterator[int]:
    """Port of a receiver of HTTP."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not inbox.is_down:
                inbox.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(503 if inbox.is_down else 204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@contextmanager
def smtp_sink(inbox: Inbox) -> Iterator[int]:
    """Port of a mail server that keeps what it is given."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        await say("220 sink")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                await say("354 go on")
                body = await reader.readuntil(b"\r\n.\r\n")
                inbox.received.append(({}, body))
            await say("221 bye" if verb == b"QUIT" else "451 not now" if inbox.is_down else "250 ok")
            if verb == b"QUIT":
                break
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(talk, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(server.wait_closed())
        loop.close()


@pytest.fixture
def on_bench(tmp_path: Path) -> Iterator[Bench]:
    with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
        yield opened


def finish(on_bench: Bench, name: str = "example") -> None:
    campaign = on_bench.store.campaigns.create(example_spec(name))
    on_bench.store.campaigns.set_state(campaign.id, CampaignState.RUNNING)
    on_bench.store.campaigns.set_state(campaign.id, CampaignState.COMPLETED)
    on_bench.clock.advance(SETTLED_S)


def notifier(on_bench: Bench, *targets: Target) -> Notifier:
    return Notifier(on_bench.store, targets, public_url="https://petalite.example.org")


def webhook(port: int) -> Target:
    return Target(f"http://127.0.0.1:{port}/hook?token={SECRET}", secret=SECRET, is_private_allowed=True)


def test_a_webhook_that_was_down_is_told_once_when_it_is_up(
    on_bench: Bench, inbox: Inbox, http_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    log = io.StringIO()
    configure_logging(output=log)
    speaking = notifier(on_bench, webhook(http_port))
    inbox.is_down = True
    finish(on_bench)
    tried_at = []
    for second in range(0, 215, 5):
        n_before = log.getvalue().count("answered 503")
        speaking.look_round()
        if log.getvalue().count("answered 503") > n_before:
            tried_at.append(second)
        on_bench.clock.advance(5)
    assert tried_at == [0, 30, 90, 210], "ever more rarely"
    finish(on_bench, "another")
    inbox.is_down = False
    on_bench.clock.advance(240)
    for _ in range(3):
        speaking.look_round()
    ((headers, body),) = inbox.received
    assert [note["campaign"] for note in json.loads(body)["notes"]] == ["example", "another"]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert int(headers["webhook-timestamp"]) == int(on_bench.clock().timestamp())
    assert SECRET not in log.getvalue() + "".join(capsys.readouterr())


def test_a_receiver_that_is_not_there_is_told_later(on_bench: Bench, inbox: Inbox, http_port: int) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as gone:
        port = gone.server_port
    speaking = notifier(on_bench, webhook(port), webhook(http_port))
    finish(on_bench)
    speaking.look_round()
    assert len(inbox.received) == 1, "it holds nobody up"


def test_a_chat_is_told_by_apprise(on_bench: Bench, inbox: Inbox, http_port: int) -> None:
    speaking = notifier(on_bench, Target(f"json://user:{SECRET}@127.0.0.1:{http_port}/room"))
    inbox.is_down = True
    finish(on_bench)
    speaking.look_round()
    inbox.is_down = False
    on_bench.clock.advance(31)
    for _ in range(2):
        speaking.look_round()
    ((headers, body),) = inbox.received
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode() == f"user:{SECRET}"
    document = json.loads(body)
    assert document["title"] == "Campaign over: example"
    assert "https://petalite.example.org/campaigns/example" in document["message"]


def test_an_e_mail_arrives(on_bench: Bench, inbox: Inbox) -> None:
    with smtp_sink(inbox) as port:
        url = f"mailto://127.0.0.1:{port}/?from=petalite@example.org&to=ada@example.org&mode=insecure"
        speaking = notifier(on_bench, Target(url))
        inbox.is_down = True
        finish(on_bench)
        speaking.look_round()
        assert inbox.received == []
        inbox.is_down = False
        on_bench.clock.advance(31)
        for _ in range(2):
            speaking.look_round()
    ((_, body),) = inbox.received
    assert b"Campaign over: example" in body
    assert b"petalite@example.org" in body


def test_the_command_tries_every_target(
    inbox: Inbox, http_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "notify.yaml"
    file.write_text(
        f"targets: [{{name: hook, url: 'http://127.0.0.1:{http_port}/', secret: {SECRET}, is_private_allowed: true}},"
        f" {{name: chat, url: 'json://127.0.0.1:{http_port}/room'}},"
        f" {{name: lost, url: 'json://user:{SECRET}@127.0.0.1:9/room'}}]",
        encoding="utf-8",
    )
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    monkeypatch.setenv("PETALITE_NOTIFY_FILE", str(file))
    done = CliRunner().invoke(app, ["test"])
    assert done.exit_code == 1
    assert "hook: taken" in done.output
    assert "chat: taken" in done.output
    assert "lost: lost did not take the message" in done.output
    assert SECRET not in done.output
    assert len(inbox.received) == 2
