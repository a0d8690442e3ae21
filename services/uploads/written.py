"""A number as people paste it, with its uncertainty and its unit: 2.6 ± 0.1 g/cm3, (1.2 ± 0.3) × 10⁻⁴ S/cm, < 1e-9."""

import re
from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidValueError
from services.uploads.tables import Number, parse_number, with_plain_exponents

_FIGURES: Final = r"(?:\d[\d.,]*|[.,]\d+)"
_EXPONENT: Final = r"[eE][+-]?\d+"
_WRITTEN: Final = re.compile(
    rf"(?P<bound>[<>]=?|[≤≥=])?\s*(?P<opened>\()?\s*(?P<value>[+-]?{_FIGURES}(?:\(\d+\))?(?:{_EXPONENT})?)"
    rf"\s*(?:(?:±|\+/?-)\s*(?P<sigma>{_FIGURES}(?:{_EXPONENT})?))?\s*(?P<closed>\))?(?P<exponent>{_EXPONENT})?"
    r"\s*(?P<unit>[A-Za-zµμΩÅ°℃%].*)?",
    re.ASCII,
)
_DECIMALS_OR_THOUSANDS: Final = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_BRACKETS: Final = re.compile(r"\(\d+\)")
_EXAMPLE: Final = "Write the number alone, such as 1.2e-4 or 2.6 ± 0.1, and the unit beside it."


@dataclass(frozen=True, slots=True)
class Written:
    """What was written as one text."""

    value: str
    """As `parse_number` reads it; a bound such as < stays before it."""
    sigma: str = ""
    """In the unit of the value; empty where none was written."""
    unit: str = ""
    """As it was written; empty where none was."""


def read_written(text: str) -> Written:
    """Takes a number, its uncertainty and its unit apart.

    Raises:
        InvalidValueError: If it is nothing of the kind, or may be read in two ways.
    """
    # Runs of spaces would let the pattern try every way to share them out.
    text = " ".join(text.split())
    found = _WRITTEN.fullmatch(with_plain_exponents(text))
    if found is None:
        raise _unreadable(text)
    value, sigma, exponent = found["value"], found["sigma"] or "", found["exponent"] or ""
    is_of_both = bool(found["opened"] and found["closed"]) and "(" not in value and "e" not in (value + sigma).lower()
    if bool(found["opened"]) is not bool(found["closed"]) or (exponent and not is_of_both):
        raise _unreadable(text)
    if "e" in sigma.lower() and "e" not in value.lower():
        raise InvalidValueError(
            f"In '{text.strip()[:60]}' it is not clear whether the power of ten is that of both numbers.",
            remedy="Write (1.2 ± 0.3)e-4, or 1.2e-4 ± 0.3e-4.",
        )
    for part in (value, sigma):
        _require_plain_comma(part)
    bound, unit = found["bound"] or "", (found["unit"] or "").strip()
    bracketed = parse_number(f"{bound}{value}{exponent}").sigma
    if bracketed is None:
        return Written(f"{bound}{value}{exponent}", f"{sigma}{exponent}" if sigma else "", unit)
    if sigma:
        raise InvalidValueError(
            f"'{text.strip()[:60]}' gives the uncertainty twice.", remedy="Write it in brackets or behind ±."
        )
    return Written(f"{bound}{_BRACKETS.sub('', value)}", f"{bracketed:.6g}", unit)


def is_unclear_comma(text: str) -> bool:
    """Whether the comma of a number may set off thousands as well as decimals, as in 1,234."""
    return _DECIMALS_OR_THOUSANDS.fullmatch(text.strip()) is not None


def read_sigma(text: str) -> Written:
    """A standard deviation, which may repeat its unit.

    Raises:
        InvalidValueError: If it is no plain number.
    """
    found = read_written(text.strip().removeprefix("±").removeprefix("+/-"))
    number = parse_number(found.value)
    if found.sigma or number != Number(number.value):
        raise InvalidValueError(f"'{text.strip()[:60]}' is no standard deviation.", remedy="Write it as 0.1.")
    return found


def _require_plain_comma(text: str) -> None:
    if is_unclear_comma(text):
        plain = text.strip()
        decimal, whole = plain.replace(",", "."), plain.replace(",", "")
        raise InvalidValueError(f"'{plain}' may be {decimal} or {whole}.", remedy=f"Write {decimal} or {whole}.")


def _unreadable(text: str) -> InvalidValueError:
    return InvalidValueError(f"'{text.strip()[:60]}' cannot be read as one number.", remedy=_EXAMPLE)
