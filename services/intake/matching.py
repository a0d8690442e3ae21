"""Whether two cells are one crystal's: measured cells never agree with imagined ones to the last digit."""

from typing import Final

from sqlalchemy import Connection

from domain.blueprint import Blueprint
from domain.lattice import LatticeParameters
from services.store import Store
from services.store.unasked import CandidateCell, candidates_alike, is_asked

_LENGTHS_DIFFER: Final = 0.02
"""Share by which a, b and c of one crystal may differ between two cells."""
_ANGLES_DIFFER_DEG: Final = 1.0
"""By how much alpha, beta and gamma may."""


def cell_deviation(one: LatticeParameters, other: LatticeParameters) -> float | None:
    """Sum of the relative deviations of the lengths; None where the cells are not one crystal's."""
    lengths = [abs(a / b - 1) for a, b in zip(one.lengths, other.lengths, strict=True)]
    angles = [abs(a - b) for a, b in zip(one.angles, other.angles, strict=True)]
    is_one = max(lengths) <= _LENGTHS_DIFFER and max(angles) <= _ANGLES_DIFFER_DEG
    return sum(lengths) if is_one else None


def match_candidate(connection: Connection, campaign_id: int, blueprint: Blueprint) -> CandidateCell | None:
    """The candidate that a crystal is: of the same group and composition, with the nearest cell that is near enough."""
    alike = candidates_alike(connection, campaign_id, blueprint)
    deviations = [(cell_deviation(cell.blueprint.lattice, blueprint.lattice), cell) for cell in alike]
    ranked = sorted(
        ((deviation, cell.id, cell) for deviation, cell in deviations if deviation is not None),
        key=lambda entry: entry[:2],
    )
    return ranked[0][2] if ranked else None


def is_asked_about(store: Store, campaign_id: int, blueprint: Blueprint, fidelity: str) -> bool:
    """Whether a crystal is a candidate that a campaign asks about at a fidelity itself, or did."""
    with store.reading() as connection:
        candidate = match_candidate(connection, campaign_id, blueprint)
        return candidate is not None and is_asked(connection, candidate.id, fidelity)
