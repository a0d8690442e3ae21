"""Temporary folders that do not outlive their process for long: whoever makes the next one sweeps those of the dead.

A folder is held by a lock that the kernel lets go when its process ends, however it ends, and on whichever machine or
in whichever container of those that share the disk.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

LOOKS_PREFIX: Final = "looks-"
"""Begins the names of folders in which oracles compute."""
EXPORT_PREFIX: Final = "petalite-export-"
"""Begins the names of folders in which exports are packed, in the system's temporary folder."""
LEFT_ALONE_S: Final = 3600.0
"""What is younger is left alone: its owner may not have had the time to lock it."""


@contextmanager
def held_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Makes a folder that is gone afterwards, and sweeps what dead processes left beside it.

    Raises:
        OSError: If it cannot be made.
    """
    parent.mkdir(parents=True, exist_ok=True)
    sweep_folders(parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # a disk without locks: nobody can sweep it either
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def sweep_folders(parent: Path, prefix: str, *, older_than_s: float = LEFT_ALONE_S) -> int:
    """Removes the folders that nobody holds any more.

    Args:
        parent: Where they lie; nothing happens where it is missing.
        prefix: Begins their names.
        older_than_s: Seconds since their last change.

    Returns:
        How many.
    """
    return sum(_sweep(folder) for folder in _old(parent, prefix, older_than_s) if folder.is_dir())


def sweep_files(parent: Path, prefix: str, *, older_than_s: float) -> int:
    """Removes files that nobody has written to for long; how many."""
    files = [path for path in _old(parent, prefix, older_than_s) if path.is_file()]
    for path in files:
        path.unlink(missing_ok=True)
    return len(files)


def _old(parent: Path, prefix: str, older_than_s: float) -> Iterator[Path]:
    """What this user left in a folder and nobody has touched for so long; never what a link leads to."""
    latest = time.time() - older_than_s
    for path in parent.glob(f"{prefix}*") if parent.is_dir() else ():
        with suppress(FileNotFoundError):
            status = path.lstat()
            if status.st_mtime <= latest and status.st_uid == os.geteuid() and not path.is_symlink():
                yield path


def _sweep(folder: Path) -> bool:
    with suppress(OSError):  # somebody holds it, or sweeps it at this moment
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
            return True
        finally:
            os.close(lock)
    return False
