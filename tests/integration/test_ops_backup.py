"""Backups hold everything, are taken beside a working service, and come back only if they are what they were."""

import io
import json
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from domain.states import QueryState
from services.backup import restore_backup, write_backup
from services.backup.manifest import BackupError
from services.settings import Settings, load_settings
from services.store import open_store
from services.store.examples import example_pick, fresh_postgres, open_example

OLD_STORE = Path(__file__).parents[1] / "data" / "ops_store_0001.sql"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with a store, a file that was handed in, and a generator's weights."""
    settings = load_settings({"PETALITE_HOME": str(tmp_path / "home")})
    with open_store(settings.store_url) as store:
        open_example(store, [example_pick(number) for number in range(3)])
    for path in (
        settings.artifacts / "ab" / "abcd",
        settings.home / "generators" / "example" / "round-000.safetensors",
    ):
        path.parent.mkdir(parents=True)
        path.write_bytes(path.name.encode() * 1000)
    return settings


def _elsewhere(tmp_path: Path) -> Settings:
    return load_settings({"PETALITE_HOME": str(tmp_path / "elsewhere")})


def test_everything_comes_back(settings: Settings, tmp_path: Path) -> None:
    archive, restored = tmp_path / "backup.tar", _elsewhere(tmp_path)
    with open_store(settings.store_url) as store:  # in use, with its write-ahead log beside it
        store.campaigns.set_priority(1, 7)
        manifest = write_backup(settings, archive)
    assert len(manifest.files) == 3
    assert archive.stat().st_mode & 0o077 == 0
    assert restore_backup(archive, restored) == manifest
    with open_store(settings.store_url) as before, open_store(restored.store_url) as after:
        assert after.campaigns.list() == before.campaigns.list()
        assert after.queries.list(1) == before.queries.list(1)
    assert (restored.artifacts / "ab" / "abcd").read_bytes() == b"abcd" * 1000
    assert (restored.home / "generators" / "example" / "round-000.safetensors").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "elsewhere", "home"]


def test_nothing_is_overwritten(settings: Settings, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    write_backup(settings, archive)
    with pytest.raises(BackupError, match="exists already"):
        write_backup(settings, archive)
    with pytest.raises(BackupError, match="exists already"):
        restore_backup(archive, settings)


def test_a_home_without_a_store_is_not_backed_up(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="There is no store at"):
        write_backup(_elsewhere(tmp_path), tmp_path / "backup.tar")
    assert list(tmp_path.iterdir()) == []


def test_files_that_vanish_meanwhile_are_left_out(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    incoming = settings.artifacts / "incoming-1"
    incoming.touch()
    look = Path.is_symlink

    def vanish(path: Path) -> bool:
        found = look(path)
        incoming.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Path, "is_symlink", vanish)
    assert len(write_backup(settings, tmp_path / "backup.tar").files) == 3


def test_a_store_that_cannot_be_put_back_leaves_the_way_free(settings: Settings, tmp_path: Path) -> None:
    archive, restored = tmp_path / "backup.tar", _elsewhere(tmp_path)
    write_backup(settings, archive)
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with pytest.raises(BackupError, match="cannot be restored"):
        restore_backup(archive, replace(restored, store_url=f"sqlite:///{in_the_way}/store.sqlite3"))
    assert list(restored.home.iterdir()) == []
    restore_backup(archive, restored)


def _flip(content: bytes) -> bytes:
    place = content.index(b"abcdabcd")
    return content[:place] + b"X" + content[place + 1 :]


def _cut(content: bytes) -> bytes:
    return content[: content.index(b"abcdabcd") + 100]


def _without_manifest(content: bytes) -> bytes:
    return _rewritten(content, lambda name, data: None if name == "manifest.json" else (name, data))


def _with_stranger(content: bytes) -> bytes:
    return _rewritten(content, lambda name, data: ("artifacts/../../evil" if name.endswith("abcd") else name, data))


def _of_the_future(content: bytes) -> bytes:
    def later(name: str, data: bytes) -> tuple[str, bytes]:
        return name, json.dumps(json.loads(data) | {"format": 2}).encode() if name == "manifest.json" else data

    return _rewritten(content, later)


def _rewritten(content: bytes, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(content)) as old, tarfile.open(fileobj=output, mode="w") as new:
        for member in old:
            source = old.extractfile(member)
            changed = change(member.name, source.read()) if source else None
            if changed:
                info = tarfile.TarInfo(changed[0])
                info.size = len(changed[1])
                new.addfile(info, io.BytesIO(changed[1]))
    return output.getvalue()


def _with_link(content: bytes) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as new:
        link = tarfile.TarInfo("artifacts/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        new.addfile(link)
    return output.getvalue()


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (_flip, "is damaged: artifacts/ab/abcd"),
        (_cut, "is no backup|is damaged|incomplete"),
        (_without_manifest, "it has no manifest"),
        (_with_stranger, "does not belong into a backup"),
        (_with_link, "holds more than files"),
        (_of_the_future, "has format 2"),
        (lambda _content: b"not a tar at all", "is no backup"),
    ],
)
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    settings: Settings, tmp_path: Path, damage: Callable[[bytes], bytes], problem: str
) -> None:
    archive, damaged, restored = tmp_path / "backup.tar", tmp_path / "damaged.tar", _elsewhere(tmp_path)
    write_backup(settings, archive)
    damaged.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(BackupError, match=problem):
        restore_backup(damaged, restored)
    assert list(restored.home.iterdir()) == []


def test_a_store_of_the_first_version_is_migrated_and_read(tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(OLD_STORE.read_text(encoding="utf-8"))
    settings = replace(_elsewhere(tmp_path), store_url=f"sqlite:///{old}")
    restored = load_settings({"PETALITE_HOME": str(tmp_path / "restored")})
    write_backup(settings, tmp_path / "backup.tar")
    restore_backup(tmp_path / "backup.tar", restored)
    with open_store(restored.store_url) as store:
        campaign = store.campaigns.get("example")
        assert (campaign.group_id, campaign.priority, campaign.wake_at) == (None, 0, None)
        (measured,) = store.measurements.list(campaign.id)
        assert (measured.measurement.value, measured.is_retracted) == (-1.25, False)
        (failed,) = store.failures.list(campaign.id)
        assert failed.failure.reason == "The structure flew apart."
        states = [query.state for query in store.queries.list(campaign.id)]
        assert states == [QueryState.DONE, QueryState.FAILED, QueryState.QUEUED, QueryState.CLAIMED]
        balance = store.ledger.balance(campaign.id)
        assert (balance.total, balance.reserved, balance.booked) == (1000.0, 251.0, 2.2)


@pytest.mark.postgres
def test_a_store_on_postgresql_comes_back(tmp_path: Path) -> None:
    import os

    server = os.environ.get("PETALITE_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("PETALITE_TEST_POSTGRES_URL is not set")
    home = load_settings({"PETALITE_HOME": str(tmp_path / "home")})
    restored = _elsewhere(tmp_path)
    with fresh_postgres(server) as source, fresh_postgres(server) as target:
        with open_store(source) as store:
            open_example(store, [example_pick(1)])
            before = store.queries.list(1)
        write_backup(replace(home, store_url=source), tmp_path / "backup.tar")
        with pytest.raises(BackupError, match="of a store on PostgreSQL"):
            restore_backup(tmp_path / "backup.tar", restored)
        restore_backup(tmp_path / "backup.tar", replace(restored, store_url=target))
        with open_store(target) as store:
            assert store.queries.list(1) == before
        with pytest.raises(BackupError, match="pg_restore failed"):
            restore_backup(tmp_path / "backup.tar", replace(restored, store_url=target))
