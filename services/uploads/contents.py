"""What a stored file holds: a table, texts by name, or a picture. Which of them is told by its first bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from services.uploads.spectra import names_spectrum, what_is_missing
from services.uploads.tables import Sheet, read_csv, sheet_of

_HEAD_BYTES: Final = 512
_HEAD_OF_TEXT_BYTES: Final = 65_536
_TEXT_ENDINGS: Final = (".csv", ".txt", ".dta", ".mpt", ".z", ".dat")
_MOST_NAMED: Final = 5
_LONGEST_LIST: Final = 300
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
    ignored: tuple[str, ...] = ()
    """Names of files in a zip that are none of ours."""


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
    size = path.stat().st_size
    if size > _LARGEST_TEXT:
        raise UnreadableFileError(
            f"The file has {size / 2**20:.1f} MiB of text; at most {_LARGEST_TEXT / 2**20:g} MiB are read.",
            remedy="Hand in a smaller file, or several.",
        )
    return path.read_bytes()


def _of_archive(path: Path, kind: UploadKind | None) -> Contents:
    files = {member.name: member.content for member in members(path)}
    cifs = _ending(files, ".cif")
    texts = _ending(files, _TEXT_ENDINGS)
    found = _in_archive(cifs, texts, kind)
    if found is None:
        named = ", ".join(list(files)[:_MOST_NAMED]) or "nothing"
        raise UnreadableFileError(
            f"The zip holds neither CIFs nor spectra nor one table: {named}.",
            remedy="Pack .cif files, .csv spectra, or one table, OBELiX's with its CIFs.",
        )
    used = {*found.files, *(name for name in texts if found.sheet is not None and name == _table_name(texts))}
    return replace(found, ignored=tuple(name for name in files if name not in used))


def _in_archive(cifs: Mapping[str, bytes], texts: Mapping[str, bytes], kind: UploadKind | None) -> Contents | None:
    """What the files of a zip are together; None where they are nothing of a kind."""
    table = _table_name(texts)
    if table is not None and kind in {None, UploadKind.OBELIX, UploadKind.TABLE}:
        return _of_sheet(read_csv(text_of(texts[table], TABLE_LIMITS)), cifs, kind)
    if cifs and kind in {None, UploadKind.CIF}:
        return Contents(UploadKind.CIF, files=cifs)
    spectra = {name: content for name, content in texts.items() if _may_be_spectrum(name, content)}
    if spectra and kind in {None, UploadKind.IMPEDANCE}:
        return Contents(UploadKind.IMPEDANCE, files=spectra)
    return None


def _table_name(texts: Mapping[str, bytes]) -> str | None:
    """The one text among others that is a table of ours or OBELiX's."""
    found = [name for name, content in texts.items() if _is_table(content)]
    return found[0] if len(found) == 1 else None


def _is_table(content: bytes) -> bool:
    first = next((line for line in _head(content).splitlines() if line.strip()), "")
    try:
        columns = read_csv(first).columns
    except UnreadableFileError:
        return False
    return is_obelix(columns) or "value" in {column.lower() for column in columns}


def _may_be_spectrum(name: str, content: bytes) -> bool:
    """Whether a text is a spectrum, or is named as one so that its row should say what it lacks."""
    return name.lower().endswith(".csv") or names_spectrum(_head(content))


def _head(content: bytes) -> str:
    return content[:_HEAD_OF_TEXT_BYTES].decode("utf-8-sig", errors="replace")


def _of_text(content: bytes, name: str, kind: UploadKind | None) -> Contents:
    if kind is UploadKind.CIF or (kind is None and name.lower().endswith(".cif")):
        return Contents(UploadKind.CIF, files={name: content})
    text = text_of(content, TABLE_LIMITS)
    if kind is UploadKind.IMPEDANCE or (kind is None and names_spectrum(text)):
        return Contents(UploadKind.IMPEDANCE, files={name: content})
    missing = what_is_missing(text) if kind is None and not _is_table(content) else None
    if missing is not None:
        raise UnreadableFileError(missing, remedy="Name its columns such as: frequency (Hz), Z' (ohm), Z'' (ohm).")
    return _of_sheet(read_csv(text), {}, kind)


def _of_sheet(sheet: Sheet, cifs: Mapping[str, bytes], kind: UploadKind | None) -> Contents:
    if kind not in {None, UploadKind.TABLE, UploadKind.OBELIX}:
        raise UnreadableFileError(f"A table is no {kind.value} file.", remedy="Leave the kind out, or correct it.")
    has_obelix = is_obelix(sheet.columns)
    if kind is UploadKind.OBELIX and not has_obelix:
        raise UnreadableFileError("The table lacks OBELiX's columns.", remedy="Keep its headers as they are published.")
    if not has_obelix and "value" not in {column.lower() for column in sheet.columns}:
        raise UnreadableFileError(
            f"The table has no column 'value'; its columns are {', '.join(sheet.columns)[:_LONGEST_LIST]}.",
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
