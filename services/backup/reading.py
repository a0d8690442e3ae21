"""Brings a backup back, and refuses one that is not what it was."""

import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from domain.errors import InvalidValueError, SpecError
from domain.parsing import parse_json
from services.backup.manifest import (
    ARTIFACTS,
    GENERATORS,
    MANIFEST,
    POSTGRES_FILE,
    SQLITE_FILE,
    BackupError,
    FileEntry,
    HashingReader,
    Manifest,
    require_safe_name,
)
from services.backup.postgres import restore_database
from services.scratch import held_folder
from services.settings import Settings
from services.store import open_store

_LARGEST_MANIFEST_BYTES = 2**28
_REMEDY = "Use a file that petalite backup wrote, from a disk that keeps what it is given."


def restore_backup(source: Path, settings: Settings) -> Manifest:
    """Restores a backup where nothing is yet, and migrates its store to this Petalite.

    The store comes last: whoever is interrupted finds none, and can begin again.

    Raises:
        BackupError: If the archive is damaged or incomplete, or if there is something already where it would go.
    """
    url = make_url(settings.store_url)
    _require_empty(settings, url)
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with held_folder(settings.home, "restoring-") as scratch:
            manifest = _unpack(source, scratch)
            _put(scratch, settings, url, manifest)
    except tarfile.TarError as error:
        raise BackupError(f"{source} is no backup: {error}.", remedy=_REMEDY) from error
    except OSError as error:
        raise BackupError(
            f"{source} cannot be restored: {error.strerror or error}.", remedy="Check rights and free disk space."
        ) from error
    open_store(settings.store_url).close()
    return manifest


def _require_empty(settings: Settings, url: URL) -> None:
    taken = [folder for folder in (settings.artifacts, settings.home / GENERATORS) if folder.exists()]
    if url.get_backend_name() == "sqlite":
        taken += [path for path in (Path(str(url.database)),) if path.exists()]
    if taken:
        raise BackupError(
            f"{taken[0]} exists already.", remedy="Restore with --into a new folder; nothing is ever overwritten."
        )


def _unpack(source: Path, scratch: Path) -> Manifest:
    """Unpacks and checks every file; names are judged here and never left to the archive."""
    found: dict[str, FileEntry] = {}
    manifest: Manifest | None = None
    with tarfile.open(source, mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is None or manifest is not None:
                raise BackupError(f"{source} holds more than files.", remedy=_REMEDY)
            with content:
                if member.name == MANIFEST:
                    manifest = _manifest(content.read(_LARGEST_MANIFEST_BYTES))
                    continue
                found[member.name] = _write_out(HashingReader(content), scratch, member.name)
    if manifest is None:
        raise BackupError(f"{source} is incomplete: it has no manifest.", remedy=_REMEDY)
    differing = sorted(
        name for name in found.keys() | manifest.files.keys() if found.get(name) != manifest.files.get(name)
    )
    if differing:
        raise BackupError(f"{source} is damaged: {differing[0]} is not what was backed up.", remedy=_REMEDY)
    return manifest


def _manifest(content: bytes) -> Manifest:
    try:
        return parse_json(Manifest, content)
    except SpecError as error:
        raise BackupError(f"The backup's manifest is not understood: {error.problem}", remedy=_REMEDY) from error


def _write_out(reader: HashingReader, scratch: Path, name: str) -> FileEntry:
    try:
        require_safe_name(name)
    except InvalidValueError as error:
        raise BackupError(error.problem, remedy=error.remedy) from error
    path = scratch / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        reader.copy_to(target)
        target.flush()
        os.fsync(target.fileno())
    return reader.entry


def _put(scratch: Path, settings: Settings, url: URL, manifest: Manifest) -> None:
    is_postgres = POSTGRES_FILE in manifest.files
    if is_postgres != (url.get_backend_name() == "postgresql"):
        kind = "PostgreSQL" if is_postgres else "SQLite"
        raise BackupError(
            f"The backup is of a store on {kind}.",
            remedy="Set PETALITE_STORE_URL to an empty database there." if is_postgres else "Unset PETALITE_STORE_URL.",
        )
    with _taken_back_on_failure() as placed:
        for name, folder in ((ARTIFACTS, settings.artifacts), (GENERATORS, settings.home / GENERATORS)):
            if (scratch / name).exists():
                folder.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(scratch / name, folder)
                placed.append(folder)
        if is_postgres:
            restore_database(url, scratch / POSTGRES_FILE)
        else:
            database = Path(str(url.database))
            database.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(scratch / SQLITE_FILE, database)


@contextmanager
def _taken_back_on_failure() -> Iterator[list[Path]]:
    """Removes the folders that were put in their places where the store then could not be."""
    placed: list[Path] = []
    try:
        yield placed
    except BaseException:
        for folder in placed:
            shutil.rmtree(folder, ignore_errors=True)
        raise
