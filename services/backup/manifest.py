"""What a backup says about itself."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, ClassVar, Final

from domain.errors import InvalidValueError, PetaliteError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
"""Name of the last file in the archive; a backup without it was cut off."""
SQLITE_FILE: Final = "store.sqlite3"
POSTGRES_FILE: Final = "store.pgdump"
ARTIFACTS: Final = "artifacts"
GENERATORS: Final = "generators"
SCRATCH_PREFIX: Final = "petalite-backup-"
"""Begins the names of folders in which archives are written before they are in their place."""
_CHUNK_BYTES: Final = 2**20


class BackupError(PetaliteError):
    """A backup cannot be written, or cannot be restored."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of the archive."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Every file of a backup, and which store it is of."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    format: int
    petalite: str
    """Version that wrote it."""
    schema_version: str
    """Of the store inside."""
    made_at: str
    """UTC, ISO 8601."""
    files: Mapping[str, FileEntry]
    """By name in the archive."""
    flaws: Mapping[str, str] = field(default_factory=dict)
    """Files that the store names and that were missing or damaged when the backup was made, by their SHA-256."""

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise InvalidValueError(
                f"The backup has format {self.format}, this Petalite reads {FORMAT}.", remedy="Upgrade Petalite."
            )
        for name in self.files:
            require_safe_name(name)

    @property
    def is_complete(self) -> bool:
        """Whether everything that the store names is in the backup, as it was."""
        return not self.flaws


def require_safe_name(name: str) -> None:
    """Refuses names that would lead out of the folder that is restored.

    Raises:
        InvalidValueError: If this one would.
    """
    path = PurePosixPath(name)
    folders = {ARTIFACTS, GENERATORS}
    is_known = name in {SQLITE_FILE, POSTGRES_FILE} or (len(path.parts) > 1 and path.parts[0] in folders)
    if not is_known or ".." in path.parts or path.is_absolute() or str(path) != name or "\\" in name:
        raise InvalidValueError(
            f"'{name[:100]}' does not belong into a backup.", remedy="Use a file that petalite backup wrote."
        )


class HashingReader:
    """Reads a file and works its digest out on the way."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self._size = 0

    def read(self, n_bytes: int = -1) -> bytes:
        """Reads on."""
        chunk = self._source.read(n_bytes)
        self._hash.update(chunk)
        self._size += len(chunk)
        return chunk

    def copy_to(self, target: IO[bytes]) -> None:
        """Copies the rest."""
        while chunk := self.read(_CHUNK_BYTES):
            target.write(chunk)

    @property
    def entry(self) -> FileEntry:
        """What was read so far."""
        return FileEntry(self._hash.hexdigest(), self._size)
