"""Impedance spectra as instruments write them, and what a fit says of each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from domain.errors import InvalidValueError, UnreadableFileError
from domain.json_value import JsonObject, JsonValue
from services.uploads.tables import parse_number

if TYPE_CHECKING:
    from services.uploads.impedance import CircuitFit, Spectrum

_FREQUENCY: Final = re.compile(r"f|freq\.?|frequency|frequenz|fréquence")
_REAL: Final = re.compile(r"z'|z’|z′|re|zre|z_?re|zreal|z_?real|real|re\(z\)|z1|rez|resistance|r")
_IMAGINARY: Final = re.compile(r"z''|z\"|z’’|z″|z′′|im|zim|z_?im|zimag|z_?imag|imag|im\(z\)|z2|imz|reactance|x")
_TEMPERATURE: Final = re.compile(r"t|temp\.?|temperature")
_UNIT: Final = re.compile(r"^(?P<name>.*?)\s*(?:[/\[(]\s*(?P<unit>[^\[\]()/]+?)\s*[\])]?)?$")
_PREFIXES: Final = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "m": 1e-3, "G": 1e9}
_PART_OF_Z: Final = re.compile(
    r"(?P<name>[-−]?\(?(?:re|im)\(z\)\)?)\s*(?:[/\[( ]\s*(?P<unit>[^\])]+?)\s*[\])]?)?", re.IGNORECASE
)
_HERTZ: Final = re.compile(r"(?P<prefix>[kKMmG]?)hz", re.IGNORECASE)
_OHM: Final = re.compile(r"(?P<prefix>[kKMmG]?)(?:ohms?|Ω|Ω)", re.IGNORECASE)
_HEADER_LINE: Final = re.compile(r"^[#%;\s]*(?P<key>[A-Za-z][\w .]{0,30}?)\s*[:=]\s*(?P<value>.{1,80})$")
_GEOMETRY: Final = {"thickness": "thickness", "length": "thickness", "area": "area", "temperature": "temperature"}
_HEADER_LINES: Final = 100
"""Lines among which the columns must be named."""
_MOST_POINTS: Final = 5_000
_MOST_FITTED: Final = 200
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


@dataclass(frozen=True, slots=True)
class _Columns:
    frequency: int
    real: int
    imaginary: int
    temperature: int | None
    temperature_unit: str
    scales: tuple[float, float, float]
    """To Hz, Ω and Ω."""
    is_negated: bool
    """Whether the header says that the column holds -Z″."""


def read_spectra(text: str) -> SpectrumFile:
    """Reads a csv of frequency, Z′ and Z″, and of temperature where several were measured.

    Raises:
        UnreadableFileError: If there is no such table in it.
    """
    lines = text.splitlines()
    header: dict[str, str] = {}
    for position, line in enumerate(lines[:_HEADER_LINES]):
        delimiter = _delimiter(line)
        columns = _find_columns(line.lstrip("#% ").split(delimiter))
        if columns is not None:
            return _read_points(lines[position + 1 :], delimiter, columns, header)
        said = _HEADER_LINE.match(line.split(delimiter)[0] if delimiter == "\t" else line)
        if said and (key := _GEOMETRY.get(said["key"].strip().lower().split(" ")[-1])):
            header[key] = said["value"].strip().strip(",;")
    raise UnreadableFileError(
        "No line names the columns frequency, Z' and Z''.",
        remedy="Begin the table with a line such as: frequency (Hz), Z' (ohm), Z'' (ohm).",
    )


def names_spectrum(text: str) -> bool:
    """Whether one of the first lines names the columns of a spectrum."""
    try:
        return any(
            _find_columns(line.lstrip("#% ").split(_delimiter(line))) for line in text.splitlines()[:_HEADER_LINES]
        )
    except UnreadableFileError:
        return True


def fit_task(arguments: Mapping[str, JsonValue]) -> JsonObject:
    """Fits a spectrum for another process.

    Raises:
        UnreadableFileError: If it has too few points, or no circuit describes it.
    """
    from services.uploads.impedance import fit_circuit
    from services.uploads.kramers_kronig import check_consistency

    guess = cast(float | None, arguments.get("guess_ohm"))
    spectrum = clean(cast(Sequence[Sequence[float]], arguments["points"]))
    fit = fit_circuit(spectrum, guess_ohm=guess)
    consistency = check_consistency(spectrum)
    return {
        **_described(spectrum, fit),
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


def _delimiter(line: str) -> str:
    found = max(_DELIMITERS, key=line.count)
    return found if line.count(found) else "\t"


def _find_columns(cells: Sequence[str]) -> _Columns | None:
    names, units = zip(*(_name_and_unit(cell) for cell in cells), strict=True)
    frequency = _position(names, _FREQUENCY)
    real = _position(names, _REAL)
    is_negated = False
    imaginary = _position(names, _IMAGINARY)
    if imaginary is None:
        imaginary = _position([_without_minus(name) for name in names], _IMAGINARY)
        is_negated = imaginary is not None
    if frequency is None or real is None or imaginary is None:
        return None
    scales = (_scale(_HERTZ, units[frequency]), _scale(_OHM, units[real]), _scale(_OHM, units[imaginary]))
    temperature = _position(names, _TEMPERATURE)
    return _Columns(
        frequency,
        real,
        imaginary,
        temperature,
        "" if temperature is None else units[temperature],
        scales,
        is_negated,
    )


def _name_and_unit(cell: str) -> tuple[str, str]:
    """Splits `Re(Z)/Ohm`, `Z' (ohm)` or `Frequency [Hz]`."""
    text = cell.strip().strip('"')
    found = _PART_OF_Z.fullmatch(text) or _UNIT.match(text)
    if found is None:
        return text.lower(), ""
    return found["name"].strip().lower(), (found["unit"] or "").strip()


def _scale(unit: re.Pattern[str], written: str) -> float:
    """How many Hz or Ω a written unit is; 1 where none is written."""
    if not written:
        return 1.0
    found = unit.fullmatch(written)
    if found is None or found["prefix"] not in _PREFIXES:
        raise UnreadableFileError(
            f"A column is in '{written[:20]}'.", remedy="Give the frequency in Hz and the impedance in ohm."
        )
    return _PREFIXES[found["prefix"]]


def _without_minus(name: str) -> str:
    plain = name[1:] if name.startswith(("-", "−")) else ""
    return plain[1:-1] if plain.startswith("(") and plain.endswith(")") else plain


def _position(names: Sequence[str], pattern: re.Pattern[str]) -> int | None:
    return next((index for index, name in enumerate(names) if pattern.fullmatch(name)), None)


def _read_points(lines: Sequence[str], delimiter: str, columns: _Columns, header: Mapping[str, str]) -> SpectrumFile:
    found: dict[str, list[tuple[float, float, float]]] = {}
    n_points = 0
    for line in lines:
        if not line.strip():
            continue
        cells = [cell.strip().strip('"') for cell in line.split(delimiter)]
        temperature, point = _read_point(cells, columns)
        found.setdefault(temperature, []).append(point)
        n_points += 1
        if n_points > _MOST_POINTS:
            raise UnreadableFileError(
                f"The file has more than {_MOST_POINTS} points.", remedy="Hand in one file for each temperature."
            )
    if not found:
        raise UnreadableFileError("The spectrum has no points.", remedy="Hand in the whole spectrum.")
    is_negated, remarks = _sign(columns, [point for points in found.values() for point in points])
    sign = -1.0 if is_negated else 1.0
    spectra = tuple(
        RawSpectrum(tuple((f, re, sign * im) for f, re, im in points), temperature)
        for temperature, points in found.items()
    )
    return SpectrumFile(spectra, dict(header), remarks)


def _read_point(cells: Sequence[str], columns: _Columns) -> tuple[str, tuple[float, float, float]]:
    needed = (columns.frequency, columns.real, columns.imaginary)
    try:
        f, re, im = (parse_number(cells[i]).value * scale for i, scale in zip(needed, columns.scales, strict=True))
    except IndexError:
        raise UnreadableFileError(
            f"The line '{' '.join(cells)[:60]}' is too short.", remedy="Correct or remove it."
        ) from None
    except InvalidValueError as error:
        raise UnreadableFileError(error.problem, remedy="Correct or remove the line.") from error
    if columns.temperature is None or columns.temperature >= len(cells):
        return "", (f, re, im)
    return f"{cells[columns.temperature]} {columns.temperature_unit}".strip(), (f, re, im)


def _sign(columns: _Columns, points: Sequence[tuple[float, float, float]]) -> tuple[bool, tuple[str, ...]]:
    """Whether the column holds -Z″: as its name says, unless the numbers say otherwise."""
    n_positive = sum(im > 0 for _, _, im in points)
    is_mostly_positive = n_positive > len(points) / 2
    if columns.is_negated and not is_mostly_positive:
        return False, ("The column is named -Z'' but is negative: it was taken for Z''.",)
    if not columns.is_negated and is_mostly_positive:
        return True, ("The column of Z'' is positive: it was taken for -Z''.",)
    return columns.is_negated, ()
