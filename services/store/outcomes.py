"""What came of a campaign in few columns: enough for figures, and quick however long a campaign runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from domain.measurement import Censoring
from services.store.database import Database
from services.store.records import LedgerKind
from services.store.results import STANDING
from services.store.tables import candidates, ledger, measurements, queries


@dataclass(frozen=True, slots=True)
class Outcome:
    """A value that counts."""

    query_id: int
    candidate_id: int
    fidelity: str
    value: float
    sigma: float | None
    censoring: Censoring
    formula: str
    space_group: int


@dataclass(frozen=True, slots=True)
class Payment:
    """What was booked for a look."""

    query_id: int
    round_index: int
    fidelity: str
    amount: float
    """In the campaign's unit."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Expectation:
    """What was expected of a crystal at the target fidelity when a look at it was chosen."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Explored:
    """Crystals of one space group and the same elements that have a value."""

    space_group: int
    elements: tuple[str, ...]
    n: int


class Outcomes:
    """Answers and payments of campaigns, without what figures do not need."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def standing(self, campaign_id: int) -> tuple[Outcome, ...]:
        """The values that count, in the order of the queries that they answer."""
        looks = measurements.c
        statement = (
            select(
                looks.query_id,
                looks.candidate_id,
                looks.fidelity,
                looks.value,
                looks.sigma,
                looks.censoring,
                candidates.c.formula,
                candidates.c.space_group,
            )
            .join(candidates, candidates.c.id == looks.candidate_id)
            .where(looks.campaign_id == campaign_id, *STANDING)
            .order_by(looks.query_id)
        )
        bounds = {censoring.value: censoring for censoring in Censoring}
        with self._database.read() as connection:
            return tuple(
                Outcome(query, candidate, fidelity, value, sigma, bounds[bound], formula, group)
                for query, candidate, fidelity, value, sigma, bound, formula, group in connection.execute(statement)
            )

    def payments(self, campaign_id: int) -> tuple[Payment, ...]:
        """What was booked, in the order in which it was."""
        statement = (
            select(ledger.c.query_id, queries.c.round_index, queries.c.fidelity, ledger.c.amount, ledger.c.at)
            .join(queries, queries.c.id == ledger.c.query_id)
            .where(ledger.c.campaign_id == campaign_id, ledger.c.kind == LedgerKind.BOOK.value)
            .order_by(ledger.c.id)
        )
        with self._database.read() as connection:
            return tuple(Payment(*row) for row in connection.execute(statement))

    def expectations(self, campaign_id: int, fidelity: str) -> Mapping[int, Expectation]:
        """What was expected before looks at a fidelity, by query; without those of which nothing was."""
        statement = select(queries.c.id, queries.c.decision).where(
            queries.c.campaign_id == campaign_id, queries.c.fidelity == fidelity
        )
        found: dict[int, Expectation] = {}
        with self._database.read() as connection:
            for number, decision in connection.execute(statement):
                mean, sd = decision["predicted_mean"], decision["predicted_sd"]
                if mean is not None and sd is not None:
                    found[number] = Expectation(mean, sd)
        return found

    def explored(self, campaign_id: int) -> tuple[Explored, ...]:
        """Which space groups and elements the crystals have that have a value."""
        is_measured = (measurements.c.candidate_id == candidates.c.id) & (measurements.c.campaign_id == campaign_id)
        columns = (candidates.c.space_group, candidates.c.elements)
        statement = (
            select(*columns, func.count(candidates.c.id.distinct()).label("n"))
            .join(measurements, is_measured)
            .where(candidates.c.campaign_id == campaign_id, *STANDING)
            .group_by(*columns)
            .order_by(*columns)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return tuple(Explored(row.space_group, tuple(row.elements.split()), row.n) for row in rows)
