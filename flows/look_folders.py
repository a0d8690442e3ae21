"""Where looks that take long keep what they need to go on after they were killed: a folder each."""

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.blueprint import Blueprint
from services.messages.claims import LONGEST_LEASE_S
from services.settings import Settings

KEPT: Final = "kept"
"""The folder with those of this home's own workers, beside what looks leave behind when they end."""
_NAME: Final = re.compile(r"query-(\d+)-([0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class KeptLook:
    """A folder that is there."""

    query_id: int
    path: Path
    _digest: str

    def is_of(self, blueprint: Blueprint) -> bool:
        """Whether it belongs to a query about that crystal: another store's query may have the same number."""
        return blueprint.digest.startswith(self._digest)

    @property
    def is_abandoned(self) -> bool:
        """Whether nothing was written there for longer than any claim lives."""
        changed = [path.lstat().st_mtime for path in (self.path, *self.path.rglob("*"))]
        return max(changed) < time.time() - LONGEST_LEASE_S

    def remove(self) -> None:
        """Removes it with all that it holds."""
        shutil.rmtree(self.path, ignore_errors=True)


class LookFolders:
    """The folders of one machine, by the number of the query.

    Args:
        root: Where they lie; made by the first look that needs it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def of(self, query_id: int, blueprint: Blueprint) -> Path:
        """The folder of a look, whether it is there or not."""
        return self._root / f"query-{query_id}-{blueprint.digest[:12]}"

    def forget(self, query_id: int, blueprint: Blueprint) -> None:
        """Removes what a look has kept, because it is answered or wanted no more."""
        shutil.rmtree(self.of(query_id, blueprint), ignore_errors=True)

    def forget_abandoned(self) -> None:
        """Removes what looks kept that nobody came back to."""
        for look in self.kept():
            if look.is_abandoned:
                look.remove()

    def kept(self) -> Iterator[KeptLook]:
        """Every folder that is there."""
        for folder in sorted(self._root.iterdir()) if self._root.is_dir() else ():
            if found := _NAME.fullmatch(folder.name):
                yield KeptLook(int(found[1]), folder, found[2])


def kept_look_folders(settings: Settings) -> LookFolders:
    """The folders of the looks that this home's own workers make."""
    return LookFolders(settings.scratch / KEPT)
