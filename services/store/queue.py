"""Whose turn it is: which queries a machine may answer, and how many looks an oracle bears at the same time."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import ColumnElement, Connection, Table, and_, false, func, or_, select

from domain.campaign import CampaignSpec
from domain.fidelity import Capability, Fidelity, Ladder
from domain.states import HALTED_CAMPAIGNS, QueryState
from services.store.locks import lock_name
from services.store.rows import stored
from services.store.tables import campaigns, queries


class Ladders:
    """The ladder of every campaign, read once each: specs never change.

    Threads may share it: two that read the same spec at once keep the same ladder.
    """

    def __init__(self) -> None:
        self._known: dict[int, Ladder] = {}

    def of(self, connection: Connection, campaign_id: int) -> Ladder:
        """A campaign's ladder."""
        self._read(connection, [campaign_id])
        return self._known[campaign_id]

    def all(self, connection: Connection) -> Mapping[int, Ladder]:
        """Every campaign's ladder by the campaign's number."""
        self._read(connection, connection.execute(select(campaigns.c.id)).scalars().all())
        return MappingProxyType(dict(self._known))

    def _read(self, connection: Connection, campaign_ids: Sequence[int]) -> None:
        unknown = [number for number in campaign_ids if number not in self._known]
        if not unknown:
            return
        for row in connection.execute(select(campaigns.c.id, campaigns.c.spec).where(campaigns.c.id.in_(unknown))):
            self._known[row.id] = stored(CampaignSpec, row.spec).fidelities


def campaign_is_open() -> ColumnElement[bool]:
    """Whether a campaign is neither paused nor stopped."""
    return campaigns.c.state.not_in([state.value for state in HALTED_CAMPAIGNS])


def is_of_open_campaign() -> ColumnElement[bool]:
    """Whether a query's campaign is neither paused nor stopped."""
    return select(campaigns.c.id).where(campaigns.c.id == queries.c.campaign_id, campaign_is_open()).exists()


def of_fidelities(table: Table, asked: Iterable[tuple[int, str]]) -> ColumnElement[bool]:
    """Whether a row is of one of some (campaign, fidelity).

    Campaigns call their fidelities alike: a term for each name stays shallow however many campaigns there are, where
    SQLite takes a thousand terms at most.
    """
    of_name: dict[str, list[int]] = {}
    for campaign_id, fidelity in asked:
        of_name.setdefault(fidelity, []).append(campaign_id)
    each = (and_(table.c.fidelity == name, table.c.campaign_id.in_(ids)) for name, ids in of_name.items())
    # The campaigns alone once more: that is what an index can find.
    return and_(table.c.campaign_id.in_({number for ids in of_name.values() for number in ids}), or_(false(), *each))


def answerable(
    ladders: Mapping[int, Ladder], oracles: Collection[Capability], campaign_ids: Collection[int] | None
) -> Mapping[tuple[int, str], Fidelity]:
    """The fidelities that a machine with these oracles may answer, by (campaign, name)."""
    return {
        (campaign_id, fidelity.name): fidelity
        for campaign_id, ladder in ladders.items()
        if campaign_ids is None or campaign_id in campaign_ids
        for fidelity in ladder.fidelities
        if any(oracle.answers(fidelity) for oracle in oracles)
    }


def find_own(connection: Connection, worker: str, condition: ColumnElement[bool]) -> int | None:
    """The oldest query that a worker holds, of those that meet a condition."""
    statement = (
        select(queries.c.id)
        .where(queries.c.state == QueryState.CLAIMED.value, queries.c.worker == worker, condition)
        .order_by(queries.c.id)
        .limit(1)
    )
    return connection.execute(statement).scalar_one_or_none()


def find_waiting(connection: Connection, condition: ColumnElement[bool]) -> int | None:
    """The oldest queued query of the most urgent campaign, of those that meet a condition and nobody is claiming."""
    statement = (
        select(queries.c.id)
        .join(campaigns, campaigns.c.id == queries.c.campaign_id)
        .where(queries.c.state == QueryState.QUEUED.value, campaign_is_open(), condition)
        .order_by(campaigns.c.priority.desc(), queries.c.id)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True, of=queries)
    )
    return connection.execute(statement).scalar_one_or_none()


def busy_oracles(
    connection: Connection, ladders: Ladders, fidelities: Collection[Fidelity]
) -> frozenset[tuple[str, int]]:
    """Which limits are reached, as (oracle, limit); keeps others from claiming at limited oracles until the commit."""
    limits = {(fidelity.oracle, fidelity.max_concurrent) for fidelity in fidelities}
    limited = {(oracle, limit) for oracle, limit in limits if limit is not None}
    reached: set[tuple[str, int]] = set()
    for oracle, limit in sorted(limited):
        lock_name(connection, f"claims of {oracle}")
        if _n_claimed(connection, ladders, oracle) >= limit:
            reached.add((oracle, limit))
    return frozenset(reached)


def _n_claimed(connection: Connection, ladders: Ladders, oracle: str) -> int:
    pairs = (
        (campaign_id, fidelity.name)
        for campaign_id, ladder in ladders.all(connection).items()
        for fidelity in ladder.fidelities
        if fidelity.oracle == oracle
    )
    statement = select(func.count()).where(queries.c.state == QueryState.CLAIMED.value, of_fidelities(queries, pairs))
    return connection.execute(statement).scalar_one()
