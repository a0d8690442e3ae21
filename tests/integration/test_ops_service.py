"""The service as its maintainer starts it: campaigns move by themselves, and a killed worker is replaced."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from domain.states import CampaignState, QueryState
from services.specs import load_spec
from services.store import Store, open_store
from services.store.examples import fresh_postgres

BIN = Path(sys.executable).parent
PATIENCE_S = 300.0


def _wait_until(condition: Callable[[], bool], what: str, *processes: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        ended = [process.args for process in processes if process.poll() is not None]
        assert not ended, f"{ended} ended while waiting until {what}"
        assert time.monotonic() < deadline, f"{what}: never"
        time.sleep(0.2)


@contextmanager
def _started(log: Path, environ: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Starts a program of this environment; ends it with everything that it has started."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(BIN / arguments[0]), *arguments[1:]],
            env={**os.environ, **environ},
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        family = [process, *_descendants(process)]
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for member in family[1:]:
            if member.is_running():
                member.kill()


def _descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def _begin_campaign(store: Store, spec: Path) -> int:
    record = store.campaigns.create(load_spec(spec))
    store.campaigns.wake(record.id)
    return record.id


def _is_under_way(store: Store, campaign_id: int) -> bool:
    return store.campaigns.runner(campaign_id) is not None and len(store.measurements.list(campaign_id)) > 0


def _is_complete(store: Store, campaign_id: int) -> bool:
    return store.campaigns.by_id(campaign_id).state is CampaignState.COMPLETED


def _assert_paid_once(store: Store, campaign_id: int) -> None:
    done = store.queries.list(campaign_id, states=frozenset({QueryState.DONE}))
    measured = [record for record in store.measurements.list(campaign_id) if not record.is_evidence]
    assert sorted(record.query_id for record in measured) == sorted(query.id for query in done)
    balance = store.ledger.balance(campaign_id)
    assert balance.reserved == 0
    assert balance.booked == pytest.approx(sum(query.declared.amount for query in done))


@pytest.mark.campaign
def test_one_command_serves_and_works(tmp_path: Path, density_spec: Path) -> None:
    port, home = _free_port(), tmp_path / "home"
    environ = {"PETALITE_HOME": str(home), "PETALITE_PORT": str(port)}
    log = tmp_path / "serve.log"
    with (
        open_store(f"sqlite:///{home / 'petalite.sqlite3'}") as store,
        _started(log, environ, "petalite", "serve") as service,
    ):
        ready = f"http://127.0.0.1:{port}/api/v1/health/ready"
        _wait_until(lambda: _answers(ready), "the service answers", service)
        campaign_id = _begin_campaign(store, density_spec)
        _wait_until(lambda: _is_under_way(store, campaign_id), "the campaign is under way", service)
        (worker,) = [child for child in psutil.Process(service.pid).children() if "worker" in child.cmdline()]
        worker.kill()
        _wait_until(lambda: _is_complete(store, campaign_id), "another worker has finished the campaign", service)
        _assert_paid_once(store, campaign_id)
        family = _descendants(service)
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0
        psutil.wait_procs(family, timeout=30)
        assert [member.cmdline() for member in family if member.is_running()] == []
    assert "This link makes the administrator" in log.read_text()


@pytest.mark.campaign
@pytest.mark.postgres
def test_many_workers_on_a_server_of_each_kind(tmp_path: Path, density_spec: Path) -> None:
    server = os.environ.get("PETALITE_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("PETALITE_TEST_POSTGRES_URL is not set")
    with fresh_postgres(server) as store_url, fresh_postgres(server) as prefect_url:
        port = _free_port()
        prefect = {
            "PREFECT_HOME": str(tmp_path / "prefect"),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_API_AUTH_STRING": "petalite:only here",
            "PREFECT_API_AUTH_STRING": "petalite:only here",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_API_DATABASE_CONNECTION_URL": prefect_url.replace("+psycopg", "+asyncpg"),
        }
        worker = {**prefect, "PETALITE_STORE_URL": store_url, "PETALITE_HOME": str(tmp_path / "home")}
        serving = ("prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))
        with (
            open_store(store_url) as store,
            _started(tmp_path / "prefect.log", prefect, *serving) as prefect_server,
            _started(tmp_path / "worker-1.log", worker, "petalite", "worker") as first,
            _started(tmp_path / "worker-2.log", worker, "petalite", "worker") as second,
        ):
            campaign_id = _begin_campaign(store, density_spec)
            _wait_until(lambda: _is_under_way(store, campaign_id), "the campaign is under way", prefect_server)
            driver = _driver(store, campaign_id)
            doomed = next(one for one in (first, second) if driver in {child.pid for child in _descendants(one)})
            for member in [psutil.Process(doomed.pid), *_descendants(doomed)]:  # the machine loses its power
                member.kill()
            survivor = second if doomed is first else first
            _wait_until(lambda: _is_complete(store, campaign_id), "the other worker has finished it", survivor)
            _assert_paid_once(store, campaign_id)


def _driver(store: Store, campaign_id: int) -> int:
    lease = store.campaigns.runner(campaign_id)
    assert lease is not None
    return int(lease.holder.split(":")[2])
