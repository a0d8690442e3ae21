"""Campaigns, their states, and who drives them."""

import difflib
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, Text, cast, or_, select, update

from domain.campaign import CampaignSpec
from domain.digest import content_digest
from domain.errors import ConflictError, NotFoundError
from domain.events import EventKind
from domain.labels import require_labels
from domain.parsing import parse, to_json_object
from domain.states import HALTED_CAMPAIGNS, CampaignState, require_campaign_step
from services.store.database import Database, insert_if_absent
from services.store.events import write_events
from services.store.records import CampaignRecord, RunnerLease
from services.store.rows import campaign_record
from services.store.tables import campaigns
from services.store.waking import wake_campaign

T = TypeVar("T", bound=tuple[object, ...])

_COLUMNS: Final = tuple(cast(column, Text).label("spec") if column.name == "spec" else column for column in campaigns.c)
"""Specs as text, because most are known already and need not be read."""


class Campaigns:
    """Campaigns by name. A runner lease says which process drives one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, spec: CampaignSpec, *, group_id: int | None = None) -> CampaignRecord:
        """Keeps a campaign under its spec's name; the same spec again is the same campaign.

        Args:
            spec: The campaign.
            group_id: Whose a new one is; None keeps it to administrators.

        Raises:
            ConflictError: If the name belongs to another spec; says which fields differ.
            SpecError: If a new one has a name that cannot be shown.
        """
        # Written and read once, so that 1 and 1.0 or a tuple and a list make no difference to the digest.
        spec = parse(CampaignSpec, to_json_object(spec), what="The campaign spec")
        now = self._database.now()
        row = {
            "name": spec.name,
            "spec": to_json_object(spec),
            "spec_digest": content_digest(to_json_object(spec)),
            "state": CampaignState.READY.value,
            "created_at": now,
            "updated_at": now,
            "group_id": group_id,
        }
        with self._database.write() as connection:
            is_new = insert_if_absent(connection, campaigns, [row]) == 1
            record = campaign_record(_require(connection, campaigns.c.name == spec.name, f"'{spec.name}'"))
            if is_new:
                require_labels(spec)
                message = f"Campaign {spec.name} was created."
                write_events(connection, record.id, [(EventKind.CAMPAIGN_CREATED, message, {})], at=now)
        _require_same(record.spec, spec)
        return record

    def get(self, name: str) -> CampaignRecord:
        """Finds a campaign by name.

        Raises:
            NotFoundError: If there is none; says which names are close.
        """
        with self._database.read() as connection:
            row = _find(connection, (campaigns.c.name == name) & campaigns.c.deleted_at.is_(None))
            if row is not None:
                return campaign_record(row)
            names = connection.execute(_there(select(campaigns.c.name)).order_by(campaigns.c.name)).scalars().all()
        close = difflib.get_close_matches(name, names)
        remedy = f"Did you mean {' or '.join(close)}?" if close else "List the campaigns to see which there are."
        raise NotFoundError(f"There is no campaign '{name}'.", remedy=remedy)

    def by_id(self, campaign_id: int) -> CampaignRecord:
        """Finds a campaign by number.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            return read_campaign(connection, campaign_id)

    def list(self, groups: Collection[int] | None = None) -> tuple[CampaignRecord, ...]:
        """Campaigns of some groups, or all of them, in the order in which they were created."""
        with self._database.read() as connection:
            statement = _of_groups(_there(select(*_COLUMNS)), groups)
            rows = connection.execute(statement.order_by(campaigns.c.id)).mappings().all()
        return tuple(campaign_record(row) for row in rows)

    def names(self, numbers: Collection[int]) -> Mapping[int, str]:
        """Names of campaigns by their numbers."""
        statement = select(campaigns.c.id, campaigns.c.name).where(campaigns.c.id.in_(numbers))
        with self._database.read() as connection:
            return {row.id: row.name for row in connection.execute(statement)}

    def ids(self, groups: Collection[int] | None) -> frozenset[int]:
        """Numbers of the campaigns of some groups; of all campaigns where no groups are given."""
        with self._database.read() as connection:
            return frozenset(connection.execute(_of_groups(_there(select(campaigns.c.id)), groups)).scalars())

    def list_page(
        self,
        groups: Collection[int] | None,
        *,
        after_id: int = 0,
        limit: int = 100,
        states: Collection[CampaignState] | None = None,
        are_archived: bool | None = None,
    ) -> tuple[CampaignRecord, ...]:
        """Campaigns in the order in which they were created, page by page.

        Args:
            groups: Only those of these groups; None for all.
            after_id: Number of the last campaign that is known already.
            limit: Most campaigns to return.
            states: Only those in these states.
            are_archived: Only those that were put away, or only those that were not; None for both.
        """
        statement = _of_groups(_there(select(campaigns)), groups).where(campaigns.c.id > after_id)
        if are_archived is not None:
            statement = statement.where(campaigns.c.archived_at.is_not(None) == are_archived)
        if states is not None:
            statement = statement.where(campaigns.c.state.in_([state.value for state in states]))
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(campaigns.c.id).limit(limit)).mappings().all()
        return tuple(campaign_record(row) for row in rows)

    def list_newest(
        self,
        groups: Collection[int] | None,
        *,
        before_id: int | None = None,
        limit: int = 100,
        states: Collection[CampaignState] | None = None,
        are_archived: bool = False,
        text: str = "",
    ) -> tuple[CampaignRecord, ...]:
        """Campaigns, the newest first, page by page.

        Args:
            groups: Only those of these groups; None for all.
            before_id: Number of the last campaign that is known already; None on the first page.
            limit: Most campaigns to return.
            states: Only those in these states.
            are_archived: Only those that were put away; otherwise only the others.
            text: Only those whose name or description holds it, in capitals or not.
        """
        statement = _of_groups(_there(select(campaigns)), groups)
        statement = statement.where(campaigns.c.archived_at.is_not(None) == are_archived)
        if before_id is not None:
            statement = statement.where(campaigns.c.id < before_id)
        if states is not None:
            statement = statement.where(campaigns.c.state.in_([state.value for state in states]))
        if text:
            description = campaigns.c.spec["description"].as_string()
            names_it = campaigns.c.name.icontains(text, autoescape=True)
            statement = statement.where(names_it | description.icontains(text, autoescape=True))
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(campaigns.c.id.desc()).limit(limit)).mappings().all()
        return tuple(campaign_record(row) for row in rows)

    def set_priority(self, campaign_id: int, priority: int) -> CampaignRecord:
        """Says how urgent a campaign is; the higher one goes first.

        Raises:
            NotFoundError: If there is no such campaign.
        """
        with self._database.write() as connection:
            connection.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(priority=priority))
            return read_campaign(connection, campaign_id)

    def wake(self, campaign_id: int, at: datetime | None = None) -> None:
        """Asks for a campaign to be advanced, at once or at some time; an earlier wish stands.

        A campaign that is paused or stopped sleeps on; the wish waits until it is resumed.
        """
        with self._database.write() as connection:
            wake_campaign(connection, campaign_id, at=at or self._database.now())

    def take_wake(self, campaign_id: int, seen_at: datetime) -> bool:
        """Takes a wish to be advanced off the list; False if somebody else did, or a new wish replaced it."""
        seen = (campaigns.c.id == campaign_id) & (campaigns.c.wake_at == seen_at)
        with self._database.write() as connection:
            return connection.execute(update(campaigns).where(seen).values(wake_at=None)).rowcount == 1

    def waking(self, now: datetime) -> tuple[CampaignRecord, ...]:
        """Campaigns that are to be advanced now, the most urgent first, then the one that has waited longest.

        A complete one is among them where something was corrected: its last summary is brought up to date.
        """
        asleep = [state.value for state in HALTED_CAMPAIGNS]
        statement = (
            select(campaigns)
            .where(campaigns.c.wake_at <= now, campaigns.c.state.not_in(asleep))
            .order_by(campaigns.c.priority.desc(), campaigns.c.wake_at, campaigns.c.id)
        )
        with self._database.read() as connection:
            return tuple(campaign_record(row) for row in connection.execute(statement).mappings())

    def abandoned(self, now: datetime) -> tuple[CampaignRecord, ...]:
        """Campaigns that are running although nobody drives them any more and nobody wants to later, urgent ones first.

        Their process was killed, or the machine with it.
        """
        is_driverless = or_(campaigns.c.runner.is_(None), campaigns.c.runner_until <= now)
        statement = (
            select(campaigns)
            .where(campaigns.c.state == CampaignState.RUNNING.value, campaigns.c.wake_at.is_(None), is_driverless)
            .order_by(campaigns.c.priority.desc(), campaigns.c.id)
        )
        with self._database.read() as connection:
            return tuple(campaign_record(row) for row in connection.execute(statement).mappings())

    def resume(self, campaign_id: int, *, reason: str = "") -> CampaignRecord:
        """Lets a campaign that was paused or stopped go on, and wakes it. One that is neither stays as it is.

        Raises:
            NotFoundError: If there is no such campaign.
        """
        with self._database.write() as connection:
            campaign = lock_campaign(connection, campaign_id)
            if campaign.state in HALTED_CAMPAIGNS:
                self._move(connection, campaign, CampaignState.RUNNING, reason=reason)
                wake_campaign(connection, campaign_id, at=self._database.now())
            return read_campaign(connection, campaign_id)

    def set_state(self, campaign_id: int, state: CampaignState, *, reason: str = "") -> CampaignRecord:
        """Moves a campaign on. To the state that it has already: nothing happens.

        Raises:
            NotFoundError: If there is no such campaign.
            IllegalTransitionError: If the state machine has no such step.
        """
        with self._database.write() as connection:
            self._move(connection, lock_campaign(connection, campaign_id), state, reason=reason)
            return read_campaign(connection, campaign_id)

    def set_state_from(self, campaign_id: int, before: Collection[CampaignState], state: CampaignState) -> bool:
        """Moves a campaign on only if it is in one of some states; False if somebody has moved it elsewhere meanwhile.

        Raises:
            NotFoundError: If there is no such campaign.
            IllegalTransitionError: If the state machine has no such step.
        """
        with self._database.write() as connection:
            campaign = lock_campaign(connection, campaign_id)
            if campaign.state not in before:
                return False
            self._move(connection, campaign, state, reason="")
            return True

    def acquire_runner(self, campaign_id: int, holder: str, lease_s: float) -> bool:
        """Makes a process the one that drives a campaign, unless another one's lease is still good.

        Args:
            campaign_id: The campaign.
            holder: Names the process on its machine.
            lease_s: Seconds until the lease lapses.
        """
        now = self._database.now()
        is_free = or_(campaigns.c.runner.is_(None), campaigns.c.runner == holder, campaigns.c.runner_until <= now)
        return self._set_runner(campaign_id, is_free, RunnerLease(holder, now + timedelta(seconds=lease_s)))

    def renew_runner(self, campaign_id: int, holder: str, lease_s: float) -> bool:
        """Extends a lease; False if somebody else has taken over."""
        until = self._database.now() + timedelta(seconds=lease_s)
        return self._set_runner(campaign_id, campaigns.c.runner == holder, RunnerLease(holder, until))

    def release_runner(self, campaign_id: int, holder: str) -> bool:
        """Ends the lease of a process, which gives it back or is known to be dead; False if it is another's by now."""
        return self._set_runner(campaign_id, campaigns.c.runner == holder, None)

    def runner(self, campaign_id: int) -> RunnerLease | None:
        """Who drives a campaign; None if nobody does or the lease has lapsed."""
        columns = select(campaigns.c.runner, campaigns.c.runner_until)
        with self._database.read() as connection:
            row = connection.execute(columns.where(campaigns.c.id == campaign_id)).one_or_none()
        if row is None or row.runner is None or row.runner_until <= self._database.now():
            return None
        return RunnerLease(row.runner, row.runner_until)

    def _move(self, connection: Connection, before: CampaignRecord, state: CampaignState, *, reason: str) -> None:
        move_campaign(connection, before, state, reason=reason, at=self._database.now())

    def _set_runner(self, campaign_id: int, condition: ColumnElement[bool], lease: RunnerLease | None) -> bool:
        values = {"runner": lease.holder if lease else None, "runner_until": lease.until if lease else None}
        statement = update(campaigns).where(campaigns.c.id == campaign_id, condition).values(values)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1


def move_campaign(
    connection: Connection, before: CampaignRecord, state: CampaignState, *, reason: str, at: datetime
) -> None:
    """Moves a locked campaign on, inside a transaction. To the state that it has already: nothing happens.

    Raises:
        ConflictError: If it is archived.
        IllegalTransitionError: If the state machine has no such step.
    """
    if before.state is state:
        return
    if before.archived_at is not None:
        raise ConflictError(f"Campaign '{before.name}' is archived.", remedy="Bring it back first.")
    require_campaign_step(before.state, state)
    connection.execute(update(campaigns).where(campaigns.c.id == before.id).values(state=state.value, updated_at=at))
    message = f"{before.name} is {state.value}" + (f": {reason}" if reason else "")
    payload = {"before": before.state.value, "after": state.value, "reason": reason}
    write_events(connection, before.id, [(EventKind.CAMPAIGN_STATE, message, payload)], at=at)


def read_campaign(connection: Connection, campaign_id: int) -> CampaignRecord:
    """Reads a campaign inside a transaction.

    Raises:
        NotFoundError: If there is none.
    """
    return campaign_record(_require(connection, campaigns.c.id == campaign_id, f"number {campaign_id}"))


def require_startable(campaign: CampaignRecord) -> None:
    """Refuses to start what is started in another way, or is over.

    Raises:
        ConflictError: If it is paused, stopped, completed or archived.
    """
    if campaign.archived_at is not None or campaign.state in {*HALTED_CAMPAIGNS, CampaignState.COMPLETED}:
        is_archived = campaign.archived_at is not None
        raise ConflictError(
            f"Campaign {campaign.name} is {'archived' if is_archived else campaign.state.value}.",
            remedy="A paused or stopped campaign is resumed; a completed one is over; an archived one is brought back.",
        )


def lock_campaign(connection: Connection, campaign_id: int) -> CampaignRecord:
    """Reads a campaign and keeps others from changing it until the transaction ends.

    Raises:
        NotFoundError: If there is none.
    """
    statement = select(campaigns.c.id).where(campaigns.c.id == campaign_id).with_for_update(key_share=True)
    connection.execute(statement)
    return read_campaign(connection, campaign_id)


def _there(statement: Select[T]) -> Select[T]:
    """All but those that were deleted before they began."""
    return statement.where(campaigns.c.deleted_at.is_(None))


def _of_groups(statement: Select[T], groups: Collection[int] | None) -> Select[T]:
    return statement if groups is None else statement.where(campaigns.c.group_id.in_(groups))


def _find(connection: Connection, condition: ColumnElement[bool]) -> RowMapping | None:
    return connection.execute(select(campaigns).where(condition)).mappings().one_or_none()


def _require(connection: Connection, condition: ColumnElement[bool], what: str) -> RowMapping:
    row = _find(connection, condition)
    if row is None:
        raise NotFoundError(f"There is no campaign {what}.", remedy="List the campaigns to see which there are.")
    return row


def _require_same(stored: CampaignSpec, given: CampaignSpec) -> None:
    # Field by field and not by digest, so that a field that a newer version adds is compared by its default.
    before, after = to_json_object(stored), to_json_object(given)
    differing = sorted(name for name in after if before[name] != after[name])
    if differing:
        raise ConflictError(
            f"Campaign '{given.name}' exists already with another {', '.join(differing)}.",
            remedy="Give the new campaign a name of its own, or restore the spec to continue the old one.",
        )
