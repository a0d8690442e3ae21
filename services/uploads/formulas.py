"""Formulas as laboratories write them: Li7La3Zr2O12, Li1.3Al0.3Ti1.7(PO4)3, Li6.0PS5Cl1.0."""

import re
from collections.abc import Mapping
from typing import Final

from domain.elements import element
from domain.errors import InvalidValueError

_TOKEN: Final = re.compile(r"([A-Z][a-z]?)(\d{0,5}(?:\.\d{1,6})?)|([(\[])|([)\]])(\d{0,4}(?:\.\d{1,6})?)")
_LONGEST: Final = 200
_DEEPEST: Final = 4
_SUBSCRIPTS: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_WHOLE: Final = 1e-4


def amounts_of(formula: str) -> dict[str, float]:
    """Reads a formula.

    Raises:
        InvalidValueError: If it is no formula.
    """
    text = formula.translate(_SUBSCRIPTS).replace(" ", "")
    if not text or len(text) > _LONGEST:
        raise _no_formula(formula)
    stack: list[dict[str, float]] = [{}]
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise _no_formula(formula)
        position = found.end()
        symbol, count, opening, closing, times = found.groups()
        if symbol:
            _add(stack[-1], {element(symbol).symbol: 1.0}, float(count or 1))
        elif opening and len(stack) <= _DEEPEST:
            stack.append({})
        elif closing and len(stack) > 1:
            group = stack.pop()
            _add(stack[-1], group, float(times or 1))
        else:
            raise _no_formula(formula)
    amounts = {symbol: round(amount, 6) for symbol, amount in sorted(stack[0].items()) if amount > 0}
    if len(stack) != 1 or not amounts:
        raise _no_formula(formula)
    return amounts


def whole_counts(amounts: Mapping[str, float]) -> dict[str, int] | None:
    """Amounts as whole numbers of atoms; None where a site is shared or partly vacant."""
    if all(amount >= 1 - _WHOLE and abs(amount - round(amount)) < _WHOLE for amount in amounts.values()):
        return {symbol: round(amount) for symbol, amount in amounts.items()}
    return None


def _add(amounts: dict[str, float], more: Mapping[str, float], times: float) -> None:
    for symbol, amount in more.items():
        amounts[symbol] = amounts.get(symbol, 0.0) + amount * times


def _no_formula(text: str) -> InvalidValueError:
    return InvalidValueError(f"'{text[:60]}' is no formula.", remedy="Write it like Li7La3Zr2O12.")
