"""Tables as text: csv and xlsx become rows of cells, verbatim, with the column that each cell stands in."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from domain.errors import InvalidValueError, UnreadableFileError
from domain.json_value import JsonObject
from domain.measurement import Censoring
from services.spreadsheets import FORMULA_STARTS

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

MOST_ROWS: Final = 5_000
_MOST_COLUMNS: Final = 200
_LONGEST_CELL: Final = 4_000
_DELIMITERS: Final = (",", ";", "\t")
_NUMBER: Final = re.compile(
    r"([<>]=?|[≤≥])?\s*([+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30}))(\(\d{1,4}\))?(?:[eE]([+-]?\d{1,3}))?", re.ASCII
)
_POWER_OF_TEN: Final = re.compile(r"\s*[x×·*]\s*10\s*\^?\s*")
_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺−", "0123456789-+-")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as it was handed in."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, str]], ...]
    """Number as in the file (the first row of data is 1) and text by column; empty rows are left out."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as laboratories write it."""

    value: float
    censoring: Censoring = Censoring.NONE
    sigma: float | None = None
    """From digits in brackets: 1.23(4) is 1.23 ± 0.04."""


def read_csv(text: str) -> Sheet:
    """Reads a csv, whatever separates its cells.

    Raises:
        UnreadableFileError: If it is no table.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        return sheet_of(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise UnreadableFileError(f"The csv cannot be read: {error}.", remedy="Export it again.") from error


def read_sheet(path: str) -> JsonObject:
    """Reads the first sheet of an xlsx that has cells, as text, for another process."""
    from python_calamine import CalamineError, load_workbook

    try:
        with load_workbook(path) as workbook:
            rows = _first_sheet(workbook)
    except CalamineError as error:
        raise UnreadableFileError(f"The xlsx cannot be read: {error}.", remedy="Save it again, or as csv.") from error
    return {"rows": rows}


def sheet_of(lines: Iterable[Sequence[str]]) -> Sheet:
    """Takes the first line with text for the columns, the rest for rows.

    Raises:
        UnreadableFileError: If there are no columns, one is named twice, or there is too much of anything.
    """
    columns: tuple[str, ...] = ()
    rows: list[tuple[int, Mapping[str, str]]] = []
    number = 0
    for line in lines:
        cells = [_cell(text) for text in line]
        if not columns:
            columns = _columns(cells)
            continue
        number += 1
        if any(cells):
            rows.append((number, dict(zip(columns, cells, strict=False))))
        if len(rows) > MOST_ROWS:
            raise UnreadableFileError(
                f"The table has more than {MOST_ROWS} rows.", remedy="Hand in several smaller tables."
            )
    if not columns:
        raise UnreadableFileError("The table is empty.", remedy="Fill in the template and hand it in again.")
    return Sheet(columns, tuple(rows))


def parse_number(text: str) -> Number:
    """Reads a number as laboratories write it: 1.2e-4, 1,2E-4, 1.2×10⁻⁴, <1E-10, 5.431(2).

    Raises:
        InvalidValueError: If it is no finite number.
    """
    plain = with_plain_exponents(text)
    if plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    found = _NUMBER.fullmatch(plain)
    if found is None:
        raise InvalidValueError(f"'{text[:60]}' is no number.", remedy="Write it as 1.2e-4, or <1e-10 below a limit.")
    qualifier, mantissa, brackets, exponent = found.groups()
    scale = float(f"1e{exponent or 0}")
    value = float(f"{mantissa}e{exponent or 0}")
    if not math.isfinite(value):
        raise InvalidValueError(f"'{text[:60]}' is too large for a number.", remedy="Check its exponent.")
    decimals = len(mantissa.partition(".")[2])
    sigma = None if brackets is None else float(brackets[1:-1]) * 10**-decimals * scale
    return Number(value, parse_qualifier(qualifier or ""), sigma)


def with_plain_exponents(text: str) -> str:
    """A text with its powers of ten as computers write them: 1.2×10⁻⁴ becomes 1.2e-4."""
    return _POWER_OF_TEN.sub("e", text.translate(_SUPERSCRIPTS).strip())


def parse_qualifier(text: str) -> Censoring:
    """Reads what stands before a number: nothing, <, or >.

    Raises:
        InvalidValueError: If it is anything else.
    """
    meaning = {"": Censoring.NONE, "=": Censoring.NONE, "<": Censoring.BELOW, ">": Censoring.ABOVE}
    meaning |= {"<=": Censoring.BELOW, "≤": Censoring.BELOW, ">=": Censoring.ABOVE, "≥": Censoring.ABOVE}
    if text.strip() not in meaning:
        raise InvalidValueError(f"'{text[:20]}' qualifies no number.", remedy="Write <, > or =, or leave it empty.")
    return meaning[text.strip()]


def _first_sheet(workbook: CalamineWorkbook) -> list[list[str]]:
    for name in workbook.sheet_names:
        sheet = workbook.get_sheet_by_name(name)
        if sheet.total_height > MOST_ROWS * 4 or sheet.total_width > _MOST_COLUMNS * 4:
            raise UnreadableFileError(
                f"Sheet '{name}' spans {sheet.total_height} rows and {sheet.total_width} columns.",
                remedy="Remove cells far away from the table.",
            )
        rows = [[_as_text(cell) for cell in row] for row in sheet.to_python()]
        if any(any(row) for row in rows):
            return rows
    return []


def _as_text(cell: str | float | bool | datetime | date | time | timedelta) -> str:  # noqa: FBT001 - a cell's own type
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell)


def _cell(text: str) -> str:
    if len(text) > _LONGEST_CELL:
        raise UnreadableFileError(
            f"A cell holds {len(text)} characters; at most {_LONGEST_CELL} are read.", remedy="Shorten the cell."
        )
    stripped = text.strip()
    # An apostrophe before a formula is how spreadsheets, and our own files, say that it is text.
    return stripped[1:] if stripped.startswith("'") and stripped[1:].startswith(FORMULA_STARTS) else stripped


def _columns(cells: Sequence[str]) -> tuple[str, ...]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    if not cells:
        return ()
    if len(cells) > _MOST_COLUMNS:
        raise UnreadableFileError(
            f"The table has {len(cells)} columns; at most {_MOST_COLUMNS} are read.", remedy="Remove the others."
        )
    named = tuple(cell or f"column {index}" for index, cell in enumerate(cells, start=1))
    lowered = [name.lower() for name in named]
    twice = sorted({name for name in lowered if lowered.count(name) > 1})
    if twice:
        raise UnreadableFileError(f"The table has two columns '{twice[0]}'.", remedy="Rename one of them.")
    return named
