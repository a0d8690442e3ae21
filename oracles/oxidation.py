"""Oxidation states from a composition alone: one state for each element, so that the whole is neutral."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from types import MappingProxyType
from typing import Final

from domain.elements import element
from domain.errors import UnsupportedCrystalError

NEUTRAL_WITHIN: Final = 1e-6
"""Charge per atom that counts as none in a crystal of whole atoms."""
_LESS_COMMON: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        "Bi": (5,),
        "Co": (4,),
        "Cr": (2,),
        "Cu": (1,),
        "Mn": (3,),
        "Nb": (4,),
        "Ni": (3, 4),
        "P": (4,),
        "Ti": (3,),
        "V": (2, 3, 4),
    }
)
"""States that are tried where the common ones make nothing neutral (Greenwood and Earnshaw)."""


def require_oxidation_states(
    amounts: Mapping[str, float], given: Mapping[str, int], *, charge_per_atom: float = NEUTRAL_WITHIN
) -> dict[str, int]:
    """Finds the oxidation state of each element.

    Of several neutral assignments the one counts in which the most electronegative cation has its highest state, then
    the next one: thiophosphates of P(V), phosphates beside Fe(II).

    Args:
        amounts: Atoms by symbol, fractions allowed.
        given: States that are known, by symbol; they go before the common ones.
        charge_per_atom: Charge that may be left over, as where published occupancies are rounded.

    Raises:
        UnsupportedCrystalError: If no assignment is neutral, or none has its anions more electronegative than its
            cations.
    """
    common = {symbol: element(symbol).common_oxidation_states for symbol in amounts}
    more = {symbol: (*states, *_LESS_COMMON.get(symbol, ())) for symbol, states in common.items()}
    known = {symbol: (state,) for symbol, state in given.items()}
    found = _best_assignment(amounts, {**common, **known}, charge_per_atom) or _best_assignment(
        amounts, {**more, **known}, charge_per_atom
    )
    if found is None:
        formula = "".join(f"{symbol}{amount:g}" for symbol, amount in amounts.items())
        raise UnsupportedCrystalError(
            f"No oxidation states, one for each element, make {formula} neutral.",
            remedy="Name them in the setting 'oxidation_states', such as {\"Cr\": 2}, or leave the crystal out.",
        )
    return found


def _best_assignment(
    amounts: Mapping[str, float], choices: Mapping[str, tuple[int, ...]], charge_per_atom: float
) -> dict[str, int] | None:
    by_electronegativity = sorted(amounts, key=lambda symbol: -(element(symbol).electronegativity or 0.0))
    best: tuple[tuple[float, ...], dict[str, int]] | None = None
    for states in product(*(choices[symbol] for symbol in by_electronegativity)):
        assignment = dict(zip(by_electronegativity, states, strict=True))
        charge = sum(state * amounts[symbol] for symbol, state in assignment.items()) / sum(amounts.values())
        if abs(charge) > charge_per_atom or not _is_plausible(assignment):
            continue
        # Nearest to neutral first; then the highest states, the most electronegative element's before the others'.
        order = (round(abs(charge), 6), *(-float(state) for state in states))
        if best is None or order < best[0]:
            best = (order, assignment)
    return None if best is None else {symbol: best[1][symbol] for symbol in amounts}


def _is_plausible(states: Mapping[str, int]) -> bool:
    """Whether there are both signs, and no anion is less electronegative than a cation."""
    anions = [element(symbol).electronegativity or 0.0 for symbol, state in states.items() if state < 0]
    cations = [element(symbol).electronegativity or 0.0 for symbol, state in states.items() if state > 0]
    return bool(anions and cations) and min(anions) >= max(cations)
