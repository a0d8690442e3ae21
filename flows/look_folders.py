"""Where looks that take long keep what they need to go on after they were killed: a folder each."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from domain.blueprint import Blueprint
from services.settings import Settings

KEPT: Final = "kept"
"""The folder with those of this home's own workers, beside what looks leave behind when they end."""
_NAME: Final = re.compile(r"query-(\d+)-[0-9a-f]{12}")


class LookFolders:
    """The folders of one machine, by the number of the query.

    Args:
        root: Where they lie; made by the first look that needs it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def of(self, query_id: int, blueprint: Blueprint) -> Path:
        """The folder of a look, whether it is there or not. Another store's query of that number has another one."""
        return self._root / f"query-{query_id}-{blueprint.digest[:12]}"

    def forget(self, query_id: int) -> None:
        """Removes what a look has kept, because it is answered or wanted no more."""
        for folder in self._root.glob(f"query-{query_id}-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def kept(self) -> Iterator[int]:
        """Numbers of the queries of which something is kept."""
        for folder in self._root.iterdir() if self._root.is_dir() else ():
            if found := _NAME.fullmatch(folder.name):
                yield int(found[1])


def kept_look_folders(settings: Settings) -> LookFolders:
    """The folders of the looks that this home's own workers make."""
    return LookFolders(settings.scratch / KEPT)
