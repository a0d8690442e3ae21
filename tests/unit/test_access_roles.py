"""Who may do what, and whose campaigns they see."""

import getpass
import pickle
import re
from pathlib import Path

import pytest

from domain.errors import PermissionDeniedError, TooManyAttemptsError
from services.access.principal import Principal, local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Permission, Role

MATRIX = """
                 administrator scientist laboratory machine viewer
read             yes           yes       yes        yes     yes
campaign:write   yes           yes       -          -       -
campaign:run     yes           yes       -          -       -
query:claim      yes           yes       -          yes     -
query:approve    yes           yes       -          -       -
laboratory       yes           yes       yes        -       -
material:write   yes           yes       -          -       -
export           yes           yes       yes        -       yes
audit:read       yes           -         -          -       -
administer       yes           -         -          -       -
metrics          yes           -         -          yes     -
"""
HEADER, *ROWS = [line.split() for line in MATRIX.strip().splitlines()]


def _principal(role, *, permissions=None, groups=()):
    allowed = PERMISSIONS_OF_ROLE[role] if permissions is None else frozenset(permissions)
    return Principal(1, "ann", role, frozenset(groups), allowed, None)


def test_the_matrix_names_every_role_and_permission():
    assert [role.value for role in Role] == HEADER
    assert [row[0] for row in ROWS] == [permission.value for permission in Permission]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_role_may_do_what_the_matrix_says(role, row):
    permission = Permission(row[0])
    principal = _principal(role)
    if row[1 + HEADER.index(role.value)] == "yes":
        principal.require(permission)
    else:
        with pytest.raises(PermissionDeniedError, match=f"{role.value}, whom '{permission.value}' is not allowed"):
            principal.require(permission)


def test_a_token_without_the_scope_is_told_so():
    with pytest.raises(PermissionDeniedError, match="This token has no scope 'export'"):
        _principal(Role.VIEWER, permissions=[Permission.READ]).require(Permission.EXPORT)


@pytest.mark.parametrize(("group_id", "is_seen"), [(3, True), (4, False), (None, False)])
def test_only_their_groups_campaigns_are_seen(small_campaign, group_id, is_seen):
    assert _principal(Role.SCIENTIST, groups=[3, 5]).may_see(small_campaign(group_id)) is is_seen
    assert _principal(Role.ADMINISTRATOR).may_see(small_campaign(group_id))


@pytest.fixture
def small_campaign(tmp_path, small_spec):
    from dataclasses import replace

    from services.store import open_store

    with open_store(f"sqlite:///{tmp_path}/store.sqlite3") as store:
        campaign = store.campaigns.create(small_spec)
    return lambda group_id: replace(campaign, group_id=group_id)


def test_whoever_works_on_the_machine_may_do_everything(monkeypatch):
    operator = local_operator()
    assert operator.name.startswith("os ")
    assert "@" in operator.name
    assert operator.permissions == frozenset(Permission)

    def unnamed():
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr(getpass, "getuser", unnamed)
    assert local_operator().name.startswith("os uid ")


def test_how_long_to_wait_survives_a_copy():
    error = TooManyAttemptsError("Too many.", remedy="Wait.", retry_after_s=12.5)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.retry_after_s) == ("Too many. Wait.", 12.5)


def test_the_manual_shows_the_same_matrix():
    manual = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")
    lines = [line for line in manual.splitlines() if re.match(r"\| `[a-z]", line)]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert [[row[0].strip("`"), *(cell or "-" for cell in row[2:])] for row in rows] == ROWS
