"""New SQLite stores without migrating each anew, which takes longer than most tests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from services.store import opening

Migrate = Callable[[Connection], None]


@contextmanager
def migrated_once() -> Iterator[Migrate]:
    """Lets this process migrate one new SQLite store, and gives the others its tables; yields what really migrates.

    Older stores, those on PostgreSQL, and those of the processes that tests start are migrated as ever.
    """
    really_migrate: Migrate = opening._migrate
    script: list[str] = []

    def migrate(connection: Connection) -> None:
        is_new = connection.dialect.name == "sqlite" and opening._stored_version(connection) is None
        if is_new and script:
            for statement in script:
                connection.exec_driver_sql(statement)
            return
        really_migrate(connection)
        if is_new:
            script[:] = _dumped(connection)

    opening._migrate = migrate
    try:
        yield really_migrate
    finally:
        opening._migrate = really_migrate


def _dumped(connection: Connection) -> list[str]:
    """The statements that make what a database holds, without the transaction around them."""
    return list(connection.connection.driver_connection.iterdump())[1:-1]
