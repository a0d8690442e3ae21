"""The page behind a one-time link makes the first administrator, in a browser that trusts nobody."""

import re
from collections.abc import Iterator

import httpx
import pytest

from services.access.invitations import first_administrator_link
from services.access.password_links import make_password_link
from services.access.people import add_user
from services.access.principal import local_operator
from services.access.roles import Role
from services.api.service import Service
from services.api.testing import running
from services.dashboard.app import create_service
from services.settings import load_settings
from services.store import Store

PASSWORD = "a long sentence that only I know"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Store]]:
    """A service that nobody has joined yet."""
    app = create_service(load_settings({"PETALITE_HOME": str(tmp_path_factory.mktemp("home"))}))
    with running(app) as client:
        service: Service = app.state.service
        yield client, service.open_store


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/join", "text/html"),
        ("/new-password", "text/html"),
        ("/assets/one-time-link.js", "text/javascript"),
    ],
)
def test_strangers_see_the_page_and_nothing_from_elsewhere(empty, path: str, media_type: str) -> None:
    client, _ = empty
    answer = client.get(path, headers={"Accept-Encoding": "identity"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media_type)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"https?://", answer.text)


def test_what_the_page_sends_makes_the_administrator_once(empty) -> None:
    client, store = empty
    link = first_administrator_link(store, "http://petalite.test")
    page, _, secret = link.partition("#")
    assert client.get(page).status_code == 200
    sent = {"invitation": secret, "name": "ada", "password": PASSWORD}
    answer = client.post("/api/v1/invitations/accept", json=sent, headers={"Origin": "http://petalite.test"})
    assert answer.status_code == 201
    assert answer.json()["role"] == "administrator"
    client.cookies.clear()
    again = client.post("/api/v1/invitations/accept", json={**sent, "name": "bob"})
    assert again.status_code == 401
    assert "taken already" in again.json()["detail"]


def test_people_take_another_password_and_sign_in_again(empty) -> None:
    client, store = empty
    add_user(store, "eve", role=Role.VIEWER, by=local_operator(), password=PASSWORD)
    another = "another long sentence of mine"
    own_page = {"Origin": "http://petalite.test"}

    def change(old: str) -> httpx.Response:
        return client.post("/api/v1/me/password", json={"old": old, "new": another}, headers=own_page)

    assert client.post("/api/v1/login", json={"name": "eve", "password": PASSWORD}).status_code == 200
    assert change("not that one").status_code == 403
    assert store.audit.newest(1)[0].action == "user.refuse-password"
    assert change(PASSWORD).status_code == 204
    assert store.audit.newest(1)[0].action == "user.set-password"
    assert client.get("/api/v1/me").status_code == 401
    assert client.post("/api/v1/login", json={"name": "eve", "password": PASSWORD}).status_code == 401
    assert client.post("/api/v1/login", json={"name": "eve", "password": another}).status_code == 200
    client.cookies.clear()


def test_whoever_forgot_their_password_takes_a_new_one_once(empty) -> None:
    client, store = empty
    add_user(store, "forgetful", role=Role.VIEWER, by=local_operator(), password=PASSWORD)
    session = client.post("/api/v1/login", json={"name": "forgetful", "password": PASSWORD}).headers["set-cookie"]
    client.cookies.clear()
    link = make_password_link(store, "http://petalite.test", "forgetful", by=local_operator())
    page, _, secret = link.partition("#")
    assert client.get(page).status_code == 200
    own_page = {"Origin": "http://petalite.test"}

    def take(secret: str, password: str) -> httpx.Response:
        return client.post("/api/v1/password-links/take", json={"link": secret, "password": password}, headers=own_page)

    assert take(secret, "short").status_code == 422
    assert client.get("/api/v1/me", headers={"Cookie": session.partition(";")[0]}).status_code == 200
    taken = take(secret, "another long sentence of mine")
    assert (taken.status_code, taken.json()) == (200, {"name": "forgetful"})
    assert store.audit.newest(1)[0].action == "user.take-password"
    assert client.get("/api/v1/me", headers={"Cookie": session.partition(";")[0]}).status_code == 401
    assert client.post("/api/v1/login", json={"name": "forgetful", "password": PASSWORD}).status_code == 401
    again = take(secret, "a third long sentence of mine")
    assert again.status_code == 401
    assert "taken already" in again.json()["detail"]
