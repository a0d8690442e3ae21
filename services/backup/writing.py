"""Writes a backup while the service goes on working."""

import io
import json
import os
import sqlite3
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

from sqlalchemy.engine import make_url

from domain.parsing import to_json_value
from services.backup.manifest import (
    ARTIFACTS,
    FORMAT,
    GENERATORS,
    MANIFEST,
    POSTGRES_FILE,
    SCRATCH_PREFIX,
    SQLITE_FILE,
    BackupError,
    FileEntry,
    HashingReader,
    Manifest,
)
from services.backup.postgres import dump_database
from services.scratch import held_folder
from services.settings import Settings
from services.store import open_store
from services.store.metadata import SCHEMA_VERSION
from services.uploads.soundness import Fault, named_files


def write_backup(settings: Settings, target: Path) -> Manifest:
    """Writes the store, the files handed in and the generators' weights into one tar archive.

    The store is one consistent snapshot. Files are copied after it, and files that the store names are never changed or
    removed, so that whatever the snapshot names is in the backup. Where one is missing or damaged all the same, the
    backup is written and says so: what there is must not be lost for what there is not.

    Raises:
        BackupError: If the target exists, or something cannot be read or written.
        StoreError: If there is no store that could be backed up.
    """
    if target.exists():
        raise BackupError(f"{target} exists already.", remedy="Give another name; backups are never overwritten.")
    try:
        with held_folder(target.parent, SCRATCH_PREFIX) as scratch:
            partial = scratch / "backup.tar"
            manifest = _write(settings, partial, scratch)
            partial.replace(target)
    except OSError as error:
        raise BackupError(
            f"The backup {target} cannot be written: {error.strerror or error}.",
            remedy="Check the rights and the free disk space there.",
        ) from error
    return manifest


def _write(settings: Settings, partial: Path, scratch: Path) -> Manifest:
    _require_store(settings.store_url)
    with open_store(settings.store_url) as store:  # refuses what is no store, and migrates an older one
        made_at = store.now()
        database = _snapshot(settings.store_url, scratch)
        named = [record.digest for record in named_files(store)]  # after the snapshot: it names nothing else
    with partial.open("xb") as output, tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entries = {database.name: _add(archive, database, database.name)}
        for folder, name in ((settings.artifacts, ARTIFACTS), (settings.home / GENERATORS, GENERATORS)):
            for path in sorted(folder.rglob("*")):
                inside = f"{name}/{path.relative_to(folder).as_posix()}"
                # What vanishes meanwhile was on its way in, or was replaced: the snapshot does not name it.
                with suppress(FileNotFoundError):
                    if path.is_file() and not path.is_symlink():
                        entries[inside] = _add(archive, path, inside)
        flaws = _flaws(named, entries)
        manifest = Manifest(FORMAT, version("petalite"), SCHEMA_VERSION, made_at.isoformat(), entries, flaws)
        content = json.dumps(to_json_value(manifest), indent=2).encode()
        last = tarfile.TarInfo(MANIFEST)
        last.size, last.mode = len(content), 0o600
        archive.addfile(last, io.BytesIO(content))
        archive.close()
        output.flush()
        os.fsync(output.fileno())
    partial.chmod(0o600)  # it holds the hashes of passwords
    return manifest


def _flaws(named: Iterable[str], entries: Mapping[str, FileEntry]) -> Mapping[str, str]:
    """What is missing or damaged among the files that the store names, by digest."""
    found = {digest: entries.get(f"{ARTIFACTS}/{digest[:2]}/{digest}") for digest in named}
    return {
        digest: (Fault.MISSING if entry is None else Fault.DAMAGED).value
        for digest, entry in found.items()
        if entry is None or entry.sha256 != digest
    }


def _require_store(store_url: str) -> None:
    """Refuses to make a store only to write an empty backup, which would pass for the one that was meant."""
    url = make_url(store_url)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        raise BackupError(f"There is no store at {url.database}.", remedy="Check PETALITE_HOME and PETALITE_STORE_URL.")


def _snapshot(store_url: str, scratch: Path) -> Path:
    url = make_url(store_url)
    if url.get_backend_name() == "postgresql":
        dumped = scratch / POSTGRES_FILE
        dump_database(url, dumped)
        return dumped
    copied = scratch / SQLITE_FILE
    with closing(sqlite3.connect(str(url.database))) as source, closing(sqlite3.connect(copied)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file without companions
    return copied


def _add(archive: tarfile.TarFile, path: Path, name: str) -> FileEntry:
    with path.open("rb") as source:
        reader = HashingReader(source)
        member = tarfile.TarInfo(name)
        status = os.fstat(source.fileno())
        member.size, member.mtime, member.mode = status.st_size, int(status.st_mtime), 0o600
        archive.addfile(member, reader)
        return reader.entry
