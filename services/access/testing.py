"""The contract of access as checks for every database."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final, TypeAlias

import pytest
from sqlalchemy import Delete, Update, delete, update

from domain.errors import ConflictError, NotAuthenticatedError, NotFoundError, PetaliteError, TooManyAttemptsError
from domain.json_value import JsonObject
from domain.roles import Permission, Role
from services.access.authenticate import authenticate
from services.access.invitations import accept_invitation, first_administrator_link
from services.access.people import add_group, add_member, add_user, give_campaign, remove_member, set_role
from services.access.principal import Principal, local_operator
from services.access.throttle import MOST_ON_ACCOUNT_FROM_CLIENT, count_attempt
from services.access.tokens import create_token
from services.store import Store, open_store
from services.store.access_tables import audit
from services.store.audit import AuditRecord
from services.store.examples import Bench, example_spec
from services.store.identities import AttemptRecord
from services.store.testing import StoreCheck
from services.store.tokens import TOUCH_EVERY

Tampering: TypeAlias = Callable[[AuditRecord], Mapping[str, object]]


def check_users_are_kept(bench: Bench) -> None:
    """A user is found by name and number; a name is one user's; changes stay."""
    people = bench.store.people
    assert people.is_empty()
    ann = people.create("ann", role=Role.SCIENTIST, password_hash=None)
    assert not people.is_empty()
    assert (ann.role, ann.is_active, ann.has_password, ann.created_at) == (Role.SCIENTIST, True, False, bench.clock())
    assert people.get("ann") == people.find("ann") == people.by_id(ann.id) == ann
    assert people.find("bob") is None
    with pytest.raises(ConflictError, match="is a user 'ann' already"):
        people.create("ann", role=Role.VIEWER, password_hash=None)
    with pytest.raises(NotFoundError, match="There is no user 'Ann"):
        people.get("Ann\0")
    with pytest.raises(NotFoundError, match="There is no user number 99"):
        people.by_id(99)
    people.set_role(ann.id, Role.MACHINE)
    people.set_password_hash(ann.id, "hash")
    people.set_active(ann.id, is_active=False)
    changed = people.by_id(ann.id)
    assert (changed.role, changed.has_password, changed.is_active) == (Role.MACHINE, True, False)
    assert people.password_hash(ann.id) == "hash"
    bob = people.create("bob", role=Role.VIEWER, password_hash="")
    assert people.list() == (changed, bob)
    assert people.list(after=ann.id, limit=1) == (bob,)


def check_groups_share_campaigns(bench: Bench) -> None:
    """A campaign is seen by its group's members, from the moment on in which they are, and by administrators."""
    store, operator = bench.store, local_operator()
    campaign = store.campaigns.create(example_spec())
    add_group(store, "solids", by=operator)
    secret = _token(bench, add_user(store, "ann", role=Role.SCIENTIST, by=operator).name)
    assert not authenticate(store, secret).may_see(campaign)
    add_member(store, "solids", "ann", by=operator)
    add_member(store, "solids", "ann", by=operator)
    assert not authenticate(store, secret).may_see(campaign)
    give_campaign(store, "example", "solids", by=operator)
    given = store.campaigns.get("example")
    assert given.group_id == store.people.group("solids").id
    assert authenticate(store, secret).may_see(given)
    assert operator.may_see(campaign)
    assert [user.name for user in store.people.members(store.people.group("solids").id)] == ["ann"]
    remove_member(store, "solids", "ann", by=operator)
    assert not authenticate(store, secret).may_see(given)
    give_campaign(store, "example", None, by=operator)
    assert store.campaigns.get("example").group_id is None
    with pytest.raises(NotFoundError, match="no group 'liquids'"):
        give_campaign(store, "example", "liquids", by=operator)
    with pytest.raises(NotFoundError, match="no campaign number 99"):
        store.people.give_campaign(99, None)
    with pytest.raises(ConflictError, match="is a group 'solids' already"):
        add_group(store, "solids", by=operator)
    actions = [(row.action, row.subject) for row in store.audit.list() if row.action.startswith("group.")]
    assert actions == [
        ("group.create", "group solids"),
        ("group.add-member", "group solids"),
        ("group.remove-member", "group solids"),
    ]


def check_token_use_is_noted(bench: Bench) -> None:
    """When a token was used last is known to a minute, and written no more often."""
    store = bench.store
    add_user(store, "bot", role=Role.MACHINE, by=local_operator())
    secret = _token(bench, "bot")
    (token,) = store.tokens.list()
    assert token.last_used_at is None
    for n_seconds, expected in ((0, 0), (59, 0), (1, 60)):
        bench.clock.advance(n_seconds)
        authenticate(store, secret)
        store.submit(lambda: None).result()
        assert store.tokens.get(token.id).last_used_at == token.created_at + timedelta(seconds=expected)
    assert not store.tokens.touch(token.id)
    bench.clock.advance(TOUCH_EVERY.total_seconds())
    assert store.tokens.touch(token.id)
    assert store.tokens.revoke(token.id)
    assert not store.tokens.revoke(token.id)
    assert store.tokens.by_prefix("nobodys0") is None
    with pytest.raises(NotFoundError, match="no token number 99"):
        store.tokens.get(99)


def check_sessions_end(bench: Bench) -> None:
    """A session ends by itself, by its owner, or with all others of its owner; then it can be forgotten."""
    store = bench.store
    user = store.people.create("ann", role=Role.VIEWER, password_hash=None)
    until = bench.clock() + timedelta(hours=1)
    for name in "abc":
        store.sessions.create(user.id, secret_hash=name * 64, expires_at=until)
    found = store.sessions.by_hash("a" * 64)
    assert found is not None
    assert (found.user, found.expires_at) == (user, until)
    assert store.sessions.end("a" * 64)
    assert not store.sessions.end("a" * 64)
    assert store.sessions.by_hash("a" * 64) is None
    store.sessions.end_all(user.id)
    assert store.sessions.by_hash("b" * 64) is None
    store.sessions.create(user.id, secret_hash="d" * 64, expires_at=until)
    bench.clock.advance(3600)
    assert store.sessions.by_hash("d" * 64) is None
    assert store.sessions.sweep() == 4


def check_one_of_many_takes_an_invitation(bench: Bench) -> None:
    """Of many who race for the link of the first administrator, one becomes it."""
    link = first_administrator_link(bench.store, "http://here/")
    assert link is not None
    assert link.startswith("http://here/join#petalite_i")
    secret, password = link.partition("#")[2], "correct horse battery"

    def accept(number: int) -> Principal | PetaliteError:
        try:
            return accept_invitation(bench.store, secret, name=f"user{number}", password=password)
        except NotAuthenticatedError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(accept, range(2)))
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Principal)]
    assert winner.role is Role.ADMINISTRATOR
    assert [user.name for user in bench.store.people.list()] == [winner.name]
    assert [row.action for row in bench.store.audit.list()] == ["user.join"]
    assert first_administrator_link(bench.store, "http://here") is None


def check_an_identity_is_one_users(bench: Bench) -> None:
    """An identity is one user's, by provider and subject; a user may have several."""
    store = bench.store
    ann, bob = (add_user(store, name, role=Role.VIEWER, by=local_operator()) for name in ("ann", "bob"))
    assert store.identities.find("https://one", "7") is None
    first = store.identities.create(ann.id, issuer="https://one", subject="7", is_mapped=True)
    other = store.identities.create(ann.id, issuer="https://other", subject="7", is_mapped=False)
    assert (first.is_mapped, first.created_at) == (True, bench.clock())
    with pytest.raises(ConflictError, match="'7' is linked already"):
        store.identities.create(bob.id, issuer="https://one", subject="7", is_mapped=False)
    assert store.identities.find("https://one", "7") == (first, ann)
    assert store.identities.of_user(ann.id) == (first, other)
    assert store.identities.of_user(ann.id, after=first.id, limit=1) == (other,)
    with pytest.raises(NotFoundError, match=f"no identity number {first.id}"):
        store.identities.remove(bob.id, first.id)
    assert store.identities.remove(ann.id, first.id) == first
    assert store.identities.of_user(ann.id) == (other,)


def check_one_of_many_returns_from_the_identity_provider(bench: Bench) -> None:
    """A departure is good for one return, of the browser that left, until it is over."""
    departures = bench.store.oidc_attempts
    attempt = AttemptRecord(user_id=None, next_path="/api/v1/me", failure_id=3)

    def leave(state: str) -> None:
        over = bench.clock() + timedelta(minutes=10)
        departures.create(attempt, state_hash=state, browser_hash="browser", expires_at=over)

    leave("first")
    assert departures.take(state_hash="first", browser_hash="another") is None
    assert departures.take(state_hash="other", browser_hash="browser") is None
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: departures.take(state_hash="first", browser_hash="browser"), range(16)))
    assert [found for found in taken if found is not None] == [attempt]
    leave("second")
    bench.clock.advance(600)
    assert departures.take(state_hash="second", browser_hash="browser") is None


def check_attempts_are_counted_before_they_are_looked_at(bench: Bench) -> None:
    """Attempts at the same time count each other."""

    def attempt(name: str) -> bool:
        try:
            count_attempt(bench.store, name, client="192.0.2.1")
        except TooManyAttemptsError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, ["ann"] * 2 * MOST_ON_ACCOUNT_FROM_CLIENT)) == MOST_ON_ACCOUNT_FROM_CLIENT


def check_somebody_can_always_administer(bench: Bench) -> None:
    """Of two administrators who demote each other at the same time, one stays."""
    operator = local_operator()
    for name in ("ann", "bob"):
        add_user(bench.store, name, role=Role.ADMINISTRATOR, by=operator)

    def demote(name: str) -> bool:
        try:
            set_role(bench.store, name, Role.VIEWER, by=operator)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, ("ann", "bob"))) == [False, True]
    assert bench.store.people.n_active(Role.ADMINISTRATOR) == 1


def check_audit_is_one_chain(bench: Bench) -> None:
    """Rows come back as they were written, whatever they hold, and many writers make one chain."""
    log = bench.store.audit
    assert (log.list(), log.verify(), log.has(log.last_hash())) == ((), None, True)
    details: JsonObject = {"\0ä": ["\ud800", 1.0, -0.0, 1e-310, 2**70, True, None, float("nan")], "b": {"a": []}}
    log.append("Zoë \0 '; --", "test.append", "実験室 \ud800", details)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: log.append("ann", "test.race", f"row {number}", {}), range(12)))
    rows = log.list()
    assert (rows[0].actor, rows[0].at) == ("Zoë \ufffd '; --", bench.clock())
    assert rows[0].details["b"] == {"a": []}
    assert len(rows) == 13
    assert [after.previous_hash for after in rows[1:]] == [before.hash for before in rows[:-1]]
    assert log.verify() is None
    assert log.list(after=rows[10].id) == log.newest(2) == rows[11:]
    assert log.has(rows[-1].hash)
    assert not log.has("f" * 64)


def check_audited_changes_never_wait_for_each_other(bench: Bench) -> None:
    """Whether a change is audited before or after the rows that others change too, in one process or another."""
    store = bench.store
    users = [store.people.create(name, role=Role.VIEWER, password_hash=None).id for name in ("ann", "bob")]

    def change(somewhere: Store, number: int) -> None:
        first, second = users if number % 2 else reversed(users)
        somewhere.people.set_role(first, Role.MACHINE)
        somewhere.audit.append("ann", "test.race", f"row {number}", {})
        somewhere.people.set_role(second, Role.VIEWER)

    def change_at_once(number: int) -> None:
        with store.writing():
            change(store, number)

    with open_store(bench.url) as other, ThreadPoolExecutor(3) as pool:
        promises = [other.submit(partial(change, other, number)) for number in range(20)]
        list(pool.map(change_at_once, range(20)))
        for promise in promises:
            promise.result()
    assert len(store.audit.list()) == 40
    assert store.audit.verify() is None


def check_refused_change_is_not_audited(bench: Bench) -> None:
    """What did not happen is not in the log."""
    with pytest.raises(NotFoundError, match="no group 'nowhere'"):
        add_user(bench.store, "ann", role=Role.VIEWER, groups=["nowhere"], by=local_operator())
    assert bench.store.people.is_empty()
    assert bench.store.audit.list() == ()


def check_tampering_is_found(bench: Bench) -> None:
    """Any row that is changed, removed or exchanged for another is found, and the first such row is named."""
    for number in range(5):
        bench.clock.advance(1)
        bench.store.audit.append("ann", "test.append", f"row {number}", {"number": number})
    rows = bench.store.audit.list()
    seal = bench.store.audit.last_hash()
    for index, row in enumerate(rows):
        for change in _CHANGES:
            assert _found_after(bench, row, change(row)) == row.id
        after_it = rows[index + 1].id if row is not rows[-1] else None
        assert _found_after(bench, row, None) == after_it
        for other in rows[index + 1 :]:
            assert _found_after_exchange(bench, row, other) == row.id
    # The end can only be missed by somebody who has noted the seal.
    with bench.store.writing() as connection:
        connection.execute(delete(audit).where(audit.c.id == rows[-1].id))
    assert bench.store.audit.verify() is None
    assert not bench.store.audit.has(seal)


_CHANGES: Final[Sequence[Tampering]] = (
    lambda row: {"at": row.at + timedelta(microseconds=1)},
    lambda _: {"actor": "bob"},
    lambda _: {"action": "test.other"},
    lambda _: {"subject": "row 9"},
    lambda _: {"details": {"number": -1}},
    lambda _: {"details": {}},
    lambda _: {"previous_hash": "e" * 64},
    lambda _: {"hash": "f" * 64},
)


class _UndoneError(Exception):
    """Takes a transaction back."""


def _found_after(bench: Bench, row: AuditRecord, values: Mapping[str, object] | None) -> int | None:
    """What is found after a row was changed or removed, which is then taken back."""
    statement = delete(audit) if values is None else update(audit).values(values)
    return _found(bench, [statement.where(audit.c.id == row.id)])


def _found_after_exchange(bench: Bench, row: AuditRecord, other: AuditRecord) -> int | None:
    def renumber(before: int, after: int) -> Update:
        return update(audit).where(audit.c.id == before).values(id=after)

    return _found(bench, [renumber(row.id, 10**6), renumber(other.id, row.id), renumber(10**6, other.id)])


def _found(bench: Bench, statements: Sequence[Update | Delete]) -> int | None:
    with suppress(_UndoneError), bench.store.writing() as connection:
        for statement in statements:
            connection.execute(statement)
        broken = bench.store.audit.verify()
        raise _UndoneError
    return None if broken is None else broken.id


def _token(bench: Bench, user: str) -> str:
    return create_token(bench.store, user, label="test", scopes=[Permission.READ], by=local_operator()).secret


ACCESS_CHECKS: Final[tuple[StoreCheck, ...]] = (
    check_users_are_kept,
    check_groups_share_campaigns,
    check_token_use_is_noted,
    check_sessions_end,
    check_one_of_many_takes_an_invitation,
    check_an_identity_is_one_users,
    check_one_of_many_returns_from_the_identity_provider,
    check_attempts_are_counted_before_they_are_looked_at,
    check_somebody_can_always_administer,
    check_audit_is_one_chain,
    check_audited_changes_never_wait_for_each_other,
    check_refused_change_is_not_audited,
    check_tampering_is_found,
)
