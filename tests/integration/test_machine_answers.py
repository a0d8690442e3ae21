"""Machines answer queries of the real service: once each, whatever happens to the line between them."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from domain.errors import NotAuthenticatedError, OracleUnavailableError, ServiceAwayError
from domain.events import EventKind
from domain.fidelity import AnsweredBy, Capability, Fidelity
from domain.measurement import FailureKind
from domain.quantity import Goal, Objective
from domain.states import QueryState
from flows.machine.client import MachineClient
from flows.machine.loop import Machine, Offer
from flows.machine.spool import Spool
from flows.machine.watch import Watch
from services.access.people import give_campaign
from services.access.principal import local_operator
from services.access.roles import Role
from services.api.testing import OWN_GROUP, Served, serving
from services.store.examples import example_pick, example_spec, open_round
from services.store.records import QueryRecord

DENSITY = Capability("density")


@dataclass
class Line(httpx.BaseTransport):
    """The line between a machine and the service, which may be cut for some calls."""

    served: Served
    is_cut: Callable[[str], bool] = lambda path: False
    token: str = ""
    calls: list[str] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request.url.path)
        if self.is_cut(request.url.path):
            raise httpx.ConnectError("the line is cut")
        token = self.token or self.served.tokens[Role.MACHINE]
        answer = self.served.client.request(
            request.method,
            request.url.raw_path.decode(),
            content=request.read(),
            headers={**request.headers, "Authorization": f"Bearer {token}"},
        )
        return httpx.Response(answer.status_code, headers={"Content-Type": "x"}, content=answer.content)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def asked(served: Served, request: pytest.FixtureRequest) -> Callable[..., tuple[QueryRecord, ...]]:
    """Opens a campaign of its own with looks for machines."""

    def ask(n_looks: int, **changes: object) -> tuple[QueryRecord, ...]:
        name = request.node.name.replace("_", "-").removeprefix("test-")[:60]
        spec = example_spec(name)
        glance = Fidelity("glance", oracle="density", cost=1.0, answered_by=AnsweredBy.MACHINES, **changes)
        spec = replace(
            spec,
            objective=Objective("density", Goal.MAXIMIZE),
            ladder=(glance, replace(glance, name="gaze", cost=2.0)),
            initial_looks={"glance": 1},
        )
        campaign = served.store.campaigns.create(spec)
        give_campaign(served.store, name, OWN_GROUP, by=local_operator())
        open_round(served.store, campaign.id, 0, [example_pick(n, "glance") for n in range(n_looks)])
        return served.store.queries.list(campaign.id)

    return ask


def machine(line: Line, folder: Path, campaign_of: QueryRecord, *, name: str = "node", **watch: float) -> Machine:
    offer = Offer(name, (DENSITY,), line.served.store.campaigns.by_id(campaign_of.campaign_id).name, poll_s=0.05)
    limits = Watch(**{"lease_s": 60, "stop": threading.Event(), "grace_s": 0, **watch})
    http = httpx.Client(transport=line, base_url="http://petalite.test")
    return Machine(MachineClient(http), Spool(folder), offer, limits, lambda line: None)


def answer_without_delivery(served: Served, folder: Path, query: QueryRecord) -> None:
    """Answers a query; the line is cut when the answer is to be handed in."""
    cut = Line(served, lambda path: path.endswith("/measurement"))
    with pytest.raises(ServiceAwayError, match=r"was away for 0 s.*petalite machine deliver"):
        machine(cut, folder, query).run_once(patience_s=0)


def measurements_of(served: Served, query: QueryRecord):
    return served.store.measurements.of_query(query.id)


def test_a_machine_answers_with_its_name_and_the_seed_of_the_look(served, asked, tmp_path: Path) -> None:
    (query,) = asked(1)
    machine(Line(served), tmp_path, query).run_once()
    (recorded,) = measurements_of(served, query)
    spec = served.store.campaigns.by_id(query.campaign_id).spec
    blueprint = served.store.candidates.get(query.candidate_id).blueprint
    assert recorded.measurement.value == pytest.approx(blueprint.density_g_cm3)
    assert recorded.measurement.provenance.worker == "machine/node"
    assert recorded.measurement.provenance.seed == spec.look_seed(blueprint)
    assert recorded.measurement.provenance.settings_digest == spec.ladder[0].settings_digest
    assert served.store.queries.get(query.id).state is QueryState.DONE
    assert served.store.ledger.balance(query.campaign_id).booked == 1.0
    assert Spool(tmp_path).parcels() == ()
    machine(Line(served), tmp_path, query).run_once()


def test_an_answer_that_cannot_be_handed_in_is_kept_and_delivered_later(served, asked, tmp_path: Path) -> None:
    (query,) = asked(1)
    answer_without_delivery(served, tmp_path, query)
    assert served.store.queries.get(query.id).state is QueryState.CLAIMED
    (parcel,) = Spool(tmp_path).parcels()
    assert (parcel.query_id, parcel.fence, parcel.kind) == (query.id, 1, "measurement")

    away = machine(Line(served, lambda path: True), tmp_path, query)
    assert not away.deliver()
    assert Spool(tmp_path).parcels() == (parcel,)

    line = Line(served)
    restarted = machine(line, tmp_path, query)
    restarted.run_once()
    assert line.calls == [f"/api/v1/queries/{query.id}/measurement", "/api/v1/queries/claim"]
    (recorded,) = measurements_of(served, query)
    assert recorded.measurement == replace(
        parcel.measurement.measurement,
        provenance=replace(parcel.measurement.measurement.provenance, worker="machine/node"),
    )
    done = served.store.queries.get(query.id)
    assert (done.state, done.attempts) == (QueryState.DONE, 1)
    assert Spool(tmp_path).parcels() == ()


def test_an_answer_that_arrived_unnoticed_is_delivered_twice_and_counts_once(served, asked, tmp_path: Path) -> None:
    (query,) = asked(1)
    answer_without_delivery(served, tmp_path, query)
    (parcel,) = Spool(tmp_path).parcels()
    MachineClient(httpx.Client(transport=Line(served), base_url="http://petalite.test")).deliver(parcel)
    assert machine(Line(served), tmp_path, query).deliver()
    assert len(measurements_of(served, query)) == 1
    assert served.store.ledger.balance(query.campaign_id).booked == 1.0


def test_an_answer_under_a_lost_claim_is_kept_as_evidence(served, asked, tmp_path: Path) -> None:
    (query,) = asked(1)
    answer_without_delivery(served, tmp_path, query)
    served.store.queries.release(query.id, 1)
    other = machine(Line(served), tmp_path / "other", query, name="other")
    other.run_once()
    assert machine(Line(served), tmp_path, query).deliver()
    first, late = measurements_of(served, query)
    assert (first.is_evidence, late.is_evidence) == (False, True)
    assert served.store.ledger.balance(query.campaign_id).booked == 1.0


def test_a_machine_that_is_told_to_stop_gives_its_query_back(served, asked, tmp_path: Path) -> None:
    (query,) = asked(1)
    stop = threading.Event()

    def stopping(path: str) -> bool:
        if path.endswith("/claim"):
            stop.set()
        return False

    machine(Line(served, stopping), tmp_path, query, stop=stop).run()
    released = served.store.queries.get(query.id)
    assert (released.state, released.attempts, released.worker) == (QueryState.QUEUED, 0, None)


def test_a_look_that_fails_is_an_answer_too(served, asked, tmp_path: Path) -> None:
    from domain.fidelity import Limits

    (query,) = asked(1, limits=Limits(time_s=1e-3))
    machine(Line(served), tmp_path, query).run_once()
    (failed,) = served.store.failures.list(query.campaign_id)
    assert failed.failure.kind is FailureKind.PERMANENT
    assert "time limit of fidelity 'glance'" in failed.failure.reason
    assert failed.failure.worker == "machine/node"


def test_a_machine_that_cannot_answer_gives_the_query_back_and_says_so(served, asked, tmp_path: Path) -> None:
    (query,) = asked(1, settings={"unheard": "of"})
    with pytest.raises(OracleUnavailableError, match="cannot look at fidelity 'glance'"):
        machine(Line(served), tmp_path, query).run()
    assert served.store.queries.get(query.id).state is QueryState.QUEUED


def test_a_token_that_is_worth_nothing_ends_the_machine_and_costs_no_answer(served, asked, tmp_path: Path) -> None:
    (query,) = asked(1)
    answer_without_delivery(served, tmp_path, query)
    with pytest.raises(NotAuthenticatedError, match=r".+"):
        machine(Line(served, token="petalite_of_yesterday"), tmp_path, query).run()
    assert len(Spool(tmp_path).parcels()) == 1


def test_two_machines_share_the_queue_and_answer_each_query_once(served, asked, tmp_path: Path) -> None:
    queries = asked(6)
    stop = threading.Event()
    machines = [machine(Line(served), tmp_path / f"{n}", queries[0], name=f"node-{n}", stop=stop) for n in range(2)]
    threads = [threading.Thread(target=m.run) for m in machines]
    for thread in threads:
        thread.start()
    over = threading.Event()
    while any(q.state is not QueryState.DONE for q in served.store.queries.list(queries[0].campaign_id)):
        over.wait(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    assert [len(measurements_of(served, query)) for query in queries] == [1] * 6
    events = served.store.events.list(queries[0].campaign_id)
    assert sum(record.event.kind is EventKind.QUERY_CLAIMED for record in events) == 6
