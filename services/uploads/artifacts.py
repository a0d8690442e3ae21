"""Files by content: each kept once under the SHA-256 of its bytes, never under a name that a client chose."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import InvalidValueError, NotFoundError

LARGEST_FILE_BYTES: Final = 64 * 1024 * 1024
"""What a laboratory may hand in at once."""
INCOMING: Final = "incoming-"
"""Begins the names of files that are still being received."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_UNSAFE: Final = re.compile(r"[^\w .()+,-]")
_LONGEST_NAME: Final = 120


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that are kept."""

    digest: str
    size: int
    """Bytes."""


class ArtifactFolder:
    """The bytes of all artifacts. Processes may share it: a file appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder of `Settings.artifacts`; it is made when it is first needed."""
        self._folder = folder

    def keep(self, chunks: Iterable[bytes], *, limit: int = LARGEST_FILE_BYTES) -> Blob:
        """Keeps a stream of bytes; when this returns they are on the disk.

        Args:
            chunks: The bytes, piece by piece.
            limit: Bytes after which the stream is refused and forgotten.

        Raises:
            InvalidValueError: If the stream is longer.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        sha256 = hashlib.sha256()
        size = 0
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=INCOMING, delete=False) as file:
            temporary = Path(file.name)
            try:
                for chunk in chunks:
                    size += len(chunk)
                    if size > limit:
                        raise InvalidValueError(
                            f"The file is larger than {limit / 2**20:g} MiB.", remedy="Hand in several smaller files."
                        )
                    sha256.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                digest = sha256.hexdigest()
                target = self._path(digest)
                target.parent.mkdir(exist_ok=True)
                temporary.replace(target)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        _sync_folder(target.parent)
        return Blob(digest, size)

    def path(self, digest: str) -> Path:
        """Where the bytes of a digest lie.

        Raises:
            NotFoundError: If they are not kept here.
        """
        path = self._path(digest)
        if not path.is_file():
            raise NotFoundError(
                f"The bytes of artifact {digest[:12]} are not here any more.",
                remedy="Whoever runs the service can restore them from a backup.",
            )
        return path

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise InvalidValueError(f"'{digest[:80]}' is no SHA-256.", remedy="Give 64 hexadecimal digits.")
        return self._folder / digest[:2] / digest


def shown_name(name: str | None) -> str:
    """A client's file name as far as it can be shown and offered again: no folders, no control characters."""
    last = (name or "").replace("\\", "/").rsplit("/", maxsplit=1)[-1]
    cleaned = _UNSAFE.sub("_", last.encode("utf-8", "replace").decode()).strip(" .")
    return cleaned[-_LONGEST_NAME:].lstrip(" .") or "unnamed"


def _sync_folder(folder: Path) -> None:
    """Makes a rename survive a power cut."""
    for path in (folder, folder.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
