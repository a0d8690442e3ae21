"""How values got better the more looks were paid for, and what two fidelities said of the same crystals.

The database finds both: of hundreds of thousands of looks few made a value better, and few crystals were seen twice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, Subquery, and_, case, func, or_, select

from domain.measurement import Censoring
from domain.quantity import Goal, Objective
from services.store.database import Database
from services.store.ledger import IS_BOOKED
from services.store.results import STANDING
from services.store.tables import ledger, measurements


class Improvement(NamedTuple):
    """A look that was better than every one that was paid for before it."""

    payment: int
    """Number of the ledger's row."""
    value: float
    """In the quantity's unit."""


class Paid(NamedTuple):
    """How far a campaign had come with a payment."""

    spent: float
    """Booked until then, in the campaign's unit."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Improvements:
    """How the best value at a fidelity got better."""

    steps: tuple[Improvement, ...] = ()
    """In the order in which they were paid for."""
    last_payment: int | None = None
    """For a look at the fidelity that has a value, whether or not it made anything better; None without a step."""


class Curves:
    """Reads what changes over the course of a campaign, and nothing of what stays as it was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def improvements(self, campaign_id: int, fidelity: str, objective: Objective) -> Improvements:
        """How the best value at a fidelity got better, of the values that count now."""
        with self._database.read() as connection:
            rows = connection.execute(_records(campaign_id, fidelity, objective)).all()
        steps: list[Improvement] = []
        candidates = [(payment, objective.sign * value, value) for payment, value, may_be_best in rows if may_be_best]
        for payment, _, value in sorted(candidates, key=lambda one: (one[0], -one[1])):
            if not steps or objective.is_better(value, than=steps[-1].value):
                steps.append(Improvement(payment, value))
        return Improvements(tuple(steps), max(row.payment for row in rows) if steps else None)

    def paid(self, campaign_id: int, payments: Collection[int]) -> Mapping[int, Paid]:
        """What had been booked with some of a campaign's payments, and when they were made, by their numbers."""
        spent = func.sum(ledger.c.amount).over(order_by=ledger.c.id, rows=(None, 0))
        booked = select(ledger.c.id, spent.label("spent")).where(ledger.c.campaign_id == campaign_id, IS_BOOKED)
        sums = booked.subquery()
        statement = (
            select(sums.c.id, sums.c.spent, ledger.c.at)
            .join(ledger, ledger.c.id == sums.c.id)
            .where(sums.c.id.in_(sorted(payments)))
        )
        with self._database.read() as connection:
            return {row.id: Paid(row.spent, row.at) for row in connection.execute(statement)}

    def seen_by_both(self, campaign_id: int, lower: str, upper: str) -> tuple[tuple[float, float], ...]:
        """The values of the crystals of which two fidelities know more than bounds, by candidate.

        Returns:
            The lower and the upper fidelity's value of each, in the quantity's unit.
        """
        first, second = _exact(campaign_id, lower), _exact(campaign_id, upper)
        statement = (
            select(first.c.value, second.c.value)
            .join(second, second.c.candidate_id == first.c.candidate_id)
            .order_by(first.c.candidate_id)
        )
        with self._database.read() as connection:
            return tuple((below, above) for below, above in connection.execute(statement))


def _records(campaign_id: int, fidelity: str, objective: Objective) -> Select[int, float, bool]:
    """The payments of looks that no better one was paid for before, of some late ones besides: the last among them.

    The looks are read from the best value on, as an index holds them, so that nothing is sorted: a look is better than
    all before it where it was paid for before all that are better.
    """
    looks = measurements.c
    may_be_best = looks.censoring.in_([each.value for each in Censoring if objective.can_be_best(each)])
    best_first = looks.value.desc() if objective.goal is Goal.MAXIMIZE else looks.value
    earliest = func.min(case((may_be_best, ledger.c.id))).over(order_by=best_first, rows=(None, 0))
    latest = func.max(ledger.c.id).over(order_by=best_first, rows=(None, 0))
    seen = (
        select(
            ledger.c.id.label("payment"),
            looks.value,
            may_be_best.label("may_be_best"),
            earliest.label("earliest"),
            latest.label("latest"),
        )
        .select_from(measurements)
        .join(ledger, and_(ledger.c.query_id == looks.query_id, IS_BOOKED))
        .where(looks.campaign_id == campaign_id, looks.fidelity == fidelity, *STANDING)
        .subquery()
    )
    is_record = or_(seen.c.payment == seen.c.earliest, seen.c.payment == seen.c.latest)
    return select(seen.c.payment, seen.c.value, seen.c.may_be_best).where(is_record)


def _exact(campaign_id: int, fidelity: str) -> Subquery:
    looks = measurements.c
    is_exact = looks.censoring == Censoring.NONE.value
    of_fidelity = (looks.campaign_id == campaign_id, looks.fidelity == fidelity)
    return select(looks.candidate_id, looks.value).where(*of_fidelity, is_exact, *STANDING).subquery()
