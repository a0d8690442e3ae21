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
import time
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
_FINISHED: Final = "finished.json"
_WAITS_S: Final = (0.0, 0.05, 0.05)
"""Whoever looks whether one is being made holds the lock for a moment, too."""
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
class _Finished:
    """What a backup that was asked for notes when it is written."""

    file: str


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
    """What `petalite backup` said of the last one; how it ended where that was killed before it said anything."""
    is_whole: bool
    """Whether the last one that was asked for was written, or is not over yet."""
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
        ConflictError: If one is being made already, the disk has too little space, or nothing can be written there.
    """
    folder = settings.backup_folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _sole_maker(folder) as lock:
            copied, snapshot = _sizes(settings)
            _require_space(folder, copied + snapshot)
            asked = Asked(f"petalite-{now:%Y-%m-%dT%H-%M-%S}.tar", by, now, copied)
            (folder / _ASKED).write_text(to_json(asked), encoding="utf-8")
            _start(settings, environ, folder / asked.file, lock)
    except OSError as error:
        raise ConflictError(
            f"No backup can be made in {folder}: {error.strerror}.",
            remedy="Let PETALITE_BACKUPS name a folder that the service may write to.",
        ) from error
    return asked


def note_finished(note: Path, file: Path) -> None:
    """Notes that a backup that was asked for is written, so that it is known even where it was moved away since."""
    note.write_text(to_json(_Finished(file.name)), encoding="utf-8")


def list_backups(settings: Settings) -> Backups:
    """What there is, and how far a backup is that is being made; of a folder that cannot be read, why."""
    folder = settings.backup_folder
    try:
        return _look_into(folder)
    except OSError as error:
        said = f"{folder} cannot be read ({error.strerror}). Let PETALITE_BACKUPS name another folder."
        return Backups(str(folder), is_running=False, asked=None, written_bytes=0, said=said, is_whole=False, files=())


def _look_into(folder: Path) -> Backups:
    is_running = _is_being_made(folder)  # looked at first: what is not running any more has said its last word
    asked = _last_asked(folder)
    # What was being written when a process was killed lies beside it until the next backup sweeps it away.
    partial = max(folder.glob(f"{SCRATCH_PREFIX}*/backup.tar"), key=_changed_at, default=None) if is_running else None
    files = sorted(folder.glob("*.tar"), key=_changed_at, reverse=True) if folder.is_dir() else []
    said = "" if is_running else _read(folder / _SAID)[-_LONGEST_SAID:].strip()
    # One that was moved away, as the page advises, was whole all the same.
    is_whole = is_running or asked is None or (folder / asked.file).is_file() or _last_finished(folder) == asked.file
    return Backups(
        folder=str(folder),
        is_running=is_running,
        asked=asked,
        written_bytes=_size(partial) if partial else 0,
        said=said or ("" if is_whole else "It was cut off before it was finished. Make another one."),
        is_whole=is_whole,
        files=tuple(
            BackupFile(path.name, _size(path), datetime.fromtimestamp(_changed_at(path), UTC)) for path in files
        ),
    )


@contextmanager
def _sole_maker(folder: Path) -> Iterator[int]:
    """Gives the lock, which whoever inherits it goes on holding."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not any(_takes_lock(lock, wait_s) for wait_s in _WAITS_S):
            raise ConflictError("A backup is being made already.", remedy="Wait until it is finished.")
        yield lock
    finally:
        os.close(lock)


def _takes_lock(lock: int, wait_s: float) -> bool:
    """Tries to take the lock, after a while."""
    time.sleep(wait_s)
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


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
    note = target.parent / _FINISHED
    with (target.parent / _SAID).open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [
                sys.executable,
                "-P",
                "-m",
                "services.cli",
                "backup",
                str(target),
                "--note",
                str(note),
            ],
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


def _last_finished(folder: Path) -> str | None:
    """Name of the last one that was asked for and written."""
    try:
        return parse_json(_Finished, (folder / _FINISHED).read_bytes()).file
    except (FileNotFoundError, SpecError):
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
