"""Which columns of a table hold a spectrum, under the names that instruments and laboratories give them."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from domain.errors import UnreadableFileError

_FREQUENCY: Final = re.compile(r"f|freq|frequency|frequenz|fréquence|frequence|frecuencia|frequenza|ν|nu")
_LOG_FREQUENCY: Final = re.compile(r"(?:log|lg|log10)\s*[(\s]?\s*(?:f|freq\w*|ν)\s*(?:[/\[( )].*)?", re.IGNORECASE)
_REAL: Final = re.compile(r"z'|re|re\(z\)|rez|zre|zr|zreal|real|realz|realpart|realteil|partieréelle|z1|resistance|r")
_IMAGINARY: Final = re.compile(
    r"z''|im|im\(z\)|imz|zim|zi|zimag|imag|imagz|imaginary|imaginarypart|imaginärteil|imaginaerteil|"
    r"partieimaginaire|z2|reactance|x"
)
_MODULUS: Final = re.compile(r"\|z\||abs\(z\)|z|zmod|modz|mod|modulus|mag|magnitude|impedance|impedanz|betrag|zbetrag")
_PHASE: Final = re.compile(
    r"phase|phase\(z\)|phasez|zphz|zphase|phaseangle|phasenwinkel|winkel|arg\(z\)|phi|φ|theta|θ", re.IGNORECASE
)
_TEMPERATURE: Final = re.compile(r"t|temp|temperature|temperatur|température")
_PRIMES: Final = str.maketrans({"’": "'", "′": "'", "‘": "'", "´": "'", "`": "'", "″": "''", "”": "''", '"': "''"})
_UNIT: Final = re.compile(r"^(?P<name>.*?)\s*(?:[/\[(]\s*(?P<unit>[^\[\]()]+?)\s*[\])]?)?$")
_WITH_ARGUMENT: Final = re.compile(
    r"(?P<name>[-−]?\(?(?:re|im|abs|arg|phase)\(z\)\)?)\s*(?:[/\[( ]\s*(?P<unit>[^\])]+?)\s*[\])]?)?", re.IGNORECASE
)
_COMPLEX_SIGNS: Final = frozenset({"a", "b"})
"""What ZView writes behind the parts of a + jb, where others write a unit."""
_PREFIXES: Final = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "m": 1e-3, "G": 1e9}
_HERTZ: Final = re.compile(r"(?P<prefix>[kKMmG]?)(?:hz|s\^?-1|1/s)", re.IGNORECASE)
_OHM: Final = re.compile(r"(?P<prefix>[kKMmG]?)(?:ohms?|Ω|Ω)", re.IGNORECASE)
_RADIANS: Final = frozenset({"rad", "radian", "radians", "radiant"})
_DEGREES: Final = frozenset({"", "°", "deg", "degree", "degrees", "grad", "degr", "º"})

Point = tuple[float, float, float]
"""Frequency in Hz, real and imaginary part in Ω."""


@dataclass(frozen=True, slots=True)
class SpectrumColumns:
    """Where in a table a spectrum stands, and in which form."""

    frequency: int
    first: int
    """The real part, or the modulus."""
    second: int
    """The imaginary part, or the phase."""
    temperature: int | None
    temperature_unit: str
    scales: tuple[float, float, float]
    """To Hz and Ω; the phase to radians."""
    is_logarithm: bool
    """Whether the frequency's decimal logarithm is given."""
    is_polar: bool
    """Whether modulus and phase are given."""
    is_negated: bool
    """Whether the header says that the column holds -Z″, or the phase with the other sign."""

    def point(self, numbers: tuple[float, float, float]) -> Point:
        """The point that three numbers of a line stand for, its sign as it is written."""
        given, first, second = numbers
        frequency = 10**given if self.is_logarithm else given
        first, second = first * self.scales[1], second * self.scales[2]
        if self.is_polar:
            first, second = first * math.cos(second), first * math.sin(second)
        return frequency * self.scales[0], first, second


@dataclass(frozen=True, slots=True)
class _Heading:
    name: str
    """Without unit and spaces, in small letters."""
    unit: str


def find_columns(cells: Sequence[str], units: Sequence[str] = ()) -> SpectrumColumns | None:
    """Finds the columns of a spectrum.

    Args:
        cells: A line that may name them.
        units: The line below, where that holds units; they count where the name has none.

    Returns:
        None where the line does not name them.

    Raises:
        UnreadableFileError: If one of them is in no unit of frequency, resistance or angle.
    """
    headings = [_heading(cell, units[i] if i < len(units) else "") for i, cell in enumerate(cells)]
    frequency = _position(headings, _FREQUENCY)
    is_logarithm = frequency is None
    if frequency is None:
        frequency = next((i for i, cell in enumerate(cells) if _LOG_FREQUENCY.fullmatch(cell.strip(' "'))), None)
    parts = _pair(headings, _REAL, _IMAGINARY)
    polar = None if parts else _pair(headings, _MODULUS, _PHASE)
    found = parts or polar
    if frequency is None or found is None:
        return None
    first, second, is_negated = found
    temperature = _position(headings, _TEMPERATURE)
    hertz = _scale(_HERTZ, "" if is_logarithm else headings[frequency].unit)
    ohm = _scale(_OHM, headings[first].unit)
    return SpectrumColumns(
        frequency=frequency,
        first=first,
        second=second,
        temperature=temperature,
        temperature_unit="" if temperature is None else headings[temperature].unit,
        scales=(hertz, ohm, _angle(headings[second].unit) if polar else _scale(_OHM, headings[second].unit)),
        is_logarithm=is_logarithm,
        is_polar=polar is not None,
        is_negated=is_negated,
    )


def missing_columns(cells: Sequence[str]) -> tuple[str, ...]:
    """What a line lacks that names some columns of a spectrum; nothing where it names none or all of them."""
    headings = [_heading(cell, "") for cell in cells]
    has_frequency = _position(headings, _FREQUENCY) is not None or any(
        _LOG_FREQUENCY.fullmatch(cell.strip(' "')) for cell in cells
    )
    has = {"the frequency": has_frequency}
    is_polar = _signed_position(headings, _PHASE)[0] is not None
    wanted = {"the modulus": _MODULUS, "the phase": _PHASE} if is_polar else {"Z'": _REAL, "Z''": _IMAGINARY}
    has |= {name: _signed_position(headings, pattern)[0] is not None for name, pattern in wanted.items()}
    return tuple(name for name, is_there in has.items() if not is_there) if has_frequency else ()


def _heading(cell: str, unit_below: str) -> _Heading:
    """Takes `Re(Z)/Ohm`, `Z' (ohm)`, `Z'(a)` or `Frequency [Hz]` apart."""
    text = cell.strip().strip('"').strip().translate(_PRIMES)
    found = _WITH_ARGUMENT.fullmatch(text) or _UNIT.match(text)
    name, unit = (text, "") if found is None else (found["name"], (found["unit"] or "").strip())
    plain = re.sub(r"[\s_.]", "", name).lower()
    if unit.lower() in _COMPLEX_SIGNS and plain.startswith(("z'", "-z'")):
        unit = ""
    return _Heading(plain, unit or unit_below.strip().strip('"'))


def _pair(
    headings: Sequence[_Heading], first: re.Pattern[str], second: re.Pattern[str]
) -> tuple[int, int, bool] | None:
    """Positions of two columns that belong together, and whether the second one is negated."""
    left = _position(headings, first)
    right, is_negated = _signed_position(headings, second)
    return None if left is None or right is None else (left, right, is_negated)


def _signed_position(headings: Sequence[_Heading], pattern: re.Pattern[str]) -> tuple[int | None, bool]:
    plain = _position(headings, pattern)
    if plain is not None:
        return plain, False
    negated = _position(headings, pattern, _without_minus)
    return negated, negated is not None


def _position(headings: Sequence[_Heading], pattern: re.Pattern[str], named: Callable[[str], str] = str) -> int | None:
    return next((i for i, heading in enumerate(headings) if pattern.fullmatch(named(heading.name))), None)


def _without_minus(name: str) -> str:
    plain = name[1:] if name.startswith(("-", "−")) else ""
    return plain[1:-1] if plain.startswith("(") and plain.endswith(")") else plain


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


def _angle(written: str) -> float:
    """How many radians a written unit of angle is; degrees where none is written."""
    if written.lower() in _RADIANS:
        return 1.0
    if written.lower() in _DEGREES:
        return math.pi / 180
    raise UnreadableFileError(f"The phase is in '{written[:20]}'.", remedy="Give it in degrees or in radians.")
