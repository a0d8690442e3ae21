"""What can be wrong with a request is answered as a problem with a remedy, and never with a 500."""

import json

import pytest

from services.access.roles import Role
from services.api.rate import Rate, Rates
from services.api.testing import running, serving

CLAIM = {"worker": "node", "lease_s": 60, "oracles": [{"oracle": "potential"}]}
JSON = {"Content-Type": "application/json"}
HOSTILE = {
    "nothing": b"",
    "no JSON": b"{",
    "NaN": b'{"worker": "node", "lease_s": NaN, "oracles": []}',
    "infinity": b'{"worker": "node", "lease_s": -Infinity, "oracles": []}',
    "beyond a double": b'{"worker": "node", "lease_s": 1e999, "oracles": []}',
    "a long number": b'{"worker": "node", "lease_s": ' + b"1" * 400 + b".0}",
    "an endless integer": b'{"lease_s": ' + b"9" * 5000 + b"}",
    "beyond 64 bits": b'{"lease_s": 9223372036854775808}',
    "half a character": b'{"worker": "\\ud800", "lease_s": 60, "oracles": []}',
    "NUL": b'{"worker": "a\\u0000b", "lease_s": 60, "oracles": []}',
    "a strange key": b'{"\\udfff": 1}',
    "no UTF-8": b'{"worker": "\xff\xfe"}',
    "deep": b"[" * 5000 + b"]" * 5000,
    "bottomless": b"[" * 100_000,
    "wide and deep": b'{"worker": ' + b"[[]," * 70 + b"1" + b"]" * 70 + b"}",
    "a list": b"[1, 2]",
    "null": b"null",
    "text": b'"node"',
    "unknown keys": json.dumps({**CLAIM, "state": "done", "cost": 0}).encode(),
    "wrong types": b'{"worker": 5, "lease_s": "x", "oracles": 7}',
    "an impossible lease": json.dumps({**CLAIM, "lease_s": 1e300}).encode(),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("requests")) as application:
        application.new_campaign("chlorides")
        yield application


def _is_problem(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"].startswith("urn:petalite:problem:")
    return bool(problem["title"] and problem["detail"] and problem["remedy"])


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bodies_are_refused(served, body):
    headers = {**served.acting_as(Role.MACHINE), **JSON}
    answer = served.client.post("/api/v1/queries/claim", content=body, headers=headers)
    assert answer.status_code in {400, 422}, answer.text
    assert _is_problem(answer)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/json5"])
def test_what_does_not_claim_to_be_json_is_no_json(served, content_type):
    headers = {**served.acting_as(Role.MACHINE), "Content-Type": content_type, "Idempotency-Key": "k"}
    for body in (json.dumps(CLAIM).encode(), b"\xff\x00", b"[" * 5000):
        answer = served.client.post("/api/v1/queries/claim", content=body, headers=headers)
        assert answer.status_code in {400, 422}, answer.text
        assert _is_problem(answer)


def test_what_was_sent_is_not_echoed(served):
    answer = served.client.post("/api/v1/login", json={"name": "ada", "password": {"secret": "hunter2"}})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text
    assert answer.json()["errors"][0]["field"] == "body.password"


@pytest.mark.parametrize("declared", [True, False])
def test_bodies_are_bounded(served, declared):
    body = b'{"worker": "' + b"a" * 2**20 + b'"}'
    headers = {**served.acting_as(Role.MACHINE), **JSON}
    content = body if declared else iter([body[:1000], body[1000:]])
    answer = served.client.post("/api/v1/queries/claim", content=content, headers=headers)
    assert answer.status_code == 413
    assert _is_problem(answer)


@pytest.mark.parametrize(
    "address", ["campaigns/a%00b", "campaigns?state=%00", "campaigns/%ED%A0%80", "queries/99999999999"]
)
def test_strange_addresses_are_refused(served, address):
    answer = served.client.get(f"/api/v1/{address}", headers=served.acting_as(Role.VIEWER))
    assert answer.status_code in {400, 404, 422}, answer.text
    assert _is_problem(answer)


def test_what_is_not_there_and_what_is_not_possible(served):
    headers = served.acting_as(Role.VIEWER)
    missing = served.client.get("/api/v1/nothing", headers=headers)
    assert (missing.status_code, _is_problem(missing)) == (404, True)
    impossible = served.client.put("/api/v1/campaigns", headers=headers)
    assert (impossible.status_code, _is_problem(impossible)) == (405, True)
    assert "GET" in impossible.headers["allow"]


def test_errors_of_the_domain_name_their_remedy(served):
    headers = served.acting_as(Role.SCIENTIST)
    spec = served.client.get("/api/v1/campaigns/chlorides", headers=headers).json()["spec"]
    spec["budget"]["total"] = -1
    answer = served.client.post("/api/v1/campaigns", json={"spec": spec}, headers=headers)
    assert answer.status_code == 422
    assert "is no budget" in answer.json()["detail"]


def test_the_same_is_said_of_a_similar_name(served):
    """The command line suggests similar names; here they may be others'."""
    answer = served.client.get("/api/v1/campaigns/chlorids", headers=served.acting_as(Role.SCIENTIST, stranger=True))
    assert answer.status_code == 404
    assert "chlorides" not in answer.text


def test_headers_are_safe(served):
    answer = served.client.get("/api/v1/health/live", headers={"X-Request-ID": "abcdefgh-1"})
    assert answer.headers["x-request-id"] == "abcdefgh-1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "access-control-allow-origin" not in answer.headers
    assert "strict-transport-security" not in answer.headers
    secure = served.client.get("https://petalite.test/api/v1/health/live", headers={"X-Request-ID": "a b\n"[:2]})
    assert "strict-transport-security" in secure.headers
    assert secure.headers["x-request-id"] != "a "


def test_nothing_is_told_of_what_nobody_foresaw(served, monkeypatch):
    def fall_over():
        message = "the secret of the house"
        raise RuntimeError(message)

    monkeypatch.setattr(served.store.pages, "count_campaigns", fall_over)
    answer = served.client.get("/api/v1/health/ready")
    assert (answer.status_code, _is_problem(answer)) == (500, True)
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["detail"]


def test_a_store_that_is_away_is_not_described(tmp_path, monkeypatch):
    from domain.errors import StoreBusyError, StoreError

    with serving(tmp_path) as application:
        for error, status in ((StoreError, 503), (StoreBusyError, 503)):

            def refuse(error=error):
                raise error("The store /home/secret is away.", remedy="Look at /home/secret.")

            monkeypatch.setattr(application.store.pages, "count_campaigns", refuse)
            answer = application.client.get("/api/v1/health/ready")
            assert (answer.status_code, _is_problem(answer)) == (status, True)
            assert "secret" not in answer.text
        assert answer.headers["retry-after"] == "1"


def test_who_comes_too_often_waits(tmp_path):
    rates = Rates(signed_in=Rate(per_s=0.001, burst=3), anonymous=Rate(per_s=0.001, burst=2))
    with serving(tmp_path, rates=rates) as application:
        viewer, machine = application.acting_as(Role.VIEWER), application.acting_as(Role.MACHINE)
        statuses = [application.client.get("/api/v1/me", headers=viewer).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        assert application.client.get("/api/v1/me", headers=machine).status_code == 200
        statuses = [application.client.get("/api/v1/me").status_code for _ in range(3)]
        assert statuses == [401, 401, 429]
        late = application.client.get("/api/v1/health/live")
        assert (late.status_code, _is_problem(late)) == (429, True)
        assert int(late.headers["retry-after"]) > 100


def test_an_application_starts_again_on_its_store(tmp_path):
    with serving(tmp_path) as application:
        headers = application.acting_as(Role.VIEWER)
    with running(application.app) as client:
        assert client.get("/api/v1/me", headers=headers).status_code == 200
