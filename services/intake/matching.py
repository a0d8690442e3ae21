"""Whether two cells are one crystal's: measured cells never agree with imagined ones to the last digit."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from domain.blueprint import Blueprint
from domain.errors import InvalidValueError
from domain.lattice import LatticeParameters
from services.store.unasked import CandidateCell, candidates_alike


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two cells of one crystal may be apart."""

    relative_length: float = 0.02
    """Of a, b and c."""
    angle_deg: float = 1.0
    """Of alpha, beta and gamma."""

    def __post_init__(self) -> None:
        if not (0 <= self.relative_length <= 0.2 and 0 <= self.angle_deg <= 10):
            raise InvalidValueError(
                f"A tolerance of {self.relative_length:g} of the lengths and {self.angle_deg:g}° is unusable.",
                remedy="Give at most 0.2 and 10°.",
            )

    def deviation(self, one: LatticeParameters, other: LatticeParameters) -> float | None:
        """Sum of the relative deviations of the lengths; None where the cells are not one crystal's."""
        lengths = [abs(a / b - 1) for a, b in zip(one.lengths, other.lengths, strict=True)]
        angles = [abs(a - b) for a, b in zip(one.angles, other.angles, strict=True)]
        is_one = max(lengths) <= self.relative_length and max(angles) <= self.angle_deg
        return sum(lengths) if is_one else None


USUAL_TOLERANCE: Final = Tolerance()


def match_candidate(
    connection: Connection, campaign_id: int, blueprint: Blueprint, tolerance: Tolerance
) -> CandidateCell | None:
    """The candidate that a crystal is: of the same group and composition, with the nearest cell within the tolerance.

    Args:
        connection: The transaction.
        campaign_id: Whose candidates.
        blueprint: The crystal.
        tolerance: How far the cells may be apart.
    """
    alike = candidates_alike(connection, campaign_id, blueprint)
    deviations = [(tolerance.deviation(cell.blueprint.lattice, blueprint.lattice), cell) for cell in alike]
    ranked = sorted(
        ((deviation, cell.id, cell) for deviation, cell in deviations if deviation is not None),
        key=lambda entry: entry[:2],
    )
    return ranked[0][2] if ranked else None
