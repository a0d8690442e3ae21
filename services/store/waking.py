"""Wishes that campaigns be advanced, inside a transaction; an earlier wish stands."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, or_, update

from domain.states import CampaignState
from services.store.prepared import Prepared
from services.store.tables import campaigns

# Built once, because every result that arrives wakes its campaign.
_WISH: Final = (
    update(campaigns)
    .where(
        campaigns.c.id == bindparam("sleeper"),
        or_(campaigns.c.wake_at.is_(None), campaigns.c.wake_at > bindparam("at")),
    )
    .values(wake_at=bindparam("wish"))
)
_WAKE: Final = Prepared(_WISH)
_WAKE_BEGUN: Final = Prepared(_WISH.where(campaigns.c.state != CampaignState.READY.value))


def wake_campaign(connection: Connection, campaign_id: int, *, at: datetime) -> None:
    """Asks for a campaign to be advanced, inside a transaction; an earlier wish stands."""
    _WAKE.execute(connection, {"sleeper": campaign_id, "at": at, "wish": at})


def bring_news(connection: Connection, campaign_id: int, *, at: datetime) -> None:
    """Wakes a campaign because something has come for it, inside a transaction; an earlier wish stands.

    One that nobody has started sleeps on and learns from it in its first round: results spend no money by themselves.
    """
    _WAKE_BEGUN.execute(connection, {"sleeper": campaign_id, "at": at, "wish": at})
