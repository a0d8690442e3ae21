"""Formulas as people see them and as screen readers speak them."""

import re
from collections.abc import Iterator
from typing import Final

from markupsafe import Markup

from domain.element_names import NAMES

_PART: Final = re.compile(r"(?P<symbol>[A-Z][a-z]?)(?P<count>\d*)")


def spoken(formula: str) -> str:
    """A formula in names: `Li2S` becomes `lithium 2 sulfur`; a text that is no formula stays what it is."""
    if not _is_formula(formula):
        return formula
    return " ".join(f"{NAMES[symbol]} {count}".strip() for symbol, count in _parts(formula))


def formula(text: str) -> Markup:
    """A formula with its counts set low, which screen readers speak in names instead of letter by letter."""
    if not _is_formula(text):
        return Markup("{}").format(text)
    shown = Markup("").join(
        Markup("{}<sub>{}</sub>").format(symbol, count) if count else Markup("{}").format(symbol)
        for symbol, count in _parts(text)
    )
    return Markup(
        '<span class="formula"><span aria-hidden="true">{}</span><span class="visually-hidden spoken">{}</span></span>'
    ).format(shown, spoken(text))


def _is_formula(text: str) -> bool:
    parts = list(_parts(text))
    return (
        bool(parts)
        and "".join(f"{symbol}{count}" for symbol, count in parts) == text
        and all(symbol in NAMES for symbol, _ in parts)
    )


def _parts(text: str) -> Iterator[tuple[str, str]]:
    return ((found["symbol"], found["count"]) for found in _PART.finditer(text))
