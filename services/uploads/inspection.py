"""The first of two steps: what is in a file, row by row, and what would become of each row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from domain.errors import PetaliteError, UnreadableFileError
from domain.json_value import JsonObject, JsonValue
from domain.parsing import parse
from services.store import Store
from services.store.records import CampaignRecord
from services.store.uploads import EnteredRow, RowState, UploadKind, UploadRow
from services.uploads import obelix, template
from services.uploads.child import Readers
from services.uploads.companions import beside_others, target_of
from services.uploads.contents import Contents
from services.uploads.crystals import check_crystal, read_crystal
from services.uploads.entries import Checked, Crystal, Destination, Entry
from services.uploads.intent import Intent, laboratory_intent, require_amendable
from services.uploads.parts import PartReading
from services.uploads.spectrum_rows import SpectrumRows

Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a file."""

    rows: tuple[UploadRow, ...]
    report: JsonObject


@dataclass(frozen=True, slots=True)
class Inspector:
    """Looks into files for one campaign."""

    store: Store
    campaign: CampaignRecord
    readers: Readers
    options: Mapping[str, str]
    """What holds for every row that does not say otherwise."""
    deadline: float
    """When a file of one part must have been read, on `time.monotonic`."""

    def inspect(self, contents: Contents) -> Inspection:
        """Looks at every row.

        Raises:
            UnreadableFileError: If the file as a whole makes no sense.
            InvalidValueError: If the campaign has no laboratory.
        """
        found = self._inspect(contents)
        rows = beside_others(found.rows, self._entered(found.rows))
        ignored: JsonObject = {"files_not_read": list(contents.ignored)} if contents.ignored else {}
        return Inspection(rows, {**found.report, **ignored})

    def check(self, contents: Contents, rows: Sequence[UploadRow], *, siblings: Sequence[UploadRow]) -> Inspection:
        """Looks at rows again, whose cells may have been changed.

        Args:
            contents: What the file holds.
            rows: The rows as they would be.
            siblings: All rows as they are.

        Returns:
            The rows, with others that depend on them, and what is to be replaced in the report.
        """
        before = {row.number: row for row in siblings}
        found = self._check(contents, rows, siblings)
        again = before | {row.number: row for row in found.rows}
        everybody = [again[number] for number in sorted(again)]
        beside = beside_others(everybody, self._entered(everybody))
        asked = {row.number for row in rows}
        changed = tuple(row for row in beside if row.number in asked or row != before[row.number])
        return Inspection(changed, found.report)

    def _inspect(self, contents: Contents) -> Inspection:
        match contents.kind:
            case UploadKind.ATTACHMENT:
                return Inspection((), {})
            case UploadKind.CIF:
                names = enumerate(contents.files, start=1)
                candidate = self.options.get("candidate", "")
                return Inspection(
                    self._crystals(
                        contents, [(n, {"file": name, "candidate": candidate, "formula": ""}) for n, name in names]
                    ),
                    {},
                )
            case UploadKind.IMPEDANCE:
                return Inspection(*self._spectra().inspect(contents.files))
            case UploadKind.TABLE | UploadKind.OBELIX:
                return self._table(contents)

    def _check(self, contents: Contents, rows: Sequence[UploadRow], siblings: Sequence[UploadRow]) -> Inspection:
        match contents.kind:
            case UploadKind.ATTACHMENT:
                return Inspection((), {})
            case UploadKind.CIF:
                return Inspection(self._crystals(contents, _numbered(rows)), {})
            case UploadKind.IMPEDANCE:
                return Inspection(*self._spectra().check(contents.files, rows, siblings))
            case UploadKind.TABLE | UploadKind.OBELIX:
                intent = self._intent()
                found = self._table_rows(contents, intent, _numbered(rows))
                others = _concerned([*found, *siblings], siblings, {row.number for row in rows})
                return Inspection((*found, *self._table_rows(contents, intent, _numbered(others))), {})

    def _entered(self, rows: Sequence[UploadRow]) -> Mapping[str, EnteredRow]:
        contents = [row.content for row in rows if row.content is not None and row.state is not RowState.ENTERED]
        return self.store.uploads.entered(self.campaign.id, contents)

    def _intent(self) -> Intent:
        return laboratory_intent(self.store, self.campaign, self.options.get("fidelity"))

    def _spectra(self) -> SpectrumRows:
        return SpectrumRows(self._intent(), self.readers, self.options, self.deadline, self.store.now())

    def _table(self, contents: Contents) -> Inspection:
        if contents.sheet is None:
            raise UnreadableFileError("The file holds no table.", remedy="Hand in a csv or xlsx.")
        intent = self._intent()
        listed = contents.sheet.rows
        if contents.kind is UploadKind.TABLE:
            listed = tuple((number, cells) for number, cells in listed if not template.is_left_empty(cells))
        rows = self._table_rows(contents, intent, listed)
        known = {column.lower() for column in (*template.COLUMNS, *obelix.COLUMNS)}
        unknown = [column for column in contents.sheet.columns if column.lower() not in known]
        report: dict[str, JsonValue] = {
            "left_empty": len(contents.sheet.rows) - len(listed),
            "columns_not_read": unknown,
            "n_cifs": len(contents.files),
        }
        return Inspection(rows, report)

    def _table_rows(
        self, contents: Contents, intent: Intent, listed: Sequence[tuple[int, Cells]]
    ) -> tuple[UploadRow, ...]:
        with_cif = [cells for _, cells in listed if _cif_of(cells) in contents.files]
        reading = PartReading.of(self.readers, self.deadline, task="cif", n_parts=len(with_cif))
        if not with_cif:
            return tuple(self._table_row(contents, intent, reading, row) for row in listed)
        return tuple(reading.each(listed, lambda row: self._table_row(contents, intent, reading, row)))

    def _table_row(
        self, contents: Contents, intent: Intent, reading: PartReading, listed: tuple[int, Cells]
    ) -> UploadRow:
        number, cells = listed
        if contents.kind is UploadKind.TABLE:
            return self._template_row(intent, cells).row(number, dict(cells))
        crystal: Crystal | None = None
        remarks: tuple[str, ...] = ()
        content = contents.files.get(_cif_of(cells))
        if content is not None:
            try:
                crystal, remarks = read_crystal(self.readers, _cif_of(cells), content, deadline=reading.deadline())
            except PetaliteError as error:
                return Checked.refused(f"Its CIF: {error.problem}", error.remedy).row(number, dict(cells))
        row = obelix.check_row(cells, intent, cif=crystal, now=self.store.now()).row(number, dict(cells))
        return replace(row, remarks=(*row.remarks, *remarks))

    def _template_row(self, intent: Intent, cells: Cells) -> Checked:
        given = {key: value for key, value in self.options.items() if key in template.COLUMNS}
        checked = template.check_row({**given, **_filled(cells)}, intent, now=self.store.now())
        if checked.entry is None or checked.entry.destination is not Destination.AMENDMENT:
            return checked
        if self._entered([checked.row(0, {})]):
            return checked
        try:
            require_amendable(checked.entry, self.store, intent)
        except PetaliteError as error:
            return Checked.refused(error.problem, error.remedy)
        return checked

    def _crystals(self, contents: Contents, listed: Sequence[tuple[int, Cells]]) -> tuple[UploadRow, ...]:
        reading = PartReading.of(self.readers, self.deadline, task="cif", n_parts=len(listed))

        def look(row: tuple[int, Cells]) -> UploadRow:
            number, cells = row
            return self._crystal(cells, contents.files.get(cells.get("file", ""), b""), reading).row(
                number, dict(cells)
            )

        return tuple(reading.each(listed, look))

    def _crystal(self, cells: Cells, content: bytes, reading: PartReading) -> Checked:
        try:
            crystal, remarks = read_crystal(self.readers, cells.get("file", ""), content, deadline=reading.deadline())
        except PetaliteError as error:
            return Checked.refused(error.problem, error.remedy)
        checked = check_crystal(cells, crystal, store=self.store, campaign=self.campaign)
        return replace(checked, remarks=(*checked.remarks, *remarks))


def entry_of(row: UploadRow) -> Entry | None:
    """What a row would enter as; None where it is refused."""
    return parse(Entry, row.understood, what=f"Row {row.number} of an upload") if row.understood else None


def _numbered(rows: Sequence[UploadRow]) -> list[tuple[int, Cells]]:
    return [(row.number, cast(Cells, row.cells)) for row in rows]


def _concerned(changed: Sequence[UploadRow], siblings: Sequence[UploadRow], asked: set[int]) -> list[UploadRow]:
    """Rows that name or named the same as those that were asked for, and so depend on them."""
    touched = [row for row in changed if row.number in asked]
    targets = {target_of(row) for row in touched} - {None}
    contents = {row.content for row in touched} - {None}
    return [
        row
        for row in siblings
        if row.number not in asked
        and row.state is not RowState.ENTERED
        and (target_of(row) in targets or row.content in contents)
    ]


def _cif_of(cells: Cells) -> str:
    return f"{cells.get('ID', '')}.cif"


def _filled(cells: Cells) -> dict[str, str]:
    return {name: text for name, text in template.lowered(cells).items() if text}
