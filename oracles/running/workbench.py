"""Folders in which looks that take long keep what they need to go on after they were killed."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from domain.errors import LookUnderWayError
from domain.look import LookProgress
from domain.ports import Workbench

REPORT_EVERY_S: Final = 1.0
"""What comes sooner is not passed on."""


@contextmanager
def held_workbench(
    folder: Path, report: Callable[[LookProgress], None], *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Workbench]:
    """Holds a folder for one process, by a lock that the kernel lets go however the process ends.

    Args:
        folder: Made where it is missing; stays.
        report: Told how far the look is, at most once in `REPORT_EVERY_S`.
        clock: Seconds that pass.

    Raises:
        LookUnderWayError: If another process is at the same look.
        OSError: If the folder cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LookUnderWayError(
                f"Another process computes this look already, in {folder.name}.",
                remedy="Wait until it has ended; the look goes on with what it leaves.",
            ) from error
        except OSError:
            pass  # a disk without locks, where nobody can tell
        yield Workbench(folder, _seldom(report, clock))


def _seldom(report: Callable[[LookProgress], None], clock: Callable[[], float]) -> Callable[[LookProgress], None]:
    next_at = clock()

    def report_seldom(progress: LookProgress) -> None:
        nonlocal next_at
        if clock() >= next_at:
            report(progress)
            next_at = clock() + REPORT_EVERY_S

    return report_seldom
