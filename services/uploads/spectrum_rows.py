"""Spectra of a file as rows of a report: each with its fit, and for a series the line through all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from domain.errors import PetaliteError, UnreadableFileError
from domain.json_value import JsonObject, JsonValue
from services.store.uploads import UploadRow
from services.uploads.adjusting import fit_arguments
from services.uploads.child import Readers
from services.uploads.conductivity import DEFAULTS, SERIES, check_series, check_spectrum
from services.uploads.entries import Checked
from services.uploads.intent import Intent
from services.uploads.parts import PartReading
from services.uploads.prescan import SPECTRUM_LIMITS, text_of
from services.uploads.spectra import RawSpectrum, read_spectra
from services.uploads.template import CELL_COLUMNS

_MOST_SPECTRA: Final = 100
_CRYSTAL_CELLS: Final = ("query", "sample", "formula", "space group", *CELL_COLUMNS, "fidelity", "replicate")
_ALWAYS_SHOWN: Final = ("query", "thickness", "area", "temperature", "use")

Cells = Mapping[str, str]
Found = tuple[tuple[UploadRow, ...], JsonObject]
"""Rows, and what belongs into the report."""


@dataclass(frozen=True, slots=True)
class _Spectrum:
    """A spectrum of a file, or why there is none in it."""

    file: str
    raw: RawSpectrum | None
    header: Mapping[str, str]
    remarks: tuple[str, ...]
    problem: UnreadableFileError | None = None


@dataclass(frozen=True, slots=True)
class SpectrumRows:
    """Looks at spectra for one campaign."""

    intent: Intent
    readers: Readers
    options: Mapping[str, str]
    """What holds for every spectrum that does not say otherwise."""
    deadline: float
    """When a file of one spectrum must have been read, on `time.monotonic`."""
    now: datetime

    def inspect(self, files: Mapping[str, bytes]) -> Found:
        """Fits every spectrum, and the line where there are several.

        Raises:
            UnreadableFileError: If there are too many, or the only file holds none.
        """
        spectra = _spectra_of(files)
        listed = [(number, self._cells(spectrum)) for number, spectrum in enumerate(spectra, start=1)]
        rows, fits = self._fitted(spectra, listed)
        remarks = dict.fromkeys(f"{spectrum.file}: {remark}" for spectrum in spectra for remark in spectrum.remarks)
        report: dict[str, JsonValue] = {"fits": fits, "remarks": list(remarks)}
        if len(spectra) > 1:
            cells = {**{key: self.options.get(key, "") for key in _CRYSTAL_CELLS}, "spectrum": SERIES}
            checked, report["arrhenius"] = check_series(cells, rows, self.intent, now=self.now)
            rows.append(checked.row(len(spectra) + 1, cells))
        return tuple(rows), report

    def check(self, files: Mapping[str, bytes], rows: Sequence[UploadRow], siblings: Sequence[UploadRow]) -> Found:
        """Fits some spectra again, and the line with them."""
        spectra = _spectra_of(files)
        changed = {row.number: row for row in siblings} | {row.number: row for row in rows}
        listed = [(row.number, cast(Cells, row.cells)) for row in rows if row.number <= len(spectra)]
        found, fits = self._fitted(spectra, listed)
        report: dict[str, JsonValue] = {"fits": fits} if fits else {}
        if len(spectra) > 1:
            changed |= {row.number: row for row in found}
            series = changed[len(spectra) + 1]
            parts = [changed[number] for number in range(1, len(spectra) + 1)]
            checked, report["arrhenius"] = check_series(cast(Cells, series.cells), parts, self.intent, now=self.now)
            found.append(checked.row(series.number, series.cells))
        return tuple(found), report

    def _fitted(
        self, spectra: Sequence[_Spectrum], listed: Sequence[tuple[int, Cells]]
    ) -> tuple[list[UploadRow], dict[str, JsonValue]]:
        reading = PartReading.of(self.readers, self.deadline, task="spectrum", n_parts=len(listed))
        is_part = len(spectra) > 1

        def look(row: tuple[int, Cells]) -> tuple[UploadRow, JsonObject]:
            number, cells = row
            checked, fit = self._look(spectra[number - 1], cells, reading, is_part=is_part)
            return checked.row(number, dict(cells)), fit

        found = reading.each(listed, look)
        return [row for row, _ in found], {str(row.number): fit for row, fit in found}

    def _look(
        self, spectrum: _Spectrum, cells: Cells, reading: PartReading, *, is_part: bool
    ) -> tuple[Checked, JsonObject]:
        if spectrum.raw is None:
            problem = spectrum.problem or UnreadableFileError("It holds no spectrum.", remedy="Hand it in again.")
            return Checked.refused(problem.problem, problem.remedy), {}
        arguments: dict[str, JsonValue] = {"points": [list(point) for point in spectrum.raw.points]}
        try:
            arguments |= fit_arguments(cells)
            fit = self.readers.read("spectrum", arguments, deadline=reading.deadline())
        except PetaliteError as error:
            return Checked.refused(error.problem, error.remedy), {}
        checked = check_spectrum(cells, fit, self.intent, is_part=is_part, now=self.now, notes=spectrum.remarks)
        return checked, fit

    def _cells(self, spectrum: _Spectrum) -> dict[str, str]:
        cells = {key: self.options.get(key, "") for key in (*DEFAULTS, *CELL_COLUMNS)}
        for key in ("thickness", "area", "temperature"):
            cells[key] = cells[key] or spectrum.header.get(key, "")
        own = "" if spectrum.raw is None else spectrum.raw.temperature
        cells["temperature"] = own or cells["temperature"]
        return {
            "spectrum": spectrum.file,
            **{key: value for key, value in cells.items() if value or key in _ALWAYS_SHOWN},
        }


def _spectra_of(files: Mapping[str, bytes]) -> list[_Spectrum]:
    found: list[_Spectrum] = []
    for name, content in sorted(files.items()):
        try:
            read = read_spectra(text_of(content, SPECTRUM_LIMITS))
        except UnreadableFileError as error:
            if len(files) == 1:
                raise
            found.append(_Spectrum(name, None, {}, (), error))
            continue
        found += [_Spectrum(name, raw, read.header, read.remarks) for raw in read.spectra]
    if len(found) > _MOST_SPECTRA:
        raise UnreadableFileError(
            f"The file holds {len(found)} spectra; at most {_MOST_SPECTRA} are fitted.",
            remedy="Hand in several smaller files.",
        )
    return found
