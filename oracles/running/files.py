"""Files that a look produced, found where the look says that they are, and nowhere else."""

from collections.abc import Sequence
from pathlib import Path

from domain.errors import PermanentLookError
from domain.look import LookFile


def located(folder: Path, file: LookFile) -> Path:
    """Where a file lies.

    Args:
        folder: Of the workbench.
        file: As the oracle names it.

    Raises:
        PermanentLookError: If it is not there, is no plain file, or lies elsewhere by way of a link.
    """
    path = folder / file.path
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        raise PermanentLookError(
            f"The oracle names a file '{file.path}' that it did not write in its workbench.",
            remedy="Report it to the oracle's maintainers, with its version.",
        )
    return path


def require_files(folder: Path, files: Sequence[LookFile]) -> None:
    """Refuses files that are not there.

    Raises:
        PermanentLookError: If one is missing.
    """
    for file in files:
        located(folder, file)
