"""Names for machines that nobody names. They stay with the folder, so that the next one goes on where one was ended."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TextIO

_UNDER_WAY = "under way\n"


@dataclass(frozen=True, slots=True)
class HeldName:
    """A name that nobody else has."""

    name: str
    lock: int
    """Descriptor of its file; the name is taken for as long as any process has it open."""


@contextmanager
def held_name(folder: Path, prefix: str) -> Iterator[HeldName]:
    """Takes a name that nobody has at the moment, and gives it back.

    First come names whose last holder was killed or failed: a look of theirs may go on, or an answer wait to be
    delivered. Then all others that were ever given here, then a new one.

    Args:
        folder: Of the names; made where it is missing.
        prefix: Begins a new name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in _candidates(folder, prefix):
        with path.open("a", encoding="ascii") as file:
            if not _is_locked(file):
                continue
            file.truncate(0)
            file.write(_UNDER_WAY)
            file.flush()
            yield HeldName(path.name, file.fileno())
            file.truncate(0)
            return


def _candidates(folder: Path, prefix: str) -> Iterator[Path]:
    known = sorted(folder.iterdir(), key=lambda path: (path.stat().st_size == 0, path.name))
    yield from known
    for number in count(1):
        path = folder / f"{prefix}-{number}"
        if path not in known:
            yield path


def _is_locked(file: TextIO) -> bool:
    """Whether the file could be locked for this process."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
