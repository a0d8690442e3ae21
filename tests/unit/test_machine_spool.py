"""What a machine keeps for the service, and what it does when the service says no."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from domain.cost import Cost
from domain.errors import ConflictError, InvalidValueError, ServiceAwayError, ServiceError
from domain.fidelity import Capability
from domain.look import ReferenceEnergy
from domain.measurement import Failure, FailureKind, Provenance
from domain.parsing import parse_json
from flows.machine.client import MachineClient
from flows.machine.loop import Machine, Offer
from flows.machine.post import Post
from flows.machine.spool import Parcel, Spool
from flows.machine.watch import Watch
from services.intake.testing import example_measurement
from services.messages.claims import FailureRequest, MeasurementRequest, ReferenceMessage

MEASURED = Parcel(7, measurement=MeasurementRequest(3, example_measurement()))
FAILED = Parcel(
    2, failure=FailureRequest(1, Failure(FailureKind.TRANSIENT, "It died.", "node", Cost(1), datetime.now(UTC)))
)


def client(answer) -> MachineClient:
    return MachineClient(httpx.Client(transport=httpx.MockTransport(answer), base_url="http://petalite.test"))


def machine(answer, spool: Spool, told: list[str]) -> Machine:
    watch = Watch(60, threading.Event(), 0)
    return Machine(client(answer), spool, Offer("node", ()), watch, told.append)


def test_parcels_outlive_the_process_and_are_delivered_in_order(tmp_path: Path) -> None:
    Spool(tmp_path).put(MEASURED)
    Spool(tmp_path).put(FAILED)
    spool = Spool(tmp_path)
    assert spool.parcels() == (FAILED, MEASURED)
    assert spool.has(7, 3)
    assert not spool.has(7, 2)
    spool.remove(MEASURED)
    spool.remove(MEASURED)
    assert spool.parcels() == (FAILED,)


def test_a_draft_of_a_killed_process_is_no_parcel_and_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / ".query-1-claim-1.json.99").write_text("{")
    (tmp_path / "query-1-claim-1.json").write_text('{"query_id": 1')
    spool.put(FAILED)
    assert spool.parcels() == (FAILED,)
    assert (spool.refused_folder / "query-1-claim-1.json").exists()


def test_a_name_is_one_process_at_a_time(tmp_path: Path) -> None:
    with Spool(tmp_path).held():
        with pytest.raises(ConflictError, match="is running already on this computer"):
            machine(lambda request: httpx.Response(204), Spool(tmp_path), []).run_once()
        assert machine(lambda request: httpx.Response(204), Spool(tmp_path), []).deliver()
    with Spool(tmp_path).held():
        pass


def test_a_parcel_is_one_answer() -> None:
    with pytest.raises(InvalidValueError, match="is not one measurement or one failure"):
        Parcel(1)


def test_a_parcel_is_sent_until_it_is_taken_and_by_the_short_way(tmp_path: Path) -> None:
    sent = []

    def take(request: httpx.Request) -> httpx.Response:
        assert "Idempotency-Key" not in request.headers
        sent.append((request.url.path, request.content))
        return httpx.Response(503 if len(sent) == 1 else 201, json={})

    spool = Spool(tmp_path)
    spool.put(MEASURED)
    told: list[str] = []
    assert not machine(take, spool, told).deliver()
    assert machine(take, spool, told).deliver()
    assert sent == [("/api/v1/queries/7/measurement", MEASURED.body.encode())] * 2
    assert "does not answer: HTTP status 503" in told[0]
    assert spool.parcels() == ()


def test_a_value_that_cannot_be_becomes_a_failure(tmp_path: Path) -> None:
    taken = []

    def judge(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/measurement"):
            return httpx.Response(422, json={"detail": "-99 eV/atom is no formation energy.", "remedy": "Look again."})
        taken.append(parse_json(FailureRequest, request.content))
        return httpx.Response(201, json={})

    spool = Spool(tmp_path)
    spool.put(MEASURED)
    assert machine(judge, spool, []).deliver()
    (request,) = taken
    assert (request.fence, request.failure.kind) == (3, FailureKind.PERMANENT)
    assert request.failure.reason == "-99 eV/atom is no formation energy."
    assert request.failure.details["value"] == -1.25
    assert spool.parcels() == ()


@pytest.mark.parametrize("status", [404, 409, 422])
def test_what_the_service_never_takes_is_kept_where_people_find_it(tmp_path: Path, status: int) -> None:
    spool, told = Spool(tmp_path), []
    spool.put(FAILED)
    assert machine(lambda request: httpx.Response(status, json={"detail": "No."}), spool, told).deliver()
    assert spool.parcels() == ()
    assert parse_json(Parcel, (spool.refused_folder / "query-2-claim-1.json").read_bytes()) == FAILED
    assert (spool.refused_folder / "query-2-claim-1.txt").read_text().startswith("No.")
    assert "does not take the answer to query 2" in told[0]


@pytest.mark.parametrize(
    ("answer", "error", "match"),
    [
        (httpx.Response(429), ServiceAwayError, "HTTP status 429"),
        (httpx.Response(418, text="<html>"), ServiceError, "refused with HTTP status 418"),
        (httpx.Response(200, text="<html>"), ServiceError, "does not understand"),
        (httpx.Response(200, json=[1]), ServiceError, "does not understand"),
    ],
)
def test_strange_services_are_refused_in_words(answer: httpx.Response, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        client(lambda request: answer).claim("node", [Capability("density")], lease_s=60)


def test_a_reference_energy_waits_for_the_service(tmp_path: Path) -> None:
    provenance = Provenance("ase", "gpaw 26.7", "abc", "node")
    message = ReferenceMessage(ReferenceEnergy("Li", -1.9, "bcc", "data_Li\n"), provenance, 12.5)
    spool, told = Spool(tmp_path), []
    with pytest.raises(ServiceAwayError, match="HTTP status 503"):
        Post(client(lambda request: httpx.Response(503)), spool, told.append).hand_in_reference(message)
    assert Spool(tmp_path).references() == (message,)
    assert Spool(tmp_path).parcels() == ()
    assert not Post(client(lambda request: httpx.Response(503)), spool, told.append).deliver()

    taken: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        taken.append(request)
        return httpx.Response(201, content=request.content)

    assert Post(client(take), spool, told.append).deliver()
    assert [request.url.path for request in taken] == ["/api/v1/references"]
    assert spool.references() == ()

    assert Post(client(take), spool, told.append).hand_in_reference(message) == message
    spool.put_reference(message)
    refuse = client(lambda request: httpx.Response(422, json={"detail": "No such element."}))
    assert Post(refuse, spool, told.append).deliver()
    assert spool.references() == ()
    assert "reference energy of Li" in told[-1]
    assert {path.suffix for path in spool.refused_folder.iterdir()} == {".json", ".txt"}
