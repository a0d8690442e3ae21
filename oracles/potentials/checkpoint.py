"""Files with weights: which content they have, and whether it is the expected one."""

from __future__ import annotations

import hashlib
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import InvalidValueError, OracleUnavailableError

_SHORT: Final = 16
"""Digits of a hash that version texts show."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file with weights. The same path may hold another model tomorrow; the content determines the number."""

    path: Path
    expected_sha256: str | None = None
    """The only content that is taken; None: any."""

    def __post_init__(self) -> None:
        require_sha256(self.expected_sha256)

    @property
    def words(self) -> str:
        """Name of the file and the beginning of its content's hash."""
        return words_of(self.path, self.sha256() or "missing")

    def sha256(self) -> str | None:
        """Hash of the content; None where there is no file."""
        if not self.path.is_file():
            return None
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def check(self) -> None:
        """Refuses what is no file, not one as torch has written it since 2020, or another one than expected.

        Raises:
            OracleUnavailableError: If it is one of these.
        """
        if not self.path.is_file():
            raise OracleUnavailableError(
                f"There is no checkpoint at {self.path}.", remedy="Put the checkpoint there, or correct 'model'."
            )
        if not zipfile.is_zipfile(self.path):
            raise OracleUnavailableError(
                f"{self.path} is no checkpoint, or only a part of one.",
                remedy="Copy it again, or correct 'model'.",
            )
        if self.expected_sha256 is not None:
            self._require_expected(self.sha256() or "missing")

    def read(self) -> tuple[bytes, str]:
        """Content and hash, taken together so that what is hashed is what is loaded.

        Raises:
            OracleUnavailableError: If there is no checkpoint, or another one than expected.
        """
        self.check()
        content = self.path.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        self._require_expected(found)
        return content, found

    def _require_expected(self, found: str) -> None:
        if self.expected_sha256 not in (None, found):
            raise OracleUnavailableError(
                f"{self.path} has the sha256 {found}, but 'model_sha256' says {self.expected_sha256}.",
                remedy="Put the right file there, or correct 'model_sha256' if this is the model that you mean.",
            )


def words_of(path: Path, sha256: str) -> str:
    """Name of a file and the beginning of its content's hash."""
    return f"{path.name} sha256 {sha256[:_SHORT]}"


def require_sha256(text: str | None) -> None:
    """Refuses what is no sha256 in hexadecimal digits; None is taken.

    Raises:
        InvalidValueError: If it is none.
    """
    if text is not None and not re.fullmatch(r"[0-9a-f]{64}", text):
        raise InvalidValueError(
            f"model_sha256 '{text}' is no sha256.", remedy="Give its 64 digits, 0 to 9 and a to f: sha256sum FILE"
        )
