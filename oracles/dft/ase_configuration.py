"""What the operator of this machine has set up for codes that run as programs: ASE's configuration file, and variables.

ASE reads the file once, when it is imported; here it is read afresh, without ASE, so that a look is refused with the
remedy before it costs anything.
"""

from __future__ import annotations

import configparser
import hashlib
import os
import shlex
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from domain.errors import OracleUnavailableError

_CONFIG_PATH: Final = "ASE_CONFIG_PATH"
_BLOCK_BYTES: Final = 1 << 20


def config_file() -> str:
    """The configuration file that counts here, as people write it."""
    return os.environ.get(_CONFIG_PATH) or "~/.config/ase/config.ini"


def section(name: str) -> Mapping[str, str]:
    """A section of ASE's configuration; empty where there is none.

    Raises:
        OracleUnavailableError: If the file cannot be read.
    """
    parser = configparser.ConfigParser(interpolation=configparser.ExtendedInterpolation())
    paths = [Path(path).expanduser() for path in config_file().split(os.pathsep)]
    try:
        parser.read(paths)
        return dict(parser[name]) if name in parser else {}
    except (configparser.Error, OSError, UnicodeDecodeError) as error:
        raise OracleUnavailableError(
            f"ASE's configuration {config_file()} cannot be read: {error}.", remedy="Correct the file."
        ) from error


def variable(*names: str) -> str | None:
    """The first of these variables that is set, in ASE's configuration (`[environment]`) or in the process."""
    configured = section("environment")
    for name in names:
        value = configured.get(name.lower()) or os.environ.get(name)
        if value:
            return value
    return None


def require_program(command: str, code: str) -> Path:
    """Finds the program that a command runs.

    Args:
        command: As the operator wrote it, such as `mpirun -n 4 pw.x`.
        code: Whose command it is, in the error.

    Returns:
        The last word of the command that is a program: what stands before it starts it on several cores.

    Raises:
        OracleUnavailableError: If the command's first word, or every other, is no program here.
    """
    words = shlex.split(command)
    found = {word: shutil.which(word) for word in words if not word.startswith("-")}
    programs = [path for path in found.values() if path]
    if not words or not programs or found.get(words[0]) is None:
        missing = words[0] if words else "an empty command"
        raise OracleUnavailableError(
            f"The program '{missing}' of {code} is not on this machine.",
            remedy=f"Install {code}, or correct its command in {config_file()}.",
        )
    return Path(programs[-1])


def fingerprint(path: Path) -> str:
    """Names a file by its content: its name and the beginning of its sha256; `missing` where it is not there."""
    try:
        status = path.stat()
    except OSError:
        return f"{path.name} missing"
    return f"{path.name} sha256 {_sha256(str(path), status.st_size, status.st_mtime_ns)[:16]}"


@lru_cache(maxsize=256)
def _sha256(path: str, size: int, modified_ns: int) -> str:  # noqa: ARG001 - another size or time is another content
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
