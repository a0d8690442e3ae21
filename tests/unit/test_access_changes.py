"""Changes to users, groups and tokens: what is allowed, and what the audit log says."""

from dataclasses import replace

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from domain.errors import (
    ConflictError,
    InvalidValueError,
    NotFoundError,
    PermissionDeniedError,
    TooManyAttemptsError,
)
from services.access.authenticate import authenticate, log_in, principal_of
from services.access.people import (
    activate,
    add_group,
    add_user,
    change_own_password,
    deactivate,
    set_role,
)
from services.access.principal import local_operator
from services.access.roles import Permission, Role
from services.access.throttle import MOST_ON_ACCOUNT_FROM_CLIENT
from services.access.tokens import LONGEST_DAYS, create_token, revoke_token
from services.store.examples import bench

OLD = "correct horse battery"
NEW = "another long sentence"
OPERATOR = local_operator()


@pytest.fixture
def store(tmp_path):
    with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
        yield opened.store


@pytest.fixture
def ann(store):
    """A scientist who is signed in."""
    quick = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
    store.people.create("ann", role=Role.SCIENTIST, password_hash=quick.hash(OLD))
    return log_in(store, "ann", OLD, client="192.0.2.1").principal


@pytest.fixture
def boss(store):
    """An administrator who is signed in."""
    return principal_of(add_user(store, "boss", role=Role.ADMINISTRATOR, by=OPERATOR), frozenset())


@pytest.mark.parametrize("name", ["", "Ann", "ann b", "-ann", "änn", "a" * 64, "ann\n", "os", "a.b_c-d@e.org"])
def test_names_that_could_be_mistaken_are_refused(store, name):
    if name in {"os", "a.b_c-d@e.org"}:
        assert add_user(store, name, role=Role.MACHINE, by=OPERATOR).name == name
        return
    with pytest.raises(InvalidValueError, match="cannot be a user's name"):
        add_user(store, name, role=Role.MACHINE, by=OPERATOR)
    with pytest.raises(InvalidValueError, match="cannot be a group's name"):
        add_group(store, name, by=OPERATOR)


def test_the_last_active_administrator_stays(store, boss):
    for refused in (
        lambda: deactivate(store, "boss", by=boss),
        lambda: set_role(store, "boss", Role.SCIENTIST, by=boss),
    ):
        with pytest.raises(ConflictError, match="boss is the last active administrator"):
            refused()
    assert set_role(store, "boss", Role.ADMINISTRATOR, by=boss).role is Role.ADMINISTRATOR
    add_user(store, "other", role=Role.ADMINISTRATOR, by=boss)
    deactivate(store, "other", by=boss)
    assert not deactivate(store, "other", by=boss).is_active
    assert set_role(store, "other", Role.VIEWER, by=boss).role is Role.VIEWER
    with pytest.raises(ConflictError, match="last active"):
        deactivate(store, "boss", by=boss)
    set_role(store, "other", Role.ADMINISTRATOR, by=boss)
    assert activate(store, "other", by=boss).is_active
    assert not deactivate(store, "boss", by=boss).is_active


def test_every_change_is_audited_once(store, ann, boss):
    n_before = len(store.audit.list())
    set_role(store, "ann", Role.VIEWER, by=boss)
    set_role(store, "ann", Role.VIEWER, by=boss)
    token = create_token(store, "ann", label="my script", scopes=[Permission.READ], by=boss, days=3).record
    revoke_token(store, token.id, by=boss)
    assert revoke_token(store, token.id, by=boss).revoked_at is not None
    rows = store.audit.list()[n_before:]
    assert [(row.actor, row.action, row.subject) for row in rows] == [
        ("boss", "user.set-role", "user ann"),
        ("boss", "token.create", f"token {token.id}"),
        ("boss", "token.revoke", f"token {token.id}"),
    ]
    assert rows[0].details == {"before": "scientist", "after": "viewer"}
    assert rows[1].details == {
        "user": "ann",
        "label": "my script",
        "prefix": token.prefix,
        "scopes": ["read"],
        "days": 3,
    }
    assert store.audit.verify() is None


def test_people_make_their_own_tokens_and_no_others(store, ann, boss):
    own = create_token(store, "ann", label="mine", scopes=[Permission.READ], by=ann)
    assert authenticate(store, own.secret).name == "ann"
    with pytest.raises(PermissionDeniedError, match="'administer' is not allowed"):
        create_token(store, "boss", label="his", scopes=[Permission.READ], by=ann)
    with pytest.raises(PermissionDeniedError, match="'administer' is not allowed"):
        create_token(store, "ann", label="by token", scopes=[Permission.READ], by=authenticate(store, own.secret))
    bosses = create_token(store, "boss", label="his", scopes=[Permission.READ], by=boss)
    with pytest.raises(PermissionDeniedError, match="no scope 'administer'"):
        create_token(store, "ann", label="by token", scopes=[Permission.READ], by=authenticate(store, bosses.secret))
    with pytest.raises(NotFoundError, match="no token number"):
        revoke_token(store, bosses.record.id, by=ann)
    revoke_token(store, own.record.id, by=ann)
    assert [token.label for token in store.tokens.list()] == ["mine", "his"]
    assert [token.label for token in store.tokens.list(user_id=boss.user_id)] == ["his"]


def test_only_administrators_make_tokens_for_ever(store, ann, boss):
    with pytest.raises(PermissionDeniedError, match="never expire"):
        create_token(store, "ann", label="t", scopes=[Permission.READ], by=ann, days=None)
    made = create_token(store, "ann", label="t", scopes=[Permission.READ], by=boss, days=None)
    assert made.record.expires_at is None
    assert authenticate(store, made.secret).name == "ann"
    default = create_token(store, "ann", label="t", scopes=[Permission.READ], by=ann).record
    assert (default.expires_at - default.created_at).days == 90


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"scopes": []}, "without a scope opens nothing"),
        ({"scopes": [Permission.READ, Permission.AUDIT_READ]}, "role scientist, to which audit:read is not allowed"),
        ({"label": " "}, "label has 1 to 200"),
        ({"label": "x" * 201}, "label has 1 to 200"),
        ({"days": 0}, "cannot last 0 days"),
        ({"days": LONGEST_DAYS + 1}, "cannot last 3661 days"),
    ],
)
def test_impossible_tokens_are_refused(store, ann, change, why):
    with pytest.raises(InvalidValueError, match=why):
        create_token(store, "ann", **({"label": "t", "scopes": [Permission.READ], "by": ann} | change))


def test_people_change_their_own_password_if_they_know_it(store, ann):
    change_own_password(store, ann, old=OLD, new=NEW, client="192.0.2.1")
    assert log_in(store, "ann", NEW, client="192.0.2.1").principal == ann
    for _ in range(MOST_ON_ACCOUNT_FROM_CLIENT):
        with pytest.raises(PermissionDeniedError, match="old password is wrong"):
            change_own_password(store, ann, old=OLD, new=NEW, client="192.0.2.1")
    with pytest.raises(TooManyAttemptsError, match="too many attempts"):
        change_own_password(store, ann, old=NEW, new=OLD, client="192.0.2.1")
    for nobody in (OPERATOR, replace(ann, token_id=1)):
        with pytest.raises(InvalidValueError, match="Only somebody who signed in"):
            change_own_password(store, nobody, old=NEW, new=OLD, client="192.0.2.1")
