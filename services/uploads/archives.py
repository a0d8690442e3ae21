"""Zips, opened with suspicion: bytes are counted while they are inflated, and nothing is unpacked onto the disk."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from domain.errors import UnreadableFileError

_TAIL_BYTES: Final = 65_557
"""Where the end of a zip's directory must begin: 22 bytes and the longest comment."""
_END: Final = b"PK\x05\x06"
_END_OF_ZIP64: Final = b"PK\x06\x07"
_LARGEST_DIRECTORY_BYTES: Final = 2**20
_MOST_MEMBERS: Final = 2_000
_LARGEST_RATIO: Final = 200
_RATIO_COUNTS_FROM_BYTES: Final = 2**18
_CHUNK_BYTES: Final = 65_536
_IS_ENCRYPTED: Final = 0x1
_ARCHIVES: Final = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"\xfd7zXZ", b"Rar!", b"(\xb5/\xfd")


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much may come out of a zip."""

    member_bytes: int
    total_bytes: int


ZIP_LIMITS: Final = ArchiveLimits(member_bytes=2 * 2**20, total_bytes=64 * 2**20)
SHEET_LIMITS: Final = ArchiveLimits(member_bytes=32 * 2**20, total_bytes=48 * 2**20)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a zip."""

    name: str
    """Without folders."""
    content: bytes


def members(path: Path, limits: ArchiveLimits = ZIP_LIMITS) -> Iterator[Member]:
    """Inflates a zip file by file, folders and resource forks left out.

    Raises:
        UnreadableFileError: If it is no sound zip, or is made to harm: too many or too large files, files that inflate
            more than 200 times, paths that lead elsewhere, archives inside, or a password.
    """
    _require_modest_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            yield from _inflated(archive, limits)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        struct.error,
        NotImplementedError,
        RuntimeError,
        OSError,
    ) as error:
        raise UnreadableFileError(f"The zip is damaged: {error}.", remedy="Pack it again.") from error
    except (UnicodeDecodeError, ValueError, OverflowError) as error:
        raise UnreadableFileError("The zip's directory is damaged.", remedy="Pack it again.") from error


def require_sound_workbook(path: Path) -> None:
    """Inflates an xlsx for the sake of its size.

    Raises:
        UnreadableFileError: If it is no sound zip, or inflates too far.
    """
    names = {member.name for member in members(path, SHEET_LIMITS)}
    if "workbook.xml" not in names:
        raise UnreadableFileError("The file is no xlsx workbook.", remedy="Save it as xlsx or csv.")


def _inflated(archive: zipfile.ZipFile, limits: ArchiveLimits) -> Iterator[Member]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > _MOST_MEMBERS:
        raise _harmful(f"holds {len(entries)} files; at most {_MOST_MEMBERS} are read")
    left = limits.total_bytes
    for entry in entries:
        name = _safe_name(entry)
        content = _inflate(archive, entry, min(left, limits.member_bytes))
        left -= len(content)
        if content.startswith(_ARCHIVES):
            raise _harmful(f"holds another archive, '{name}'")
        if not name.startswith((".", "~$")) and "__MACOSX" not in entry.filename:
            yield Member(name, content)


def _inflate(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    content = bytearray()
    with archive.open(entry) as file:
        while chunk := file.read(_CHUNK_BYTES):
            content += chunk
            if len(content) > limit:
                raise _harmful(f"inflates to more than {limit / 2**20:.1f} MiB")
            if len(content) > max(_RATIO_COUNTS_FROM_BYTES, _LARGEST_RATIO * entry.compress_size):
                raise _harmful(f"inflates more than {_LARGEST_RATIO} times")
    return bytes(content)


def _safe_name(entry: zipfile.ZipInfo) -> str:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in entry.filename:
        raise _harmful("names a file outside of itself")
    if entry.flag_bits & _IS_ENCRYPTED:
        raise _harmful("is locked by a password")
    return path.name


def _require_modest_directory(path: Path) -> None:
    """Refuses a zip whose directory alone would fill the memory, before anybody reads it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
    if _END_OF_ZIP64 in tail:
        raise _harmful("is in the format for more than 4 GiB")
    position = tail.find(_END)
    if position < 0:
        raise UnreadableFileError("The zip has no directory: it is cut off.", remedy="Pack it again.")
    while position >= 0:
        directory = tail[position + 12 : position + 16]
        if len(directory) == 4 and int.from_bytes(directory, "little") > _LARGEST_DIRECTORY_BYTES:
            raise _harmful("has a directory that is too large")
        position = tail.find(_END, position + 1)


def _harmful(what: str) -> UnreadableFileError:
    return UnreadableFileError(f"The zip {what}.", remedy="Pack the plain files again, without others.")
