"""When campaigns are woken again and again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, Select, delete, insert, select, update

from domain.errors import ConflictError, NotFoundError
from domain.events import EventKind
from domain.states import CampaignState
from domain.timing import Timing, TimingKind
from services.store.campaigns import lock_campaign, read_campaign
from services.store.database import Database
from services.store.events import write_events
from services.store.intake_tables import schedules
from services.store.records import CampaignRecord
from services.store.tables import campaigns
from services.store.waking import wake_campaign


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """A timing by which a campaign is woken."""

    id: int
    campaign_id: int
    campaign: str
    """Name of the campaign."""
    timing: Timing
    is_active: bool
    created_by: str
    created_at: datetime
    next_at: datetime | None
    """When it fires next; None while it is paused."""
    last_at: datetime | None
    """When it fired last."""


class Schedules:
    """Schedules of campaigns. Of several workers that see one due, exactly one fires it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, campaign_id: int, timing: Timing, *, created_by: str) -> ScheduleRecord:
        """Adds a schedule; it fires at its timing's next instant.

        Raises:
            ConflictError: If the campaign is completed or archived.
        """
        now = self._database.now()
        row = {
            "campaign_id": campaign_id,
            "kind": timing.kind.value,
            "expression": timing.expression,
            "time_zone": timing.time_zone,
            "is_active": True,
            "created_by": created_by,
            "created_at": now,
            "next_at": timing.after(now),
        }
        with self._database.write() as connection:
            _require_open(lock_campaign(connection, campaign_id))
            schedule_id = connection.execute(insert(schedules).values(row).returning(schedules.c.id)).scalar_one()
            return self.get(schedule_id)

    def get(self, schedule_id: int) -> ScheduleRecord:
        """Finds a schedule by number.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            row = connection.execute(_selection().where(schedules.c.id == schedule_id)).mappings().one_or_none()
        if row is None:
            raise NotFoundError(
                f"There is no schedule number {schedule_id}.", remedy="List the schedules to see which there are."
            )
        return _record(row)

    def list(
        self, campaign_id: int | None = None, *, after_id: int = 0, limit: int = 1000
    ) -> tuple[ScheduleRecord, ...]:
        """Schedules by number: of one campaign, or of all.

        Args:
            campaign_id: Whose; None for all.
            after_id: Number of the last one that is known already.
            limit: Most to return.
        """
        statement = _selection().where(schedules.c.id > after_id).order_by(schedules.c.id).limit(limit)
        if campaign_id is not None:
            statement = statement.where(schedules.c.campaign_id == campaign_id)
        with self._database.read() as connection:
            return tuple(_record(row) for row in connection.execute(statement).mappings())

    def remove(self, schedule_id: int) -> None:
        """Removes a schedule.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.write() as connection:
            self.get(schedule_id)
            connection.execute(delete(schedules).where(schedules.c.id == schedule_id))

    def set_active(self, schedule_id: int, *, is_active: bool) -> ScheduleRecord:
        """Pauses a schedule or lets it go on; what it would have done meanwhile is not made up for.

        Raises:
            NotFoundError: If there is none.
            ConflictError: If it is to go on although its campaign is completed or archived.
        """
        with self._database.write() as connection:
            before = self.get(schedule_id)
            if is_active:
                _require_open(lock_campaign(connection, before.campaign_id))
            next_at = before.timing.after(self._database.now()) if is_active else None
            connection.execute(
                update(schedules).where(schedules.c.id == schedule_id).values(is_active=is_active, next_at=next_at)
            )
            return self.get(schedule_id)

    def due(self) -> tuple[ScheduleRecord, ...]:
        """Active schedules whose instant has come, the longest due first."""
        is_due = schedules.c.next_at <= self._database.now()
        statement = _selection().where(schedules.c.is_active.is_(True), is_due).order_by(schedules.c.next_at)
        with self._database.read() as connection:
            return tuple(_record(row) for row in connection.execute(statement).mappings())

    def fire(self, due: ScheduleRecord) -> bool:
        """Wakes a due schedule's campaign and sets its next instant; False if there was nothing to wake.

        However many instants have passed since, the campaign is woken once. Where it is over, the schedule ends, and an
        event says why. Somebody else may have done either.
        """
        now = self._database.now()
        with self._database.write() as connection:
            campaign = read_campaign(connection, due.campaign_id)
            is_over = _why_over(campaign) is not None
            values = {"is_active": False, "next_at": None} if is_over else {"next_at": due.timing.after(now)}
            is_mine = connection.execute(
                update(schedules)
                .where(schedules.c.id == due.id, schedules.c.is_active.is_(True), schedules.c.next_at == due.next_at)
                .values({**values, "last_at": due.last_at if is_over else now})
            ).rowcount
            if is_mine and is_over:
                message = f"schedule {due.id} ({due.timing.expression}) ended: {campaign.name} is {_why_over(campaign)}"
                event = (EventKind.SCHEDULE_ENDED, message, {"schedule": due.id})
                write_events(connection, due.campaign_id, [event], at=now)
            elif is_mine:
                wake_campaign(connection, due.campaign_id, at=now)
            return bool(is_mine) and not is_over


def _why_over(campaign: CampaignRecord) -> str | None:
    """Why a campaign is never woken again; None where it may be."""
    if campaign.archived_at is not None:
        return "archived"
    return campaign.state.value if campaign.state is CampaignState.COMPLETED else None


def _require_open(campaign: CampaignRecord) -> None:
    why_over = _why_over(campaign)
    if why_over is not None:
        raise ConflictError(
            f"Campaign '{campaign.name}' is {why_over}: no schedule wakes it.", remedy="Schedule one that goes on."
        )


def _selection() -> Select[tuple[object, ...]]:
    return select(*schedules.c, campaigns.c.name.label("campaign")).join(
        campaigns, campaigns.c.id == schedules.c.campaign_id
    )


def _record(row: RowMapping) -> ScheduleRecord:
    return ScheduleRecord(
        id=row["id"],
        campaign_id=row["campaign_id"],
        campaign=row["campaign"],
        timing=Timing(TimingKind(row["kind"]), row["expression"], row["time_zone"]),
        is_active=row["is_active"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        next_at=row["next_at"],
        last_at=row["last_at"],
    )
