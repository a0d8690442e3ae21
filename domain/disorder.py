"""One ordered crystal in place of a disordered one: how much it counts, and what is told of a number from it."""

from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidValueError
from domain.json_value import JsonObject

DISORDER: Final = "disorder"
"""Under this name a result's details say that its number belongs to ordered choices for a disordered crystal."""
TOLD: Final = "told"
"""The sentence among them."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A choice of whole atoms for the shared and partly vacant sites of a crystal."""

    weight: float
    """Share among those that were kept; they add up to 1."""
    n_kept: int
    """How many were."""
    n_all: str
    """How many there are, as people read it: `100`, or `10^24`."""
    weighed_by: str
    """Where the weight comes from, such as `Boltzmann's factor at 1000 K`."""

    def __post_init__(self) -> None:
        if not (0 < self.weight <= 1 and self.n_kept >= 1):
            raise InvalidValueError(
                f"A weight of {self.weight} among {self.n_kept} arrangements is none.",
                remedy="Give a share above 0 and at most 1, among at least 1.",
            )

    @property
    def words(self) -> str:
        """What stands beside a number that belongs to it and its siblings."""
        return f"ordered from a disordered structure ({self.n_kept} of {self.n_all} arrangements)"


def disorder_told(details: JsonObject) -> str | None:
    """What a result's details say of disorder, in a sentence; None where they say nothing."""
    said = details.get(DISORDER)
    told = said.get(TOLD) if isinstance(said, dict) else None
    return told if isinstance(told, str) else None
