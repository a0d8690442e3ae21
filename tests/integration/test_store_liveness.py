"""Connections to a PostgreSQL server: looked at before each use, replaced when they lead nowhere, seldom asked."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from services.store.database import Database, utc_now
from services.store.liveness import LONGEST_SILENCE_S, check_before_use

pytestmark = pytest.mark.postgres


class _Time:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def address(on_postgres: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    with on_postgres() as url:
        yield url


@pytest.fixture
def passing() -> _Time:
    return _Time()


@pytest.fixture
def engine(address: str, passing: _Time) -> Iterator[Engine]:
    made = create_engine(make_url(address).set(drivername="postgresql+psycopg"), pool_size=1)
    check_before_use(made, clock=passing)
    yield made
    made.dispose()


def _backend(engine: Engine) -> int:
    with engine.connect() as connection:
        number: int = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        return number


def _pings(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    asked: list[object] = []
    ping = engine.dialect.do_ping

    def counted(connection: object) -> bool:
        asked.append(connection)
        return ping(connection)  # type: ignore[arg-type]  # what the pool hands in

    monkeypatch.setattr(engine.dialect, "do_ping", counted)
    return asked


def test_a_connection_that_was_just_used_is_used_again_without_asking(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _pings(engine, monkeypatch)
    assert len({_backend(engine) for _ in range(3)}) == 1
    assert not asked


def _end(address: str, backend: int) -> None:
    """Has the server end a connection, and waits until it has."""
    other = create_engine(make_url(address).set(drivername="postgresql+psycopg"))
    with other.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:number, 5000)"), {"number": backend})
    other.dispose()


def test_one_that_lay_for_long_is_asked(engine: Engine, passing: _Time, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _pings(engine, monkeypatch)
    first = _backend(engine)
    passing.now += LONGEST_SILENCE_S
    assert _backend(engine) == first
    assert len(asked) == 1


def test_one_that_the_server_ended_is_replaced(engine: Engine, address: str) -> None:
    first = _backend(engine)
    _end(address, first)
    assert _backend(engine) != first


def test_the_store_is_looked_after(address: str) -> None:
    database = Database(make_url(address).set(drivername="postgresql+psycopg"), busy_timeout_s=5.0, clock=utc_now)
    with database.read() as connection:
        first = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    _end(address, first)
    with database.read() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != first
    database.close()


def test_one_that_was_closed_on_our_side_is_replaced(engine: Engine) -> None:
    first = _backend(engine)
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
    driver.close()
    assert _backend(engine) != first
