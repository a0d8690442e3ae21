"""The first of two steps: what is in a file, row by row, and what would become of each row."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, cast

from domain.errors import PetaliteError, UnreadableFileError
from domain.json_value import JsonObject, JsonValue
from domain.parsing import parse
from services.store import Store
from services.store.records import CampaignRecord
from services.store.uploads import UploadKind, UploadRow
from services.uploads import obelix, template
from services.uploads.child import Readers
from services.uploads.conductivity import DEFAULTS, SERIES, check_series, check_spectrum
from services.uploads.contents import Contents
from services.uploads.crystals import check_crystal, read_crystal
from services.uploads.entries import Checked, Crystal, Entry
from services.uploads.intent import Intent, laboratory_intent
from services.uploads.prescan import SPECTRUM_LIMITS, text_of
from services.uploads.spectra import RawSpectrum, read_spectra
from services.uploads.template import CELL_COLUMNS

_MOST_SPECTRA: Final = 100
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
    """On `time.monotonic`."""

    def inspect(self, contents: Contents) -> Inspection:
        """Looks at every row.

        Raises:
            UnreadableFileError: If the file as a whole makes no sense.
            InvalidValueError: If the campaign has no laboratory.
        """
        match contents.kind:
            case UploadKind.ATTACHMENT:
                return Inspection((), {})
            case UploadKind.CIF:
                return self._crystals(contents)
            case UploadKind.IMPEDANCE:
                return self._spectra(contents)
            case UploadKind.TABLE | UploadKind.OBELIX:
                return self._table(contents)

    def check(self, contents: Contents, row: UploadRow, *, siblings: Sequence[UploadRow]) -> Inspection:
        """Looks at one row again, after its cells were changed.

        Returns:
            The row, with others that depend on it, and what is to be replaced in the report.
        """
        cells = cast(Cells, row.cells)
        if contents.kind is UploadKind.CIF:
            checked = self._crystal(cells, contents.files.get(cells.get("file", ""), b""))
            return Inspection((checked.row(row.number, row.cells),), {})
        if contents.kind is UploadKind.IMPEDANCE:
            return self._spectrum_again(contents, row, siblings)
        intent = self._intent()
        return Inspection((self._table_row(contents, intent, row.number, cells),), {})

    def _intent(self) -> Intent:
        return laboratory_intent(self.store, self.campaign, self.options.get("fidelity"))

    def _table(self, contents: Contents) -> Inspection:
        if contents.sheet is None:
            raise UnreadableFileError("The file holds no table.", remedy="Hand in a csv or xlsx.")
        intent = self._intent()
        listed = contents.sheet.rows
        if contents.kind is UploadKind.TABLE:
            listed = tuple((number, cells) for number, cells in listed if not template.is_left_empty(cells))
        if contents.files:
            with ThreadPoolExecutor(self.readers.limits.n_children) as pool:
                rows = list(pool.map(lambda row: self._table_row(contents, intent, *row), listed))
        else:
            rows = [self._table_row(contents, intent, number, cells) for number, cells in listed]
        known = {column.lower() for column in (*template.COLUMNS, *obelix.COLUMNS)}
        unknown = [column for column in contents.sheet.columns if column.lower() not in known]
        report: dict[str, JsonValue] = {
            "left_empty": len(contents.sheet.rows) - len(listed),
            "columns_not_read": unknown,
            "n_cifs": len(contents.files),
        }
        return Inspection(tuple(rows), report)

    def _table_row(self, contents: Contents, intent: Intent, number: int, cells: Cells) -> UploadRow:
        now = self.store.now()
        if contents.kind is UploadKind.TABLE:
            given = {key: value for key, value in self.options.items() if key in template.COLUMNS}
            return template.check_row({**given, **_filled(cells)}, intent, now=now).row(number, dict(cells))
        content = contents.files.get(f"{cells.get('ID', '')}.cif")
        crystal: Crystal | None = None
        remarks: tuple[str, ...] = ()
        if content is not None:
            try:
                crystal, remarks = self._read(f"{cells['ID']}.cif", content)
            except PetaliteError as error:
                return Checked.refused(f"Its CIF: {error.problem}", error.remedy).row(number, dict(cells))
        row = obelix.check_row(cells, intent, cif=crystal, now=now).row(number, dict(cells))
        return replace(row, remarks=(*row.remarks, *remarks))

    def _crystals(self, contents: Contents) -> Inspection:
        def look(numbered: tuple[int, str]) -> UploadRow:
            number, name = numbered
            cells = {"file": name, "candidate": self.options.get("candidate", ""), "formula": ""}
            return self._crystal(cells, contents.files[name]).row(number, cells)

        with ThreadPoolExecutor(self.readers.limits.n_children) as pool:
            return Inspection(tuple(pool.map(look, enumerate(contents.files, start=1))), {})

    def _crystal(self, cells: Cells, content: bytes) -> Checked:
        try:
            crystal, remarks = self._read(cells.get("file", ""), content)
        except PetaliteError as error:
            return Checked.refused(error.problem, error.remedy)
        checked = check_crystal(cells, crystal, store=self.store, campaign=self.campaign)
        return replace(checked, remarks=(*checked.remarks, *remarks))

    def _read(self, name: str, content: bytes) -> tuple[Crystal, tuple[str, ...]]:
        if time.monotonic() > self.deadline:
            raise UnreadableFileError(
                "It was not read: the files before it took the time that one upload may take.",
                remedy="Have the row checked again, or hand in a smaller zip.",
            )
        return read_crystal(self.readers, name, content, deadline=self.deadline)

    def _spectra(self, contents: Contents) -> Inspection:
        intent = self._intent()
        found = _spectra_of(contents)
        if len(found) > _MOST_SPECTRA:
            raise UnreadableFileError(
                f"The file holds {len(found)} spectra; at most {_MOST_SPECTRA} are fitted.",
                remedy="Hand in several smaller files.",
            )
        is_series = len(found) > 1
        rows: list[UploadRow] = []
        fits: dict[str, JsonValue] = {}
        for number, (name, spectrum, said) in enumerate(found, start=1):
            cells = self._spectrum_cells(name, spectrum, said)
            row, fit = self._spectrum(cells, spectrum, intent, number=number, is_part=is_series)
            rows.append(row)
            fits[str(number)] = fit
        report: dict[str, JsonValue] = {"fits": fits, "remarks": _remarks_of(contents)}
        if is_series:
            cells = {**{key: self.options.get(key, "") for key in _CRYSTAL_CELLS}, "spectrum": SERIES}
            checked, line = check_series(cells, rows, intent, now=self.store.now())
            rows.append(checked.row(len(found) + 1, cells))
            report["arrhenius"] = line
        return Inspection(tuple(rows), report)

    def _spectrum_cells(self, name: str, spectrum: RawSpectrum, said: Mapping[str, str]) -> dict[str, str]:
        cells = {key: self.options.get(key, "") for key in (*DEFAULTS, *CELL_COLUMNS)}
        for key in ("thickness", "area", "temperature"):
            cells[key] = cells[key] or said.get(key, "")
        cells["temperature"] = spectrum.temperature or cells["temperature"]
        return {"spectrum": name, **{key: value for key, value in cells.items() if value or key in _ALWAYS_SHOWN}}

    def _spectrum(
        self, cells: Cells, spectrum: RawSpectrum, intent: Intent, *, number: int, is_part: bool
    ) -> tuple[UploadRow, JsonObject]:
        arguments: dict[str, JsonValue] = {"points": [list(point) for point in spectrum.points]}
        try:
            if cells.get("guess"):
                arguments["guess_ohm"] = _guess(cells["guess"])
            fit = self.readers.read("spectrum", arguments, deadline=self.deadline)
        except PetaliteError as error:
            return Checked.refused(error.problem, error.remedy).row(number, dict(cells)), {}
        checked = check_spectrum(cells, fit, intent, is_part=is_part, now=self.store.now())
        return checked.row(number, dict(cells)), fit

    def _spectrum_again(self, contents: Contents, row: UploadRow, siblings: Sequence[UploadRow]) -> Inspection:
        intent = self._intent()
        found = _spectra_of(contents)
        is_series = len(found) > 1
        cells = cast(Cells, row.cells)
        changed: list[UploadRow] = []
        report: dict[str, JsonValue] = {}
        rows = {sibling.number: sibling for sibling in siblings} | {row.number: row}
        if row.number <= len(found):
            spectrum = found[row.number - 1][1]
            again, fit = self._spectrum(cells, spectrum, intent, number=row.number, is_part=is_series)
            changed.append(again)
            rows[row.number] = again
            report["fits"] = {str(row.number): fit}
        if is_series:
            series = rows[len(found) + 1]
            parts = [rows[number] for number in range(1, len(found) + 1)]
            checked, line = check_series(cast(Cells, series.cells), parts, intent, now=self.store.now())
            changed.append(checked.row(series.number, series.cells))
            report["arrhenius"] = line
        return Inspection(tuple(changed), report)


_CRYSTAL_CELLS: Final = ("query", "sample", "formula", "space group", *CELL_COLUMNS)
_ALWAYS_SHOWN: Final = ("query", "thickness", "area", "temperature", "use")


def entry_of(row: UploadRow) -> Entry | None:
    """What a row would enter as; None where it is refused."""
    return parse(Entry, row.understood, what=f"Row {row.number} of an upload") if row.understood else None


def _spectra_of(contents: Contents) -> list[tuple[str, RawSpectrum, Mapping[str, str]]]:
    found = []
    for name, content in sorted(contents.files.items()):
        read = read_spectra(text_of(content, SPECTRUM_LIMITS))
        found += [(name, spectrum, read.header) for spectrum in read.spectra]
    return found


def _remarks_of(contents: Contents) -> list[JsonValue]:
    return [
        f"{name}: {remark}"
        for name, content in sorted(contents.files.items())
        for remark in read_spectra(text_of(content, SPECTRUM_LIMITS)).remarks
    ]


def _guess(text: str) -> float:
    from services.uploads.tables import parse_number

    return parse_number(text.lower().removesuffix("ohm").removesuffix("ω")).value


def _filled(cells: Cells) -> dict[str, str]:
    return {name: text for name, text in template.lowered(cells).items() if text}
