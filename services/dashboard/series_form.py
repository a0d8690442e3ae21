"""The form that says how all spectra of a series are to be fitted, and which of them count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Form

from services.api.dependencies import LARGEST_NUMBER
from services.api.upload_views import ChangedCells, ChangedRow
from services.store import Store
from services.store.uploads import UploadRow
from services.uploads.adjusting import LEFT_OUT, is_left_out
from services.uploads.conductivity import SERIES

Text = Annotated[str, Form(max_length=200)]
Numbers = Annotated[list[Annotated[int, Form(ge=1, le=LARGEST_NUMBER)]], Form(max_length=1000)]
FOR_ALL: Final = ("use", "lowest frequency", "highest frequency")
"""Cells that are said once for all spectra."""


@dataclass(frozen=True, slots=True)
class SaidOfSeries:
    """What was chosen and typed."""

    cells: Mapping[str, str]
    """For all spectra, by column."""
    left_out: frozenset[int]
    """Rows of the spectra that are to count for nothing."""


async def said_of_series(
    *,
    use: Text = "",
    lowest: Text = "",
    highest: Text = "",
    left_out: Numbers = [],  # noqa: B006 - the framework copies it
) -> SaidOfSeries:
    """Reads the form."""
    typed = (use.strip(), lowest.strip(), highest.strip())
    return SaidOfSeries(dict(zip(FOR_ALL, typed, strict=True)), frozenset(left_out))


def spectra_of(store: Store, upload_id: int) -> tuple[UploadRow, ...]:
    """The rows of a series' spectra, without the one that stands for all of them."""
    return tuple(row for row in store.uploads.rows(upload_id) if row.cells.get("spectrum") != SERIES)


def common_cells(rows: Sequence[UploadRow]) -> dict[str, str]:
    """What is said alike of all spectra; empty where they differ."""
    found = {}
    for name in FOR_ALL:
        said = {_said(row, name) for row in rows}
        found[name] = said.pop() if len(said) == 1 else ""
    return found


def changed_rows(rows: Sequence[UploadRow], said: SaidOfSeries) -> tuple[ChangedRow, ...]:
    """What is to be other in which rows: nothing of a spectrum that stays as it is, which need not be fitted again.

    A field that shows what all spectra have alike counts for all of them once it is changed. One that is empty because
    they differ leaves each its own.
    """
    before = common_cells(rows)
    for_all = {name: text for name, text in said.cells.items() if text != before[name]}
    found = []
    for row in rows:
        cells = {name: text for name, text in for_all.items() if text != _said(row, name)}
        is_out = row.number in said.left_out
        if is_out != is_left_out(row.cells):
            cells[LEFT_OUT] = "yes" if is_out else ""
        if cells:
            found.append(ChangedRow(row.number, ChangedCells(cells)))
    return tuple(found)


def _said(row: UploadRow, name: str) -> str:
    text = str(row.cells.get(name) or "").strip()
    return text or ("total" if name == "use" else "")
