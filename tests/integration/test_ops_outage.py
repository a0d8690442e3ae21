"""PostgreSQL goes away for a while: the API says so and recovers by itself, and a campaign goes on where it stood."""

import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url

import flows.outage
from domain.errors import SpecError, StoreError, StoreVersionError
from domain.states import QueryState
from flows.outage import outlast
from services.access.roles import Role
from services.api.testing import serving
from services.store import open_store
from services.store.examples import fresh_postgres

PATIENCE_S = 300.0


class Line:
    """A line to a database that can be cut: who is connected is thrown out, who comes is turned away."""

    def __init__(self, host: str, port: int) -> None:
        self._there = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.n_turned_away = 0
        self._is_cut = False
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wishes: list[Callable[[], None]] = []
        self._alarm, self._bell = socket.socketpair()
        self._selector.register(self._alarm, selectors.EVENT_READ)
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._is_over = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def cut(self) -> None:
        """The database is away from now on."""
        self._ask(self._cut)

    def mend(self) -> None:
        """The database is back."""
        self._ask(self._mend)

    def close(self) -> None:
        self._ask(self._cut, is_over=True)
        self._thread.join()
        self._selector.close()
        self._listening.close()
        self._alarm.close()
        self._bell.close()

    def _ask(self, wish: Callable[[], None], *, is_over: bool = False) -> None:
        done = threading.Event()
        self._wishes += [wish, done.set]
        self._is_over = is_over
        self._bell.send(b"!")
        done.wait(60)

    def _mend(self) -> None:
        self._is_cut = False

    def _cut(self) -> None:
        self._is_cut = True
        for end in list(self._pairs):
            self._hang_up(end)

    def _run(self) -> None:
        while not self._is_over or self._wishes:
            for key, _ in self._selector.select():
                if key.fileobj is self._alarm:
                    self._alarm.recv(100)
                    while self._wishes:
                        self._wishes.pop(0)()
                    break  # what else was ready may be gone
                if key.fileobj is self._listening:
                    self._connect(self._listening.accept()[0])
                else:
                    self._pass_on(key.fileobj)

    def _connect(self, near: socket.socket) -> None:
        if self._is_cut:
            self.n_turned_away += 1
            near.close()
            return
        far = socket.create_connection(self._there)
        self._pairs |= {near: far, far: near}
        for end in (near, far):
            self._selector.register(end, selectors.EVENT_READ)

    def _pass_on(self, end: socket.socket) -> None:
        if end in self._pairs:
            data = b""
            with suppress(OSError):
                data = end.recv(65536)
            with suppress(OSError):
                self._pairs[end].sendall(data)
            if not data:
                self._hang_up(end)

    def _hang_up(self, end: socket.socket) -> None:
        other = self._pairs.pop(end, None)
        if other is not None:
            del self._pairs[other]
            for one in (end, other):
                self._selector.unregister(one)
                one.close()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[tuple[Line, str, str]]:
    """A line to a database, its address by the line, and its real address."""
    server = os.environ.get("PETALITE_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("PETALITE_TEST_POSTGRES_URL is not set")
    with fresh_postgres(server) as url:
        there = make_url(url)
        made = Line(there.host or "127.0.0.1", there.port or 5432)
        try:
            yield made, there.set(host="127.0.0.1", port=made.port).render_as_string(hide_password=False), url
        finally:
            made.close()


@pytest.mark.postgres
def test_the_api_says_that_its_store_is_away_and_recovers(line: tuple[Line, str, str], tmp_path: Path) -> None:
    cable, url, _ = line
    with serving(tmp_path, store_url=url) as served:

        def ask(path: str) -> httpx.Response:
            token = served.tokens[Role.SCIENTIST]
            return served.client.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {token}"})

        assert ask("campaigns").status_code == 200
        cable.cut()
        for path in ("campaigns", "health/ready"):
            answer = ask(path)
            assert answer.status_code == 503, path
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["remedy"]
        assert ask("health/live").status_code == 200
        cable.mend()
        assert ask("campaigns").status_code == 200
        assert ask("health/ready").status_code == 200


@pytest.mark.campaign
@pytest.mark.postgres
def test_a_campaign_outlasts_its_store(line: tuple[Line, str, str], terminal, density_spec: Path) -> None:
    cable, url, real_url = line
    terminal.environ["PETALITE_STORE_URL"] = url
    running = terminal.start("run", str(density_spec))
    with open_store(real_url) as store:
        deadline = time.monotonic() + PATIENCE_S
        while not store.campaigns.list() or len(store.measurements.list(1)) < 2:
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < deadline
        cable.cut()
        n_before = len(store.measurements.list(1))
        while cable.n_turned_away < 4:
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < deadline
        assert len(store.measurements.list(1)) == n_before
        cable.mend()
        output, errors = running.communicate(timeout=PATIENCE_S)
        assert running.returncode == 0, output + errors
        done = store.queries.list(1, states=frozenset({QueryState.DONE}))
        measured = store.measurements.list(1, with_evidence=True)
        assert sorted(record.query_id for record in measured) == sorted(query.id for query in done)
        balance = store.ledger.balance(1)
        assert (balance.reserved, balance.booked) == (0, pytest.approx(sum(query.declared.amount for query in done)))


def test_a_store_that_is_back_in_time_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.outage, "TRIES_EVERY_S", 0.01)
    left = [StoreError("away", remedy="Wait."), StoreError("still away", remedy="Wait.")]

    def work() -> str:
        if left:
            raise left.pop()
        return "done"

    assert outlast(work, threading.Event()) == "done"


@pytest.mark.parametrize(
    "error", [StoreVersionError("too new", remedy="Upgrade."), SpecError("wrong", remedy="Correct it.")]
)
def test_what_does_not_pass_is_not_waited_for(error: Exception) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error), match=r"too new|wrong"):
        outlast(work, threading.Event())


def test_nobody_waits_once_the_desk_is_closed() -> None:
    closed = threading.Event()
    closed.set()

    def work() -> None:
        raise StoreError("away", remedy="Wait.")

    with pytest.raises(StoreError, match="away"):
        outlast(work, closed)
