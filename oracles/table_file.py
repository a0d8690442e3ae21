"""Tables of answers: crystals with their values, refused at the first row that cannot be right."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from domain.composition import Composition
from domain.errors import OracleUnavailableError, PetaliteError, SpecError
from domain.lattice import LatticeParameters
from domain.material import whole_proportions
from domain.measurement import Censoring, require_number
from domain.quantity import Quantity
from domain.space_groups import SpaceGroup

CELL: Final = ("a", "b", "c", "alpha", "beta", "gamma")
COLUMNS: Final = (
    "blueprint", "formula", "space_group", *CELL, "value", "unit", "sigma", "censoring", "temperature_K", "note",
)  # fmt: skip
_LARGEST_FILE_BYTES: Final = 64 * 2**20
_FORMULA: Final = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)")
_AMOUNT: Final = re.compile(r"\d{1,9}(\.\d{1,9})?")

Cells = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: a crystal and what is known of it."""

    row: int
    """Counted from 1, the heading not counted."""
    blueprint: str | None
    """Digest; None where formula and space group name the crystal."""
    formula: str | None
    """Reduced."""
    space_group: int | None
    lattice: LatticeParameters | None
    value: float
    sigma: float | None
    censoring: Censoring
    temperature_K: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Table:
    """A file's entries, with the name of its content."""

    entries: tuple[Entry, ...]
    digest: str
    """SHA-256 of the file, hexadecimal."""


def read_table(path: Path, quantity: Quantity) -> Table:
    """Reads a CSV (first line: names of columns) or JSON file (a list of objects with the same names).

    Raises:
        OracleUnavailableError: If the file is missing, cannot be opened, or is no file.
        SpecError: If it is too large or no table, or a row cannot be right; named by its number. Nothing is quoted of
            what names no crystal, since it may be a file that its reader may not see.
    """
    content = _content(path)
    try:
        rows = _rows(path, content.decode("utf-8-sig"))
    except (ValueError, RecursionError, csv.Error) as error:  # of the decoder, and of JSON
        raise SpecError(f"{path} is no table.", remedy="Give CSV or JSON in UTF-8.") from error
    entries = tuple(_entry(number, row, quantity) for number, row in enumerate(rows, 1))
    if not entries:
        raise SpecError(f"The table {path} has no rows.", remedy="Give at least one crystal.")
    return Table(entries, hashlib.sha256(content).hexdigest())


def _content(path: Path) -> bytes:
    """Asks for kind and size before it reads: a pipe would keep it waiting, and a device may have no end."""
    too_large = SpecError(f"The table {path} is larger than 64 MiB.", remedy="Keep the rows that a campaign asks for.")
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise OracleUnavailableError(f"The table {path} is no file.", remedy="Put one there, or correct 'path'.")
        if found.st_size > _LARGEST_FILE_BYTES:
            raise too_large
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise OracleUnavailableError(
            f"The table {path} cannot be read: {error.strerror}.", remedy="Put the file there, or correct 'path'."
        ) from error
    if len(content) > _LARGEST_FILE_BYTES:
        raise too_large
    return content


def _rows(path: Path, text: str) -> Sequence[Cells]:
    if path.suffix.lower() == ".json":
        listed = json.loads(text)
        if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
            raise SpecError(f"{path} holds no list of objects.", remedy='Write [{"formula": "LiCl", …}, …].')
        return listed
    return list(csv.DictReader(io.StringIO(text), skipinitialspace=True, strict=True, restkey="more than its heading"))


def _entry(number: int, row: Cells, quantity: Quantity) -> Entry:
    try:
        return _read(number, row, quantity)
    except PetaliteError as error:
        raise SpecError(f"Row {number} of the table: {error.problem}", remedy=error.remedy) from error


def _read(number: int, row: Cells, quantity: Quantity) -> Entry:
    blueprint, formula = _text(row, "blueprint"), _text(row, "formula")
    if blueprint is None and (formula is None or _text(row, "space_group") is None):
        raise SpecError("It names no crystal.", remedy="Give the blueprint's digest, or formula and space_group.")
    unknown = sorted(str(key) for key in row if key not in COLUMNS)
    if unknown:
        raise SpecError(f"'{unknown[0]}' is no column.", remedy=f"Choose from {', '.join(COLUMNS)}.")
    if blueprint is not None and not re.fullmatch(r"[0-9a-f]{64}", blueprint):
        raise SpecError(f"'{blueprint}' is no digest.", remedy="Give all 64 digits, as a crystal's page shows them.")
    space_group = _number(row, "space_group")
    if space_group is not None and not space_group.is_integer():
        raise SpecError(f"{space_group} is no space group.", remedy="Give a number from 1 to 230.")
    value, sigma, temperature_K = (_number(row, column) for column in ("value", "sigma", "temperature_K"))
    if value is None:
        raise SpecError("It has no value.", remedy="Give one, or leave the row out.")
    unit = _text(row, "unit") or quantity.unit
    if unit != quantity.unit:
        raise SpecError(f"Its unit is '{unit}'.", remedy=f"Give {quantity.name} in {quantity.unit}.")
    require_number(value, sigma=sigma, temperature_K=temperature_K)
    quantity.require_plausible(value)
    return Entry(
        row=number,
        blueprint=blueprint,
        formula=None if formula is None else reduced_formula(formula),
        space_group=None if space_group is None else SpaceGroup(int(space_group)).number,
        lattice=_lattice(row),
        value=value,
        sigma=sigma,
        censoring=_censoring(_text(row, "censoring")),
        temperature_K=temperature_K,
        note=_text(row, "note") or "",
    )


def reduced_formula(text: str) -> str:
    """Reads a formula without brackets, such as Li7La3Zr2O12 or Li1.3Al0.3Ti1.7P3O12, and reduces it.

    Raises:
        SpecError: If it is none.
    """
    amounts: dict[str, float] = {}
    position = 0
    for part in _FORMULA.finditer(text):
        if part.start() != position:
            break
        position = part.end()
        amount = part[2] or "1"
        if not _AMOUNT.fullmatch(amount) or Fraction(amount) == 0:
            break
        amounts[part[1]] = amounts.get(part[1], 0.0) + float(amount)
    else:
        whole = whole_proportions(amounts) if position == len(text) and amounts else None
        if whole is not None:
            return Composition.of(whole).reduced_formula
    raise SpecError(f"'{text}' is no formula.", remedy="Write it without brackets, such as Li7La3Zr2O12.")


def _lattice(row: Cells) -> LatticeParameters | None:
    a, b, c, alpha, beta, gamma = (_number(row, column) for column in CELL)
    given = [number for number in (a, b, c, alpha, beta, gamma) if number is not None]
    if not given:
        return None
    if len(given) < len(CELL):
        raise SpecError(
            "Its cell is not whole.", remedy="Give a, b, c (Å), alpha, beta and gamma (°), or none of them."
        )
    return LatticeParameters(*given)


def _censoring(text: str | None) -> Censoring:
    if text is None:
        return Censoring.NONE
    if text not in set(Censoring):
        raise SpecError(f"'{text}' is no censoring.", remedy="Give <, > or =, or nothing.")
    return Censoring(text)


def _text(row: Cells, column: str) -> str | None:
    value = row.get(column)
    return None if value is None else str(value).strip() or None


def _number(row: Cells, column: str) -> float | None:
    text = _text(row, column)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise SpecError(f"'{text}' in column {column} is no number.", remedy="Write it like 1.2e-4, or leave it empty.")
    return number
