"""Who may only look sees no button that changes anything, and sending what such a button sends changes nothing."""

from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Page
from support.journeys import give_to_group
from support.real_service import RealService
from support.stories import PATIENCE_MS

from domain.timing import Timing, TimingKind
from services.access.people import add_user
from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Role
from services.access.tokens import create_token
from services.api.guard import SESSION_COOKIE
from services.api.testing import example_campaign
from services.dashboard.testing import GROUP, PASSWORD
from services.store.examples import example_pick, open_round

pytestmark = [pytest.mark.browser, pytest.mark.campaign]

NAME = "looked-at"
HERE = f"/campaigns/{NAME}"
REFUSED = "Ask an administrator for another role."
TABLE = b"query,formula,space group,value,unit\n,Li4Cl4,225,-1.2,eV/atom\n,Li4Cl4,225,-1.2,\n"
FORMS_OF = """() => [...document.querySelectorAll("form[method=post]")]
  .filter((form) => !form.action.endsWith("/logout"))
  .flatMap((form) => {
    const path = (address) => new URL(address).pathname;
    const fields = [...new FormData(form)].map(([name, value]) => [name, typeof value === "string" ? value : ""]);
    const other = [...form.querySelectorAll("[formaction]")].map((button) => path(button.formAction));
    return [path(form.action), ...other].map((action) => [action, fields]);
  })"""
"""Where the forms of a page lead, and what they send."""
SEND = """async ([action, fields]) => {
  const answer = await fetch(action, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" });
  return [answer.status, await answer.text()];
}"""
"""Sends a form as the page itself would, with the session and from the same origin."""
SUBMIT = """([action, fields]) => {
  const form = document.createElement("form");
  [form.method, form.action] = ["post", action];
  fields.forEach(([name, value]) => form.append(Object.assign(document.createElement("input"), { name, value })));
  document.body.append(form);
  form.submit();
}"""


@dataclass(frozen=True)
class Scene:
    """A campaign with something to press on every page."""

    pages: tuple[str, ...]
    of_campaign: tuple[str, ...]
    """Those that a stranger must not find."""


@pytest.fixture(scope="module")
def scene(service: RealService) -> Scene:
    store, operator = service.store, local_operator()
    campaign = give_to_group(service, example_campaign(NAME))
    fidelities = ["lab", "lab", "lab", "approved", "approved", "static", "static"]
    open_round(store, campaign.id, 0, [example_pick(n, fidelity) for n, fidelity in enumerate(fidelities)])
    waiting, answered, held = (query for query in store.queries.list(campaign.id) if query.fidelity == "lab")
    computed = next(query for query in store.queries.list(campaign.id) if query.fidelity == "static")
    store.queries.claim(computed.id, worker="host/1", lease_s=3600)
    store.schedules.add(campaign.id, Timing(TimingKind.INTERVAL, "6h", "UTC"), created_by="scientist")
    token = create_token(
        store, "scientist", label="scene", scopes=PERMISSIONS_OF_ROLE[Role.SCIENTIST], by=operator
    ).secret
    reading = {"value": -1.3, "unit": "eV/atom", "temperature": "25 degC"}
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{service.url}/api/v1", headers=headers, timeout=PATIENCE_MS / 1000) as client:
        client.post(f"/laboratory/queries/{held.id}/claim").raise_for_status()
        result = client.post(f"/laboratory/queries/{answered.id}/result", json={"measurement": reading})
        upload = client.post(f"/campaigns/{NAME}/uploads", files={"file": ("table.csv", TABLE, "text/csv")})
    candidate, measurement = waiting.candidate_id, result.raise_for_status().json()["id"]
    handed_in = upload.raise_for_status().json()["upload"]["id"]
    of_campaign = (
        HERE,
        *(
            f"{HERE}/{tab}"
            for tab in ("crystals", "rounds", "rounds/0", "looks", "uploads", "schedules", "events", "spec")
        ),
        f"/crystals/{candidate}",
        *(f"/laboratory/queries/{query.id}" for query in (waiting, answered, held)),
        f"/measurements/{measurement}",
        f"/uploads/{handed_in}",
        f"/uploads/{handed_in}/rows/2",
    )
    return Scene(
        (*of_campaign, "/campaigns", "/laboratory", "/laboratory/mine", "/machines", "/materials"), of_campaign
    )


@pytest.fixture
def guest(service: RealService) -> str:
    """A viewer of their own, whose sessions nobody else needs."""
    add_user(service.store, "guest", role=Role.VIEWER, by=local_operator(), password=PASSWORD, groups=(GROUP,))
    return "guest"


def forms_of(page: Page, path: str) -> list[tuple[str, list[list[str]]]]:
    page.goto(path, wait_until="domcontentloaded")
    return [(action, fields) for action, fields in page.evaluate(FORMS_OF)]


def status_of(page: Page, path: str) -> int:
    answer = page.goto(path)
    assert answer is not None
    return answer.status


def test_what_others_may_press_is_not_there_and_does_nothing(sign_in, service: RealService, scene: Scene) -> None:
    scientist, viewer = sign_in("scientist"), sign_in("viewer")
    administrator = sign_in("administrator")
    sent: dict[str, list[list[str]]] = {}
    for path in scene.pages:
        sent |= dict(forms_of(scientist, path))
        assert forms_of(viewer, path) == [], path
        assert viewer.locator("[hx-post], [hx-put], [hx-patch], [hx-delete]").count() == 0, path
    for who, paths in (
        (scientist, ("/approvals", "/campaigns/new", f"{HERE}/clone")),
        (administrator, ("/administration", "/administration/people", "/administration/people/viewer")),
    ):
        for path in paths:
            sent |= dict(forms_of(who, path))
            assert status_of(viewer, path) == 403, path
            assert viewer.get_by_role("heading", level=1).is_visible()
    for path in ("/approvals", "/administration"):
        assert viewer.locator(f"nav a[href='{path}']").count() == 0
    assert {f"{HERE}/{form}" for form in ("start", "spec", "schedules", "uploads")} < sent.keys()
    assert {"/approvals/deny", "/campaigns/new", "/administration/people/invite"} < sent.keys()

    campaign = service.store.campaigns.get(NAME)
    before = (service.store.events.last_id(campaign.id), service.store.audit.last_hash())
    viewer.goto(HERE)
    for action, fields in sent.items():
        status, text = viewer.evaluate(SEND, [action, fields])
        assert status == 403, action
        assert REFUSED in text, action
    assert (service.store.events.last_id(campaign.id), service.store.audit.last_hash()) == before
    viewer.evaluate(SUBMIT, [f"{HERE}/start", []])
    viewer.get_by_text(REFUSED).wait_for()


def test_strangers_find_nothing(sign_in, scene: Scene) -> None:
    stranger = sign_in("stranger")
    for path in scene.of_campaign:
        assert stranger.request.get(path).status == 404, path
    stranger.goto("/campaigns")
    assert stranger.get_by_text(NAME).count() == 0


def test_who_is_signed_out_elsewhere_is_out_at_once(sign_in, service: RealService, scene: Scene, guest: str) -> None:
    here = f"{HERE}/looks?state=queued"
    first, second = sign_in(guest, here), sign_in(guest, "/account")
    assert first.url.endswith(here)
    first.goto(HERE)
    (cookie,) = [each for each in first.context.cookies() if each["name"] == SESSION_COOKIE]
    with (
        httpx.Client(
            base_url=service.url, cookies={SESSION_COOKIE: cookie["value"]}, timeout=PATIENCE_MS / 1000
        ) as client,
        client.stream("GET", f"/api/v1{HERE}/events/stream") as stream,
    ):
        assert stream.status_code == 200
        second.get_by_role("button", name="Sign out everywhere else").click()
        second.wait_for_url("**/account")
        assert client.get(HERE).status_code == 303
        assert any(True for _ in stream.iter_lines()), "it ends by itself"
    first.wait_for_url("**/login?next=*")
    first.get_by_label("Name").fill(guest)
    first.get_by_label("Password").fill(PASSWORD)
    first.get_by_role("button", name="Sign in").click()
    first.wait_for_url(f"**{HERE}")

    second.locator("form[action$=password] [name=old]").fill(PASSWORD)
    second.locator("form[action$=password] [name=new]").fill(f"{PASSWORD}, another one")
    second.locator("form[action$=password] button").click()
    first.wait_for_url("**/login?next=*")
    first.goto("/campaigns")
    assert "/login" in first.url
