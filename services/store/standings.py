"""How campaigns stand, for all that a list shows at once: sums and extremes that the database finds."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, select, tuple_

from domain.fidelity import AnsweredBy, Fidelity
from domain.measurement import Censoring
from domain.quantity import Goal
from domain.states import QueryState
from services.store.database import Database
from services.store.intake_tables import schedules
from services.store.records import CampaignRecord, LedgerKind
from services.store.results import STANDING
from services.store.tables import ledger, measurements, queries, rounds

_FOR_PEOPLE: Final = (QueryState.QUEUED.value, QueryState.CLAIMED.value)
"""States of a laboratory's query that it has still to answer."""
_FOR_MACHINES: Final = (QueryState.QUEUED.value,)
"""States of a query that any machine may claim."""


@dataclass(frozen=True, slots=True)
class BestSoFar:
    """The best value at the target fidelity once a round's looks were over."""

    round_index: int
    value: float
    """In the quantity's unit."""


@dataclass(frozen=True, slots=True)
class BestValue:
    """The best value at the target fidelity."""

    value: float
    """In the quantity's unit."""
    sigma: float | None
    """One standard deviation, in the same unit."""
    censoring: Censoring


@dataclass(frozen=True, slots=True)
class Standing:
    """How one campaign stands."""

    booked: float = 0.0
    """Spent, in the campaign's unit."""
    reserved: float = 0.0
    """Set aside for queries that are not over."""
    n_rounds: int = 0
    """Rounds that were opened."""
    looks: Mapping[str, int] = field(default_factory=dict)
    """How many queries are in each state."""
    n_for_laboratory: int = 0
    """Queries that a laboratory has still to answer."""
    n_for_machines: int = 0
    """Queries that wait for any machine to claim them."""
    best: BestValue | None = None
    """None while nothing was measured at the target."""
    progress: tuple[BestSoFar, ...] = ()
    """For each round that measured something at the target, in order."""
    next_at: datetime | None = None
    """When a schedule wakes it next; None without an active one."""

    @property
    def n_awaiting_approval(self) -> int:
        """Looks that somebody must approve first."""
        return self.looks.get(QueryState.AWAITING_APPROVAL.value, 0)


class Standings:
    """Reads how campaigns stand. What it reads does not grow with what they hold, but for what the indexes sum."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, campaigns: Sequence[CampaignRecord]) -> Mapping[int, Standing]:
        """How some campaigns stand, by number."""
        if not campaigns:
            return {}
        numbers = [campaign.id for campaign in campaigns]
        with self._database.read() as connection:
            sums = _sums(connection, numbers)
            n_rounds = _n_rounds(connection, numbers)
            looks = _looks(connection, numbers)
            laboratory = _n_queries(connection, _asked(campaigns, _is_for_laboratory), _FOR_PEOPLE)
            machines = _n_queries(connection, _asked(campaigns, _is_for_machines), _FOR_MACHINES)
            progress = _progress(connection, campaigns)
            best = _best(connection, campaigns, progress)
            next_at = _next_at(connection, numbers)
        return {
            number: Standing(
                booked=float(sums[number, LedgerKind.BOOK]),
                reserved=float(sums[number, LedgerKind.RESERVE] - sums[number, LedgerKind.RELEASE]),
                n_rounds=n_rounds.get(number, 0),
                looks=looks.get(number, {}),
                n_for_laboratory=laboratory.get(number, 0),
                n_for_machines=machines.get(number, 0),
                best=best.get(number),
                progress=progress.get(number, ()),
                next_at=next_at.get(number),
            )
            for number in numbers
        }


def _sums(connection: Connection, numbers: Sequence[int]) -> defaultdict[tuple[int, LedgerKind], Fraction]:
    """Exact sums. Amounts are the prices of a ladder's rungs: of hundreds of thousands of rows few differ."""
    columns = (ledger.c.campaign_id, ledger.c.kind, ledger.c.amount)
    statement = select(*columns, func.count().label("n")).where(ledger.c.campaign_id.in_(numbers)).group_by(*columns)
    sums: defaultdict[tuple[int, LedgerKind], Fraction] = defaultdict(Fraction)
    for row in connection.execute(statement):
        sums[row.campaign_id, LedgerKind(row.kind)] += row.n * Fraction(row.amount)
    return sums


def _n_rounds(connection: Connection, numbers: Sequence[int]) -> Mapping[int, int]:
    statement = (
        select(rounds.c.campaign_id, func.count().label("n"))
        .where(rounds.c.campaign_id.in_(numbers))
        .group_by(rounds.c.campaign_id)
    )
    return {row.campaign_id: row.n for row in connection.execute(statement)}


def _looks(connection: Connection, numbers: Sequence[int]) -> Mapping[int, Mapping[str, int]]:
    statement = (
        select(queries.c.campaign_id, queries.c.state, func.count().label("n"))
        .where(queries.c.campaign_id.in_(numbers))
        .group_by(queries.c.campaign_id, queries.c.state)
    )
    counts: dict[int, dict[str, int]] = {}
    for row in connection.execute(statement):
        counts.setdefault(row.campaign_id, {})[row.state] = row.n
    return counts


def _is_for_laboratory(fidelity: Fidelity) -> bool:
    return fidelity.is_laboratory


def _is_for_machines(fidelity: Fidelity) -> bool:
    return fidelity.answered_by is AnsweredBy.MACHINES and not fidelity.is_laboratory


def _asked(campaigns: Sequence[CampaignRecord], is_meant: Callable[[Fidelity], bool]) -> list[tuple[int, str]]:
    """The fidelities that are meant, each with its campaign's number."""
    return [
        (campaign.id, fidelity.name)
        for campaign in campaigns
        for fidelity in campaign.spec.ladder
        if is_meant(fidelity)
    ]


def _n_queries(connection: Connection, asked: Sequence[tuple[int, str]], states: Sequence[str]) -> Mapping[int, int]:
    """How many queries of each campaign at these fidelities are in some states."""
    if not asked:
        return {}
    statement = (
        select(queries.c.campaign_id, func.count().label("n"))
        .where(queries.c.state.in_(states), *_among(asked, queries.c.campaign_id, queries.c.fidelity))
        .group_by(queries.c.campaign_id)
    )
    return {row.campaign_id: row.n for row in connection.execute(statement)}


def _progress(connection: Connection, campaigns: Sequence[CampaignRecord]) -> Mapping[int, tuple[BestSoFar, ...]]:
    targets = [(campaign.id, campaign.spec.fidelities.target.name) for campaign in campaigns]
    statement = (
        select(
            measurements.c.campaign_id,
            queries.c.round_index,
            measurements.c.censoring,
            func.min(measurements.c.value).label("lowest"),
            func.max(measurements.c.value).label("highest"),
        )
        .join(queries, queries.c.id == measurements.c.query_id)
        .where(*_among(targets, measurements.c.campaign_id, measurements.c.fidelity), *STANDING)
        .group_by(measurements.c.campaign_id, queries.c.round_index, measurements.c.censoring)
        .order_by(measurements.c.campaign_id, queries.c.round_index)
    )
    objectives = {campaign.id: campaign.spec.objective for campaign in campaigns}
    found: dict[int, list[BestSoFar]] = {}
    for row in connection.execute(statement):
        objective = objectives[row.campaign_id]
        if not objective.can_be_best(Censoring(row.censoring)):
            continue
        value = row.highest if objective.goal is Goal.MAXIMIZE else row.lowest
        points = found.setdefault(row.campaign_id, [])
        if points and not objective.is_better(value, than=points[-1].value):
            value = points[-1].value
        if points and points[-1].round_index == row.round_index:
            points.pop()  # the same round's values of another censoring
        points.append(BestSoFar(row.round_index, value))
    return {number: tuple(points) for number, points in found.items()}


def _best(
    connection: Connection, campaigns: Sequence[CampaignRecord], progress: Mapping[int, Sequence[BestSoFar]]
) -> Mapping[int, BestValue]:
    """The measurements of the best values, which the index finds by value."""
    values = [
        (campaign.id, campaign.spec.fidelities.target.name, progress[campaign.id][-1].value)
        for campaign in campaigns
        if campaign.id in progress
    ]
    if not values:
        return {}
    statement = (
        select(
            measurements.c.campaign_id,
            measurements.c.value,
            measurements.c.sigma,
            measurements.c.censoring,
        )
        .where(*_among(values, measurements.c.campaign_id, measurements.c.fidelity, measurements.c.value), *STANDING)
        .order_by(measurements.c.id.desc())  # of equal ones, the first remains
    )
    objectives = {campaign.id: campaign.spec.objective for campaign in campaigns}
    return {
        row.campaign_id: BestValue(row.value, row.sigma, Censoring(row.censoring))
        for row in connection.execute(statement)
        if objectives[row.campaign_id].can_be_best(Censoring(row.censoring))
    }


def _among(rows: Sequence[tuple[object, ...]], *columns: ColumnElement[object]) -> tuple[ColumnElement[bool], ...]:
    """Conditions on columns that hold one of some rows' values: for each column too, or SQLite uses no index."""
    single = (column.in_({row[place] for row in rows}) for place, column in enumerate(columns))
    return (*single, tuple_(*columns).in_(rows))


def _next_at(connection: Connection, numbers: Sequence[int]) -> Mapping[int, datetime]:
    statement = (
        select(schedules.c.campaign_id, func.min(schedules.c.next_at).label("next_at"))
        .where(schedules.c.campaign_id.in_(numbers), schedules.c.is_active.is_(True))
        .group_by(schedules.c.campaign_id)
    )
    return {row.campaign_id: row.next_at for row in connection.execute(statement)}
