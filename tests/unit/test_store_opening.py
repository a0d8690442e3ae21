"""A store opens where it can and refuses, in words, what it must not touch."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import services.store
import services.store.intake_tables
from domain.errors import StoreBusyError, StoreCorruptError, StoreError, StoreVersionError
from services.store import open_store
from services.store.examples import example_pick, example_spec, open_example
from services.store.metadata import METADATA, SCHEMA_VERSION, VERSION_TABLE

pytestmark = pytest.mark.usefixtures("real_migrations")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a folder with ?" / "store.sqlite3"


def address(path: Path) -> str:
    return f"sqlite:///{str(path).replace('?', '%3F')}"


def test_folder_and_file_are_made(path: Path) -> None:
    open_store(address(path)).close()
    assert path.parent.stat().st_mode & 0o077 == 0
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone() == (SCHEMA_VERSION,)
    connection.close()


def test_migrations_make_the_tables(path: Path) -> None:
    open_store(address(path)).close()
    engine = create_engine(address(path))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_newest_migration_is_the_schema_version() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(services.store.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_VERSION


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"name: my-campaign\n", "is not even an SQLite file"),
        (b"SQLite format 3\0" + b"\xff" * 5000, "is damaged|cannot be used|not even an SQLite file"),
    ],
)
def test_foreign_file_is_refused_and_kept(path: Path, content: bytes, problem: str) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreCorruptError, match=problem):
        open_store(address(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize("damage", ["truncated", "overwritten"])
def test_damaged_store_is_refused_and_kept(path: Path, damage: str) -> None:
    with open_store(address(path)) as store:
        open_example(store, [example_pick(number) for number in range(50)])
    whole = path.read_bytes()
    half = len(whole) // 2
    damaged = whole[:half] if damage == "truncated" else whole[: half - 6000] + b"\x5a" * 12000 + whole[half + 6000 :]
    path.write_bytes(damaged)
    with pytest.raises(StoreCorruptError, match=r"(?s)is damaged: .* Restore it from a backup"):
        open_store(address(path))
    assert path.read_bytes() == damaged


def test_foreign_database_is_refused_and_kept(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE flow_run (id INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreCorruptError, match=r"the tables of something else \(flow_run\)"):
        open_store(address(path))
    assert path.read_bytes() == before


def test_newer_store_is_refused_and_kept(path: Path) -> None:
    open_store(address(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '0999'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreVersionError, match=r"has version 0999, written by a newer Petalite.*Upgrade Petalite"):
        open_store(address(path))
    assert path.read_bytes() == before


def test_empty_file_becomes_a_store(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with open_store(address(path)) as store:
        assert store.campaigns.list() == ()


def test_empty_file_beside_a_full_journal_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    journal = path.with_name(path.name + "-wal")
    journal.write_bytes(b"the last trace")
    with pytest.raises(StoreCorruptError, match=r"is empty although .* still holds data"):
        open_store(address(path))
    assert journal.read_bytes() == b"the last trace"


def test_locked_store_is_busy(path: Path) -> None:
    open_store(address(path)).close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with open_store(address(path), busy_timeout_s=0.05) as store:
        assert store.campaigns.list() == ()
        with pytest.raises(StoreBusyError, match="is held by another process for too long"):
            store.campaigns.create(example_spec())
        holder.execute("ROLLBACK")
        assert store.campaigns.create(example_spec()).name == "example"
    holder.close()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("petalite-data", "is no address of a store"),
        ("mysql://root@localhost/x", "cannot live in mysql"),
        ("sqlite://", "needs a file of its own"),
        ("sqlite:///:memory:", "needs a file of its own"),
        ("postgresql://nobody:secret@127.0.0.1:1/none", r"nobody:\*\*\*@127.0.0.1:1/none cannot be used"),
    ],
)
def test_impossible_address_is_refused(url: str, problem: str) -> None:
    with pytest.raises(StoreError, match=problem):
        open_store(url)


def test_folder_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be reached: File exists"):
        open_store(f"sqlite:///{tmp_path}/file/store.sqlite3")
    with pytest.raises(StoreError, match="cannot be reached: Is a directory"):
        open_store(f"sqlite:///{tmp_path}")


def test_durability_is_on(path: Path) -> None:
    with open_store(address(path)) as store, store.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_nothing_heavy_is_imported() -> None:
    script = (
        "import sys, services.intake, services.store, services.specs, services.settings\n"
        "print(sorted({'torch', 'numpy', 'pint', 'alembic', 'pymatgen', 'prefect'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
