"""One-time links to a new password keep their contract on both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.errors import ConflictError, InvalidValueError, NotAuthenticatedError, PetaliteError, TooManyAttemptsError
from domain.roles import Role
from services.access.authenticate import log_in
from services.access.password_links import PASSWORD_LINK_LASTS, make_password_link, take_password
from services.access.people import add_user, deactivate, set_password, set_role
from services.access.principal import local_operator
from services.access.throttle import MOST_ON_ACCOUNT_FROM_CLIENT
from services.store.examples import Bench
from services.store.people import UserRecord

PASSWORD = "correct horse battery"
CLIENT = "192.0.2.7"


def test_a_password_link_is_taken_once(store_bench: Bench) -> None:
    """Of several who hold a link to a new password one takes it; a newer one, another password or a day ends it."""
    store, operator = store_bench.store, local_operator()
    add_user(store, "ann", role=Role.VIEWER, by=operator)
    add_user(store, "bot", role=Role.MACHINE, by=operator)

    def link() -> str:
        return make_password_link(store, "http://here/", "ann", by=operator).removeprefix("http://here/new-password#")

    def take(secret: str) -> UserRecord | PetaliteError:
        try:
            return take_password(store, secret, password=PASSWORD, client=CLIENT)
        except NotAuthenticatedError as error:
            return error

    first, second = link(), link()
    assert isinstance(take(first), NotAuthenticatedError)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(take, [second] * 2))
    assert sum(isinstance(outcome, UserRecord) for outcome in outcomes) == 1
    third = link()
    set_password(store, "ann", "another long sentence", by=operator)
    assert isinstance(take(third), NotAuthenticatedError)
    fourth = link()
    store_bench.clock.advance(PASSWORD_LINK_LASTS.total_seconds())
    assert isinstance(take(fourth), NotAuthenticatedError)
    assert store.password_links.sweep() == 1
    with pytest.raises(InvalidValueError, match="has no password"):
        make_password_link(store, "http://here", "bot", by=operator)
    last = link()
    deactivate(store, "ann", by=operator)
    assert isinstance(take(last), NotAuthenticatedError)
    with pytest.raises(ConflictError, match="is not let in"):
        link()


def test_who_took_a_link_signs_in_however_often_they_had_tried(store_bench: Bench) -> None:
    store, operator = store_bench.store, local_operator()
    add_user(store, "ann", role=Role.VIEWER, by=operator, password="what nobody remembers")
    for _ in range(MOST_ON_ACCOUNT_FROM_CLIENT):
        with pytest.raises(NotAuthenticatedError, match="name or the password"):
            log_in(store, "ann", "a wrong guess", client=CLIENT)
    with pytest.raises(TooManyAttemptsError, match="too many attempts"):
        log_in(store, "ann", PASSWORD, client=CLIENT)
    secret = make_password_link(store, "http://here", "ann", by=operator).partition("#")[2]
    take_password(store, secret, password=PASSWORD, client=CLIENT)
    assert log_in(store, "ann", PASSWORD, client=CLIENT).principal.name == "ann"


def test_who_is_a_machine_by_now_takes_no_password(store_bench: Bench) -> None:
    store, operator = store_bench.store, local_operator()
    add_user(store, "ann", role=Role.VIEWER, by=operator)
    secret = make_password_link(store, "http://here", "ann", by=operator).partition("#")[2]
    set_role(store, "ann", Role.MACHINE, by=operator)
    with pytest.raises(InvalidValueError, match="ann is a machine"):
        take_password(store, secret, password=PASSWORD, client=CLIENT)
