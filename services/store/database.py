"""Connections, transactions and the one place where the database's errors become ours."""

import json
import math
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, TypeAlias

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from domain.errors import ConflictError, InvalidValueError, PetaliteError, StoreBusyError, StoreCorruptError, StoreError
from domain.json_value import JsonValue
from services.store.liveness import check_before_use

Clock: TypeAlias = Callable[[], datetime]
"""Tells the time, UTC-aware."""

_BEGIN: Final = "petalite_begin"
"""Execution option: how a transaction begins on SQLite."""
_UNTOUCHED: Final = "petalite_untouched"
"""Note on a connection: whether nothing was written since its last savepoint."""
_KNOWN: Final = "petalite_known"
_JSON: Final = json.JSONEncoder(allow_nan=False)
_SQLITE_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_POSTGRES_BUSY: Final = frozenset({"55P03", "40P01", "40001", "57014"})
"""Lock not available, deadlock, serialization failure, statement cancelled."""

_POSTGRES_IN_TRANSACTION: Final = 2
"""libpq's PQTRANS_INTRANS: in a transaction that has not failed."""


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Database:
    """An engine with two kinds of transactions.

    Threads may share one; processes open their own. A transaction that is opened while the same thread writes becomes a
    part of that one: it sees what was written, takes effect with it, and can fail without it.
    """

    def __init__(self, url: URL, *, busy_timeout_s: float, clock: Clock) -> None:
        self.url = url
        self.now = clock
        self.engine = _engine(url, busy_timeout_s)
        event.listen(self.engine, "before_cursor_execute", _touch)
        self._thread = threading.local()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads; on SQLite one snapshot."""
        outer = self._outer()
        if outer is not None:
            with _our_errors(self.url):
                yield outer.connection
            return
        shared: Connection | None = getattr(self._thread, "shared", None)
        if shared is not None:
            with _our_errors(self.url):
                yield shared
            return
        with _our_errors(self.url), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read_together(self) -> Iterator[Connection]:
        """One transaction for all that this thread reads inside; not for what writes as well."""
        with self.read() as connection:
            before = getattr(self._thread, "shared", None)
            self._thread.shared = connection
            try:
                yield connection
            finally:
                self._thread.shared = before

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that takes effect as a whole or not at all. On SQLite it is the only writer from its start."""
        outer = self._outer()
        if outer is not None:
            with _our_errors(self.url), outer.part():
                yield outer.connection
            return
        if getattr(self._thread, "shared", None) is not None:
            raise StoreError(
                "What is read together would not see what is written in between.",
                remedy="Write before or after it.",
            )
        with (
            _our_errors(self.url),
            self.engine.connect().execution_options(**{_BEGIN: "BEGIN IMMEDIATE"}) as connection,
            connection.begin(),
        ):
            self._thread.outer = _Outer(connection)
            connection.info[_KNOWN] = {}
            try:
                yield connection
            finally:
                self._thread.outer = None

    def _outer(self) -> "_Outer | None":
        """The transaction in which this thread writes already."""
        outer: _Outer | None = getattr(self._thread, "outer", None)
        return outer

    def pragma(self, statement: str) -> str:
        """Asks SQLite something that it refuses inside a transaction."""
        with _our_errors(self.url), self.engine.connect().execution_options(**{_BEGIN: None}) as connection:
            return str(connection.exec_driver_sql(f"PRAGMA {statement}").scalar_one())

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()


class _Outer:
    """A transaction that writes, and the savepoints that are its parts."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._depth = 0

    @contextmanager
    def part(self) -> Iterator[None]:
        """What happens inside is undone where it fails, and the transaction goes on without it.

        Savepoints are plain SQL, because SQLAlchemy's own cost as much as all that is done in a small one; and where
        nothing has happened since the last one, that one serves.
        """
        if self._depth and self.connection.info[_UNTOUCHED]:
            with self._undone_if_it_fails():
                yield
            return
        self._depth += 1
        try:
            self.connection.exec_driver_sql(f"SAVEPOINT {self._name}")
            self.connection.info[_UNTOUCHED] = True
            try:
                with self._undone_if_it_fails():
                    yield
            finally:
                self.connection.exec_driver_sql(f"RELEASE SAVEPOINT {self._name}")
        finally:
            self._depth -= 1

    @property
    def _name(self) -> str:
        return f"petalite_{self._depth}"

    @contextmanager
    def _undone_if_it_fails(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.connection.info[_KNOWN] = {}
            self.connection.exec_driver_sql(f"ROLLBACK TO SAVEPOINT {self._name}")
            self.connection.info[_UNTOUCHED] = True
            raise


def known_in_transaction(connection: Connection) -> dict[str, str]:
    """What was found out in a transaction that writes, and need not be asked again before it ends.

    Forgotten where any part of the transaction is undone.
    """
    known: dict[str, str] = connection.info[_KNOWN]
    return known


def _touch(connection: Connection, _cursor: DBAPICursor, statement: str, *_: object) -> None:
    # A lock that was taken would be dropped with the savepoint before it, so taking one counts as well.
    if not statement.startswith("SELECT") or " FOR " in statement or "pg_advisory" in statement:
        connection.info[_UNTOUCHED] = False


def insert_if_absent(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> int:
    """Inserts rows; those that break a unique constraint are left as they stand. Returns how many were inserted."""
    if not rows:
        return 0
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values([dict(row) for row in rows]).on_conflict_do_nothing()
    return len(connection.execute(statement.returning(table.c.id)).all())


def require_transaction(connection: Connection) -> None:
    """Refuses to go on in a transaction that the database has given up on its own, as it may after an error.

    Without this SQLite would write what follows at once, and PostgreSQL would take the commit and drop everything.

    Raises:
        StoreError: If it has.
    """
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        is_open = driver.in_transaction
    else:
        is_open = driver is not None and driver.info.transaction_status == _POSTGRES_IN_TRANSACTION
    if not is_open:
        raise StoreError("The database gave the transaction up; nothing was written.", remedy="Repeat the step.")


def storable(value: JsonValue) -> JsonValue:
    """Replaces what no database can keep: a crashed program's last words may hold any bytes and any number."""
    match value:
        case str():
            if value.isascii() and "\0" not in value:
                return value
            return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
        case float() if not math.isfinite(value):
            return str(value)
        case int() | float() | None:
            return value
        case dict() | Mapping():  # the concrete types first: asking after abstract ones takes longer than the rest
            return {str(storable(key)): storable(item) for key, item in value.items()}
        case list() | Sequence():
            return [storable(item) for item in value]


def _engine(url: URL, busy_timeout_s: float) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, json_serializer=_dump, connect_args={"timeout": busy_timeout_s})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    milliseconds = round(busy_timeout_s * 1000)
    options = f"-c lock_timeout={milliseconds} -c timezone=UTC"
    engine = create_engine(url, json_serializer=_dump, connect_args={"options": options})
    check_before_use(engine)
    return engine


def _dump(value: JsonValue) -> str:
    try:
        return _JSON.encode(value)
    except ValueError as error:
        raise InvalidValueError(
            "A number that is not finite cannot be stored.", remedy="Give finite numbers."
        ) from error


def _prepare_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    # The driver would begin transactions on its own and only before some statements; None leaves that to us.
    del record
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("foreign_keys=ON", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins as a reader and then writes can fail at once instead of waiting for its turn.
    statement = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if statement is not None:
        connection.exec_driver_sql(statement)


@contextmanager
def _our_errors(url: URL) -> Iterator[None]:
    where = f"The store {url.render_as_string(hide_password=True)}"
    try:
        yield
    except IntegrityError as error:
        raise ConflictError(
            f"{where} refused a row that contradicts others: {error.orig}.", remedy="Read again and repeat the step."
        ) from error
    except PoolTimeoutError as error:
        raise _busy(where) from error
    except DBAPIError as error:
        raise _translated(error, where) from error
    except StatementError as error:
        # What a column refused, wrapped by the statement that carried it.
        if isinstance(error.orig, PetaliteError):
            raise error.orig from error
        raise


def _translated(error: DBAPIError, where: str) -> StoreError:
    # The low byte of SQLite's code is the kind; the rest says where it happened.
    kind = getattr(error.orig, "sqlite_errorcode", -1) & 0xFF
    if kind in _SQLITE_BUSY or getattr(error.orig, "sqlstate", None) in _POSTGRES_BUSY:
        return _busy(where)
    if kind == sqlite3.SQLITE_NOTADB:
        return StoreCorruptError(
            f"{where} is no Petalite store: it is not even an SQLite file.",
            remedy="Give another path, or restore the file from a backup.",
        )
    if kind == sqlite3.SQLITE_CORRUPT:
        return StoreCorruptError(
            f"{where} is damaged: {error.orig}.", remedy="Restore it from a backup; nothing was written to it."
        )
    return StoreError(
        f"{where} cannot be used: {error.orig}.", remedy="Check its address, its rights and the free disk space."
    )


def _busy(where: str) -> StoreBusyError:
    return StoreBusyError(
        f"{where} is held by another process for too long.", remedy="Wait for that process or end it, then repeat."
    )
