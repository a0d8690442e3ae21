"""PostgreSQL's own programs for whole databases."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL

from services.backup.manifest import BackupError

_DEBIAN: Final = Path("/usr/lib/postgresql")


def dump_database(url: URL, target: Path) -> None:
    """Writes one consistent snapshot of a database in PostgreSQL's custom format.

    Raises:
        BackupError: If pg_dump is missing or fails.
    """
    _run("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"], url)


def restore_database(url: URL, source: Path) -> None:
    """Fills an empty database from such a file, as a whole or not at all.

    Raises:
        BackupError: If pg_restore is missing or fails.
    """
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    _run("pg_restore", [*options, f"--dbname={url.database}", str(source)], url)


def _run(program: str, arguments: list[str], url: URL) -> None:
    # The password travels in the environment: command lines can be read by everybody on the machine.
    given = {"PGHOST": url.host, "PGUSER": url.username, "PGPASSWORD": url.password, "PGDATABASE": url.database}
    given |= {"PGPORT": str(url.port) if url.port else None}
    given |= {f"PG{name.upper()}": str(value) for name, value in url.query.items() if name in {"host", "sslmode"}}
    environ = {**os.environ, **{name: value for name, value in given.items() if value}}
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        [_find(program), *arguments], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BackupError(
            f"{program} failed: {last}", remedy="Check the address and rights, and that its version is the server's."
        )


def _find(program: str) -> str:
    """The program of the newest version that is installed."""
    installed = sorted(_DEBIAN.glob(f"*/bin/{program}"), key=lambda path: _version(path.parts[-3]))
    found = str(installed[-1]) if installed else shutil.which(program)
    if found is None:
        raise BackupError(
            f"{program} is not installed.", remedy="Install PostgreSQL's client programs, of the server's version."
        )
    return found


def _version(text: str) -> int:
    match = re.match(r"\d+", text)
    return int(match[0]) if match else 0
