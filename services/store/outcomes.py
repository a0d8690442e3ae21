"""What came of a campaign in few columns: enough for figures, and quick however long a campaign runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, func, select

from domain.measurement import Censoring
from services.store.database import Database
from services.store.ledger import IS_BOOKED
from services.store.results import STANDING
from services.store.tables import beliefs, candidates, ledger, measurements, queries, rounds

MOST_VERIFIED: Final = 10_000
"""Looks of which it is told whether what was expected came true, the ones chosen last."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What the looks of a round at a fidelity have cost."""

    round_index: int
    fidelity: str
    amount: float
    """In the campaign's unit."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was expected of a crystal at a fidelity when a look was chosen, and what the look said."""

    mean: float
    """Expected, in the quantity's unit."""
    sd: float
    """And how sure it was."""
    value: float
    sigma: float | None
    formula: str
    space_group: int


@dataclass(frozen=True, slots=True)
class Explored:
    """Crystals of one space group and the same elements that have a value."""

    space_group: int
    elements: tuple[str, ...]
    n: int


class Outcomes:
    """Answers and payments of campaigns, without what figures do not need: indexes hold all of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spent(self, campaign_id: int) -> Sequence[Spent]:
        """What was booked, by round and fidelity."""
        # Amounts are the prices of a ladder's rungs: few differ.
        columns = (queries.c.round_index, queries.c.fidelity, ledger.c.amount)
        statement = (
            select(*columns, func.count().label("n"))
            .join(queries, queries.c.id == ledger.c.query_id)
            .where(*_booked(campaign_id))
            .group_by(*columns)
            .order_by(*columns)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return [Spent(index, name, n * amount) for index, name, amount, n in rows]

    def verified(self, campaign_id: int, fidelity: str) -> Sequence[Verified]:
        """Exact values at a fidelity of which something was expected before, in the order in which they were chosen.

        Of more than `MOST_VERIFIED` the ones chosen last.
        """
        looks = measurements.c
        newest = (
            select(looks.id, looks.query_id)
            .where(
                looks.campaign_id == campaign_id,
                looks.fidelity == fidelity,
                looks.censoring == Censoring.NONE.value,
                *STANDING,
            )
            .order_by(looks.query_id.desc())
            .limit(MOST_VERIFIED)
            .subquery()
        )
        columns = (queries.c.decision, looks.value, looks.sigma, candidates.c.formula, candidates.c.space_group)
        statement = (
            select(*columns)
            .select_from(newest)
            .join(measurements, looks.id == newest.c.id)
            .join(queries, queries.c.id == newest.c.query_id)
            .join(candidates, candidates.c.id == looks.candidate_id)
            .order_by(newest.c.query_id)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        expected = [(row.decision["predicted_mean"], row.decision["predicted_sd"]) for row in rows]
        return [
            Verified(mean, sd, row.value, row.sigma, row.formula, row.space_group)
            for row, (mean, sd) in zip(rows, expected, strict=True)
            if mean is not None and sd is not None
        ]

    def beliefs(self, campaign_id: int) -> Mapping[int, tuple[float, float]]:
        """What the last closed round expects of each candidate, by number: mean and standard deviation."""
        statement = select(beliefs.c.candidate_id, beliefs.c.mean, beliefs.c.sd).where(
            beliefs.c.campaign_id == campaign_id
        )
        with self._database.read() as connection:
            return {row.candidate_id: (row.mean, row.sd) for row in connection.execute(statement)}

    def believed_target(self, campaign_id: int) -> str | None:
        """The fidelity that the last closed round's expectations speak of; None before there is one."""
        target = rounds.c.closing_notes["target"].as_string()
        statement = select(target).where(rounds.c.campaign_id == campaign_id, target.is_not(None))
        with self._database.read() as connection:
            return connection.execute(statement.order_by(rounds.c.round_index.desc()).limit(1)).scalar_one_or_none()

    def explored(self, campaign_id: int) -> Sequence[Explored]:
        """Which space groups and elements the crystals have that have a value."""
        measured = select(measurements.c.candidate_id).where(measurements.c.campaign_id == campaign_id, *STANDING)
        columns = (candidates.c.space_group, candidates.c.elements)
        statement = (
            select(*columns, func.count().label("n"))
            .where(candidates.c.campaign_id == campaign_id, candidates.c.id.in_(measured))
            .group_by(*columns)
            .order_by(*columns)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return [Explored(row.space_group, tuple(row.elements.split()), row.n) for row in rows]


def _booked(campaign_id: int) -> tuple[ColumnElement[bool], ...]:
    return ledger.c.campaign_id == campaign_id, IS_BOOKED
