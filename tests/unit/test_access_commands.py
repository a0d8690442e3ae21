"""`petalite user`, `group`, `token` and `audit`."""

import json

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from domain.errors import ConflictError, InvalidValueError, NotFoundError
from services.access.authenticate import authenticate
from services.access.passwords import check_password
from services.access.roles import Permission
from services.cli.main import app
from services.store import open_store
from services.store.access_tables import audit

PASSWORD = "correct horse battery\n"


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/petalite.sqlite3"


@pytest.fixture
def petalite(tmp_path, monkeypatch):
    """Runs a command and gives its standard output."""
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    monkeypatch.delenv("PETALITE_STORE_URL", raising=False)

    def run(*arguments, given=None, status=0):
        result = CliRunner().invoke(app, arguments, input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        return result.stdout

    return run


def test_people_come_and_go(petalite, url):
    assert "No user yet" in petalite("user", "list")
    assert "No group yet" in petalite("group", "list")
    petalite("group", "add", "solids")
    petalite("user", "add", "ann", "--role", "administrator", "--group", "solids", given=PASSWORD + PASSWORD)
    petalite("user", "add", "bob", "--role", "laboratory", "--password-stdin", given=PASSWORD)
    assert "token create bot" in petalite("user", "add", "bot", "--role", "machine")
    petalite("user", "set-role", "bob", "viewer")
    petalite("user", "set-password", "bob", "--password-stdin", given="another long sentence\n")
    petalite("user", "deactivate", "bot")
    petalite("user", "deactivate", "bob")
    petalite("user", "activate", "bob")
    petalite("group", "add-member", "solids", "bob")
    petalite("group", "add-member", "solids", "bot")
    petalite("group", "remove-member", "solids", "bot")
    users = json.loads(petalite("user", "list", "--json"))
    assert [(user["name"], user["role"], user["groups"], user["is_active"]) for user in users] == [
        ("ann", "administrator", ["solids"], True),
        ("bob", "viewer", ["solids"], True),
        ("bot", "machine", [], False),
    ]
    assert [user["has_password"] for user in users] == [True, True, False]
    (group,) = json.loads(petalite("group", "list", "--json"))
    assert (group["name"], group["members"], group["campaigns"]) == ("solids", ["ann", "bob"], [])
    assert "deactivated" in petalite("user", "list")
    assert "ann, bob" in petalite("group", "list")
    with pytest.raises(ConflictError, match="last active administrator"):
        petalite("user", "deactivate", "ann")
    with open_store(url) as store:
        assert check_password("another long sentence", store.people.password_hash(store.people.get("bob").id))
        actors = {record.actor for record in store.audit.list()}
    assert len(actors) == 1
    assert actors.pop().startswith("os ")


def test_a_token_is_printed_once_and_alone(petalite, url):
    petalite("user", "add", "bot", "--role", "machine")
    secret = petalite(
        "token", "create", "bot", "--label", "node 7", "--scope", "query:claim", "--scope", "read"
    ).strip()
    with open_store(url) as store:
        assert authenticate(store, secret).permissions == {Permission.QUERY_CLAIM, Permission.READ}
    made = json.loads(petalite("token", "create", "bot", "--label", "x", "--scope", "read", "--never", "--json"))
    assert made["expires_at"] is None
    petalite("token", "create", "bot", "--label", "short", "--scope", "read", "--days", "2")
    assert "node 7" in petalite("token", "revoke", "1")
    listed = json.loads(petalite("token", "list", "--user", "bot", "--json"))
    assert [(token["id"], token["user"], token["scopes"]) for token in listed] == [
        (1, "bot", ["query:claim", "read"]),
        (2, "bot", ["read"]),
        (3, "bot", ["read"]),
    ]
    assert [token["revoked_at"] is not None for token in listed] == [True, False, False]
    shown = petalite("token", "list")
    assert "revoked" in shown
    assert "for ever" in shown
    assert secret not in shown + petalite("audit", "list") + petalite("audit", "list", "--json")
    with pytest.raises(NotFoundError, match="no user 'nobody'"):
        petalite("token", "list", "--user", "nobody")


def test_a_campaign_is_given_to_a_group(petalite, url, small_spec):
    with open_store(url) as store:
        store.campaigns.create(small_spec)
    petalite("group", "add", "solids")
    assert "belongs to solids" in petalite("group", "give", "small", "--group", "solids")
    assert json.loads(petalite("group", "list", "--json"))[0]["campaigns"] == ["small"]
    assert "administrators only" in petalite("group", "give", "small")
    assert json.loads(petalite("group", "list", "--json"))[0]["campaigns"] == []


def test_somebody_is_invited(petalite):
    petalite("group", "add", "solids")
    link = petalite("user", "invite", "--role", "viewer", "--group", "solids").strip()
    assert link.startswith("http://127.0.0.1:8642/join#petalite_i")


def test_somebody_who_forgot_their_password_is_given_a_link(petalite):
    petalite("user", "add", "ann", "--role", "viewer", "--password-stdin", given=PASSWORD)
    assert petalite("user", "reset-link", "ann").startswith("http://127.0.0.1:8642/new-password#petalite_p")
    with pytest.raises(NotFoundError, match="no user 'bob'"):
        petalite("user", "reset-link", "bob")


def test_the_audit_log_is_read_and_verified(petalite, url):
    assert "Nothing was changed yet" in petalite("audit", "list")
    for name in ("one", "two", "three"):
        petalite("group", "add", name)
    rows = json.loads(petalite("audit", "list", "--json"))
    assert [row["subject"] for row in rows] == ["group one", "group two", "group three"]
    newest = json.loads(petalite("audit", "list", "--limit", "1", "--json"))
    assert newest == json.loads(petalite("audit", "list", "--after", "2", "--json")) == rows[2:]
    assert "group two" in petalite("audit", "list")
    seal = json.loads(petalite("audit", "verify", "--json"))["seal"]
    assert seal in petalite("audit", "verify", "--seal", seal)
    assert "was cut off" in petalite("audit", "verify", "--seal", "0" * 63 + "1", status=1)
    for misspelt in (seal[:40], "the seal", seal + "0", ""):
        with pytest.raises(InvalidValueError, match="is no seal"):
            petalite("audit", "verify", "--seal", misspelt)
    assert seal in petalite("audit", "verify", "--seal", f" {seal.upper()} ")
    with open_store(url) as store, store.writing() as connection:
        connection.execute(update(audit).where(audit.c.id == 2).values(subject="group 2"))
    assert "Row 2 is not what was written" in petalite("audit", "verify", status=1)
    assert json.loads(petalite("audit", "verify", "--json", status=1))["broken_row"] == 2
