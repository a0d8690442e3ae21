"""Approvals, machines, administration and the account, as a browser without scripts uses them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape

import httpx
import pytest

from domain.states import QueryState
from services.access.oidc_testing import unasked_provider
from services.access.people import add_user, set_password
from services.access.principal import local_operator
from services.access.roles import Role
from services.api.testing import Served, serving
from services.dashboard.app import create_service
from services.installation import BACKUP_SIGN
from services.store.audit import AuditFilter
from services.store.records import CampaignRecord

PASSWORD = "a sentence that nobody guesses"
OWN_PAGE = {"Origin": "http://petalite.test", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("administration"), create=create_service) as running:
        yield running


@dataclass
class Visitor:
    """Somebody who is signed in with a browser that runs no scripts."""

    client: httpx.Client
    cookie: str

    def get(self, path: str) -> str:
        answer = self.client.get(path, headers={"Cookie": self.cookie})
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return unescape(answer.text)

    def post(self, path: str, **form: object) -> httpx.Response:
        return self.client.post(path, data=form, headers={"Cookie": self.cookie, **OWN_PAGE})


@pytest.fixture(scope="module")
def as_role(served) -> Callable[[Role], Visitor]:
    """Somebody of a role, signed in."""
    visitors: dict[Role, Visitor] = {}

    def visitor(role: Role) -> Visitor:
        if role not in visitors:
            set_password(served.store, role.value, PASSWORD, by=local_operator())
            visitors[role] = _sign_in(served, role.value)
        return visitors[role]

    return visitor


@pytest.fixture
def somebody(served) -> str:
    """A viewer whom no other test knows, with a password."""
    name = f"somebody-{len(served.store.people.list())}"
    add_user(served.store, name, role=Role.VIEWER, by=local_operator(), password=PASSWORD, groups=("petrology",))
    return name


@pytest.fixture
def campaign(served) -> CampaignRecord:
    """A campaign that no other test knows."""
    return served.new_campaign(f"campaign-{len(served.store.campaigns.list())}")


def _sign_in(served: Served, name: str, password: str = PASSWORD) -> Visitor:
    answer = served.client.post("/login", data={"name": name, "password": password}, headers=OWN_PAGE)
    served.client.cookies.clear()
    assert answer.status_code == 303, answer.text
    return Visitor(served.client, answer.headers["set-cookie"].partition(";")[0])


def _waiting(served: Served, campaign: CampaignRecord) -> int:
    (query,) = served.store.approval.waiting(campaign.id)
    return query.id


def _last_action(served: Served) -> str:
    return served.store.audit.newest(1)[0].action


def test_what_waits_is_shown_with_its_price_and_what_is_left(served, campaign, as_role):
    page = as_role(Role.SCIENTIST).get("/approvals")
    number = _waiting(served, campaign)
    assert f'value="{number}"' in page
    assert "200.7" in page
    balance = served.store.ledger.balance(campaign.id)
    assert f"{balance.left + 200.7:,.2f}".rstrip("0").rstrip(".") in page


def test_what_waits_of_one_campaign_is_shown_alone(served, campaign, as_role):
    here, other = _waiting(served, campaign), _waiting(served, served.new_campaign(f"{campaign.name}-beside"))
    page = as_role(Role.SCIENTIST).get(f"/approvals?campaign={campaign.name}")
    assert f'value="{here}"' in page
    assert f'value="{other}"' not in page


def test_one_look_is_approved_by_its_own_button(served, campaign, as_role):
    number = _waiting(served, campaign)
    answer = as_role(Role.SCIENTIST).post("/approvals/approve", only=number, reason="worth it")
    assert (answer.status_code, answer.headers["location"]) == (303, "/approvals")
    assert served.store.queries.get(number).state is QueryState.QUEUED
    assert _last_action(served) == "query.approve"


def test_looks_are_denied_together_and_history_says_who_and_why(served, campaign, as_role):
    both = [_waiting(served, campaign), _waiting(served, served.new_campaign(f"{campaign.name}-again"))]
    scientist = as_role(Role.SCIENTIST)
    assert scientist.post("/approvals/deny", query=both, reason="too dear").status_code == 303
    assert {served.store.queries.get(number).state for number in both} == {QueryState.CANCELLED}
    history = scientist.get("/approvals/judged")
    assert history.count("too dear") == 2
    assert history.count(">denied<") == 2


def test_a_denial_without_a_reason_comes_back_as_it_was(served, campaign, as_role):
    number = _waiting(served, campaign)
    answer = as_role(Role.SCIENTIST).post("/approvals/deny", query=[number])
    assert answer.status_code == 422
    assert "A denial needs a reason." in answer.text
    assert re.search(rf'value="{number}"[^>]* checked', answer.text)
    assert _waiting(served, campaign) == number


def test_nothing_chosen_is_said(as_role):
    answer = as_role(Role.SCIENTIST).post("/approvals/approve")
    assert answer.status_code == 422
    assert "No look is chosen." in answer.text


def test_a_campaigns_looks_are_judged_by_its_group_alone(served, campaign):
    number = _waiting(served, campaign)
    stranger = served.acting_as(Role.SCIENTIST, stranger=True)
    assert served.client.post("/approvals/approve", data={"only": number}, headers=stranger).status_code == 404
    assert "Nothing waits for you" in served.client.get("/approvals", headers=stranger).text
    assert served.client.get("/api/v1/approvals/judged", headers=stranger).json()["items"] == []


def test_machines_shows_who_holds_what_and_how_to_connect(served, campaign, as_role):
    body = {"worker": "node-7", "lease_s": 60, "oracles": [{"oracle": "potential"}], "campaign": campaign.name}
    answer = served.client.post("/api/v1/queries/claim", json=body, headers=served.acting_as(Role.MACHINE))
    assert answer.status_code == 200
    viewer = as_role(Role.VIEWER)
    page = viewer.get("/machines")
    assert "node-7" in page
    assert "No worker of the service is alive." in page
    assert "petalite machine run --url" in page
    stranger = served.client.get("/machines", headers=served.acting_as(Role.VIEWER, stranger=True)).text
    assert "node-7" not in stranger.replace("--name node-17", "")
    served.store.cursors.give_sign("worker:here:1")
    working = viewer.get("/machines")
    assert "1 worker of the service" in working
    assert "worker:here:1" in working


def test_an_oracle_that_fails_says_at_what(served, campaign, as_role):
    machine = served.acting_as(Role.MACHINE)
    body = {"worker": "node-7", "lease_s": 60, "oracles": [{"oracle": "potential"}], "campaign": campaign.name}
    claim = served.client.post("/api/v1/queries/claim", json=body, headers=machine).json()["query"]
    failure = {
        "kind": "permanent",
        "reason": "It blew up.",
        "worker": "node-7",
        "cost": {"amount": 1.0, "core_seconds": 3.0},
        "failed_at": served.store.now().isoformat(),
    }
    answer = served.client.post(
        f"/api/v1/queries/{claim['id']}/failure", json={"fence": claim["fence"], "failure": failure}, headers=machine
    )
    assert answer.status_code == 201, answer.text
    page = as_role(Role.VIEWER).get("/machines/oracles/potential")
    assert "badge-failing" in page
    shown = served.client.get("/api/v1/oracles/potential", headers=machine).json()
    assert shown["n_recent"] == shown["n_recent_failed"] >= 1
    uses = served.client.get("/api/v1/oracles/potential/fidelities", headers=machine).json()
    assert campaign.name in {use["campaign"] for use in uses}
    registry = as_role(Role.VIEWER).get("/machines")
    assert re.search(r'<th scope="row">machine/node-7</th>(.|\n)*?permanent', registry)
    assert "It blew up." in page
    figure = served.client.get("/api/v1/oracles/potential/plots/answers", headers=machine).json()
    assert figure["layout"]["meta"]["n_failures"] == 1
    assert served.client.get("/machines/oracles/nothing", headers=machine).status_code == 404


def test_an_invitation_is_shown_once_and_good(served, as_role):
    administrator = as_role(Role.ADMINISTRATOR)
    answer = administrator.post("/administration/people/invite", role="laboratory", group="petrology")
    (secret,) = re.findall(r"/join#(petalite_i\w+)", answer.text)
    assert secret not in administrator.get("/administration/people")
    joined = {"invitation": secret, "name": "eve", "password": PASSWORD}
    made = served.client.post("/api/v1/invitations/accept", json=joined, headers={"Origin": "http://petalite.test"})
    served.client.cookies.clear()
    assert made.json()["role"] == "laboratory"


def test_a_link_to_a_new_password_is_shown_once(served, somebody, as_role):
    administrator = as_role(Role.ADMINISTRATOR)
    here = f"/administration/people/{somebody}"
    page = administrator.post(f"{here}/password-link")
    (secret,) = re.findall(r"/new-password#(petalite_p\w{36})", page.text)
    assert secret not in administrator.get(here)
    taken = served.client.post("/api/v1/password-links/take", json={"link": secret, "password": "a new long sentence"})
    assert taken.status_code == 200, taken.text
    assert _sign_in(served, somebody, "a new long sentence").get("/account")
    assert "Sign in with it." in served.client.get("/login?new_password=true").text


def test_people_get_other_roles_groups_and_passwords_and_are_shut_out(served, somebody, as_role):
    administrator = as_role(Role.ADMINISTRATOR)
    here = f"/administration/people/{somebody}"
    assert administrator.post(f"{here}/role", role="scientist").headers["location"] == here
    assert administrator.post(f"{here}/groups", group="metallurgy").status_code == 303
    assert administrator.post(f"{here}/groups/petrology/leave").status_code == 303
    assert administrator.post(f"{here}/password", password="another long sentence").status_code == 303
    assert administrator.post(f"{here}/active", is_active="false").status_code == 303
    user = served.store.people.get(somebody)
    groups = {served.store.people.group_by_id(number).name for number in served.store.people.groups_of(user.id)}
    assert (user.role, user.is_active, groups) == (Role.SCIENTIST, False, {"metallurgy"})
    assert "Let in again" in administrator.get(here)


@pytest.mark.parametrize(
    ("path", "form", "told"),
    [
        ("people/administrator/role", {"role": "viewer"}, "last active administrator"),
        ("people/administrator/active", {"is_active": "false"}, "last active administrator"),
        ("people/viewer/password", {"password": "short"}, "12"),
        ("people/machine/password-link", {}, "has no password"),
        ("people/viewer/groups", {"group": "nobody"}, "There is no group 'nobody'."),
        ("people/machines", {"name": "Not A Name"}, "cannot be a user's name"),
        ("people/machines", {"name": "viewer"}, "There is a user 'viewer' already."),
        ("groups", {"name": "petrology"}, "There is a group 'petrology' already."),
        ("groups/petrology/members", {"user": "nobody"}, "There is no user 'nobody'."),
        ("test-notification", {}, "No notification file is named."),
    ],
)
def test_what_is_refused_is_said_beside_the_form(as_role, path, form, told):
    answer = as_role(Role.ADMINISTRATOR).post(f"/administration/{path}", **form)
    assert answer.status_code in {404, 409, 422}
    assert told in unescape(answer.text)
    assert "<h1>" in answer.text


def test_a_machine_is_added_with_a_token_that_is_shown_once(served, as_role):
    administrator = as_role(Role.ADMINISTRATOR)
    added = administrator.post("/administration/people/machines", name="cluster-7", group="petrology")
    here = added.headers["location"]
    ticked = re.findall(r'name="scopes" value="([^"]+)" checked', administrator.get(here))
    assert sorted(ticked) == ["query:claim", "read"]
    wanted = {"label": "node 7", "scopes": ["read", "query:claim"], "days": "30"}
    answer = administrator.post(f"{here}/tokens", **wanted)
    (secret,) = re.findall(r"petalite_t\w{36}", answer.text)
    asked = served.client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).json()
    assert (asked["name"], asked["permissions"]) == ("cluster-7", ["query:claim", "read"])
    assert secret not in administrator.get(here)
    (token,) = served.store.tokens.list(user_id=served.store.people.get("cluster-7").id)
    assert "cluster-7" in administrator.get("/administration/tokens")
    assert administrator.post(f"/administration/tokens/{token.id}/revoke").status_code == 303
    assert served.store.tokens.get(token.id).revoked_at is not None


def test_one_makes_and_revokes_ones_own_tokens(served, as_role):
    scientist = as_role(Role.SCIENTIST)
    answer = scientist.post("/account/tokens", label="notebook", scopes=["read"], days="7")
    assert re.search(r"petalite_t\w{36}", answer.text)
    refused = scientist.post("/account/tokens", label="kept as typed", scopes=["administer"], days="7")
    assert refused.status_code == 422
    assert 'value="kept as typed"' in refused.text
    endless = scientist.post("/account/tokens", label="x", scopes=["read"], never_expires="true")
    assert endless.status_code == 403
    assert "Only an administrator makes tokens that never expire." in endless.text
    own = served.store.tokens.list(user_id=served.store.people.get("scientist").id)
    assert scientist.post(f"/account/tokens/{own[-1].id}/revoke").status_code == 303
    others = served.store.tokens.list(user_id=served.store.people.get("viewer").id)
    assert scientist.post(f"/account/tokens/{others[0].id}/revoke").status_code == 404


def test_a_password_is_changed_by_whoever_knows_the_old_one(served, somebody):
    viewer = _sign_in(served, somebody)
    wrong = viewer.post("/account/password", old="not it", new="another long sentence")
    assert wrong.status_code == 403
    assert "The old password is wrong." in wrong.text
    done = viewer.post("/account/password", old=PASSWORD, new="another long sentence")
    assert done.headers["location"] == "/login"
    assert 'petalite_session=""' in done.headers["set-cookie"]
    _sign_in(served, somebody, "another long sentence")


def test_one_signs_out_everywhere_else(served, somebody):
    first, second = _sign_in(served, somebody), _sign_in(served, somebody)
    page = first.get("/account")
    assert page.count("<strong>(this one)</strong>") == 1
    assert first.post("/account/sessions/end-others").status_code == 303
    assert _last_action(served) == "session.end-others"
    assert "Sign out everywhere else" not in first.get("/account")
    assert served.client.get("/account", headers={"Cookie": second.cookie}).status_code == 303


def test_tokens_have_no_sessions(served):
    headers = served.acting_as(Role.VIEWER)
    assert served.client.get("/api/v1/me/sessions", headers=headers).status_code == 422
    answer = served.client.post("/api/v1/me/sessions/end-others", headers=headers)
    assert "use no token" in answer.json()["remedy"]


def test_the_audit_log_is_searched_and_verified(served, as_role):
    administrator = as_role(Role.ADMINISTRATOR)
    administrator.post("/administration/groups", name="newcomers")
    page = administrator.get("/administration/audit?action=group.&actor=administrator")
    assert "group newcomers" in page
    assert "token.create" not in page
    assert "Nothing fits" in administrator.get("/administration/audit?subject=nothing")
    assert "Every row is as it was written." in administrator.get("/administration/audit/verify")


def test_settings_are_shown_without_secrets_and_the_last_backup_is_known(served, as_role):
    administrator = as_role(Role.ADMINISTRATOR)
    page = administrator.get("/administration")
    assert "PETALITE_PUBLIC_URL" in page
    assert "No backup of this store is known" in page
    served.store.cursors.give_sign(BACKUP_SIGN)
    assert "The last one was made" in administrator.get("/administration")


@pytest.mark.parametrize(
    ("url", "is_shown"), [("https://prefect.example.org", True), ("javascript:alert(1)", False), ("", False)]
)
def test_prefects_page_is_linked_where_browsers_reach_one(served, as_role, monkeypatch, url, is_shown):
    monkeypatch.setattr(served.app.state.service, "environ", {"PREFECT_UI_URL": url})
    page = as_role(Role.ADMINISTRATOR).get("/administration")
    assert (f'href="{url}"' in page) is is_shown


def test_health_says_what_the_doctor_says(as_role):
    page = as_role(Role.ADMINISTRATOR).get("/administration/health")
    assert "home folder" in page
    assert "public address" in page


def test_without_a_provider_nobody_is_led_to_one(served, as_role):
    assert "Sign in through" not in served.client.get("/login").text
    assert as_role(Role.VIEWER).post("/account/identities").status_code == 404


def test_the_door_offers_the_identity_provider(served, as_role, monkeypatch):
    monkeypatch.setattr(served.app.state.service, "identity_provider", unasked_provider())
    page = served.client.get("/login?next=/machines").text
    assert 'href="/api/v1/login/oidc?next=/machines"' in page
    administrator = as_role(Role.ADMINISTRATOR)
    here = "/administration/people/viewer"
    assert administrator.post(f"{here}/identities", subject="248289761001").status_code == 303
    assert "248289761001" in administrator.get(here)
    (identity,) = served.store.identities.of_user(served.store.people.get("viewer").id)
    assert administrator.post(f"{here}/identities/{identity.id}/unlink").status_code == 303
    assert served.store.identities.of_user(served.store.people.get("viewer").id) == ()


def test_a_search_that_finds_little_goes_on_page_by_page(served, monkeypatch):
    monkeypatch.setattr("services.store.audit.SEARCHED", 3)
    wanted = AuditFilter(action="group.create", subject="group petrology")
    found, before, n_pages = [], None, 0
    while n_pages == 0 or before is not None:
        page = served.store.audit.search(wanted, before=before, limit=2)
        found += page.items
        before, n_pages = page.next, n_pages + 1
    assert [record.subject for record in found] == ["group petrology"]
    assert n_pages > 2
