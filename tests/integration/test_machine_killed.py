"""`petalite worker --oracle` against a real service on a socket: killed, stopped, started again."""

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import uvicorn

from domain.campaign import CampaignSpec
from domain.events import EventKind
from domain.fidelity import AnsweredBy, Fidelity
from domain.states import QueryState
from services.access.people import give_campaign
from services.access.principal import local_operator
from services.access.roles import Role
from services.api.testing import OWN_GROUP, Served, serving
from services.store.examples import example_pick, example_spec, open_round
from services.store.records import QueryRecord

MODEL = Fidelity(
    "short",
    oracle="ase",
    cost=1.0,
    settings={"calculator": "lj", "parameters": {"sigma": 1.2, "rc": 4.0}},
    answered_by=AnsweredBy.MACHINES,
)
PATIENCE_S = 120.0

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Service:
    """A service on a socket."""

    served: Served
    url: str


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("served")) as served, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(served.app, lifespan="off", log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield Service(served, f"http://127.0.0.1:{listening.getsockname()[1]}")
        server.should_exit = True
        thread.join()


def model_spec(name: str) -> CampaignSpec:
    spec = example_spec(name)
    return replace(spec, ladder=(MODEL, replace(MODEL, name="long", cost=2.0)), initial_looks={"short": 1})


def asked(service: Service, name: str, n_looks: int) -> tuple[QueryRecord, ...]:
    campaign = service.served.store.campaigns.create(model_spec(name))
    give_campaign(service.served.store, name, OWN_GROUP, by=local_operator())
    open_round(service.served.store, campaign.id, 0, [example_pick(n, "short") for n in range(n_looks)])
    return service.served.store.queries.list(campaign.id)


def start(terminal, service: Service, campaign: str, *options: str) -> subprocess.Popen[str]:
    token = terminal.home.parent / "token"
    token.write_text(service.served.tokens[Role.MACHINE] + "\n", encoding="ascii")
    token.chmod(0o600)
    named = ("--url", service.url, "--token-file", str(token), "--name", "node", "--campaign", campaign)
    return terminal.start("worker", *named, "--oracle", "ase", "--poll-s", "0.2", *options)


def signal_when_claimed(service: Service, query: QueryRecord, process: subprocess.Popen[str], number: int) -> str:
    patience = threading.Event()
    while service.served.store.queries.get(query.id).state is not QueryState.CLAIMED:
        assert process.poll() is None, process.communicate()
        patience.wait(0.02)
    process.send_signal(number)
    return process.communicate(timeout=PATIENCE_S)[0]


def n_events(service: Service, query: QueryRecord, kind: EventKind) -> int:
    events = service.served.store.events.list(query.campaign_id)
    return sum(record.event.kind is kind for record in events)


def test_a_killed_machine_gets_its_query_again_and_nothing_is_paid_twice(terminal, service: Service) -> None:
    first, second = asked(service, "killed", 2)
    signal_when_claimed(service, first, start(terminal, service, "killed"), signal.SIGKILL)
    held = service.served.store.queries.get(first.id)
    assert (held.state, held.worker, held.fence) == (QueryState.CLAIMED, "machine/node", 1)

    told = start(terminal, service, "killed", "--once").communicate(timeout=PATIENCE_S)[0]
    assert f"Claimed query {first.id}" in told
    done = service.served.store.queries.get(first.id)
    assert (done.state, done.fence, done.attempts) == (QueryState.DONE, 1, 1)
    assert n_events(service, first, EventKind.QUERY_CLAIMED) == 1
    assert service.served.store.ledger.balance(first.campaign_id).booked == 1.0
    (measured,) = service.served.store.measurements.of_query(first.id)
    version, digest = measured.measurement.provenance.oracle_version, MODEL.settings_digest
    group = service.served.store.people.group(OWN_GROUP).id
    references = service.served.store.references.get("ase", version, digest, group_id=group)
    assert {found.provenance.worker for found in references.values()} == {"machine/node"}
    assert set(references) == {"Li", "Cl"}
    assert service.served.store.queries.get(second.id).attempts == 0


def test_a_machine_that_is_terminated_gives_its_query_back_and_leaves(terminal, service: Service) -> None:
    (query,) = asked(service, "terminated", 1)
    process = start(terminal, service, "terminated", "--grace-s", "0")
    told = signal_when_claimed(service, query, process, signal.SIGTERM)
    assert process.returncode == 0
    after = service.served.store.queries.get(query.id)
    # Where the look was over before the signal came, it was handed in.
    assert after.state in {QueryState.QUEUED, QueryState.DONE}
    if after.state is QueryState.QUEUED:
        assert "back" in told
        assert (after.attempts, after.worker) == (0, None)
        assert n_events(service, query, EventKind.QUERY_REQUEUED) == 1
