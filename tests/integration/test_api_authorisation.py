"""Who may call what: every route that the application serves, by everybody."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.routing import iter_route_contexts

from domain.blueprint import Realization
from domain.json_value import JsonObject
from domain.timing import Timing, TimingKind
from services.access.identities import link
from services.access.oidc_testing import unasked_provider
from services.access.people import add_user, deactivate
from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Permission, Role
from services.access.tokens import create_token, revoke_token
from services.api.app import PUBLIC_ROUTES
from services.api.body_examples import BODY_EXAMPLES
from services.api.documentation import operations, permissions_of
from services.api.testing import OBJECTS, OWN_GROUP, serving, timely
from services.reports.figures import Plot
from services.reports.oracle_figures import OraclePlot
from services.reports.upload_figures import UploadPlot
from services.store import open_store

CAMPAIGN = "matrix"
TABLE = b"query,formula,space group,value,unit\n,Li4Cl4,225,-1.2,eV/atom\n"
READING = {"value": -1.3, "unit": "eV/atom", "temperature": "25 degC"}


@dataclass(frozen=True)
class Example:
    """What is particular about an example of a route; its body is the one that the OpenAPI document shows."""

    query: dict[str, str] = field(default_factory=dict)
    inner_rule: str = ""
    """Why the declared permission alone does not open the route."""
    files: dict[str, tuple[str, bytes, str]] | None = None
    elsewhere: str = ""
    """Why it is sent by those who may not, and by strangers, but not by those who may."""


EXAMPLES = {
    "list_references": Example(
        query={"oracle": "potential", "oracle_version": "1", "settings_digest": "x", "campaign": CAMPAIGN}
    ),
    "change_password": Example(inner_rule="a token has no password"),
    "issue_token": Example(inner_rule="a token may not make tokens"),
    "end_token": Example(inner_rule="somebody else's token is not there"),
    "import_materials": Example(elsewhere="it asks a stranger"),
    "hand_in_file": Example(files={"file": ("table.csv", TABLE, "text/csv")}),
    "reject_upload": Example(elsewhere="it succeeds just once"),
    "show_new_data": Example(query={"doi": "10.1/x"}, inner_rule="the example measures no conductivity"),
    "remove_schedule": Example(elsewhere="it succeeds just once"),
    "unlink_own_identity": Example(inner_rule="a token unlinks nothing"),
    "link_own_identity": Example(inner_rule="a token links nothing"),
    "draw_series": Example(inner_rule="the example comes from no series"),
    "draw_campaigns": Example(query={"campaign": CAMPAIGN}),
    "draw_msd": Example(inner_rule="the example comes from no runs"),
    "draw_ion_density": Example(inner_rule="the example comes from no runs"),
    "hand_in_look_file": Example(
        query={"fence": "1", "description": "What was seen."}, files={"file": ("seen.json", b"{}", "application/json")}
    ),
    "next_dates": Example(query={"expression": "0 6 * * 1"}),
    "list_own_sessions": Example(inner_rule="a token has no session"),
    "end_sessions_elsewhere": Example(inner_rule="a token has no session"),
    "make_backup": Example(elsewhere="it starts a process"),
    "test_notification": Example(inner_rule="nobody is told anything here"),
}
"""By operation."""
WITHOUT_BODY = {
    "archive_campaign",
    "claim_sample",
    "create_password_link",
    "end_sessions_elsewhere",
    "end_token",
    "link_own_identity",
    "make_backup",
    "recheck_upload",
    "reject_upload",
    "release_sample",
    "sign_out",
    "start_campaign",
    "test_notification",
    "unarchive_campaign",
}
"""What changes something and needs no body, beside what deletes."""


@dataclass(frozen=True)
class Call:
    """One route with an example."""

    operation: str
    method: str
    path: str
    permission: Permission | None
    example: Example
    body: JsonObject | None
    names_object: bool
    """Whether its path names what belongs to a campaign."""


@pytest.fixture(scope="module")
def served(tmp_path_factory, store_url):
    with serving(tmp_path_factory.mktemp("matrix"), store_url=store_url) as running:
        campaign = running.new_campaign(CAMPAIGN)
        laboratory = running.acting_as(Role.LABORATORY)
        (query,) = [query for query in running.store.queries.list(campaign.id) if query.fidelity == "lab"]
        answer = running.client.post(
            f"/api/v1/laboratory/queries/{query.id}/result", json={"measurement": READING}, headers=laboratory
        )
        assert answer.is_success, answer.text
        upload = running.client.post(
            f"/api/v1/campaigns/{campaign.name}/uploads", files=EXAMPLES["hand_in_file"].files, headers=laboratory
        )
        assert upload.is_success, upload.text
        candidate = running.store.candidates.list(campaign.id)[0]
        sites = Realization(candidate.digest, "data_x", "tests", 1, None, None, is_relaxed=False)
        running.store.realizations.add(candidate.id, [sites])
        added = running.client.post(
            "/api/v1/materials", json=BODY_EXAMPLES["add_material"], headers=running.acting_as(Role.SCIENTIST)
        )
        assert added.is_success, added.text
        reference = running.client.post(
            "/api/v1/references", json=BODY_EXAMPLES["hand_in_reference"], headers=running.acting_as(Role.MACHINE)
        )
        assert reference.is_success, reference.text
        unasked = running.client.post(
            f"/api/v1/campaigns/{campaign.name}/measurements",
            json=BODY_EXAMPLES["hand_in_unasked"],
            headers=laboratory,
        )
        assert unasked.json()["outcome"] == "material", unasked.text
        running.store.schedules.add(campaign.id, Timing(TimingKind.INTERVAL, "6h", "UTC"), created_by="tests")
        add_user(running.store, "extra", role=Role.VIEWER, by=local_operator())
        running.app.state.service.identity_provider = provider = unasked_provider()
        link(running.store, "extra", "a subject", issuer=provider.issuer, by=local_operator())
        create_token(running.store, "extra", label="x", scopes=[Permission.READ], by=local_operator())
        # Streams end once they have told what there is.
        running.app.state.service.stopping.set()
        yield running


@pytest.fixture(scope="module")
def calls(served):
    return [_call(served, found, method) for found in operations(served.app) for method in sorted(found.methods)]


def _call(served, found, method):
    permissions = list(permissions_of(found.dependant))
    example = EXAMPLES.get(found.name, Example())
    body = BODY_EXAMPLES.get(found.name)
    if body is not None:
        body = timely(body, served.store.now())
    needs_body = method not in {"GET", "DELETE"} and found.name not in WITHOUT_BODY and example.files is None
    assert needs_body == (body is not None), f"{method} {found.path} ({found.name}): its example"
    parameters = {name: _parameter(served, name) for name in found.param_convertors}
    return Call(
        operation=found.name,
        method=method,
        path=found.path_format.format(**parameters),
        permission=permissions[0] if permissions else None,
        example=example,
        body=body,
        names_object=bool(OBJECTS & set(parameters)),
    )


def _parameter(served, name):
    campaign = served.store.campaigns.get(CAMPAIGN)
    values = {
        "name": CAMPAIGN,
        "index": 0,
        "query_id": served.store.queries.list(campaign.id)[2].id,
        "candidate_id": served.store.candidates.list(campaign.id)[0].id,
        "measurement_id": served.store.measurements.list(campaign.id)[0].id,
        "schedule_id": served.store.schedules.list(campaign.id)[0].id,
        "realization_id": 1,
        "artifact_id": 1,
        "upload_id": 1,
        "number": 1,
        "material_id": 1,
        "reference_id": 1,
        "material_measurement_id": 1,
        "entry_id": "nothing",
        "plot": next(iter(Plot)).value,
        "oracle": "density",
        "figure": next(iter(OraclePlot)).value,
        "upload_plot": UploadPlot.ARRHENIUS.value,
        "user": "extra",
        "group": OWN_GROUP,
        "identity_id": 1,
        "token_id": served.store.tokens.list(user_id=served.store.people.get("extra").id)[0].id,
    }
    assert name in values, f"the path parameter {name} has no example"
    return values[name]


def _send(served, call, headers):
    return served.client.request(
        call.method,
        call.path,
        json=call.body,
        files=call.example.files,
        params=call.example.query,
        headers=headers,
    )


def test_every_route_requires_one_permission_or_is_public(served):
    for found in operations(served.app):
        permissions = list(permissions_of(found.dependant))
        for method in found.methods:
            is_public = (method, found.path) in PUBLIC_ROUTES
            assert len(permissions) == (0 if is_public else 1), f"{method} {found.path}"


def test_nothing_is_served_beside_the_operations(served):
    described = {found.path for found in operations(served.app)}
    assert {found.path for found in iter_route_contexts(served.app.routes)} - described == {"/api/v1/openapi.json"}


def test_public_routes_exist(served):
    served_routes = {(method, found.path) for found in operations(served.app) for method in found.methods}
    assert {route for route in PUBLIC_ROUTES if not route[1].endswith("openapi.json")} <= served_routes


def test_operations_have_names_of_their_own(served):
    names = [found.name for found in operations(served.app)]
    assert len(names) == len(set(names))


def test_strangers_meet_a_closed_door(served, calls):
    secrets = [None, "", "garbage", "petalite_" + "a" * 40, *_spent_tokens(served)]
    for call in calls:
        if call.permission is None:
            continue
        for secret in secrets:
            headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
            answer = _send(served, call, headers)
            assert answer.status_code == 401, f"{call.operation} with {secret}: {answer.text}"
            assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/api/v1", "/api/v1/health/live/", "/api/v1/campaigns/x/health/live", "/metrics", "/favicon"]
)
def test_what_is_not_there_is_closed_too(served, path):
    assert served.client.get(path).status_code == 401


def _spent_tokens(served):
    operator = local_operator()
    add_user(served.store, "gone", role=Role.ADMINISTRATOR, by=operator)
    scopes = PERMISSIONS_OF_ROLE[Role.ADMINISTRATOR]
    gone = create_token(served.store, "gone", label="x", scopes=scopes, by=operator)
    deactivate(served.store, "gone", by=operator)
    revoked = create_token(served.store, "administrator", label="x", scopes=scopes, by=operator)
    revoke_token(served.store, revoked.record.id, by=operator)
    before = datetime.now(UTC) - timedelta(days=2)
    with open_store(served.app.state.service.settings.store_url, clock=lambda: before) as store:
        expired = create_token(store, "administrator", label="x", scopes=scopes, by=operator, days=1)
    return [gone.secret, revoked.secret, expired.secret]


def test_head_is_as_closed_and_as_open_as_get(served, calls):
    for call in calls:
        if call.method != "GET" or call.example.elsewhere:
            continue
        for headers in ({}, served.acting_as(Role.VIEWER)):
            answer = _send(served, replace(call, method="HEAD"), headers)
            expected = _send(served, call, headers)
            assert (answer.status_code, answer.content) == (expected.status_code, b""), call.operation


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_its_permissions_say(served, calls, role):
    for call in calls:
        if call.permission is None:
            continue
        if call.example.elsewhere and call.permission in PERMISSIONS_OF_ROLE[role]:
            continue
        answer = _send(served, call, served.acting_as(role))
        if call.permission not in PERMISSIONS_OF_ROLE[role]:
            assert answer.status_code == 403, f"{role} {call.operation}: {answer.text}"
        elif not call.example.inner_rule:
            assert answer.status_code not in {401, 403, 404, 422}, f"{role} {call.operation}: {answer.text}"
        assert answer.status_code < 500, f"{role} {call.operation}: {answer.text}"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_what_belongs_to_others_is_not_there(served, calls, role):
    n_checked = 0
    for call in calls:
        if call.names_object and call.permission in PERMISSIONS_OF_ROLE[role]:
            answer = _send(served, call, served.acting_as(role, stranger=True))
            assert answer.status_code == 404, f"{role} {call.operation}: {answer.text}"
            assert CAMPAIGN not in answer.text.replace(f"'{CAMPAIGN}'", "")
            n_checked += 1
    assert n_checked > 5


def test_lists_hold_nothing_of_others(served):
    headers = served.acting_as(Role.SCIENTIST, stranger=True)
    assert served.client.get("/api/v1/campaigns", headers=headers).json()["items"] == []
    assert served.client.get("/api/v1/approvals", headers=headers).json()["items"] == []
    assert served.client.get("/api/v1/approvals?campaign=matrix", headers=headers).status_code == 404
    oracles = served.client.get("/api/v1/oracles", headers=headers).json()
    assert [view["n_measurements"] for view in oracles] == [0] * len(oracles)
    body = BODY_EXAMPLES["claim_query"]
    stranger = served.acting_as(Role.MACHINE, stranger=True)
    assert served.client.post("/api/v1/queries/claim", json=body, headers=stranger).status_code == 204
    assert (
        served.client.post("/api/v1/queries/claim", json={**body, "campaign": CAMPAIGN}, headers=stranger).status_code
        == 404
    )
    bulk = served.client.post("/api/v1/approvals/approve", json={"queries": [2]}, headers=headers)
    assert bulk.status_code == 404


def test_a_token_opens_no_more_than_its_scopes(served):
    token = create_token(
        served.store, "scientist", label="narrow", scopes=[Permission.READ], by=local_operator()
    ).secret
    headers = {"Authorization": f"Bearer {token}"}
    assert served.client.get("/api/v1/campaigns", headers=headers).status_code == 200
    refused = served.client.post(f"/api/v1/campaigns/{CAMPAIGN}/stop", headers=headers)
    assert refused.status_code == 403
    assert "scope" in refused.json()["detail"]


def test_another_scheme_is_no_way_in(served):
    answer = served.client.get("/api/v1/me", headers={"Authorization": "Basic YTpi"})
    assert answer.status_code == 401
    assert "Bearer" in answer.json()["remedy"]


def test_web_sockets_are_guarded_too(served):
    sent = []

    async def connect():
        scope = {"type": "websocket", "path": "/api/v1/anything", "headers": [], "query_string": b""}

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            sent.append(message)

        await served.app(scope, receive, send)

    asyncio.run(connect())
    assert sent == [{"type": "websocket.close", "code": 1008}]
