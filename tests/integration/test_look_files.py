"""Files and series that looks leave: kept before the answer counts, once however often it comes, and given out."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from support.counting import install_counting

import flows.desk
from domain.errors import ServiceAwayError
from domain.fidelity import AnsweredBy, Capability, Fidelity
from domain.look import FileNote
from domain.measurement import SeriesPoint
from domain.quantity import Goal, Objective
from domain.states import CampaignState, QueryState
from flows.asking import ask_fidelity
from flows.machine.client import MachineClient
from flows.machine.loop import Machine, Offer
from flows.machine.spool import Spool
from flows.machine.watch import Watch
from flows.workplace import Workplace
from services.access.people import give_campaign
from services.access.principal import local_operator
from services.access.roles import Role
from services.api.testing import OWN_GROUP, Served, serving
from services.intake import record_measurement
from services.intake.testing import example_measurement
from services.settings import load_settings
from services.store import Store, open_store
from services.store.examples import example_pick, example_spec, open_round
from services.store.records import QueryRecord
from services.uploads.artifacts import ArtifactFolder

CAMPAIGN = "leaving-looks"
SETTINGS = {"leaves": {"small.txt": 10, "large.bin": 3 * 2**20}, "series_K": [300.0, 600.0]}
SERIES = (SeriesPoint(300.0, 2.0, 0.1), SeriesPoint(600.0, 2.0, 0.1))
LOST = {("files", 2), ("files", 3), ("measurement", 1)}
TOO_LARGE = {"name": "large.bin", "why": "The file is larger than 1 MiB."}


@pytest.fixture(autouse=True)
def _plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_counting(tmp_path, monkeypatch)


def open_campaign(store: Store, **changes: object) -> QueryRecord:
    fidelity = Fidelity("count", oracle="counting", cost=3.0, settings=SETTINGS, **changes)
    spec = replace(
        example_spec(CAMPAIGN),
        objective=Objective("density", Goal.MAXIMIZE),
        ladder=(fidelity,),
        initial_looks={"count": 1},
    )
    campaign = store.campaigns.create(spec)
    open_round(store, campaign.id, 0, [example_pick(1, "count")])
    (query,) = store.queries.list(campaign.id)
    return query


def working(store: Store, home: Path, **environ: str) -> Workplace:
    campaign = store.campaigns.get(CAMPAIGN)
    store.campaigns.set_state(campaign.id, CampaignState.RUNNING)
    store.campaigns.acquire_runner(campaign.id, "runner:here", 600)
    return Workplace(load_settings({"PETALITE_HOME": str(home), **environ}), store, campaign, "runner:here")


def ask(workplace: Workplace) -> None:
    found = workplace.store.rounds.find(workplace.campaign.id, 0)
    assert found is not None
    ask_fidelity(workplace, found, "count")


def test_a_runner_that_dies_between_file_and_answer_keeps_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as store:
        query = open_campaign(store)
        workplace = working(store, tmp_path)
        with monkeypatch.context() as dying:
            dying.setattr(flows.desk, "record_measurement", die)
            with pytest.raises(Died):
                ask(workplace)
        assert store.measurements.of_query(query.id) == ()
        assert len(store.artifacts.list(query.campaign_id)) == 2
        ask(workplace)
        (answered,) = store.measurements.of_query(query.id)
        assert answered.measurement.details == {"began_at": 6, "steps": 6}, "it went on with what the first left"
        small, large = store.artifacts.list(query.campaign_id)
        assert store.artifacts.of_measurement(answered.id) == (small, large)
        assert (small.name, small.size, small.description) == ("small.txt", 10, "What was counted.")
        assert ArtifactFolder(workplace.settings.artifacts).path(small.digest).read_bytes() == b"x" * 10
        assert store.series.of([answered.id]) == {answered.id: SERIES}
        assert store.measurements.observations(query.campaign_id)[0].temperature_K is None, "no point is learned from"
        assert len(store.measurements.observations(query.campaign_id)) == 1


class Died(BaseException):
    """As a kill, which runs no `except Exception`."""


def die(*_: object, **__: object) -> None:
    raise Died


def test_an_answer_counts_without_the_file_that_is_too_large(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as store:
        query = open_campaign(store)
        ask(working(store, tmp_path, PETALITE_LOOK_FILE_MIB="1"))
        (answered,) = store.measurements.of_query(query.id)
        assert answered.measurement.details["missing_files"] == [TOO_LARGE]
        assert [file.name for file in store.artifacts.of_measurement(answered.id)] == ["small.txt"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "served") as running:
        yield running


class Line(httpx.BaseTransport):
    """The line between a machine and the service, on which calls, or their answers, may be lost."""

    def __init__(self, served: Served, is_lost: Callable[[str, int], bool] = lambda path, n_calls: False) -> None:
        self._served = served
        self._is_lost = is_lost
        self.calls: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request.url.path.rsplit("/", 1)[-1])
        answer = self._served.client.request(
            request.method,
            request.url.raw_path.decode(),
            content=request.read(),
            headers={**request.headers, "Authorization": f"Bearer {self._served.tokens[Role.MACHINE]}"},
        )
        if self._is_lost(self.calls[-1], self.calls.count(self.calls[-1])):
            raise httpx.ReadError("the answer is lost")
        return httpx.Response(answer.status_code, headers={"Content-Type": "x"}, content=answer.content)


def machine(line: Line, folder: Path) -> Machine:
    client = MachineClient(httpx.Client(transport=line, base_url="http://petalite.test"))
    watch = Watch(lease_s=60, stop=threading.Event(), grace_s=0)
    offer = Offer("node", (Capability("counting"),), CAMPAIGN, poll_s=0.05)
    return Machine(client, Spool(folder), offer, watch, lambda line: None)


def asked_of_machines(served: Served) -> QueryRecord:
    query = open_campaign(served.store, answered_by=AnsweredBy.MACHINES)
    give_campaign(served.store, CAMPAIGN, OWN_GROUP, by=local_operator())
    return query


def test_a_machine_hands_files_in_after_an_outage_each_once(served: Served, tmp_path: Path) -> None:
    query = asked_of_machines(served)
    lossy = Line(served, lambda call, n_calls: (call, n_calls) in LOST)
    spooled = tmp_path / "spool"
    with pytest.raises(ServiceAwayError, match="was away for 0 s"):
        machine(lossy, spooled).run_once(patience_s=0)
    (parcel,) = Spool(spooled).parcels()
    assert [file.number for file in parcel.files] == [1, None], "the second arrived unnoticed"
    assert list(Spool(spooled).looks.kept()) == [], "its files wait in the spool"
    with pytest.raises(ServiceAwayError, match="was away for 0 s"):
        machine(lossy, spooled).run_once(patience_s=0)
    machine(lossy, spooled).run_once(patience_s=0)

    assert lossy.calls.count("files") == 4
    (answered,) = served.store.measurements.of_query(query.id)
    kept = served.store.artifacts.list(query.campaign_id)
    assert [file.name for file in kept] == ["small.txt", "large.bin"]
    assert served.store.artifacts.of_measurement(answered.id) == kept
    assert served.store.series.of([answered.id]) == {answered.id: SERIES}
    assert served.store.queries.get(query.id).state is QueryState.DONE
    assert {path.name for path in spooled.iterdir()} <= {"lock", "looks", "refused"}


def test_a_machine_says_which_file_the_service_did_not_take(served: Served, tmp_path: Path) -> None:
    service = served.app.state.service
    service.settings = replace(service.settings, look_file_MiB=1)
    query = asked_of_machines(served)
    machine(Line(served), tmp_path / "spool").run_once()
    (answered,) = served.store.measurements.of_query(query.id)
    assert answered.measurement.details["missing_files"] == [TOO_LARGE]
    assert [file.name for file in served.store.artifacts.of_measurement(answered.id)] == ["small.txt"]


def test_whoever_may_see_the_campaign_gets_its_files_and_series(served: Served, tmp_path: Path) -> None:
    query = asked_of_machines(served)
    machine(Line(served), tmp_path / "spool").run_once()
    (answered,) = served.store.measurements.of_query(query.id)

    def get(path: str, *, stranger: bool = False, **headers: str) -> httpx.Response:
        who = served.acting_as(Role.VIEWER, stranger=stranger)
        return served.client.get(f"/api/v1/{path}", headers={**who, **headers})

    shown = get(f"measurements/{answered.id}").json()
    assert shown["series"][1] == {"temperature_K": 600.0, "value": 2.0, "sigma": 0.1, "censoring": "="}
    assert len(get(f"campaigns/{CAMPAIGN}/series").json()["items"]) == 2
    hot = get(f"campaigns/{CAMPAIGN}/series?at_least_K=400&at_most_K=700").json()["items"]
    assert [point["point"]["temperature_K"] for point in hot] == [600.0]
    (small, _) = get(f"measurements/{answered.id}/artifacts").json()
    content = f"artifacts/{small['id']}/content"
    assert get(content).content == b"x" * 10
    assert get(content, Range="bytes=2-4").content == b"xxx"
    for path in (content, f"campaigns/{CAMPAIGN}/series", f"measurements/{answered.id}/artifacts"):
        assert get(path, stranger=True).status_code == 404


def test_no_more_files_come_than_answers_can_name(served: Served) -> None:
    query = asked_of_machines(served)
    path = f"/api/v1/queries/{query.id}/files"
    fence = served.store.queries.claim(query.id, worker="somebody/node", lease_s=60).fence
    assert served.store.queries.release(query.id, fence)

    def post(number: int) -> httpx.Response:
        sent = {"params": {"fence": fence, "description": "Seen."}, "files": {"file": (f"{number}.txt", b"x")}}
        return served.client.post(path, headers=served.acting_as(Role.MACHINE), **sent)

    for number in range(63):
        note = FileNote(f"{number}.txt", "text/plain", "Seen.")
        served.store.artifacts.keep_produced(
            query.campaign_id, note, digest="0" * 64, size=1, uploaded_by="somebody", query_id=query.id
        )
    assert post(63).status_code == 201
    refused = post(64)
    assert (refused.status_code, refused.json()["detail"]) == (
        422,
        f"Query {query.id} has 64 files, of all its attempts; no more are kept.",
    )
    assert len(served.store.artifacts.list(query.campaign_id)) == 64


def test_a_query_that_ended_long_ago_takes_no_files(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    query = asked_of_machines(served)
    fence = served.store.queries.claim(query.id, worker="somebody/node", lease_s=60).fence
    record_measurement(served.store, query.id, fence=fence, measurement=example_measurement(2.0, "g/cm^3"))
    sent = {"params": {"fence": fence, "description": "Seen."}, "files": {"file": ("a.txt", b"x", "text/plain")}}
    path = f"/api/v1/queries/{query.id}/files"
    assert served.client.post(path, headers=served.acting_as(Role.MACHINE), **sent).status_code == 201
    monkeypatch.setattr("services.api.routers.look_files.LONGEST_LEASE_S", -1)
    refused = served.client.post(path, headers=served.acting_as(Role.MACHINE), **sent)
    assert refused.status_code == 422
    assert "too long ago for its files" in refused.json()["detail"]


def test_files_come_under_the_fence_of_a_claim(served: Served) -> None:
    query = asked_of_machines(served)
    sent = {"params": {"fence": 1, "description": "Seen."}, "files": {"file": ("a.txt", b"x", "text/plain")}}
    path = f"/api/v1/queries/{query.id}/files"
    refused = served.client.post(path, headers=served.acting_as(Role.MACHINE), **sent)
    assert (refused.status_code, refused.json()["detail"]) == (409, f"Query {query.id} never handed out fence 1.")
    assert served.client.post(path, headers=served.acting_as(Role.MACHINE, stranger=True), **sent).status_code == 404
    assert served.store.artifacts.list(query.campaign_id) == ()
