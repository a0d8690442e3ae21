"""The service as its maintainer starts it: campaigns move by themselves, and a killed worker is replaced."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from support.processes import answers, descendants, free_port, started, wait_until

from domain.states import CampaignState, QueryState
from services.specs import load_spec
from services.store import Store, open_store
from services.store.examples import fresh_postgres


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
    port, home = free_port(), tmp_path / "home"
    environ = {"PETALITE_HOME": str(home), "PETALITE_PORT": str(port)}
    log = tmp_path / "serve.log"
    with (
        open_store(f"sqlite:///{home / 'petalite.sqlite3'}") as store,
        started(log, environ, "petalite", "serve") as service,
    ):
        ready = f"http://127.0.0.1:{port}/api/v1/health/ready"
        wait_until(lambda: answers(ready), "the service answers", service)
        campaign_id = _begin_campaign(store, density_spec)
        wait_until(lambda: _is_under_way(store, campaign_id), "the campaign is under way", service)
        (worker,) = [child for child in psutil.Process(service.pid).children() if "worker" in child.cmdline()]
        killed = [worker, *worker.children(recursive=True)]
        (runner,) = [child for child in worker.children() if "flows.deployment" in child.cmdline()]
        for doomed in (worker, runner):  # together, so that nobody is left who could end the flow runs
            doomed.kill()
        wait_until(lambda: _is_complete(store, campaign_id), "another worker has finished the campaign", service)
        _assert_paid_once(store, campaign_id)
        _, left = psutil.wait_procs(killed, timeout=30)
        assert left == [], "nothing of the killed worker goes on"
        family = descendants(service)
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
        port = free_port()
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
            started(tmp_path / "prefect.log", prefect, *serving) as prefect_server,
            started(tmp_path / "worker-1.log", worker, "petalite", "worker") as first,
            started(tmp_path / "worker-2.log", worker, "petalite", "worker") as second,
        ):
            campaign_id = _begin_campaign(store, density_spec)
            wait_until(lambda: _is_under_way(store, campaign_id), "the campaign is under way", prefect_server)
            driver = _driver(store, campaign_id)
            doomed = next(one for one in (first, second) if driver in {child.pid for child in descendants(one)})
            for member in [psutil.Process(doomed.pid), *descendants(doomed)]:  # the machine loses its power
                member.kill()
            survivor = second if doomed is first else first
            wait_until(lambda: _is_complete(store, campaign_id), "the other worker has finished it", survivor)
            _assert_paid_once(store, campaign_id)


def _driver(store: Store, campaign_id: int) -> int:
    lease = store.campaigns.runner(campaign_id)
    assert lease is not None
    return int(lease.holder.split(":")[2])
