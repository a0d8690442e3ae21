"""Who may open which page: every page that the service serves, by everybody, and what each answer carries."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from domain.blueprint import Realization
from domain.timing import Timing, TimingKind
from services.access.identities import link
from services.access.oidc_testing import unasked_provider
from services.access.people import add_user, set_password
from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Permission, Role
from services.access.tokens import create_token
from services.api.app import PUBLIC_ROUTES, create_app
from services.api.body_examples import BODY_EXAMPLES
from services.api.documentation import operations, permissions_of
from services.api.guard import SESSION_COOKIE
from services.api.testing import OBJECTS, OWN_GROUP, Served, serving
from services.dashboard.app import PUBLIC_PAGES, create_service
from services.dashboard.assets import PREFIX
from services.dashboard.view import POLICY
from services.reports.oracle_figures import OraclePlot

PASSWORD: Final = "a sentence that nobody guesses"
OWN_PAGE: Final = {"Origin": "http://petalite.test", "Sec-Fetch-Site": "same-origin"}
CAMPAIGN: Final = "matrix"
TABLE: Final = b"query,formula,space group,value,unit\n,Li4Cl4,225,-1.2,eV/atom\n"
FORMS: Final[dict[str, dict[str, str]]] = {
    "/administration/people/invite": {"role": "viewer"},
    "/administration/people/{user}/role": {"role": "viewer"},
    "/administration/people/{user}/active": {"is_active": "true"},
}
"""What a form must hold before anybody looks whose it is about."""
QUERIES: Final = {"/timings/preview": {"kind": "interval", "every": "6", "unit": "h"}}
"""What a page must be asked."""


@dataclass(frozen=True)
class PageCall:
    """One page with an example of its address."""

    method: str
    template: str
    path: str
    permission: Permission | None
    names_object: bool


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, store_url: str) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("pages"), create=create_service, store_url=store_url) as running:
        operator = local_operator()
        campaign = running.new_campaign(CAMPAIGN)
        laboratory = running.acting_as(Role.LABORATORY)
        (query,) = [query for query in running.store.queries.list(campaign.id) if query.fidelity == "lab"]
        reading = {"value": -1.3, "unit": "eV/atom", "temperature": "25 degC"}
        running.client.post(
            f"/api/v1/laboratory/queries/{query.id}/result", json={"measurement": reading}, headers=laboratory
        ).raise_for_status()
        running.client.post(
            f"/api/v1/campaigns/{campaign.name}/uploads",
            files={"file": ("table.csv", TABLE, "text/csv")},
            headers=laboratory,
        ).raise_for_status()
        candidate = running.store.candidates.list(campaign.id)[0]
        sites = Realization(candidate.digest, "data_x", "tests", 1, None, None, is_relaxed=False)
        running.store.realizations.add(candidate.id, [sites])
        scientist = running.acting_as(Role.SCIENTIST)
        running.client.post(
            "/api/v1/materials", json=BODY_EXAMPLES["add_material"], headers=scientist
        ).raise_for_status()
        running.client.post(
            "/api/v1/references", json=BODY_EXAMPLES["hand_in_reference"], headers=running.acting_as(Role.MACHINE)
        ).raise_for_status()
        running.store.schedules.add(campaign.id, Timing(TimingKind.INTERVAL, "6h", "UTC"), created_by="tests")
        add_user(running.store, "extra", role=Role.VIEWER, by=operator)
        running.app.state.service.identity_provider = provider = unasked_provider()
        link(running.store, "extra", "a subject", issuer=provider.issuer, by=operator)
        create_token(running.store, "extra", label="x", scopes=[Permission.READ], by=operator)
        running.app.state.service.stopping.set()
        yield running


@pytest.fixture(scope="module")
def pages(served: Served) -> list[PageCall]:
    of_api = {(method, found.path) for found in _api_operations(served) for method in found.methods}
    return [
        _page_call(served, found, method)
        for found in operations(served.app)
        for method in sorted(found.methods)
        if (method, found.path) not in of_api and not found.path.startswith(PREFIX)
    ]


def _api_operations(served: Served):
    return tuple(operations(create_app(served.app.state.service.settings)))


def _page_call(served: Served, found, method: str) -> PageCall:
    permissions = list(permissions_of(found.dependant))
    is_public = (method, found.path) in PUBLIC_PAGES
    assert len(permissions) == (0 if is_public else 1), f"{method} {found.path} has not exactly one permission"
    parameters = {name: _parameter(served, name, found.path_format) for name in found.param_convertors}
    return PageCall(
        method=method,
        template=found.path_format,
        path=found.path_format.format(**parameters),
        permission=permissions[0] if permissions else None,
        names_object=bool(OBJECTS & set(parameters)),
    )


def _parameter(served: Served, name: str, template: str) -> object:
    campaign = served.store.campaigns.get(CAMPAIGN)
    in_laboratory = template.startswith("/laboratory")
    queries = [query for query in served.store.queries.list(campaign.id) if (query.fidelity == "lab") is in_laboratory]
    values = {
        "name": CAMPAIGN,
        "index": 0,
        "query_id": queries[-1].id,
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
        "figure": next(iter(OraclePlot)).value,
        "step": "pause",
        "oracle": "density",
        "user": "extra",
        "group": OWN_GROUP,
        "identity_id": 1,
        "token_id": served.store.tokens.list(user_id=served.store.people.get("extra").id)[0].id,
    }
    assert name in values, f"the path parameter {name} has no example"
    return values[name]


def _said(answer: httpx.Response) -> str:
    """What a page says was wrong."""
    found = re.search(r'class="problem"[^>]*>(.*?)</(div|p)>', answer.text, re.DOTALL)
    return f"{answer.status_code} {found[1].strip() if found else answer.text[:300]}"


def _send(served: Served, call: PageCall, headers: dict[str, str]) -> httpx.Response:
    if call.method == "GET":
        return served.client.get(call.path, params=QUERIES.get(call.template), headers=headers)
    return served.client.post(call.path, data=FORMS.get(call.template), headers=headers)


def _signed_in(served: Served, name: str) -> dict[str, str]:
    """Headers with which a browser calls for somebody who has signed in."""
    set_password(served.store, name, PASSWORD, by=local_operator())
    answer = served.client.post("/login", data={"name": name, "password": PASSWORD}, headers=OWN_PAGE)
    served.client.cookies.clear()
    assert answer.status_code == 303, answer.text
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0], **OWN_PAGE}


def test_nothing_is_served_beside_the_api_and_the_pages(served: Served, pages: list[PageCall]) -> None:
    known = {found.path for found in _api_operations(served)} | {call.template for call in pages}
    known |= {f"{PREFIX}/{{name}}", "/api/v1/openapi.json"}
    assert {found.path_format for found in iter_route_contexts(served.app.routes)} <= known | {
        found.path_format for found in _api_operations(served)
    }


def test_public_pages_exist(pages: list[PageCall]) -> None:
    assert {(call.method, call.path) for call in pages} >= PUBLIC_PAGES
    assert PUBLIC_PAGES.isdisjoint(PUBLIC_ROUTES)


def test_strangers_are_led_to_the_door(served: Served, pages: list[PageCall]) -> None:
    for call in pages:
        if call.permission is None:
            continue
        for headers in ({}, {"Cookie": f"{SESSION_COOKIE}=petalite_s{'a' * 36}", **OWN_PAGE}):
            answer = _send(served, call, headers)
            assert answer.status_code == 303, f"{call}: {_said(answer)}"
            assert answer.headers["location"].startswith("/login?next="), call
            assert CAMPAIGN not in answer.text


def test_parts_of_pages_lead_strangers_to_the_door_too(served: Served) -> None:
    answer = served.client.get("/machines", headers={"HX-Request": "true", "HX-Current-URL": "http://petalite.test/x"})
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/login?next=%2Fx"
    assert answer.text == ""


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_on_pages_what_its_permissions_say(served: Served, pages: list[PageCall], role: Role) -> None:
    for call in pages:
        if call.permission is None:
            continue
        if call.method == "POST" and call.permission in PERMISSIONS_OF_ROLE[role]:
            continue  # what forms do is tested where their pages are
        answer = _send(served, call, served.acting_as(role))
        if call.permission not in PERMISSIONS_OF_ROLE[role]:
            assert answer.status_code == 403, f"{role} {call}: {_said(answer)}"
        else:
            assert answer.status_code not in {401, 403, 404, 422}, f"{role} {call}: {_said(answer)}"
        assert answer.status_code < 500, f"{role} {call}: {_said(answer)}"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_pages_of_others_are_not_there(served: Served, pages: list[PageCall], role: Role) -> None:
    n_checked = 0
    for call in pages:
        if call.names_object and call.permission in PERMISSIONS_OF_ROLE[role]:
            answer = _send(served, call, served.acting_as(role, stranger=True))
            assert answer.status_code == 404, f"{role} {call}: {_said(answer)}"
            n_checked += 1
    assert n_checked > 3


def test_another_sites_form_changes_nothing(served: Served, pages: list[PageCall]) -> None:
    session = _signed_in(served, "administrator")["Cookie"]
    foreign = [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://petalite.test.evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ]
    before = served.store.audit.last_hash()
    for call in pages:
        if call.method == "GET" or call.permission is None:
            continue
        for headers in foreign:
            answer = _send(served, call, {"Cookie": session, **headers})
            assert answer.status_code == 403, f"{call} with {headers}: {_said(answer)}"
    assert served.store.audit.last_hash() == before


def test_a_link_in_a_mail_opens_what_it_names(served: Served) -> None:
    headers = {**_signed_in(served, "administrator"), "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    del headers["Origin"]  # browsers send none where a link is followed
    assert served.client.get(f"/campaigns/{CAMPAIGN}", headers=headers).status_code == 200
    assert served.client.post(f"/campaigns/{CAMPAIGN}/start", headers=headers).status_code == 403


def test_head_is_answered_like_get_without_content(served: Served, pages: list[PageCall]) -> None:
    for headers in (_signed_in(served, "viewer"), {}):
        for call in pages:
            if call.method == "GET":
                got = _send(served, call, headers)
                answer = served.client.head(got.request.url, headers=headers)
                told = ("content-type", "location", "content-security-policy", "cache-control")
                assert answer.status_code == got.status_code, call
                assert [answer.headers.get(name) for name in told] == [got.headers.get(name) for name in told], call
                assert answer.content == b"", call


def test_another_site_signs_nobody_in(served: Served) -> None:
    set_password(served.store, "viewer", PASSWORD, by=local_operator())
    given = {"name": "viewer", "password": PASSWORD}
    answer = served.client.post("/login", data=given, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_every_page_carries_the_policy_and_is_kept_nowhere(served: Served, pages: list[PageCall]) -> None:
    administrator = _signed_in(served, "administrator")
    for call in pages:
        if call.method != "GET":
            continue
        for headers in (administrator, {}):
            answer = _send(served, call, headers)
            is_page = answer.headers.get("content-type", "").startswith("text/html")
            policy = answer.headers["content-security-policy"]
            assert policy == POLICY if is_page else policy.startswith("default-src 'none'"), call
            assert answer.headers["cache-control"] == "no-store" or not is_page, call
            assert "public" not in answer.headers["cache-control"], call
            assert answer.headers["x-content-type-options"] == "nosniff", call
            assert answer.headers["x-frame-options"] == "DENY", call


def test_no_page_holds_what_the_policy_forbids(served: Served, pages: list[PageCall]) -> None:
    administrator = _signed_in(served, "administrator")
    forbidden = re.compile(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=\"/assets/)|javascript:|src=\"https?:")
    for call in pages:
        if call.method == "GET":
            text = _send(served, call, administrator).text
            assert not forbidden.search(text), f"{call}: {forbidden.search(text)}"


def test_files_are_kept_for_ever_and_only_files(served: Served) -> None:
    answer = served.client.get(f"{PREFIX}/petalite.css", headers={"Accept-Encoding": "identity"})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    version = answer.headers["etag"].strip('"')
    answer = served.client.get(f"{PREFIX}/petalite.css?v={version}", headers={"Accept-Encoding": "identity"})
    assert "immutable" in answer.headers["cache-control"]
    assert served.client.get(f"{PREFIX}/petalite.css/").status_code == 303
    for name in ("..%2fapp.py", "app.py", "%2e%2e/app.py", "missing.js"):
        assert served.client.get(f"{PREFIX}/{name}").status_code in {303, 404}


def test_the_sessions_cookie_is_for_this_site_alone(served: Served) -> None:
    set_password(served.store, "viewer", PASSWORD, by=local_operator())
    answer = served.client.post("/login", data={"name": "viewer", "password": PASSWORD}, headers=OWN_PAGE)
    served.client.cookies.clear()
    attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert "secure" not in attributes  # this service is reached by http
