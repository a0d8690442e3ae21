"""Programs that are run beside this process, line by line."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from domain.errors import OracleUnavailableError

Report: TypeAlias = Callable[[str], None]


def run_reporting(command: Sequence[str], folder: Path, *, what: str, report: Report) -> None:
    """Runs a program in a folder and reports its lines, with one thread unless the environment says otherwise.

    Raises:
        OracleUnavailableError: If it ends with an error; the last lines are told.
    """
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    last: list[str] = []
    with subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            last = [*last[-4:], line.rstrip()]
            report(line.rstrip())
    if process.returncode != 0:
        raise OracleUnavailableError(
            f"{what} ended with the status {process.returncode}: {' / '.join(last)}",
            remedy="Correct what its last lines say, and repeat the command; it goes on where it stopped.",
        )
