"""Petalite's own table: what the laboratory is asked, ready to be filled in, and what a filled-in row means."""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.errors import ImpossibleCellError, InvalidValueError, PetaliteError
from domain.lattice import LatticeParameters
from domain.measurement import Censoring
from domain.space_groups import N_SPACE_GROUPS, SpaceGroup
from domain.states import QueryState
from services.intake.units import read_temperature_K
from services.spreadsheets import harmless_cell
from services.store.records import QueryRecord
from services.uploads.cells import exact_cell
from services.uploads.entries import Checked, Crystal, Destination, Entry, Reading
from services.uploads.formulas import amounts_of, whole_counts
from services.uploads.intent import Intent, is_near, judged
from services.uploads.tables import Number, parse_number, parse_qualifier
from services.uploads.written import is_unclear_comma

CELL_COLUMNS: Final = ("a", "b", "c", "alpha", "beta", "gamma")
COLUMNS: Final = (
    "query",
    "sample",
    "formula",
    "space group",
    *CELL_COLUMNS,
    "value",
    "unit",
    "sigma",
    "qualifier",
    "temperature",
    "temperature unit",
    "measured at",
    "note",
    "amends",
    "fidelity",
    "replicate",
)
"""In the order of the template. Text and numbers; lengths in Å, angles in degrees."""
_ANSWERABLE: Final = frozenset({QueryState.QUEUED, QueryState.CLAIMED})
_VOLUME_PER_ATOM_A3: Final = (4.0, 60.0)
"""Outside of this the formula is probably not that of the whole cell."""

Cells = Mapping[str, str]


def template_rows(intent: Intent) -> list[list[str]]:
    """The header and a row for each query that waits for the laboratory or is in its hands."""
    waiting = [query for query in intent.queries.values() if query.state in _ANSWERABLE]
    return [list(COLUMNS), *(_template_row(query, intent) for query in sorted(waiting, key=lambda query: query.id))]


def write_csv(rows: list[list[str]]) -> str:
    """A csv that spreadsheets open without running anything in it."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[harmless_cell(cell) for cell in row] for row in rows])
    return text.getvalue()


def write_xlsx(rows: list[list[str]]) -> bytes:
    """An xlsx whose cells are all text or numbers, never formulas."""
    from openpyxl import Workbook  # type: ignore[import-untyped] # it has no types

    workbook = Workbook()
    sheet = workbook.active if workbook.active is not None else workbook.create_sheet()
    for i, row in enumerate(rows, start=1):
        for j, text in enumerate(row, start=1):
            cell = sheet.cell(i, j)
            cell.value = text
            cell.data_type = "s"
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


def is_left_empty(cells: Cells) -> bool:
    """Whether a row of the template was not filled in."""
    return not lowered(cells).get("value", "")


def check_row(cells: Cells, intent: Intent, *, now: datetime) -> Checked:
    """Says what a row is and whether it may enter.

    Args:
        cells: Text by column.
        intent: The campaign that it is for.
        now: Now.
    """
    row = lowered(cells)
    try:
        number = parse_number(row.get("value", ""))
        notes: list[str] = []
        doubts: list[str] = []
        reading = _reading(row, number, intent, notes)
        entry = _entry(row, reading, intent, doubts)
    except PetaliteError as error:
        return Checked.refused(error.problem, error.remedy)
    return judged(entry, intent, now=now, notes=notes, doubts=doubts)


def lowered(cells: Cells) -> dict[str, str]:
    """Cells by their column's name in small letters."""
    return {name.strip().lower().replace("_", " "): text for name, text in cells.items()}


def crystal_of(
    row: Cells, *, name: str, amounts: Mapping[str, float], notes: list[str], any_setting: bool = False
) -> Crystal:
    """The crystal that a row describes by formula, space group and cell.

    Args:
        row: Text by column in small letters.
        name: What it is called.
        amounts: Atoms of each element in the conventional cell.
        notes: Where to write why it has no blueprint.
        any_setting: Whether a cell in another than the standard setting is kept as it is, without a blueprint.

    Raises:
        InvalidValueError: If the space group or the cell is missing, no number, or impossible.
    """
    group = SpaceGroup(_group_number(row.get("space group", "")))
    missing = [column for column in CELL_COLUMNS if not row.get(column, "")]
    if missing:
        raise InvalidValueError(
            f"The cell lacks {', '.join(missing)}.",
            remedy="Give the conventional cell: lengths in Å, angles in degrees.",
        )
    parameters = [parse_number(row[column]).value for column in CELL_COLUMNS]
    counts = whole_counts(amounts)
    blueprint = None
    if counts is None:
        notes.append("Sites are shared or partly vacant: it becomes a known material without a blueprint.")
    else:
        try:
            lattice = exact_cell(group.cell_shape, parameters[:3], parameters[3:])
            blueprint = Blueprint(group, Composition.of(counts), lattice)
        except ImpossibleCellError as error:
            if not any_setting:
                raise
            LatticeParameters(*parameters)
            notes.append(f"It becomes a known material without a blueprint: {error.problem}")
    return Crystal(
        name=name,
        amounts=amounts,
        space_group=group.number,
        blueprint=blueprint,
        properties={"reported_cell": parameters},
    )


def _template_row(query: QueryRecord, intent: Intent) -> list[str]:
    blueprint = intent.asked(query)
    filled = {
        "query": str(query.id),
        "fidelity": query.fidelity,
        "formula": blueprint.composition.formula,
        "space group": str(blueprint.space_group.number),
        **dict(zip(CELL_COLUMNS, (f"{value:g}" for value in blueprint.lattice.parameters), strict=True)),
        "unit": intent.quantity.unit,
        "temperature unit": "degC",
    }
    return [filled.get(column, "") for column in COLUMNS]


def _reading(row: Cells, number: Number, intent: Intent, notes: list[str]) -> Reading:
    unit = row.get("unit", "")
    if not unit:
        raise InvalidValueError("The value has no unit.", remedy=f"Write {intent.quantity.unit}, or what it is in.")
    notes += [
        f"'{text}' was read as {text.replace(',', '.')}, not as {text.replace(',', '')}."
        for text in (row.get("value", ""), row.get("sigma", ""))
        if is_unclear_comma(text)
    ]
    sigma = parse_number(row["sigma"]).value if row.get("sigma") else number.sigma
    qualifier = parse_qualifier(row.get("qualifier", ""))
    censoring = qualifier if qualifier is not Censoring.NONE else number.censoring
    temperature = f"{row.get('temperature', '')} {row.get('temperature unit', '')}".strip()
    details = {name: row[name] for name in ("sample", "replicate") if row.get(name)}
    kelvin = read_temperature_K(temperature) if row.get("temperature") else None
    if kelvin is not None and not temperature.endswith("K"):
        notes.append(f"{temperature} is {kelvin:g} K.")
    return Reading(
        value=number.value,
        unit=unit,
        sigma=sigma,
        censoring=censoring,
        temperature_K=kelvin,
        measured_at=_instant(row["measured at"], notes) if row.get("measured at") else None,
        note=row.get("note", ""),
        details=details,
    )


def _entry(row: Cells, reading: Reading, intent: Intent, doubts: list[str]) -> Entry:
    fidelity = intent.fidelity_said(row)
    if row.get("amends"):
        return Entry(
            Destination.AMENDMENT,
            measurement_id=_whole_number(row["amends"], "amends"),
            reading=reading,
            reason=_reason(row),
            fidelity=fidelity,
        )
    if row.get("query"):
        query = intent.query(_whole_number(row["query"], "query"), fidelity)
        _compare(row, query, intent, doubts)
        return Entry.answer(query, reading)
    if not row.get("formula"):
        raise InvalidValueError(
            "The row names neither a query nor a crystal.",
            remedy="Give the query's number, or formula, space group and cell.",
        )
    notes: list[str] = []
    crystal = crystal_of(row, name=row.get("sample") or row["formula"], amounts=amounts_of(row["formula"]), notes=notes)
    if crystal.blueprint is not None:
        volume = crystal.blueprint.volume_per_atom_A3
        if not _VOLUME_PER_ATOM_A3[0] <= volume <= _VOLUME_PER_ATOM_A3[1]:
            doubts.append(f"{volume:.1f} Å³ per atom: is '{row['formula']}' the formula of the whole cell?")
    doubts += notes
    return Entry(Destination.UNSOLICITED, crystal=crystal, reading=reading, fidelity=fidelity)


def _compare(row: Cells, query: QueryRecord, intent: Intent, doubts: list[str]) -> None:
    """Doubts a row that names a query and describes another crystal, or answers what is over."""
    asked = intent.asked(query)
    if query.state not in _ANSWERABLE:
        doubts.append(
            f"Query {query.id} is {query.state.value}: the same result again is harmless, another is refused."
        )
    if row.get("formula"):
        counts = whole_counts(amounts_of(row["formula"]))
        given = None if counts is None else Composition.of(counts)
        if given is None or given.reduced_formula != asked.composition.reduced_formula:
            doubts.append(f"Query {query.id} asks for {asked.composition.formula}, not {row['formula']}.")
            return
    if all(row.get(column) for column in CELL_COLUMNS) and row.get("space group"):
        group = SpaceGroup(_group_number(row["space group"]))
        parameters = [parse_number(row[column]).value for column in CELL_COLUMNS]
        lattice = exact_cell(group.cell_shape, parameters[:3], parameters[3:])
        if not is_near(Blueprint(group, asked.composition, lattice), asked):
            doubts.append(f"The cell or the space group is not that of query {query.id}.")


def _group_number(text: str) -> int:
    plain = "".join(text.split()).replace("_", "")
    if plain.isdecimal() and len(plain) <= 3:
        return int(plain)
    for number in range(1, N_SPACE_GROUPS + 1):
        if SpaceGroup(number).symbol.lower() == plain.lower():
            return number
    raise InvalidValueError(
        f"'{text[:40]}' is no space group.", remedy="Give its number, 1 to 230, or its symbol such as Fm-3m."
    )


def _whole_number(text: str, column: str) -> int:
    plain = text.strip().removeprefix("#")
    if not plain.isdecimal() or len(plain) > 9:
        raise InvalidValueError(f"'{text[:40]}' in column '{column}' is no number.", remedy="Give a whole number.")
    return int(plain)


def _reason(row: Cells) -> str:
    if not row.get("note"):
        raise InvalidValueError("A correction has no reason.", remedy="Say in the note why the value is corrected.")
    return row["note"]


def _instant(text: str, notes: list[str]) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidValueError(
            f"'{text[:40]}' is no date and time.", remedy="Write it as 2026-03-31T14:05+02:00."
        ) from error
    if found.utcoffset() is None:
        notes.append(f"'{text}' names no time zone: UTC was assumed.")
        return found.replace(tzinfo=UTC)
    return found
