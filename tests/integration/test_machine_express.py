"""A measurement that takes the short way is answered, kept and audited as by the long way."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.events import EventKind
from domain.parsing import to_json_value
from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Permission, Role
from services.access.tokens import create_token
from services.api.testing import serving
from services.intake.testing import example_measurement

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("express")) as application:
        yield application


def claimed(served, name, n):
    campaign = served.new_campaign(name, n_picks=n)
    queries = [query for query in served.store.queries.list(campaign.id) if query.fidelity == "static"]
    return [served.store.queries.claim(query.id, worker="machine/node", lease_s=60) for query in queries]


def body(query, value=-1.0, **changes):
    measurement = to_json_value(example_measurement(value)) | {"measured_at": query.created_at.isoformat()} | changes
    return json.dumps({"fence": query.fence, "measurement": measurement, "realizations": []}).encode()


def origin(**changes):
    return to_json_value(example_measurement().provenance) | changes


def post(served, query, content, **headers):
    sent = {**served.acting_as(Role.MACHINE), **JSON, **headers}
    return served.client.post(f"/api/v1/queries/{query.id}/measurement", content=content, headers=sent)


def test_both_ways_answer_and_audit_alike(served):
    short, long = claimed(served, "alike", 2)
    answers = [post(served, short, body(short)), post(served, long, body(long), **{"Idempotency-Key": "one-key"})]
    shown = []
    for query, answer in zip((short, long), answers, strict=True):
        assert answer.status_code == 201, answer.text
        assert answer.headers["content-type"] == "application/json"
        told = answer.json()
        entry = next(row for row in served.store.audit.newest(10) if row.subject == f"query {query.id}")
        assert entry.details == {"measurement": told["id"], "worker": "machine/host/1"}
        assert (entry.actor, entry.action) == ("machine", "query.measurement")
        (kept,) = served.store.pages.measurements(query.campaign_id, after_id=0, limit=9, query_id=query.id)
        assert told == to_json_value(kept)
        assert kept.measurement.provenance.worker == "machine/host/1"
        assert kept.measurement.cost.amount == query.declared.amount
        own = {"id": 0, "query_id": 0, "candidate_id": 0, "recorded_at": ""}
        shown.append((told | own, sorted(name for name in answer.headers)))
    assert shown[0] == shown[1]
    assert served.store.audit.verify() is None
    counted = served.client.get("/api/v1/metrics", headers=served.acting_as(Role.ADMINISTRATOR)).text
    assert 'petalite_requests_total{method="POST",route="hand_in_measurement",status="201"} 2.0' in counted


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (lambda query: body(query, unit="parsnips"), 422),
        (lambda query: body(query, value=1e6), 422),
        (lambda query: body(query, sigma=-1), 422),
        (lambda query: body(query, censoring="?"), 422),
        (lambda query: body(query, provenance=origin(oracle="astrology")), 422),
        (lambda query: body(query, provenance=origin(settings_digest="nope")), 422),
        (lambda query: body(query, measured_at="1900-01-01T00:00:00Z"), 422),
        (lambda query: body(query, measured_at="2900-01-01T00:00:00Z"), 422),
        (lambda query: body(query) + b"}", 400),
        (lambda query: body(query).replace(b"-1.0", b"NaN"), 400),
        (lambda query: body(query).replace(b'"fence": 1', b'"fence": 7'), 409),
        (lambda query: b"", 422),
    ],
)
def test_refusals_are_problems(served, make, status, request):
    name = "refused-" + "".join(c if c.isalnum() else "-" for c in request.node.callspec.id).lower().strip("-")
    (query,) = claimed(served, name, 1)
    short, long = (
        post(served, query, make(query), **headers)
        for headers in ({}, {"Content-Type": "application/json; charset=utf-8"})
    )
    assert short.status_code == status, short.text
    assert short.headers["content-type"] == "application/problem+json"
    assert short.json() == long.json()
    assert served.store.queries.get(query.id).state.value == "claimed"


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "one"}])
def test_what_is_unusual_counts_and_is_said(served, headers):
    (query,) = claimed(served, f"unusual-{len(headers)}", 1)
    answer = post(served, query, body(query, value=-9.0), **headers)
    assert answer.status_code == 201, answer.text
    (remark,) = answer.json()["measurement"]["details"]["remarks"]
    assert remark == "formation_energy of -9 eV/atom is unusually low; at least -6 eV/atom is usual."
    done = next(r.event for r in served.store.events.list(query.campaign_id) if r.event.kind is EventKind.QUERY_DONE)
    assert done.message.endswith(f"Unusual: {remark}")
    assert done.payload["remarks"] == [remark]
    again = post(served, query, body(query, value=-9.0))
    assert again.json()["id"] == answer.json()["id"]


def test_nobody_answers_what_is_not_theirs(served):
    (query,) = claimed(served, "theirs", 1)
    stranger = post(served, query, body(query), **served.acting_as(Role.MACHINE, stranger=True))
    viewer = post(served, query, body(query), **served.acting_as(Role.VIEWER))
    scopes = PERMISSIONS_OF_ROLE[Role.MACHINE] - {Permission.QUERY_CLAIM}
    weak = create_token(served.store, "machine", label="weak", scopes=scopes, by=local_operator()).secret
    token = post(served, query, body(query), Authorization=f"Bearer {weak}")
    nobody = served.client.post(f"/api/v1/queries/{query.id}/measurement", content=body(query), headers=JSON)
    statuses = [answer.status_code for answer in (stranger, viewer, token, nobody)]
    assert statuses == [404, 403, 403, 401]
    assert served.store.queries.get(query.id).state.value == "claimed"


def test_many_at_once_are_each_answered_with_their_own(served):
    queries = claimed(served, "crowd", 24)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda query: post(served, query, body(query, value=-query.id / 100)), queries * 2))
    for query, answer in zip(queries * 2, answers, strict=True):
        assert answer.status_code == 201, answer.text
        assert (answer.json()["query_id"], answer.json()["reported_value"]) == (query.id, -query.id / 100)
    kept = served.store.measurements.list(queries[0].campaign_id, with_evidence=True)
    assert len(kept) == len(queries)
    assert served.store.audit.verify() is None
