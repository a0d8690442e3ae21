"""Signing in through an identity provider: a small real one, a browser's steps, and everything that may go wrong."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from domain.roles import Permission, Role
from services.access.identities import link
from services.access.oidc_claims import load_claim_map
from services.access.oidc_http import BoundedHttp
from services.access.oidc_provider import IdentityProvider
from services.access.oidc_testing import CLIENT_ID, CLIENT_SECRET, Conduct, LittleProvider, little_provider
from services.access.people import add_group, add_user, deactivate
from services.access.principal import local_operator
from services.access.tokens import create_token
from services.api.app import create_app
from services.api.service import Service
from services.api.testing import running
from services.settings import load_settings
from services.store import Store

HOME = "http://petalite.test"
SIGN_IN = "/api/v1/login/oidc"
OWN_PAGE = {"Origin": HOME}
PASSWORD = "a long sentence that only I know"
CLAIM_MAP = """
claim: groups
rules:
  - { value: chemists, role: scientist, groups: [solids] }
  - { value: visitors, role: viewer, groups: [guests] }
"""
FIRST_KEY = RSAKey.generate_key(2048, {"kid": "first"})


@dataclass
class Scene:
    """A service that is set up with the provider, and a browser."""

    service: Service
    provider: LittleProvider
    browser: httpx.Client
    outside: httpx.Client
    """The same browser on the provider's pages."""
    http: BoundedHttp

    @property
    def store(self) -> Store:
        return self.service.open_store

    def leave(self, **query: str) -> str:
        """Where the service sends the browser."""
        answer = self.browser.get(SIGN_IN, params=query)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def meet_provider(self, address: str) -> str:
        """Where the provider sends the browser back to."""
        answer = self.outside.get(address)
        assert answer.status_code == 302
        return answer.headers["location"]

    def sign_in(self, **query: str) -> httpx.Response:
        return self.browser.get(self.meet_provider(self.leave(**query)))

    def refused(self, *, status: int = 401) -> str:
        """Tries to sign in; gives why that did not succeed."""
        answer = self.sign_in()
        assert answer.status_code == status, answer.text
        assert self.browser.get("/api/v1/me").status_code == 401
        return answer.json()["detail"]

    def link(self, name: str) -> None:
        link(self.store, name, self.provider.conduct.subject, issuer=self.provider.issuer, by=local_operator())

    def new_user(self, name: str, role: Role = Role.LABORATORY) -> None:
        """Somebody who is linked to the subject that the provider now tells."""
        add_user(self.store, name, role=role, by=local_operator())
        self.provider.conduct.subject = f"subject of {name}"
        self.link(name)

    def last_audit(self) -> tuple[str, str]:
        (row,) = self.store.audit.newest(1)
        return row.action, row.subject


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, store_url: str) -> Iterator[Scene]:
    home: Path = tmp_path_factory.mktemp("oidc")
    (home / "secret").write_text(CLIENT_SECRET + "\n")
    (home / "claims.yaml").write_text(CLAIM_MAP)
    with little_provider(FIRST_KEY) as provider:
        settings = load_settings(
            {
                "PETALITE_HOME": str(home),
                "PETALITE_STORE_URL": store_url,
                "PETALITE_PUBLIC_URL": HOME,
                "PETALITE_OIDC_ISSUER": provider.issuer + "/",
                "PETALITE_OIDC_CLIENT_ID": CLIENT_ID,
                "PETALITE_OIDC_CLIENT_SECRET_FILE": str(home / "secret"),
                "PETALITE_OIDC_CLAIM_MAP_FILE": str(home / "claims.yaml"),
            }
        )
        app = create_app(settings)
        with running(app) as browser, httpx.Client(verify=False) as outside:
            service: Service = app.state.service
            add_user(service.open_store, "root", role=Role.ADMINISTRATOR, by=local_operator(), password=PASSWORD)
            for group in ("solids", "guests", "by-hand"):
                add_group(service.open_store, group, by=local_operator())
            yield Scene(service, provider, browser, outside, BoundedHttp())


@pytest.fixture(autouse=True)
def anew(scene: Scene) -> None:
    """The provider behaves, nothing is remembered of it, and the browser has no cookies."""
    scene.provider.conduct = Conduct(FIRST_KEY)
    _reconnect(scene)
    scene.browser.cookies.clear()
    scene.store.login_failures.sweep(scene.store.now())


def test_whoever_is_linked_signs_in_and_out(scene: Scene) -> None:
    scene.new_user("ada")
    answer = scene.sign_in()
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "Welcome, ada" in answer.text
    assert scene.last_audit() == ("session.open", "user ada")
    assert scene.browser.get("/api/v1/me").json()["role"] == "laboratory"
    assert scene.browser.post("/api/v1/logout", headers=OWN_PAGE).status_code == 204
    assert scene.browser.get("/api/v1/me").status_code == 401
    assert scene.store.audit.verify() is None


def test_the_way_there_is_bound_to_the_browser(scene: Scene) -> None:
    answer = scene.browser.get(SIGN_IN)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    assert asked["redirect_uri"] == f"{HOME}{SIGN_IN}/callback"
    assert (asked["response_type"], asked["code_challenge_method"], asked["tenant"]) == ("code", "S256", "1")
    assert asked["scope"] == "openid profile"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert f"Path={SIGN_IN}" in cookie
    assert "Max-Age=600" in cookie
    secret = scene.browser.cookies["petalite_oidc"]
    assert secret not in answer.headers["location"]
    assert len({asked["state"], asked["nonce"], asked["code_challenge"], secret}) == 4
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("next_path", ["/api/v1/me", "/queries?state=open&after=3"])
def test_the_browser_goes_on_where_it_wanted(scene: Scene, next_path: str) -> None:
    scene.new_user(f"next-{len(next_path)}")
    shown = scene.sign_in(next=next_path).text
    assert f'content="0; url={next_path.replace("&", "&amp;")}"' in shown


@pytest.mark.parametrize(
    "next_path",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "/a b",
        "me",
        "/%0d%0a\r\nx",
        "/" + "a" * 499 + "é",
    ],
)
def test_the_browser_goes_on_nowhere_else(scene: Scene, next_path: str) -> None:
    answer = scene.browser.get(SIGN_IN, params={"next": next_path})
    assert answer.status_code == 422
    assert "not of this service" in answer.text or "at most 500" in answer.text


def test_strangers_stay_outside(scene: Scene) -> None:
    scene.provider.conduct.subject = "a stranger"
    n_users = len(scene.store.people.list())
    assert "that is nobody" in scene.refused()
    (row,) = scene.store.audit.newest(1)
    assert (row.actor, row.action, row.details["subject"]) == ("nobody", "session.refuse", "a stranger")
    assert len(scene.store.people.list()) == n_users


def test_an_address_or_a_name_makes_nobody_somebody_else(scene: Scene) -> None:
    scene.provider.conduct.subject = "an impostor"
    scene.provider.conduct.claims = {"email": "root", "preferred_username": "root", "groups": ["chemists"]}
    assert "is a user 'root' already" in scene.refused()
    assert scene.store.identities.of_user(scene.store.people.get("root").id) == ()


def test_whoever_is_deactivated_stays_outside(scene: Scene) -> None:
    scene.new_user("gone")
    deactivate(scene.store, "gone", by=local_operator())
    assert "not let in any more" in scene.refused()


def test_claims_make_a_user_and_follow_them(scene: Scene) -> None:
    store, conduct = scene.store, scene.provider.conduct
    conduct.subject = "eve at the provider"
    conduct.claims = {"preferred_username": "Eve@Example.org", "groups": ["visitors", "chemists", "others"]}
    assert scene.sign_in().status_code == 200
    eve = store.people.get("eve@example.org")
    assert (eve.role, eve.has_password) == (Role.SCIENTIST, False)
    assert _groups(store, eve.id) == {"solids", "guests"}
    created = next(row for row in store.audit.newest(3) if row.action == "user.create")
    assert (created.actor, created.details["role"]) == ("identity provider", "scientist")
    store.people.add_member(store.people.group("by-hand").id, eve.id)
    conduct.claims["groups"] = "visitors"
    assert scene.sign_in().status_code == 200
    assert store.people.by_id(eve.id).role is Role.VIEWER
    assert _groups(store, eve.id) == {"guests", "by-hand"}


def test_who_loses_every_claim_loses_everything_until_it_is_back(scene: Scene) -> None:
    store, conduct = scene.store, scene.provider.conduct
    conduct.subject = "bob at the provider"
    conduct.claims = {"preferred_username": "bob", "groups": ["chemists"]}
    assert scene.sign_in().status_code == 200
    token = create_token(store, "bob", label="x", scopes=[Permission.READ], by=local_operator()).record
    conduct.claims["groups"] = None
    assert scene.sign_in().status_code == 401
    assert scene.browser.get("/api/v1/me").status_code == 401
    bob = store.people.get("bob")
    assert (bob.role, _groups(store, bob.id)) == (Role.VIEWER, set())
    assert store.tokens.get(token.id).revoked_at is not None
    assert {row.action for row in store.audit.newest(4)} >= {"user.set-role", "user.shut-out", "session.refuse"}
    conduct.claims["groups"] = ["chemists"]
    assert scene.sign_in().status_code == 200
    assert store.people.get("bob").role is Role.SCIENTIST


def test_a_group_of_the_map_that_is_missing_is_named(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "claims.yaml").write_text("claim: groups\nrules: [{ value: a, role: viewer, groups: [nowhere] }]\n")
    _reconnect(scene, claim_map=tmp_path / "claims.yaml")
    scene.provider.conduct.subject = "lost"
    scene.provider.conduct.claims = {"preferred_username": "lost", "groups": ["a"]}
    assert "names the group 'nowhere'" in scene.refused()


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "'nonce'"),
        ({"iss": "https://evil.example"}, "'iss'"),
        ({"aud": "another client"}, "'aud'"),
        ({"exp": int(time.time()) - 65}, "'exp'"),
    ],
)
def test_claims_that_prove_nothing(scene: Scene, claims: dict[str, object], why: str) -> None:
    scene.provider.conduct.claims = claims
    assert why in scene.refused()
    assert scene.last_audit()[0] == "session.refuse"


def _unsigned(claims: dict[str, object]) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "kid": "first"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def _signed_with_the_public_key(claims: dict[str, object]) -> str:
    # By hand, because the library refuses to take a public key for a secret.
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "first"}, claims)]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    seal = hmac.digest(FIRST_KEY.as_pem(private=False), signed, "sha256")
    return (signed + b"." + base64.urlsafe_b64encode(seal).rstrip(b"=")).decode()


@pytest.mark.parametrize("forge", [_unsigned, _signed_with_the_public_key])
def test_forged_tokens_prove_nothing(scene: Scene, forge: Callable[[dict[str, object]], str]) -> None:
    scene.new_user(f"victim-{forge.__name__.strip('_').replace('_', '-')}")
    scene.provider.conduct.forge = forge
    assert "proves nothing" in scene.refused()


def test_elliptic_curves_sign_too(scene: Scene) -> None:
    scene.new_user("curve")
    scene.provider.conduct.key = ECKey.generate_key("P-256", {"kid": "curve"})
    scene.provider.conduct.algorithm = "ES256"
    scene.provider.conduct.discovery = {"id_token_signing_alg_values_supported": ["ES256", "RS256"]}
    assert scene.sign_in().status_code == 200


def test_new_keys_are_looked_up_once(scene: Scene) -> None:
    scene.new_user("rotated")
    conduct = scene.provider.conduct
    assert scene.sign_in().status_code == 200
    assert scene.sign_in().status_code == 200
    assert conduct.n_key_requests == 1
    conduct.key = RSAKey.generate_key(2048, {"kid": "second"})
    assert scene.sign_in().status_code == 200
    assert conduct.n_key_requests == 2
    scene.browser.cookies.clear()
    stranger = RSAKey.generate_key(2048, {"kid": "third"})
    conduct.forge = lambda claims: jwt.encode({"alg": "RS256", "kid": "third"}, claims, stranger, algorithms=["RS256"])
    scene.refused()
    assert conduct.n_key_requests == 3


def test_a_return_is_good_once(scene: Scene) -> None:
    scene.new_user("once")
    back = scene.meet_provider(scene.leave())
    kept = dict(scene.browser.cookies)
    assert scene.browser.get(back).status_code == 200
    scene.browser.cookies.clear()
    scene.browser.cookies.update(kept)
    again = scene.browser.get(back)
    assert again.status_code == 401
    assert "used already" in again.json()["detail"]


def test_a_return_is_good_in_its_own_browser_alone(scene: Scene) -> None:
    scene.new_user("own")
    back = scene.meet_provider(scene.leave())
    kept = dict(scene.browser.cookies)
    scene.browser.cookies.clear()
    assert scene.browser.get(back).status_code == 401
    scene.leave()
    assert scene.browser.get(back).status_code == 401
    scene.browser.cookies.clear()
    scene.browser.cookies.update(kept)
    assert scene.browser.get(back).status_code == 200


def test_a_return_is_good_for_ten_minutes(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.new_user("slow")
    monkeypatch.setattr("services.access.oidc.DEPARTURE_LASTS", -scene.store.now().resolution)
    back = scene.meet_provider(scene.leave())
    assert scene.browser.get(back).status_code == 401


def test_another_browsers_code_is_worth_nothing(scene: Scene) -> None:
    """A code in the return of another browser: PKCE binds each to its own."""
    scene.new_user("pkce")
    theirs = parse_qs(urlsplit(scene.meet_provider(scene.leave())).query)["code"][0]
    scene.browser.cookies.clear()
    own = urlsplit(scene.meet_provider(scene.leave()))
    query = {name: values[0] for name, values in parse_qs(own.query).items()}
    mixed = scene.browser.get(f"{own.path}?{urlencode({**query, 'code': theirs})}")
    assert mixed.status_code == 401
    assert "does not accept the code" in mixed.json()["detail"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"error": "access_denied"}, "access_denied"),
        ({"code": None}, "it gave no code"),
        ({"iss": "https://evil.example"}, "Another identity provider"),
        ({"state": "guessed"}, "belongs to no departure"),
        ({"state": None}, "belongs to no departure"),
        ({"code": "guessed"}, "does not accept the code"),
        ({"code": "\N{SNOWMAN}"}, "does not accept the code"),
        ({"state": "\N{SNOWMAN}"}, "belongs to no departure"),
        ({"error": "<b>"}, "did not let you in"),
    ],
)
def test_returns_that_lead_nowhere(scene: Scene, changed: dict[str, str | None], why: str) -> None:
    back = urlsplit(scene.meet_provider(scene.leave()))
    query = {name: values[0] for name, values in parse_qs(back.query).items()} | changed
    given = {name: value for name, value in query.items() if value is not None}
    answer = scene.browser.get(f"{back.path}?{urlencode(given)}")
    assert answer.status_code == 401
    assert why in answer.json()["detail"]


def _endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):
        for _ in range(50):
            handler.wfile.write(b" " * 2**20)


def test_a_provider_that_cannot_be_used_is_told_and_not_asked_again_at_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.access.oidc_provider._FAILURE_LASTS_S", 3600.0)
    scene.provider.conduct.keys_answer = _endless
    assert "larger than 512 KiB" in scene.refused(status=502)
    scene.provider.conduct.keys_answer = None
    assert "larger than 512 KiB" in scene.refused(status=502)
    assert scene.provider.conduct.n_key_requests == 1


def test_the_issuers_slash_is_the_providers_own(scene: Scene) -> None:
    """Settings with or without it, the provider with it: its tokens have to say what its discovery says."""
    scene.new_user("slash")
    with_slash = scene.provider.issuer + "/"
    scene.provider.conduct.discovery = {"issuer": with_slash}
    scene.provider.conduct.claims = {"iss": with_slash}
    assert scene.sign_in().status_code == 200
    scene.provider.conduct.claims = {}
    scene.browser.cookies.clear()
    assert "'iss'" in scene.refused()


def test_departures_are_counted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.access.throttle.MOST_DEPARTURES_FROM_CLIENT", 3)
    for _ in range(3):
        scene.leave()
    answer = scene.browser.get(SIGN_IN)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


def test_whoever_gets_in_is_not_counted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.access.throttle.MOST_DEPARTURES_FROM_CLIENT", 1)
    scene.new_user("often")
    assert scene.sign_in().status_code == 200
    assert scene.sign_in().status_code == 200
    scene.leave()
    assert scene.browser.get(SIGN_IN).status_code == 429


def test_people_link_and_unlink_themselves(scene: Scene) -> None:
    scene.provider.conduct.subject = "root at the provider"
    assert "that is nobody" in scene.refused()
    signed_in = scene.browser.post("/api/v1/login", json={"name": "root", "password": PASSWORD})
    assert signed_in.status_code == 200
    assert scene.browser.post("/api/v1/me/identities").status_code == 403
    answer = scene.browser.post("/api/v1/me/identities", headers=OWN_PAGE)
    assert answer.status_code == 200, answer.text
    linked = scene.browser.get(scene.meet_provider(answer.json()["address"]))
    assert linked.status_code == 200
    assert "linked to you" in linked.text
    assert scene.last_audit() == ("user.link", "user root")
    (identity,) = scene.browser.get("/api/v1/me/identities").json()["items"]
    assert identity["subject"] == "root at the provider"
    scene.browser.cookies.clear()
    assert scene.sign_in().status_code == 200
    assert scene.browser.get("/api/v1/me").json()["role"] == "administrator"
    gone = scene.browser.delete(f"/api/v1/me/identities/{identity['id']}", headers=OWN_PAGE)
    assert gone.status_code == 204
    assert scene.last_audit() == ("user.unlink", "user root")
    assert scene.browser.get("/api/v1/me").status_code == 401
    assert "that is nobody" in scene.refused()


def test_an_identity_is_one_users(scene: Scene) -> None:
    scene.new_user("first")
    add_user(scene.store, "second", role=Role.VIEWER, by=local_operator(), password=PASSWORD)
    scene.browser.post("/api/v1/login", json={"name": "second", "password": PASSWORD})
    address = scene.browser.post("/api/v1/me/identities", headers=OWN_PAGE).json()["address"]
    answer = scene.browser.get(scene.meet_provider(address))
    assert answer.status_code == 409
    assert "linked already" in answer.json()["detail"]


def test_whose_role_the_provider_decides_links_and_unlinks_nothing(scene: Scene) -> None:
    scene.provider.conduct.subject = "mapped"
    scene.provider.conduct.claims = {"preferred_username": "mapped", "groups": ["chemists"]}
    assert scene.sign_in().status_code == 200
    (identity,) = scene.browser.get("/api/v1/me/identities").json()["items"]
    assert identity["is_mapped"]
    for answer in (
        scene.browser.post("/api/v1/me/identities", headers=OWN_PAGE),
        scene.browser.delete(f"/api/v1/me/identities/{identity['id']}", headers=OWN_PAGE),
    ):
        assert answer.status_code == 403
        assert "provider decides your role" in answer.json()["detail"]


def test_nobody_locks_themselves_out(scene: Scene) -> None:
    scene.new_user("only")
    assert scene.sign_in().status_code == 200
    (identity,) = scene.browser.get("/api/v1/me/identities").json()["items"]
    answer = scene.browser.delete(f"/api/v1/me/identities/{identity['id']}", headers=OWN_PAGE)
    assert answer.status_code == 409
    assert scene.browser.delete("/api/v1/me/identities/999", headers=OWN_PAGE).status_code == 404


def test_administrators_link_and_unlink_anybody(scene: Scene) -> None:
    add_user(scene.store, "zoe", role=Role.VIEWER, by=local_operator())
    scene.browser.post("/api/v1/login", json={"name": "root", "password": PASSWORD})
    scene.provider.conduct.subject = "zoe at the provider"
    made = scene.browser.post("/api/v1/users/zoe/identities", json={"subject": "zoe at the provider"}, headers=OWN_PAGE)
    assert made.status_code == 201
    assert made.json()["issuer"] == scene.provider.issuer
    listed = scene.browser.get("/api/v1/users/zoe/identities").json()["items"]
    assert listed == [made.json()]
    root = dict(scene.browser.cookies)
    scene.browser.cookies.clear()
    assert scene.sign_in().status_code == 200
    zoe = dict(scene.browser.cookies)
    scene.browser.cookies.clear()
    scene.browser.cookies.update(root)
    address = f"/api/v1/users/zoe/identities/{made.json()['id']}"
    assert scene.browser.delete(address, headers=OWN_PAGE).status_code == 204
    assert scene.browser.delete(address, headers=OWN_PAGE).status_code == 404
    scene.browser.cookies.clear()
    scene.browser.cookies.update(zoe)
    assert scene.browser.get("/api/v1/me").status_code == 401
    scene.browser.cookies.clear()
    assert "that is nobody" in scene.refused()


def test_without_a_provider_nothing_of_it_is_there(scene: Scene) -> None:
    scene.service.identity_provider = None
    assert scene.browser.get(SIGN_IN).status_code == 404
    assert scene.browser.get(f"{SIGN_IN}/callback").status_code == 404
    scene.browser.post("/api/v1/login", json={"name": "root", "password": PASSWORD})
    assert scene.browser.get("/api/v1/me/identities").status_code == 404
    assert scene.browser.get("/api/v1/users/root/identities").status_code == 404


def _groups(store: Store, user_id: int) -> set[str]:
    return {store.people.group_by_id(number).name for number in store.people.groups_of(user_id)}


def _reconnect(scene: Scene, *, claim_map: Path | None = None) -> None:
    settings = scene.service.settings.oidc
    assert settings is not None
    assert settings.claim_map_file is not None
    scene.service.identity_provider = IdentityProvider(
        settings,
        client_secret=settings.read_client_secret(),
        claim_map=load_claim_map(claim_map or settings.claim_map_file),
        http=scene.http,
    )
