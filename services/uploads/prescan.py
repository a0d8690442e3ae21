"""A cheap look at foreign bytes before any parser sees them.

A CIF of ten kilobytes can keep a parser busy for a minute: what makes it explode is counted here first.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from domain.errors import UnreadableFileError
from domain.space_groups import N_SPACE_GROUPS, SpaceGroup

_PROGRAMS: Final = (
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"#!", "a script"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"SQLite format 3\x00", "a database"),
    (b"- of Ulm", "a trajectory that may hold a pickle"),
    (b"\x93NUMPY", "an array that may hold a pickle"),
    (b"\x89HDF", "an HDF5 file"),
)
_PICTURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
)
_ZIP: Final = b"PK\x03\x04"
_SPARED_CIF_BLOCKS: Final = ("data_global", "data_publ")


@dataclass(frozen=True, slots=True)
class TextLimits:
    """How large a text may be before it is not even looked into."""

    n_bytes: int
    n_lines: int
    line_length: int


TABLE_LIMITS: Final = TextLimits(n_bytes=8 * 2**20, n_lines=20_001, line_length=32_768)
SPECTRUM_LIMITS: Final = TextLimits(n_bytes=2 * 2**20, n_lines=20_001, line_length=4_096)
CIF_LIMITS: Final = TextLimits(n_bytes=2**20, n_lines=20_000, line_length=2_048)
MOST_SITES: Final = 500
MOST_IMAGES: Final = 5_000
"""Sites times symmetry operations."""


def refuse_programs(head: bytes) -> None:
    """Refuses what could be executed or unpickled, by its first bytes.

    Raises:
        UnreadableFileError: If it is such a file.
    """
    for magic, what in _PROGRAMS:
        if head.startswith(magic):
            raise UnreadableFileError(
                f"The file is {what}.", remedy="Hand in a csv, xlsx, cif, zip, picture or PDF instead."
            )


def attachment_type(head: bytes) -> str | None:
    """The media type of a picture or a PDF by its first bytes; None for anything else."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((media_type for magic, media_type in _PICTURES if head.startswith(magic)), None)


def is_zip(head: bytes) -> bool:
    """Whether bytes begin as a zip does; an xlsx is one."""
    return head.startswith(_ZIP)


def text_of(content: bytes, limits: TextLimits) -> str:
    """Decodes a text within limits.

    Raises:
        UnreadableFileError: If it is too large, holds NUL bytes, or is in no known encoding.
    """
    refuse_programs(content[:16])
    if len(content) > limits.n_bytes:
        raise _too(f"{len(content) / 2**20:.1f} MiB of text", f"{limits.n_bytes / 2**20:g} MiB")
    n_lines = content.count(b"\n")
    if n_lines > limits.n_lines:
        raise _too(f"{n_lines} lines", f"{limits.n_lines}")
    text = _decoded(content)
    if "\0" in text:
        raise UnreadableFileError("The file holds NUL bytes: it is no text.", remedy="Export it again as text.")
    longest = max(map(len, text.splitlines()), default=0)
    if longest > limits.line_length:
        raise _too(f"a line of {longest} characters", f"{limits.line_length}")
    return text


def _decoded(content: bytes) -> str:
    is_wide = content[:2] in {b"\xff\xfe", b"\xfe\xff"}
    encodings = ["utf-16"] if is_wide else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFileError("The text is in no known encoding.", remedy="Save it as UTF-8.")


def require_modest_cif(text: str) -> None:
    """Refuses a CIF that would explode: more than one crystal, or too many sites, operations or images.

    Raises:
        UnreadableFileError: If it would.
    """
    blocks = [line for line in text.splitlines() if line[:5].lower() == "data_"]
    crystals = [block for block in blocks if not block.lower().startswith(_SPARED_CIF_BLOCKS)]
    if len(crystals) != 1:
        raise UnreadableFileError(
            f"The CIF has {len(crystals)} data blocks with a crystal; one was expected.",
            remedy="Hand in one file for each crystal, together in a zip.",
        )
    n_rows = _rows_of_columns(text)
    n_sites = max(n_rows.get(column, 0) for column in _SITE_COLUMNS)
    if n_sites < 1:
        raise UnreadableFileError("The CIF has no atom sites.", remedy="Export it again with its sites.")
    if n_sites > MOST_SITES:
        raise _too(f"{n_sites} atom sites", str(MOST_SITES))
    n_operations = max(n_rows.get(column, 0) for column in _OPERATION_COLUMNS) or _most_operations(text)
    if n_sites * n_operations > MOST_IMAGES:
        raise _too(f"{n_sites} sites times {n_operations} symmetry operations", f"{MOST_IMAGES} images")


_SITE_COLUMNS: Final = ("_atom_site_fract_x", "_atom_site_cartn_x", "_atom_site_label", "_atom_site_type_symbol")
_OPERATION_COLUMNS: Final = ("_symmetry_equiv_pos_as_xyz", "_space_group_symop_operation_xyz")
_TOKEN: Final = re.compile(r"#.*|'[^']*'(?=\s|$)|\"[^\"]*\"(?=\s|$)|\S+")
_GROUP_NUMBER: Final = re.compile(
    r"^\s*_(?:symmetry_Int_Tables_number|space_group_IT_number)\s+['\"]?(\d{1,3})", re.MULTILINE | re.IGNORECASE
)
_GROUP_SYMBOL: Final = re.compile(
    r"^\s*_(?:symmetry_space_group_name|space_group_name)_H-M(?:_alt)?\s+['\"]?([^'\"\n]{1,40})",
    re.MULTILINE | re.IGNORECASE,
)
_ORDERS: Final = ((1, 1), (2, 2), (15, 8), (74, 32), (142, 32), (167, 36), (194, 24), (230, 192))
"""Last group of each kind, and the most operations that one of them has in its conventional cell."""


def _most_operations(text: str) -> int:
    """At most how many operations a parser takes from its own tables where the file lists none."""
    named = _GROUP_NUMBER.search(text)
    number = int(named.group(1)) if named else _number_of_symbol(text)
    return next((order for last, order in _ORDERS if number <= last), _ORDERS[-1][1])


def _number_of_symbol(text: str) -> int:
    named = _GROUP_SYMBOL.search(text)
    if named is None:
        return 230 if "_Hall" in text else 1
    symbol = re.sub(r"[\s_]|:.*", "", named.group(1)).lower()
    known = (number for number in range(1, N_SPACE_GROUPS + 1) if SpaceGroup(number).symbol.lower() == symbol)
    return next(known, N_SPACE_GROUPS)


def _rows_of_columns(text: str) -> dict[str, int]:
    """At most how many rows each column has: values of its loop over columns of its loop, 1 outside of loops."""
    n_rows: dict[str, int] = {}
    columns: list[str] = []
    n_values = 0
    for token in [*_tokens(text), "data_"]:
        lowered = token.lower()
        is_name = token.startswith("_")
        if is_name and columns and not n_values and columns[0]:
            columns.append(lowered)
        elif is_name and columns == [""]:
            columns = [lowered]
        elif is_name or lowered == "loop_" or lowered.startswith("data_"):
            for column in columns:
                n_rows[column] = max(n_rows.get(column, 0), math.ceil(n_values / len(columns)))
            columns, n_values = ([""] if lowered == "loop_" else []), 0
            if is_name:
                n_rows[lowered] = max(n_rows.get(lowered, 0), 1)
        else:
            n_values += 1
    return n_rows


def _tokens(text: str) -> Iterator[str]:
    """Names and values of a CIF; a text field over several lines is one value."""
    is_in_field = False
    for line in text.splitlines():
        if line.startswith(";"):
            is_in_field = not is_in_field
            if is_in_field:
                yield "';'"
        elif not is_in_field:
            yield from (token for token in _TOKEN.findall(line) if not token.startswith("#"))


def _too(what: str, limit: str) -> UnreadableFileError:
    return UnreadableFileError(
        f"The file has {what}; at most {limit} are read.", remedy="Hand in a smaller file, or several."
    )
