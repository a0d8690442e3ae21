"""Impedance spectra as instruments write them, and what a fit says of each."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from domain.errors import InvalidValueError, UnreadableFileError
from domain.json_value import JsonObject, JsonValue
from services.uploads.spectrum_columns import Point, SpectrumColumns, find_columns, missing_columns
from services.uploads.tables import parse_number

if TYPE_CHECKING:
    from services.uploads.impedance import CircuitFit, Spectrum

_HEADER_LINE: Final = re.compile(
    r"^[#%;\s]*(?P<key>[^\W\d_][\w .]{0,30}?)\s*(?:[(\[](?P<unit>[^)\]]{1,12})[)\]])?"
    r"\s*[:=\t;,]\s*(?P<value>[^\t]{1,80})"
)
_GEOMETRY: Final = {
    "thickness": "thickness",
    "length": "thickness",
    "dicke": "thickness",
    "area": "area",
    "fläche": "area",
    "flaeche": "area",
    "temperature": "temperature",
    "temperatur": "temperature",
}
"""What lines above the table may say, by the last word before the colon."""
_LETTER: Final = re.compile(r"[^\W\d_]|°")
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(?:,\d{3}){2,}(?:\.\d*)?|[+-]?\d{1,3}(?:\.\d{3}){2,}(?:,\d*)?")
_HEADER_LINES: Final = 100
"""Lines among which the columns must be named."""
_MOST_POINTS: Final = 5_000
_MOST_FITTED: Final = 200
_MOST_NAMED: Final = 3
"""Lines that are left out and named one by one."""
_DELIMITERS: Final = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class RawSpectrum:
    """A spectrum as it was read, before anybody judged it."""

    points: tuple[tuple[float, float, float], ...]
    """Frequency in Hz, real and imaginary part in Ω; the imaginary part negative where capacitive."""
    temperature: str
    """As it is written in the file; empty where it says none."""


@dataclass(frozen=True, slots=True)
class SpectrumFile:
    """What a csv of spectra holds."""

    spectra: tuple[RawSpectrum, ...]
    """One for each temperature."""
    header: Mapping[str, str]
    """Thickness, area and temperature where the file says them."""
    remarks: tuple[str, ...]


def read_spectra(text: str) -> SpectrumFile:
    """Reads a csv of frequency, Z′ and Z″, and of temperature where several were measured.

    Raises:
        UnreadableFileError: If there is no such table in it.
    """
    lines = text.splitlines()
    header: dict[str, str] = {}
    for position, line in enumerate(lines[:_HEADER_LINES]):
        delimiter = _delimiter(line)
        below = _cells(lines[position + 1], delimiter) if position + 1 < len(lines) else []
        has_units = bool(below) and not any(_is_number(cell) for cell in below)
        columns = find_columns(_cells(line, delimiter), below if has_units else ())
        if columns is not None:
            return _read_points(lines[position + 1 + has_units :], delimiter, columns, header)
        said = _HEADER_LINE.match(line)
        if said and (key := _GEOMETRY.get(said["key"].strip().lower().split(" ")[-1])):
            value = said["value"].strip().strip(",;")
            header[key] = value if _LETTER.search(value) else f"{value} {said['unit'] or ''}".strip()
    raise UnreadableFileError(
        what_is_missing(text) or "No line names the columns of a spectrum.", remedy=_COLUMNS_REMEDY
    )


_COLUMNS_REMEDY: Final = "Begin the table with a line such as: frequency (Hz), Z' (ohm), Z'' (ohm)."


def names_spectrum(text: str) -> bool:
    """Whether one of the first lines names the columns of a spectrum."""
    try:
        return any(find_columns(cells) for cells in _first_lines(text))
    except UnreadableFileError:
        return True


def what_is_missing(text: str) -> str | None:
    """Which columns a table lacks that names the frequency among others; None where it does not, or lacks none."""
    for cells in _first_lines(text):
        missing = missing_columns(cells)
        if missing and len(cells) > 1:
            named = ", ".join(f"'{cell[:30]}'" for cell in cells if cell)
            return f"The spectrum lacks {' and '.join(missing)}; its columns are {named[:300]}."
    return None


def _first_lines(text: str) -> list[list[str]]:
    return [_cells(line, _delimiter(line)) for line in text.splitlines()[:_HEADER_LINES]]


def fit_task(arguments: Mapping[str, JsonValue]) -> JsonObject:
    """Fits a spectrum for another process.

    Raises:
        UnreadableFileError: If it has too few points, or no circuit describes it.
    """
    from services.uploads.impedance import fit_circuit
    from services.uploads.kramers_kronig import check_consistency

    guess = cast(float | None, arguments.get("guess_ohm"))
    circuit = cast(str | None, arguments.get("circuit"))
    lowest, highest = (cast(float | None, arguments.get(name)) for name in ("lowest_Hz", "highest_Hz"))
    points = cast(Sequence[Sequence[float]], arguments["points"])
    inside = [point for point in points if (lowest or 0.0) <= point[0] <= (highest or math.inf)]
    spectrum = clean(inside)
    fit = fit_circuit(spectrum, guess_ohm=guess, circuit=circuit)
    consistency = check_consistency(spectrum)
    return {
        **_described(spectrum, fit),
        "outside": [list(point) for point in points if point not in inside][:_MOST_FITTED],
        "kramers_kronig": {
            "deviation": consistency.deviation,
            "noise": consistency.noise,
            "is_consistent": consistency.is_consistent,
            "residuals": [list(pair) for pair in consistency.residuals],
        },
    }


def clean(points: Sequence[Sequence[float]]) -> Spectrum:
    """Sorts points by frequency and leaves out what no circuit answers, such as inductance above the first arc.

    Raises:
        UnreadableFileError: If too few are left.
    """
    from services.uploads.impedance import Spectrum

    usable = sorted({(f, re, im) for f, re, im in points if f > 0 and abs(re) + abs(im) > 0}, reverse=True)
    while usable and usable[0][2] > 0:
        usable = usable[1:]
    if len(usable) > _MOST_FITTED:
        step = len(usable) / _MOST_FITTED
        usable = [usable[int(index * step)] for index in range(_MOST_FITTED)]
    return Spectrum(tuple(f for f, _, _ in usable), tuple(re for _, re, _ in usable), tuple(im for _, _, im in usable))


def _described(spectrum: Spectrum, fit: CircuitFit) -> JsonObject:
    relative = abs(fit.fitted - spectrum.impedance) / abs(spectrum.impedance)
    return {
        "circuit": fit.circuit.title,
        "bulk_ohm": fit.bulk.value,
        "bulk_sigma_ohm": fit.bulk.sigma,
        "total_ohm": fit.total.value,
        "total_sigma_ohm": fit.total.sigma,
        "residual": fit.residual,
        "parameters": dict(fit.parameters),
        "frequency_Hz": list(spectrum.frequency_Hz),
        "measured_ohm": [[z.real, z.imag] for z in spectrum.impedance.tolist()],
        "fitted_ohm": [[z.real, z.imag] for z in fit.fitted.tolist()],
        "relative_residuals": relative.tolist(),
    }


def _delimiter(line: str) -> str | None:
    """What separates the cells of a line; None for spaces."""
    found = max(_DELIMITERS, key=line.count)
    return found if line.count(found) else None


def _cells(line: str, delimiter: str | None) -> list[str]:
    # Only spaces are stripped: a line of cells may begin with an empty one.
    return [cell.strip().strip('"') for cell in line.lstrip("#% ").split(delimiter)]


def _is_number(text: str) -> bool:
    with suppress(InvalidValueError):
        parse_number(text)
        return True
    return False


def _read_points(
    lines: Sequence[str], delimiter: str | None, columns: SpectrumColumns, header: Mapping[str, str]
) -> SpectrumFile:
    found: dict[str, list[Point]] = {}
    left_out: list[UnreadableFileError] = []
    n_points = 0
    for line in lines:
        if not line.strip():
            continue
        cells = _cells(line, delimiter)
        if any(_GROUPED.fullmatch(cell) for cell in cells):
            raise UnreadableFileError(
                f"The line '{' '.join(cells)[:60]}' has numbers in groups of thousands.",
                remedy="Export the spectrum without separators of thousands.",
            )
        try:
            temperature, point = _read_point(cells, columns)
        except UnreadableFileError as error:
            left_out.append(error)
            continue
        found.setdefault(temperature, []).append(point)
        n_points += 1
        if n_points > _MOST_POINTS:
            raise UnreadableFileError(
                f"The file has more than {_MOST_POINTS} points.", remedy="Hand in one file for each temperature."
            )
    if len(left_out) > n_points:
        raise left_out[0]
    if not found:
        raise UnreadableFileError("The spectrum has no points.", remedy="Hand in the whole spectrum.")
    is_negated, remarks = _sign(columns, [point for points in found.values() for point in points])
    sign = -1.0 if is_negated else 1.0
    spectra = tuple(
        RawSpectrum(tuple((f, re, sign * im) for f, re, im in points), temperature)
        for temperature, points in found.items()
    )
    return SpectrumFile(spectra, dict(header), (*remarks, *_remarks_on_lines(left_out)))


def _remarks_on_lines(left_out: Sequence[UnreadableFileError]) -> tuple[str, ...]:
    named = tuple(f"A line is left out: {error.problem}" for error in left_out[:_MOST_NAMED])
    more = len(left_out) - len(named)
    return (*named, f"{more} more lines are left out.") if more else named


def _read_point(cells: Sequence[str], columns: SpectrumColumns) -> tuple[str, Point]:
    try:
        given = [cells[position] for position in (columns.frequency, columns.first, columns.second)]
        frequency, first, second = (parse_number(text).value for text in given)
    except IndexError:
        raise UnreadableFileError(
            f"The line '{' '.join(cells)[:60]}' is too short.", remedy="Correct or remove it."
        ) from None
    except InvalidValueError as error:
        raise UnreadableFileError(error.problem, remedy="Correct or remove the line.") from error
    point = columns.point((frequency, first, second))
    if columns.temperature is None or columns.temperature >= len(cells):
        return "", point
    return f"{cells[columns.temperature]} {columns.temperature_unit}".strip(), point


def _sign(columns: SpectrumColumns, points: Sequence[Point]) -> tuple[bool, tuple[str, ...]]:
    """Whether the column holds -Z″: as its name says, unless the numbers say otherwise."""
    what = "phase" if columns.is_polar else "Z''"
    n_positive = sum(im > 0 for _, _, im in points)
    is_mostly_positive = n_positive > len(points) / 2
    if columns.is_negated and not is_mostly_positive:
        return False, (f"The column is named -{what} but is negative: it was taken for {what}.",)
    if not columns.is_negated and is_mostly_positive:
        return True, (f"The column of {what} is positive: it was taken for -{what}.",)
    return columns.is_negated, ()
