"""What a look costs: declared before, measured after, both kept."""

import math
from dataclasses import dataclass

from domain.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of a look."""

    amount: float
    """In the campaign's own unit. What the budget is charged."""
    core_seconds: float | None = None
    """Processor time that was really used; None before the look or where nobody knows."""
    money: float | None = None
    """Money that was really paid, where the oracle has a bill."""

    def __post_init__(self) -> None:
        for name in ("amount", "core_seconds", "money"):
            number = getattr(self, name)
            if number is not None and not (math.isfinite(number) and number >= 0):
                raise InvalidValueError(
                    f"A cost with {name} {number} is impossible; a finite number of at least 0 was expected.",
                    remedy=f"Correct {name}.",
                )
