"""The door before files that specs name: only an operator says which checkpoints run, and which tables are read."""

from __future__ import annotations

import os
import stat
from enum import StrEnum
from pathlib import Path

from domain.errors import OracleUnavailableError
from domain.trust import MODELS, Trust, read_trust


class FileKind(StrEnum):
    """What a spec names a file for."""

    CHECKPOINT = "checkpoint"
    TABLE = "table"

    @property
    def reason(self) -> str:
        """Why it must be trusted."""
        if self is FileKind.TABLE:
            return "what a table says is shown to whoever wrote the spec"
        return "a checkpoint is a program"


def trust_here() -> Trust:
    """What the operator of this machine trusts, as the environment of this process says.

    Raises:
        InvalidValueError: If the environment says something impossible.
    """
    return read_trust(os.environ)


def trusted_file(given: str, trust: Trust, *, kind: FileKind = FileKind.CHECKPOINT) -> Path:
    """Real path of a file that an operator trusts, whether it is there or not.

    Args:
        given: Whole path, or path within one of the trusted folders.
        trust: What the operator trusts.
        kind: What it is read as.

    Raises:
        OracleUnavailableError: If it lies elsewhere once symbolic links are followed, or anybody may exchange it.
    """
    try:
        real = _found(given, trust, kind).resolve()
        folders = [folder.resolve() for folder in trust.model_folders]
        folder = next((folder for folder in folders if real.is_relative_to(folder)), None)
        if folder is None:
            raise _untrusted(given, trust, kind)
        require_guarded(real, folder)
    except (OSError, RuntimeError, ValueError) as error:
        # A loop of links, a folder that may not be read, the home of a user who does not exist, a zero byte.
        raise OracleUnavailableError(
            f"The {kind} {given!r} cannot be found: {error}.", remedy=_remedy(trust)
        ) from error
    return real


def require_guarded(path: Path, folder: Path) -> None:
    """Refuses a file or folder that anybody on the machine may write to or exchange.

    A sticky bit keeps others from exchanging what a folder holds, so it excuses the folders above a trusted one, such
    as /tmp. It lets them add files, so it does not excuse the trusted one.

    Args:
        path: Real path of the file, or of the folder itself.
        folder: Real path of the trusted folder that holds it.

    Raises:
        OracleUnavailableError: If it is one.
        OSError: If that cannot be found out.
    """
    for place in (path, *path.parents):
        if not place.exists():
            continue
        mode = place.stat().st_mode
        is_excused = bool(mode & stat.S_ISVTX) and not place.is_relative_to(folder)
        if mode & stat.S_IWOTH and not is_excused:
            raise OracleUnavailableError(
                f"Nothing in {folder} is loaded: anybody on this machine may write to {place}, and a checkpoint is a "
                "program.",
                remedy=f"See that nobody has exchanged anything there, then: chmod o-w {place}",
            )


def _found(given: str, trust: Trust, kind: FileKind) -> Path:
    path = Path(given).expanduser()
    if path.is_absolute():
        return path
    places = [folder / path for folder in trust.model_folders]
    if not places:
        raise _untrusted(given, trust, kind)
    return next((place for place in places if place.is_file()), places[0])


def _untrusted(given: str, trust: Trust, kind: FileKind) -> OracleUnavailableError:
    folders = ", ".join(map(str, trust.model_folders)) or "none"
    return OracleUnavailableError(
        f"The {kind} {given} is not loaded: {kind.reason}, and this one lies outside the folders that are trusted on "
        f"this machine ({folders}).",
        remedy=_remedy(trust),
    )


def _remedy(trust: Trust) -> str:
    place = f"Put it into {trust.model_folders[0]}, or add" if trust.model_folders else "Add"
    return f"{place} its folder to {MODELS} where the worker runs."
