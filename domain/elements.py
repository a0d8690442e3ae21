"""The chemical elements, by atomic number or symbol."""

from dataclasses import dataclass
from functools import cache

from domain._element_table import ROWS
from domain.errors import InvalidValueError

HEAVIEST = len(ROWS)
"""The largest atomic number that Petalite knows (plutonium)."""


@dataclass(frozen=True, slots=True, order=True)
class Element:
    """A chemical element."""

    atomic_number: int
    """Number of protons, 1 to 94."""

    def __post_init__(self) -> None:
        if not 1 <= self.atomic_number <= HEAVIEST:
            raise InvalidValueError(
                f"{self.atomic_number} is not an atomic number.", remedy=f"Give a number from 1 to {HEAVIEST}."
            )

    @property
    def symbol(self) -> str:
        """One or two letters, such as Li."""
        return ROWS[self.atomic_number - 1][0]

    @property
    def mass_u(self) -> float:
        """Standard atomic mass in unified atomic mass units."""
        return ROWS[self.atomic_number - 1][1]

    @property
    def common_oxidation_states(self) -> tuple[int, ...]:
        """The textbook oxidation states, ascending, zero left out; empty for noble gases."""
        return tuple(state for state in ROWS[self.atomic_number - 1][3] if state != 0)

    @property
    def electronegativity(self) -> float | None:
        """On Pauling's scale; None for elements that have none."""
        return ROWS[self.atomic_number - 1][2]


@cache
def _by_symbol() -> dict[str, int]:
    return {row[0]: index + 1 for index, row in enumerate(ROWS)}


def element(symbol: str) -> Element:
    """Finds an element by its symbol.

    Raises:
        InvalidValueError: If no element up to plutonium has that symbol.
    """
    atomic_number = _by_symbol().get(symbol)
    if atomic_number is None:
        raise InvalidValueError(
            f"'{symbol}' is not the symbol of an element up to plutonium.",
            remedy="Write symbols as in the periodic table, such as Li or Cl.",
        )
    return Element(atomic_number)
