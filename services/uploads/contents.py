"""What a stored file holds: a table, texts by name, or a picture. Which of them is told by its first bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from domain.errors import UnreadableFileError
from services.store.uploads import UploadKind
from services.uploads.archives import members, require_sound_workbook
from services.uploads.child import Readers
from services.uploads.obelix import is_obelix
from services.uploads.prescan import (
    CIF_LIMITS,
    SPECTRUM_LIMITS,
    TABLE_LIMITS,
    attachment_type,
    is_zip,
    refuse_programs,
    text_of,
)
from services.uploads.spectra import names_spectrum
from services.uploads.tables import Sheet, read_csv, sheet_of

_HEAD_BYTES: Final = 512
_MEDIA_TYPES: Final = {
    "csv": "text/csv",
    "cif": "chemical/x-cif",
    "zip": "application/zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_LARGEST_TEXT: Final = max(limits.n_bytes for limits in (TABLE_LIMITS, SPECTRUM_LIMITS, CIF_LIMITS))


@dataclass(frozen=True, slots=True)
class Contents:
    """A file, taken apart."""

    kind: UploadKind
    sheet: Sheet | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    """CIFs or spectra by name."""


def media_type_of(path: Path, name: str) -> str:
    """The type of a file by its content; its name only tells one text from another."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    picture = attachment_type(head)
    if picture is not None:
        return picture
    ending = name.rsplit(".", maxsplit=1)[-1].lower()
    if is_zip(head):
        return _MEDIA_TYPES["xlsx" if ending == "xlsx" else "zip"]
    return _MEDIA_TYPES.get(ending, "application/octet-stream") if ending in {"csv", "cif"} else "text/plain"


def take_apart(path: Path, name: str, kind: UploadKind | None, *, readers: Readers, deadline: float) -> Contents:
    """Reads a file as far as it needs no crystallography.

    Args:
        path: Where its bytes are.
        name: What it is called; only tells a workbook from other zips, and names a single crystal or spectrum.
        kind: What it is said to hold; None finds out.
        readers: The processes that read.
        deadline: On `time.monotonic`.

    Raises:
        UnreadableFileError: If it cannot be read, or is not what it is said to be.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise UnreadableFileError("The file is empty.", remedy="Hand in the file with its content.")
    refuse_programs(head)
    if kind is UploadKind.ATTACHMENT or (kind is None and attachment_type(head) is not None):
        if attachment_type(head) is None:
            raise UnreadableFileError("The file is neither a picture nor a PDF.", remedy="Say what kind it is.")
        return Contents(UploadKind.ATTACHMENT)
    if is_zip(head):
        if name.lower().endswith((".xlsx", ".xlsm")):
            return _of_sheet(_workbook(path, readers, deadline), {}, kind)
        return _of_archive(path, kind)
    return _of_text(_content(path), name, kind)


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST_TEXT + 1)


def _of_archive(path: Path, kind: UploadKind | None) -> Contents:
    files = {member.name: member.content for member in members(path)}
    cifs = _ending(files, ".cif")
    tables = _ending(files, (".csv", ".txt"))
    if kind in {None, UploadKind.OBELIX} and cifs and len(tables) == 1:
        (content,) = tables.values()
        return _of_sheet(read_csv(text_of(content, TABLE_LIMITS)), cifs, UploadKind.OBELIX)
    if kind in {None, UploadKind.CIF} and cifs:
        return Contents(UploadKind.CIF, files=cifs)
    if kind in {None, UploadKind.IMPEDANCE} and tables:
        return Contents(UploadKind.IMPEDANCE, files=tables)
    raise UnreadableFileError(
        "The zip holds neither CIFs nor spectra nor one table with CIFs.",
        remedy="Pack .cif files, .csv spectra, or OBELiX's table with its CIFs.",
    )


def _of_text(content: bytes, name: str, kind: UploadKind | None) -> Contents:
    if kind is UploadKind.CIF or (kind is None and name.lower().endswith(".cif")):
        return Contents(UploadKind.CIF, files={name: content})
    text = text_of(content, TABLE_LIMITS)
    if kind is UploadKind.IMPEDANCE or (kind is None and names_spectrum(text)):
        return Contents(UploadKind.IMPEDANCE, files={name: content})
    return _of_sheet(read_csv(text), {}, kind)


def _of_sheet(sheet: Sheet, cifs: Mapping[str, bytes], kind: UploadKind | None) -> Contents:
    if kind not in {None, UploadKind.TABLE, UploadKind.OBELIX}:
        raise UnreadableFileError(f"A table is no {kind.value} file.", remedy="Leave the kind out, or correct it.")
    has_obelix = is_obelix(sheet.columns)
    if kind is UploadKind.OBELIX and not has_obelix:
        raise UnreadableFileError("The table lacks OBELiX's columns.", remedy="Keep its headers as they are published.")
    if not has_obelix and "value" not in {column.lower() for column in sheet.columns}:
        raise UnreadableFileError(
            "The table has no column 'value'.",
            remedy="Fill in the template: petalite upload template --campaign NAME.",
        )
    is_wanted = has_obelix and kind is not UploadKind.TABLE
    return Contents(UploadKind.OBELIX if is_wanted else UploadKind.TABLE, sheet=sheet, files=cifs)


def _workbook(path: Path, readers: Readers, deadline: float) -> Sheet:
    require_sound_workbook(path)
    found = readers.read("sheet", {"path": str(path)}, deadline=deadline)
    return sheet_of(cast(Sequence[Sequence[str]], found["rows"]))


def _ending(files: Mapping[str, bytes], endings: str | tuple[str, ...]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name.lower().endswith(endings)}
