"""A campaign's crystals as a table: sorted and narrowed down by the database, read page by page."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias, cast

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, func, or_, select

from domain.blueprint import ORDERED
from domain.disorder import Arrangement
from domain.errors import InvalidValueError
from domain.measurement import Censoring
from domain.quantity import Scale
from domain.states import QueryState
from domain.training import CandidateBelief
from domain.uncertainty import believed_interval
from services.store.database import Database
from services.store.ledger import IS_BOOKED
from services.store.results import STANDING
from services.store.rows import stored
from services.store.tables import beliefs, candidates, ledger, measurements, queries, realizations

Key: TypeAlias = str | float

_LONGEST_PLACE: Final = 400


class CrystalOrder(StrEnum):
    """By what crystals are sorted."""

    PROMISE = "promise"
    """What can be promised of them: the worse end of the interval that holds the expected value with 68 %."""
    EXPECTED = "expected"
    """The value that is expected at the target fidelity."""
    VALUE = "value"
    """The value that was measured at a fidelity."""
    PAID = "paid"
    """What was spent on them."""
    FORMULA = "formula"
    SPACE_GROUP = "space_group"
    DENSITY = "density"
    ROUND = "round"
    """When they were chosen."""


@dataclass(frozen=True, slots=True)
class CrystalFilter:
    """Which crystals are wanted; what is not said does not matter."""

    candidates: frozenset[int] = frozenset()
    """Numbers of those among which they are."""
    formula: str | None = None
    """Reduced formula as Petalite writes it."""
    elements: frozenset[str] = frozenset()
    """All of which it must contain."""
    space_group: int | None = None
    round_index: int | None = None
    reached: str | None = None
    """A fidelity at which it must have been measured."""
    state: QueryState | None = None
    """One that a look at it must be in."""


@dataclass(frozen=True, slots=True)
class CrystalSort:
    """In which order crystals come."""

    by: CrystalOrder
    sign: int
    """+1 where larger values are better, -1 where smaller ones are."""
    fidelity: str
    """At which they were measured; matters for `VALUE` alone."""
    scale: Scale
    """On which errors of what is expected are alike."""
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class CrystalLook:
    """What was asked of a crystal, and the answer that counts."""

    query_id: int
    fidelity: str
    state: QueryState
    value: float | None
    """None where there is no answer."""
    sigma: float | None
    censoring: Censoring


@dataclass(frozen=True, slots=True)
class CrystalRow:
    """One crystal with everything that a table shows of it."""

    candidate_id: int
    round_index: int
    formula: str
    space_group: int
    density_g_cm3: float
    digest: str
    expected: float | None
    """At the target fidelity, in the quantity's unit; None before the first round closed."""
    expected_sd: float | None
    """Half the width of the interval that holds it with 68 %."""
    expected_low: float | None
    """Lower end of that interval, on the scale on which errors of the quantity are alike."""
    expected_high: float | None
    paid: float
    """Booked for all its looks, in the campaign's unit."""
    disorder: str | None
    """What stands beside its numbers where its sites are ordered choices for a disordered crystal; else None."""
    looks: tuple[CrystalLook, ...]

    def look_at(self, fidelity: str) -> CrystalLook | None:
        """What was asked at a fidelity; None where nothing was."""
        return next((look for look in self.looks if look.fidelity == fidelity), None)


@dataclass(frozen=True, slots=True)
class CrystalPage:
    """Some crystals, and where the next page begins."""

    items: tuple[CrystalRow, ...]
    next: str | None
    """Give it as `after` for the next page; null on the last one."""


class Crystals:
    """Crystals of campaigns, sorted. A page is read on from the last crystal of the one before."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, campaign_id: int, sort: CrystalSort, *, wanted: CrystalFilter, after: str | None = None, limit: int = 50
    ) -> CrystalPage:
        """A page of a campaign's crystals.

        What has no value to sort by is left out: crystals of which nothing is expected yet where they are sorted by
        what is expected, and those that were not measured at a fidelity where they are sorted by its values.

        Args:
            campaign_id: Whose crystals.
            sort: In which order.
            wanted: Which ones.
            after: `next` of the page before.
            limit: Most crystals on the page.

        Raises:
            InvalidValueError: If `after` is no place in a list of this order.
        """
        conditions = _conditions(wanted)
        statement, number, key = _keyed(campaign_id, sort, is_narrowed=bool(conditions))
        statement = statement.where(*conditions)
        if after is not None:
            last_key, last_id = _read_place(after, is_text=sort.by is CrystalOrder.FORMULA)
            is_later = key < last_key if sort.is_descending else key > last_key
            statement = statement.where(or_(is_later, and_(key == last_key, number > last_id)))
        order = key.desc() if sort.is_descending else key.asc()
        # One more than the page holds, so that a full last page is known to be the last.
        with self._database.read() as connection:
            found = connection.execute(statement.order_by(order, number).limit(limit + 1)).all()
            shown = found[:limit]
            rows = _rows(connection, campaign_id, [row.id for row in shown], sort.scale)
        place = _write_place(shown[-1].key, shown[-1].id) if len(found) > limit else None
        return CrystalPage(tuple(rows[row.id] for row in shown), place)

    def count(self, campaign_id: int) -> int:
        """How many crystals a campaign has chosen."""
        statement = select(func.count()).where(candidates.c.campaign_id == campaign_id)
        with self._database.read() as connection:
            return connection.execute(statement).scalar_one()

    def belief(self, candidate_id: int) -> CandidateBelief | None:
        """What is expected of a crystal at the target fidelity; None before a round that knows it has closed."""
        with self._database.read() as connection:
            row = connection.execute(select(beliefs).where(beliefs.c.candidate_id == candidate_id)).one_or_none()
        return None if row is None else CandidateBelief(candidate_id, row.mean, row.sd)

    def are_believed(self, campaign_id: int) -> bool:
        """Whether anything is expected of a campaign's crystals yet."""
        with self._database.read() as connection:
            return (
                connection.execute(select(beliefs.c.id).where(beliefs.c.campaign_id == campaign_id)).first() is not None
            )


def _keyed(
    campaign_id: int, sort: CrystalSort, *, is_narrowed: bool
) -> tuple[Select[tuple[int, Key]], ColumnElement[int], ColumnElement[Key]]:
    """A campaign's candidates with what they are sorted by: the statement, their numbers and their keys.

    Where nothing but what they are sorted by is asked of them, candidates themselves are not read.
    """
    key = _key(campaign_id, sort)
    of: Table = candidates
    if sort.by in {CrystalOrder.PROMISE, CrystalOrder.EXPECTED}:
        of = beliefs
    elif sort.by is CrystalOrder.VALUE:
        of = measurements
    number = candidates.c.id if of is candidates else of.c.candidate_id
    statement = select(number.label("id"), key.label("key")).where(of.c.campaign_id == campaign_id)
    if of is measurements:
        statement = statement.where(measurements.c.fidelity == sort.fidelity, *STANDING)
    if of is not candidates and is_narrowed:
        statement = statement.join(candidates, candidates.c.id == number)
        statement = statement.where(candidates.c.campaign_id == campaign_id)
    return statement, number, key


def _key(campaign_id: int, sort: CrystalSort) -> ColumnElement[Key]:
    keys: Mapping[CrystalOrder, ColumnElement[str] | ColumnElement[float] | ColumnElement[int]] = {
        CrystalOrder.PROMISE: _promise(sort),
        CrystalOrder.EXPECTED: beliefs.c.mean,
        CrystalOrder.VALUE: measurements.c.value,
        CrystalOrder.PAID: _paid(campaign_id),
        CrystalOrder.FORMULA: candidates.c.formula,
        CrystalOrder.SPACE_GROUP: candidates.c.space_group,
        CrystalOrder.DENSITY: candidates.c.density_g_cm3,
        CrystalOrder.ROUND: candidates.c.round_index,
    }
    return cast(ColumnElement[Key], keys[sort.by])


def _paid(campaign_id: int) -> ColumnElement[float]:
    """What was booked for a candidate's looks."""
    booked = select(func.coalesce(func.sum(ledger.c.amount), 0.0)).where(
        ledger.c.campaign_id == campaign_id,
        ledger.c.candidate_id == candidates.c.id,
        IS_BOOKED,
    )
    return booked.correlate(candidates).scalar_subquery()


def _conditions(wanted: CrystalFilter) -> Sequence[ColumnElement[bool]]:
    found = [candidates.c.elements.contains(f" {symbol} ", autoescape=True) for symbol in sorted(wanted.elements)]
    exact: Mapping[ColumnElement[str] | ColumnElement[int], str | int | None] = {
        candidates.c.formula: wanted.formula,
        candidates.c.space_group: wanted.space_group,
        candidates.c.round_index: wanted.round_index,
    }
    found += [column == value for column, value in exact.items() if value is not None]
    if wanted.candidates:
        found.append(candidates.c.id.in_(sorted(wanted.candidates)))
    of_candidate = (queries.c.campaign_id == candidates.c.campaign_id) & (queries.c.candidate_id == candidates.c.id)
    if wanted.state is not None:
        is_in_state = of_candidate & (queries.c.state == wanted.state.value)
        found.append(select(queries.c.id).where(is_in_state).correlate(candidates).exists())
    if wanted.reached is not None:
        is_at_fidelity = of_candidate & (queries.c.fidelity == wanted.reached)
        answered = select(queries.c.id).join(measurements, measurements.c.query_id == queries.c.id)
        found.append(answered.where(is_at_fidelity, *STANDING).correlate(candidates).exists())
    return found


def _promise(sort: CrystalSort) -> ColumnElement[float]:
    """Ascending like every other order, so that the best promise comes first."""
    mean, sd = beliefs.c.mean, beliefs.c.sd
    if sort.scale is Scale.IDENTITY:
        return sd - sort.sign * mean
    # The ends of `domain.uncertainty.believed_interval`, for the database.
    high = func.sqrt(mean * mean + sd * sd) + sd
    return high if sort.sign < 0 else -mean * (mean / high)


def _rows(connection: Connection, campaign_id: int, numbers: Sequence[int], scale: Scale) -> Mapping[int, CrystalRow]:
    looks = _looks(connection, campaign_id, numbers)
    disorder = _disorder(connection, numbers)
    statement = (
        select(candidates, beliefs.c.mean, beliefs.c.sd, _paid(campaign_id).label("paid"))
        .select_from(candidates.outerjoin(beliefs, beliefs.c.candidate_id == candidates.c.id))
        .where(candidates.c.id.in_(numbers))
    )
    return {
        row.id: _row(row, tuple(looks[row.id]), scale, disorder.get(row.id)) for row in connection.execute(statement)
    }


def _row(
    row: Row[tuple[object, ...]], looks: tuple[CrystalLook, ...], scale: Scale, disorder: str | None
) -> CrystalRow:
    interval = None if row.mean is None else believed_interval(row.mean, row.sd, scale)
    return CrystalRow(
        candidate_id=row.id,
        round_index=row.round_index,
        formula=row.formula,
        space_group=row.space_group,
        density_g_cm3=row.density_g_cm3,
        digest=row.digest,
        expected=row.mean,
        expected_sd=row.sd,
        expected_low=None if interval is None else interval.low,
        expected_high=None if interval is None else interval.high,
        paid=row.paid,
        disorder=disorder,
        looks=looks,
    )


def _disorder(connection: Connection, numbers: Sequence[int]) -> Mapping[int, str]:
    """What is told of those whose sites are ordered choices for a disordered crystal."""
    columns = (realizations.c.candidate_id, realizations.c.arrangement)
    is_ordered = or_(realizations.c.arrangement.is_not(None), realizations.c.method.startswith(ORDERED))
    statement = select(*columns).where(realizations.c.candidate_id.in_(numbers), is_ordered)
    found: dict[int, str] = {}
    for row in connection.execute(statement.order_by(realizations.c.id.desc())):
        kept = None if row.arrangement is None else stored(Arrangement, row.arrangement)
        found[row.candidate_id] = "ordered from a disordered structure" if kept is None else kept.words
    return found


def _looks(connection: Connection, campaign_id: int, numbers: Sequence[int]) -> Mapping[int, list[CrystalLook]]:
    answers = and_(measurements.c.query_id == queries.c.id, *STANDING)
    columns = (queries.c.id, queries.c.candidate_id, queries.c.fidelity, queries.c.state)
    statement = (
        select(*columns, measurements.c.value, measurements.c.sigma, measurements.c.censoring)
        .select_from(queries.outerjoin(measurements, answers))
        .where(queries.c.campaign_id == campaign_id, queries.c.candidate_id.in_(numbers))
        .order_by(queries.c.id)
    )
    found: defaultdict[int, list[CrystalLook]] = defaultdict(list)
    for row in connection.execute(statement):
        censoring = Censoring.NONE if row.censoring is None else Censoring(row.censoring)
        look = CrystalLook(row.id, row.fidelity, QueryState(row.state), row.value, row.sigma, censoring)
        found[row.candidate_id].append(look)
    return found


def _write_place(key: Key, number: int) -> str:
    return json.dumps([key, number], separators=(",", ":"))


def _read_place(place: str, *, is_text: bool) -> tuple[Key, int]:
    try:
        if len(place) > _LONGEST_PLACE:
            raise ValueError
        key, number = json.loads(place)
        if not isinstance(number, int) or isinstance(key, str) is not is_text:
            raise TypeError
        return (key if is_text else float(key)), number
    except (ValueError, TypeError) as error:
        raise InvalidValueError(
            f"'{place[:60]}' is no place in a list of this order.", remedy="Begin with the first page."
        ) from error
