"""OBELiX both ways: its table as it is published, and the bundle in which it takes new data.

Source: Therrien et al., arXiv 2502.14234; the form for new data at github.com/NRC-Mila/OBELiX.
"""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from domain.errors import InvalidValueError, PetaliteError
from domain.json_value import JsonValue
from domain.measurement import Censoring
from services.spreadsheets import harmless_cell
from services.uploads.entries import Checked, Crystal, Destination, Entry, Reading
from services.uploads.formulas import amounts_of
from services.uploads.intent import Intent, judged
from services.uploads.tables import parse_number
from services.uploads.template import crystal_of

VALUE_COLUMN: Final = "Ionic conductivity (S cm-1)"
MANDATORY: Final = (
    "ID",
    "Reduced Composition",
    "Z",
    "True Composition",
    VALUE_COLUMN,
    "Space group #",
    "a",
    "b",
    "c",
    "alpha",
    "beta",
    "gamma",
    "DOI",
)
"""What every new entry must have."""
_OPTIONAL: Final = ("IC (Total)", "IC (Bulk)", "Space group", "Family")
COLUMNS: Final = (*MANDATORY, *_OPTIONAL, "Ref", "note", "ICSD ID")
"""Columns that are read."""
_RECOGNISED_BY: Final = frozenset({"Reduced Composition", VALUE_COLUMN})
_ROOM_K: Final = 298.0
_UNIT: Final = "S/cm"
_KEPT: Final = ("DOI", "Family", "Ref", "note", "ICSD ID", "Reduced Composition")
_COMPOSITION_TOLERANCE: Final = 0.05
"""Share of an element by which a table and a CIF may differ."""

Cells = Mapping[str, str]


def is_obelix(columns: Sequence[str]) -> bool:
    """Whether a table has OBELiX's columns."""
    return _RECOGNISED_BY.issubset(columns)


def check_row(cells: Cells, intent: Intent, *, cif: Crystal | None, now: datetime) -> Checked:
    """Says what a row of OBELiX is and whether it may enter.

    Args:
        cells: Text by column.
        intent: The campaign that it is for.
        cif: The crystal of `[ID].cif`, where one came with the table.
        now: Now.
    """
    notes: list[str] = []
    doubts: list[str] = []
    try:
        if intent.quantity.name != "ionic_conductivity":
            raise InvalidValueError(
                f"Campaign '{intent.campaign.name}' measures {intent.quantity.name}, not ionic conductivity.",
                remedy="Hand the table in for a campaign that looks for ion conductors.",
            )
        reading = _reading(cells, notes)
        crystal = _crystal(cells, cif, notes, doubts)
        doubts += _near_duplicates(crystal, intent)
    except PetaliteError as error:
        return Checked.refused(error.problem, error.remedy)
    entry = Entry(Destination.UNSOLICITED, crystal=crystal, reading=reading)
    return judged(entry, intent, now=now, notes=notes, doubts=doubts)


@dataclass(frozen=True, slots=True)
class NewDatum:
    """An entry for OBELiX."""

    id: str
    reduced_composition: str
    z: int
    true_composition: str
    conductivity_S_per_cm: float
    censoring: Censoring
    space_group: int
    space_group_symbol: str
    cell: tuple[float, float, float, float, float, float]
    """a, b, c in Å, alpha, beta, gamma in degrees."""
    doi: str
    total_S_per_cm: float | None = None
    bulk_S_per_cm: float | None = None
    family: str = ""
    cif: str | None = None

    def cells(self) -> dict[str, str]:
        """Text by column, mandatory ones first."""
        qualifier = "" if self.censoring is Censoring.NONE else self.censoring.value
        values = (
            self.id,
            self.reduced_composition,
            str(self.z),
            self.true_composition,
            f"{qualifier}{self.conductivity_S_per_cm:.6g}",
            str(self.space_group),
            *(f"{value:g}" for value in self.cell),
            self.doi,
        )
        optional = (_shown(self.total_S_per_cm), _shown(self.bulk_S_per_cm), self.space_group_symbol, self.family)
        return dict(zip((*MANDATORY, *_OPTIONAL), (*values, *optional), strict=True))


def write_new_data(entries: Sequence[NewDatum]) -> bytes:
    """The bundle as one zip: `new_data.csv`, and `[ID].cif` for each entry whose sites are known."""
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow((*MANDATORY, *_OPTIONAL))
    writer.writerows([harmless_cell(text) for text in entry.cells().values()] for entry in entries)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("new_data.csv", table.getvalue())
        for entry in entries:
            if entry.cif is not None:
                archive.writestr(f"{entry.id}.cif", entry.cif)
    return content.getvalue()


def _reading(cells: Cells, notes: list[str]) -> Reading:
    number = parse_number(cells.get(VALUE_COLUMN, ""))
    notes.append(f"OBELiX states room temperature: {_ROOM_K:g} K was assumed.")
    if number.censoring is not Censoring.NONE:
        notes.append(f"'{cells[VALUE_COLUMN]}' is a limit, not a value, and is kept as one.")
    details: dict[str, JsonValue] = {column: cells[column] for column in _KEPT if cells.get(column)}
    for column, key in (("IC (Total)", "total_S_per_cm"), ("IC (Bulk)", "bulk_S_per_cm")):
        if cells.get(column):
            details[key] = parse_number(cells[column]).value
    details["temperature"] = "assumed"
    return Reading(
        value=number.value,
        unit=_UNIT,
        sigma=number.sigma,
        censoring=number.censoring,
        temperature_K=_ROOM_K,
        details=details,
    )


def _crystal(cells: Cells, cif: Crystal | None, notes: list[str], doubts: list[str]) -> Crystal:
    name = cells.get("ID") or cells.get("Reduced Composition", "")
    if not name:
        raise InvalidValueError("The row has no ID.", remedy="Give each entry an ID of its own.")
    amounts = amounts_of(cells.get("True Composition") or cells.get("Reduced Composition", ""))
    row = {**cells, "space group": cells.get("Space group #") or cells.get("Space group", "")}
    try:
        crystal = crystal_of(row, name=name, amounts=amounts, notes=notes, any_setting=True)
    except PetaliteError as error:
        if cif is None:
            raise
        notes.append(f"The CIF's cell was taken: {error.problem}")
        crystal = replace(cif, name=name)
    if cif is None:
        return crystal
    doubts += compare_compositions(amounts, cif.amounts, f"'{name}.cif'")
    return replace(crystal, structure=cif.structure, cif=cif.cif, blueprint=crystal.blueprint or cif.blueprint)


def compare_compositions(table: Mapping[str, float], cif: Mapping[str, float], what: str) -> list[str]:
    """Doubts where a CIF is made of something else than the table says, whatever the number of formula units."""
    n_table, n_cif = sum(table.values()), sum(cif.values())
    far = [
        symbol
        for symbol in sorted({*table, *cif})
        if abs(table.get(symbol, 0.0) / n_table - cif.get(symbol, 0.0) / n_cif)
        > _COMPOSITION_TOLERANCE * max(table.get(symbol, 0.0) / n_table, cif.get(symbol, 0.0) / n_cif)
    ]
    return [f"{what} differs from the table in {', '.join(far)}."] if far else []


def _near_duplicates(crystal: Crystal, intent: Intent) -> list[str]:
    if crystal.blueprint is None:
        return []
    near = intent.resembling(crystal.blueprint)
    return [f"It is nearly candidate {candidate.id} of the campaign, whose query it will answer." for candidate in near]


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
