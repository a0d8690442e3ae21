"""Signing in, staying signed in, and being refused."""

import unicodedata

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select

from domain.errors import ConflictError, InvalidValueError, NotAuthenticatedError, TooManyAttemptsError
from services.access import authenticate as signing
from services.access.authenticate import authenticate, log_in, log_out
from services.access.invitations import (
    FirstLink,
    accept_invitation,
    first_administrator_link,
    first_link_at_start,
    invite,
)
from services.access.passwords import _NOBODY, check_password, hash_password
from services.access.people import activate, add_group, add_user, deactivate, set_password, set_role
from services.access.principal import local_operator
from services.access.roles import Permission, Role
from services.access.throttle import MOST_FROM_CLIENT, MOST_ON_ACCOUNT, MOST_ON_ACCOUNT_FROM_CLIENT
from services.access.token_format import SecretKind, new_secret
from services.access.tokens import create_token
from services.store.examples import bench
from services.store.metadata import METADATA

PASSWORD = "correct horse battery"
HERE = "192.0.2.1"
QUICK = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def opened(tmp_path):
    with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
        yield opened


@pytest.fixture
def store(opened):
    return opened.store


@pytest.fixture
def clock(opened):
    return opened.clock


@pytest.fixture
def ann(store):
    """A scientist with a password that is checked quickly."""
    return store.people.create("ann", role=Role.SCIENTIST, password_hash=QUICK.hash(PASSWORD))


def _refused(store, name="ann", password="wrong horse battery", client=HERE):
    with pytest.raises(NotAuthenticatedError, match="name or the password is wrong") as refusal:
        log_in(store, name, password, client=client)
    return str(refusal.value)


def test_a_session_lasts_twelve_hours_or_until_its_owner_leaves(store, clock, ann):
    login = log_in(store, "ann", PASSWORD, client=HERE)
    assert (login.expires_at - clock()).total_seconds() == 12 * 3600
    assert authenticate(store, login.session_secret) == login.principal
    assert (login.principal.user_id, login.principal.name, login.principal.token_id) == (ann.id, "ann", None)
    other = log_in(store, "ann", PASSWORD, client=HERE)
    log_out(store, login.session_secret)
    log_out(store, login.session_secret)
    log_out(store, "nonsense")
    _nobody(store, login.session_secret)
    assert authenticate(store, other.session_secret).name == "ann"
    clock.advance(12 * 3600)
    _nobody(store, other.session_secret)
    assert [row.action for row in store.audit.list()] == ["session.open", "session.open", "session.end"]


def test_a_new_password_ends_every_session(store, ann):
    login = log_in(store, "ann", PASSWORD, client=HERE)
    set_password(store, "ann", "another long sentence", by=local_operator())
    _nobody(store, login.session_secret)
    _refused(store, password=PASSWORD)
    assert log_in(store, "ann", "another long sentence", client=HERE).principal.name == "ann"


def test_whoever_is_not_let_in_any_more_is_told_what_everybody_is_told(store, ann):
    login = log_in(store, "ann", PASSWORD, client=HERE)
    token = create_token(store, "ann", label="t", scopes=[Permission.READ], by=login.principal).secret
    store.people.create("boss", role=Role.ADMINISTRATOR, password_hash=None)
    deactivate(store, "ann", by=local_operator())
    _nobody(store, login.session_secret)
    _nobody(store, token)
    told = {_refused(store, password=PASSWORD), _refused(store, "nobody"), _refused(store, "boss"), _refused(store)}
    assert len(told) == 1
    activate(store, "ann", by=local_operator())
    _nobody(store, login.session_secret)
    assert authenticate(store, token).name == "ann"


def _nobody(store, secret):
    with pytest.raises(NotAuthenticatedError, match="no token or session that is good here"):
        authenticate(store, secret)


def test_every_bad_secret_is_refused_alike(store, clock, ann):
    token = create_token(store, "ann", label="t", scopes=[Permission.READ], by=local_operator(), days=1)
    clock.advance(86399)
    assert authenticate(store, token.secret).token_id == token.record.id
    clock.advance(1)
    _nobody(store, token.secret)
    # The same public beginning, with another secret behind it.
    forged = new_secret(SecretKind.TOKEN)
    store.tokens.create(
        ann.id, label="f", prefix=forged.prefix, secret_hash="0" * 64, scopes=[Permission.READ], expires_at=None
    )
    _nobody(store, forged.text)
    for kind in SecretKind:
        _nobody(store, new_secret(kind).text)
    _nobody(store, "")
    _nobody(store, "\ud800")


def test_an_invitation_is_no_session_and_a_session_no_invitation(store, ann):
    link = invite(store, "http://here", role=Role.VIEWER, by=local_operator())
    _nobody(store, link.partition("#")[2])
    session = log_in(store, "ann", PASSWORD, client=HERE).session_secret
    with pytest.raises(NotAuthenticatedError, match="invitation is not good"):
        accept_invitation(store, session, name="bob", password=PASSWORD)


def test_a_strangers_invitation_is_refused_before_anybody_looks_at_the_password(store):
    with pytest.raises(NotAuthenticatedError, match="invitation is not good"):
        accept_invitation(store, new_secret(SecretKind.INVITATION).text, name="bob", password="short")


def test_a_misspelt_secret_is_refused_without_asking_the_store(ann):
    class NoStore:
        def __getattr__(self, name):
            raise LookupError(name)

    secret = new_secret(SecretKind.TOKEN).text
    misspelt = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    _nobody(NoStore(), misspelt)
    with pytest.raises(LookupError, match="tokens"):
        authenticate(NoStore(), secret)


def test_a_token_does_what_its_owner_may_do_now(store, ann):
    scopes = [Permission.READ, Permission.CAMPAIGN_RUN]
    token = create_token(store, "ann", label="t", scopes=scopes, by=local_operator())
    assert token.secret not in repr(token)
    assert authenticate(store, token.secret).permissions == frozenset(scopes)
    set_role(store, "ann", Role.VIEWER, by=local_operator())
    assert authenticate(store, token.secret).permissions == {Permission.READ}
    set_role(store, "ann", Role.ADMINISTRATOR, by=local_operator())
    assert authenticate(store, token.secret).permissions == frozenset(scopes)
    store.tokens.revoke(token.record.id)
    _nobody(store, token.secret)


def test_a_name_that_nobody_has_is_checked_as_long_as_any(store, ann, monkeypatch):
    checked = []
    monkeypatch.setattr(signing, "check_password", lambda *given: bool(checked.append(given)))
    _refused(store, "nobody")
    _refused(store, "nobody\0\ud800" * 1000)
    _refused(store)
    assert [password_hash for _, password_hash in checked] == [None, None, store.people.password_hash(ann.id)]


def test_checking_against_nobody_costs_what_checking_against_anybody_does():
    parameters = [made.split("$")[:4] for made in (_NOBODY, hash_password(PASSWORD, user_name="ann"))]
    assert parameters[0] == parameters[1]
    assert not check_password(PASSWORD, None)


def test_guessing_from_one_address_ends_soon_and_locks_nobody_else_out(store, clock, ann):
    for _ in range(MOST_ON_ACCOUNT_FROM_CLIENT):
        _refused(store)
        clock.advance(60)
    with pytest.raises(TooManyAttemptsError, match="too many attempts") as refusal:
        log_in(store, "ann", PASSWORD, client=HERE)
    assert refusal.value.retry_after_s == (15 - MOST_ON_ACCOUNT_FROM_CLIENT) * 60
    assert "Try again in 10 min" in str(refusal.value)
    assert log_in(store, "ann", PASSWORD, client="198.51.100.7").principal.name == "ann"
    clock.advance(refusal.value.retry_after_s)
    assert log_in(store, "ann", PASSWORD, client=HERE).principal.name == "ann"


def test_success_forgives_the_account(store, ann):
    for _ in range(3):
        for _ in range(MOST_ON_ACCOUNT_FROM_CLIENT - 1):
            _refused(store)
        log_in(store, "ann", PASSWORD, client=HERE)


def test_guessing_one_password_for_many_accounts_ends_too(store, monkeypatch):
    monkeypatch.setattr(signing, "check_password", lambda *_: False)
    for number in range(MOST_FROM_CLIENT):
        _refused(store, f"user{number}")
    with pytest.raises(TooManyAttemptsError, match="from this address"):
        log_in(store, "ann", PASSWORD, client=HERE)


def test_guessing_from_many_addresses_ends_too(store, ann):
    for number in range(MOST_ON_ACCOUNT):
        _refused(store, client=f"192.0.2.{number}")
    with pytest.raises(TooManyAttemptsError, match="with this name"):
        log_in(store, "ann", PASSWORD, client="198.51.100.7")


def test_a_network_of_addresses_is_one_address(store, ann):
    for number in range(MOST_ON_ACCOUNT_FROM_CLIENT):
        _refused(store, client=f"2001:db8::{number:x}")
    with pytest.raises(TooManyAttemptsError, match="from this address"):
        log_in(store, "ann", PASSWORD, client="2001:db8::ffff:1%eth0")
    for elsewhere in ("2001:db8:0:1::1", "::ffff:192.0.2.1", "unknown"):
        assert log_in(store, "ann", PASSWORD, client=elsewhere).principal.name == "ann"


def test_a_password_that_changes_while_it_is_checked_opens_nothing(store, ann, monkeypatch):
    def changed_meanwhile(password, password_hash):
        store.people.set_password_hash(ann.id, QUICK.hash("another long sentence"))
        return check_password(password, password_hash)

    monkeypatch.setattr(signing, "check_password", changed_meanwhile)
    _refused(store, password=PASSWORD)


def test_many_may_sign_in_from_one_address(store, ann):
    for _ in range(MOST_FROM_CLIENT + 1):
        log_in(store, "ann", PASSWORD, client=HERE)


def test_what_was_typed_for_a_name_is_kept_nowhere(store):
    _refused(store, "my secret password")
    assert [(row.action, row.subject, row.details) for row in store.audit.list()] == [
        ("session.refuse", "unknown user", {"client": HERE})
    ]
    assert "my secret password" not in _everything(store)


def test_no_secret_is_kept(store, ann):
    operator = local_operator()
    login = log_in(store, "ann", PASSWORD, client=HERE)
    token = create_token(store, "ann", label="t", scopes=[Permission.READ], by=operator).secret
    invitation = invite(store, "http://here", role=Role.VIEWER, by=operator).partition("#")[2]
    set_password(store, "ann", "another long sentence", by=operator)
    accept_invitation(store, invitation, name="bob", password="a third long sentence")
    kept = _everything(store)
    assert "bob" in kept
    for secret in (login.session_secret, token, invitation):
        assert secret not in kept
        assert secret[len("petalite_t") + 8 :] not in kept
    assert not any(password in kept for password in (PASSWORD, "another long sentence", "a third long sentence"))


def _everything(store):
    with store.writing() as connection:
        return str([connection.execute(select(table)).all() for table in METADATA.sorted_tables])


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short words", "has 11 characters, fewer than 12"),
        ("x" * 1001, "longer than 1000"),
        ("Ann-The-Scientist ", "is the user's name"),
    ],
)
def test_weak_passwords_are_refused(password, why):
    with pytest.raises(InvalidValueError, match=why):
        hash_password(password, user_name="ann-the-scientist")


def test_a_password_is_the_same_on_every_keyboard():
    composed = unicodedata.normalize("NFC", "éééééééééééé")
    kept = QUICK.hash(unicodedata.normalize("NFKC", composed).encode())
    assert check_password(unicodedata.normalize("NFD", composed), kept)
    assert not check_password("eeeeeeeeeeee\ud800", kept)


def test_the_first_link_is_replaced_by_the_next_and_ends_with_the_first_user(store):
    first = first_administrator_link(store, "http://here").partition("#")[2]
    second = first_administrator_link(store, "http://here").partition("#")[2]
    for_good = pytest.raises(NotAuthenticatedError, match="invitation is not good")
    with for_good:
        accept_invitation(store, first, name="eve", password=PASSWORD)
    add_user(store, "ann", role=Role.ADMINISTRATOR, by=local_operator())
    assert first_administrator_link(store, "http://here") is None
    with for_good:
        accept_invitation(store, second, name="eve", password=PASSWORD)


def test_of_processes_that_start_together_one_makes_the_first_link(store, clock):
    first = first_link_at_start(store, "http://here")
    assert first.text.startswith("http://here/join#")
    clock.advance(3500)
    assert first_link_at_start(store, "http://here") == FirstLink(None, first.made_at)
    clock.advance(200)
    second = first_link_at_start(store, "http://here")
    assert second.text not in {None, first.text}
    accept_invitation(store, second.text.partition("#")[2], name="eve", password=PASSWORD)
    assert first_link_at_start(store, "http://here") is None


def test_an_invitation_is_good_for_a_day_and_survives_a_typing_error(store, clock, ann):
    add_group(store, "solids", by=local_operator())
    secret = invite(store, "http://here", role=Role.LABORATORY, by=local_operator(), group="solids").partition("#")[2]
    clock.advance(86399)
    with pytest.raises(InvalidValueError, match="'Bob' cannot be a user's name"):
        accept_invitation(store, secret, name="Bob", password=PASSWORD)
    with pytest.raises(InvalidValueError, match="fewer than 12"):
        accept_invitation(store, secret, name="bob", password="short")
    with pytest.raises(ConflictError, match="a user 'ann' already"):
        accept_invitation(store, secret, name="ann", password=PASSWORD)
    bob = accept_invitation(store, secret, name="bob", password=PASSWORD)
    assert (bob.role, bob.groups) == (Role.LABORATORY, {store.people.group("solids").id})
    late = invite(store, "http://here", role=Role.VIEWER, by=local_operator()).partition("#")[2]
    clock.advance(86400)
    with pytest.raises(NotAuthenticatedError, match="more than a day old"):
        accept_invitation(store, late, name="eve", password=PASSWORD)
