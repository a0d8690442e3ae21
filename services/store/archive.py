"""Campaigns that are put away, or that never began and are deleted."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, Table, delete, select, update

from domain.errors import ConflictError
from domain.events import EventKind
from domain.states import CampaignState
from services.store.campaigns import lock_campaign, read_campaign
from services.store.database import Database
from services.store.events import write_events
from services.store.intake_tables import artifacts, material_measurements, schedules, uploads
from services.store.records import CampaignRecord
from services.store.tables import campaigns, rounds

_OVER: Final = frozenset({CampaignState.STOPPED, CampaignState.COMPLETED})
_KEPT_FOR_EVER: Final[Sequence[tuple[Table, str]]] = (
    (rounds, "has asked"),
    (material_measurements, "was told about known materials"),
    (uploads, "was handed files"),
    (artifacts, "was handed files"),
)
"""What a campaign may have that nobody deletes, and what it did to have it."""


class Archive:
    """Takes campaigns out of sight. Nothing that was asked, answered or spent is ever removed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_away(self, campaign_id: int, *, by: str) -> CampaignRecord:
        """Hides a campaign that is over from lists; its schedules rest. Put away already: nothing happens.

        Raises:
            NotFoundError: If there is no such campaign.
            ConflictError: If it is not over.
        """
        now = self._database.now()
        with self._database.write() as connection:
            campaign = lock_campaign(connection, campaign_id)
            if campaign.archived_at is not None:
                return campaign
            if campaign.state not in _OVER:
                raise ConflictError(
                    f"Campaign '{campaign.name}' is {campaign.state.value}, not over.",
                    remedy="Stop it first, or delete it if it never began.",
                )
            resting = {"is_active": False, "next_at": None}
            connection.execute(update(schedules).where(schedules.c.campaign_id == campaign_id).values(resting))
            connection.execute(
                update(campaigns).where(campaigns.c.id == campaign_id).values(archived_at=now, wake_at=None)
            )
            message = f"{campaign.name} was archived by {by}"
            write_events(connection, campaign_id, [(EventKind.CAMPAIGN_ARCHIVED, message, {})], at=now)
            return read_campaign(connection, campaign_id)

    def bring_back(self, campaign_id: int, *, by: str) -> CampaignRecord:
        """Shows a campaign in lists again. Not put away: nothing happens.

        Raises:
            NotFoundError: If there is no such campaign.
        """
        with self._database.write() as connection:
            campaign = lock_campaign(connection, campaign_id)
            if campaign.archived_at is not None:
                connection.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(archived_at=None))
                message = f"{campaign.name} was brought back by {by}"
                at = self._database.now()
                write_events(connection, campaign_id, [(EventKind.CAMPAIGN_BROUGHT_BACK, message, {})], at=at)
            return read_campaign(connection, campaign_id)

    def delete(self, campaign_id: int) -> CampaignRecord:
        """Deletes a campaign that never began; its name is free again. Returns what it was.

        Its row stays without a name, so that numbers are never given out twice.

        Raises:
            NotFoundError: If there is no such campaign.
            ConflictError: If it began, or somebody has it in hand.
        """
        now = self._database.now()
        with self._database.write() as connection:
            campaign = lock_campaign(connection, campaign_id)
            _require_unused(connection, campaign)
            if campaign.is_driven(now):
                raise ConflictError(
                    f"A worker has campaign '{campaign.name}' in hand.", remedy="Stop it, and delete it in a minute."
                )
            connection.execute(delete(schedules).where(schedules.c.campaign_id == campaign_id))
            # A name that no campaign can have, and a state in which no round opens.
            gone = {"name": f"~{campaign_id}", "state": CampaignState.STOPPED.value, "deleted_at": now, "wake_at": None}
            connection.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(gone))
            return campaign


def _require_unused(connection: Connection, campaign: CampaignRecord) -> None:
    for table, what in _KEPT_FOR_EVER:
        found = connection.execute(select(table.c.id).where(table.c.campaign_id == campaign.id).limit(1)).first()
        if found is not None:
            raise ConflictError(
                f"Campaign '{campaign.name}' {what}, and what was recorded is kept.",
                remedy="Archive it instead: it is then out of sight.",
            )
