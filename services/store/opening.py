"""Opening a store: its folder and file, its version, and the refusal of anything that is no Petalite store."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, column, inspect, select, table, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from domain.errors import StoreCorruptError, StoreError, StoreVersionError
from services.store.database import Clock, Database, utc_now
from services.store.metadata import SCHEMA_VERSION, VERSION_TABLE
from services.store.store import Store

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LARGEST_CHECKED_BYTES: Final = 256 * 2**20
"""A larger file is not read as a whole at every opening; damage in it is found when it is met."""
_MIGRATION_LOCK: Final = 0x7065_7461_6C69_7465
"""Key of PostgreSQL's advisory lock under which one process migrates at a time."""


def open_store(url: str, *, busy_timeout_s: float = 30.0, clock: Clock = utc_now) -> Store:
    """Opens a store; makes it where there is none, migrates it where it is older.

    Args:
        url: `sqlite:///path/to/file` or `postgresql://user@host/database`.
        busy_timeout_s: How long to wait for another process's write.
        clock: Tells the time by which leases lapse.

    Raises:
        StoreCorruptError: If the file is damaged or is no Petalite store.
        StoreVersionError: If a newer Petalite wrote it.
        StoreBusyError: If another process holds it for too long.
        StoreError: If the address is not understood, or nothing answers there.
    """
    address = _address(url)
    path = Path(str(address.database)) if address.get_backend_name() == "sqlite" else None
    if path is not None:
        _prepare_file(path)
    database = Database(address, busy_timeout_s=busy_timeout_s, clock=clock)
    try:
        if path is not None:
            _prepare_sqlite(database, path)
        _bring_up_to_date(database)
    except BaseException:
        database.close()
        raise
    return Store(database)


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise StoreError(
            f"'{url}' is no address of a store.",
            remedy="Give sqlite:///path/to/file or postgresql://user@host/database.",
        ) from error
    match address.get_backend_name():
        case "postgresql":
            return address.set(drivername="postgresql+psycopg")
        case "sqlite" if address.database not in (None, "", ":memory:") and not address.query:
            return address
        case "sqlite":
            raise StoreError("A store needs a file of its own.", remedy="Give sqlite:///path/to/file, without options.")
        case other:
            raise StoreError(f"A store cannot live in {other}.", remedy="Use sqlite or postgresql.")


def _prepare_file(path: Path) -> None:
    """Looks at the file from outside.

    It is never opened here: closing it again would drop the locks that SQLite holds for every other connection of this
    process, and another process could then take the journal away under them.
    """
    try:
        # For its owner alone: the store holds hashes of passwords. A folder that is there keeps its rights.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        size = path.stat().st_size if path.exists() else 0
        journal = path.with_name(path.name + "-wal")
        has_orphaned_journal = size == 0 and journal.exists() and journal.stat().st_size > 0
    except OSError as error:
        raise StoreError(
            f"The store {path} cannot be reached: {error.strerror}.", remedy="Check the path and its rights."
        ) from error
    if path.is_dir():
        raise StoreError(f"The store {path} cannot be reached: Is a directory.", remedy="Give the path of a file.")
    if has_orphaned_journal:
        # SQLite would throw the journal away, and with it what may be the last trace of the data.
        raise StoreCorruptError(
            f"{path} is empty although {journal.name} still holds data.",
            remedy="Restore both files from a backup, or move the journal away to begin anew.",
        )


def _prepare_sqlite(database: Database, path: Path) -> None:
    """Refuses a damaged or foreign file, then turns on the write-ahead log, which the file remembers."""
    if path.exists() and path.stat().st_size <= _LARGEST_CHECKED_BYTES:
        verdict = database.pragma("quick_check(1)")
        if verdict != "ok":
            raise StoreCorruptError(
                f"The store {path} is damaged: {verdict}.",
                remedy="Restore it from a backup; nothing was written to it.",
            )
    with database.read() as connection:
        _stored_version(connection)
    database.pragma("journal_mode=WAL")


def _bring_up_to_date(database: Database) -> None:
    with database.read() as connection:
        if _stored_version(connection) == SCHEMA_VERSION:
            return
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        if _stored_version(connection) != SCHEMA_VERSION:
            _migrate(connection)


def _stored_version(connection: Connection) -> str | None:
    """Reads the store's version; None for an empty database.

    Raises:
        StoreCorruptError: If the database holds something else.
    """
    names = inspect(connection).get_table_names()
    where = connection.engine.url.render_as_string(hide_password=True)
    if not names:
        return None
    if VERSION_TABLE not in names:
        raise StoreCorruptError(
            f"{where} is no Petalite store: it holds the tables of something else ({', '.join(sorted(names)[:3])}).",
            remedy="Give an empty database of its own.",
        )
    version = connection.execute(select(column("version_num")).select_from(table(VERSION_TABLE))).scalar_one_or_none()
    if version is None:
        raise StoreCorruptError(f"{where} has lost its version.", remedy="Restore it from a backup.")
    return str(version)


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    version = _stored_version(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        where = connection.engine.url.render_as_string(hide_password=True)
        raise StoreVersionError(
            f"The store {where} has version {version}, written by a newer Petalite; this one knows {SCHEMA_VERSION}.",
            remedy="Upgrade Petalite, or give another store.",
        )
    command.upgrade(config, "head")
