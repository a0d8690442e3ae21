"""A process that kills itself in the middle, and what it had acknowledged by then."""

import os
import signal
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Engine, event

Acknowledge: TypeAlias = Callable[[str], None]
"""Says that something is safe: whoever hears it relies on it for ever."""
Work: TypeAlias = Callable[[Acknowledge], None]
"""Runs to its end, and may be run again after it was killed anywhere."""
Step: TypeAlias = Callable[[], None]
"""Called at each point at which the process may die."""
Points: TypeAlias = Callable[[Step], None]
"""Arranges, in the process itself, that each point is called."""


@dataclass(frozen=True, slots=True)
class Life:
    """How a process fared."""

    acknowledged: tuple[str, ...]
    n_points: int
    """Points at which it could have died until its end; 0 where it was killed."""
    was_killed: bool


def at_statements(step: Step) -> None:
    """Points before each SQL statement and commit."""
    event.listen(Engine, "before_cursor_execute", lambda *_: step())
    event.listen(Engine, "commit", lambda *_: step())


def live(
    work: Work,
    *,
    kill_at: int | None,
    beside: Callable[[], None] | None = None,
    points: Points = at_statements,
) -> Life:
    """Runs work in a child process that sends itself SIGKILL at its nth point.

    Args:
        work: What the child does.
        kill_at: Number of the point at which it dies, counted from 1; None lets it live.
        beside: Runs in a thread of this process while the child lives, such as a client of the child.
        points: Where the child may die.

    Raises:
        SystemExit: If the child ended by itself with an error, or its companion did.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(work, writing, kill_at, points)
    os.close(writing)
    # After the fork: threads do not survive one.
    companion = ThreadPoolExecutor(1).submit(beside) if beside is not None else None
    with os.fdopen(reading, encoding="utf-8") as pipe:
        lines = pipe.read().splitlines()
    _, status = os.waitpid(child, 0)
    if companion is not None and (error := companion.exception()) is not None:
        raise SystemExit(f"The companion of a process of the storm ended: {error}") from error
    was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if status != 0 and not was_killed:
        raise SystemExit("A process of the storm ended by itself; see above.")
    counts = [int(line.removeprefix("end ")) for line in lines if line.startswith("end ")]
    said = tuple(line.removeprefix("safe ") for line in lines if line.startswith("safe "))
    return Life(said, sum(counts), was_killed)


def _child(work: Work, pipe: int, kill_at: int | None, points: Points) -> None:
    n_points = 0

    def count() -> None:
        nonlocal n_points
        n_points += 1
        if n_points == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    points(count)
    try:
        work(lambda what: _write(pipe, f"safe {what}\n"))
        _write(pipe, f"end {n_points}\n")
    except BaseException:  # noqa: BLE001 - the child must never return into its parent's code
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _write(pipe: int, line: str) -> None:
    os.write(pipe, line.encode())  # one call, so that the line is whole or not there
