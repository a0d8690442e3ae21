"""Backups that administrators ask the service for: made by `petalite backup` beside it, kept in a folder of the server.

Whoever asks waits for nothing: the backup is made by a process of its own, which also outlives the service. It holds a
lock on the folder, so that one is made at a time, and so that every process of the service sees whether one is.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from domain.errors import ConflictError, SpecError
from domain.parsing import parse_json, to_json
from services.backup.manifest import GENERATORS, SCRATCH_PREFIX
from services.settings import Settings

_LOCK: Final = "making.lock"
_ASKED: Final = "asked.json"
_SAID: Final = "said.txt"
_LONGEST_SAID: Final = 2000
_SPARE: Final = 1.1
"""Free space that a backup needs, as a share of what it copies."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The last backup that somebody asked for."""

    file: str
    by: str
    at: datetime
    expected_bytes: int
    """About as large as it will be; of a store on PostgreSQL only the files handed in are known."""


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A backup that lies in the folder."""

    name: str
    size_bytes: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Backups:
    """What lies in the folder of backups, and what became of the last one that was asked for."""

    folder: str
    is_running: bool
    asked: Asked | None
    """None where nobody asked yet."""
    written_bytes: int
    """So far, of one that is being made."""
    said: str
    """What `petalite backup` said of the last one."""
    files: tuple[BackupFile, ...]
    """The newest first."""


def ask_for_backup(settings: Settings, environ: Mapping[str, str], *, by: str, now: datetime) -> Asked:
    """Begins a backup and waits for nothing.

    Args:
        settings: Of the service.
        environ: Of its process; the backup is made with the same, but for what the settings say.
        by: Who asks.
        now: Now.

    Raises:
        ConflictError: If one is being made already, or the disk has too little space.
    """
    folder = settings.backup_folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _sole_maker(folder) as lock:
        copied, snapshot = _sizes(settings)
        _require_space(folder, copied + snapshot)
        asked = Asked(f"petalite-{now:%Y-%m-%dT%H-%M-%S}.tar", by, now, copied)
        (folder / _ASKED).write_text(to_json(asked), encoding="utf-8")
        _start(settings, environ, folder / asked.file, lock)
    return asked


def list_backups(settings: Settings) -> Backups:
    """What there is, and how far a backup is that is being made."""
    folder = settings.backup_folder
    asked = _last_asked(folder)
    is_running = _is_being_made(folder)
    # What was being written when a process was killed lies beside it until the next backup sweeps it away.
    partial = max(folder.glob(f"{SCRATCH_PREFIX}*/backup.tar"), key=_changed_at, default=None) if is_running else None
    files = sorted(folder.glob("*.tar"), key=_changed_at, reverse=True) if folder.is_dir() else []
    return Backups(
        folder=str(folder),
        is_running=is_running,
        asked=asked,
        written_bytes=_size(partial) if partial else 0,
        said="" if is_running else _read(folder / _SAID)[-_LONGEST_SAID:].strip(),
        files=tuple(
            BackupFile(path.name, _size(path), datetime.fromtimestamp(_changed_at(path), UTC)) for path in files
        ),
    )


@contextmanager
def _sole_maker(folder: Path) -> Iterator[int]:
    """Gives the lock, which whoever inherits it goes on holding."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError("A backup is being made already.", remedy="Wait until it is finished.") from error
        yield lock
    finally:
        os.close(lock)


def _is_being_made(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _start(settings: Settings, environ: Mapping[str, str], target: Path, lock: int) -> None:
    own = {
        "PETALITE_HOME": str(settings.home),
        "PETALITE_STORE_URL": settings.store_url,
        "PETALITE_ARTIFACTS": str(settings.artifacts),
    }
    with (target.parent / _SAID).open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-P", "-m", "services.cli", "backup", str(target)],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={**environ, **own},
            pass_fds=(lock,),
            start_new_session=True,  # a service that stops lets it finish
        )
    threading.Thread(target=process.wait, name="backup", daemon=True).start()


def _sizes(settings: Settings) -> tuple[int, int]:
    """Bytes that are copied, and those of the snapshot that lies beside them meanwhile."""
    url = make_url(settings.store_url)
    store = _size(Path(str(url.database))) if url.get_backend_name() == "sqlite" else 0
    folders = (settings.artifacts, settings.home / GENERATORS)
    return store + sum(_size(path) for folder in folders for path in folder.rglob("*") if path.is_file()), store


def _require_space(folder: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < _SPARE * needed_bytes:
        raise ConflictError(
            f"The backup needs {needed_bytes / 2**20:.0f} MiB; {folder} has {free / 2**20:.0f} MiB left.",
            remedy="Move older backups elsewhere, or let PETALITE_BACKUPS name a folder on another disk.",
        )


def _last_asked(folder: Path) -> Asked | None:
    try:
        return parse_json(Asked, (folder / _ASKED).read_bytes())
    except (FileNotFoundError, SpecError):  # none yet, or cut off while it was written
        return None


def _read(path: Path) -> str:
    with suppress(FileNotFoundError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _changed_at(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0
