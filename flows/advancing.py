"""The flow that a worker runs for a campaign that wants to be advanced, in a process of its own."""

import os
from datetime import timedelta
from typing import Final

from prefect import flow

from domain.errors import PetaliteError
from domain.events import Event, EventKind
from flows.advance import advance
from flows.names import ADVANCING
from services.settings import load_settings
from services.store import open_store

RETRY_AFTER_S: Final = 300.0
"""When a campaign that could not be advanced is tried again."""


@flow(name=ADVANCING, flow_run_name="{campaign}")
def advance_campaign(campaign: str) -> str:
    """Brings a campaign as far as it can go now.

    Where that is refused, everybody who watches the campaign is told why, and it is tried again later: a machine may
    lack an oracle that another one has, and a full disk may be emptied.

    Args:
        campaign: Its name.

    Returns:
        Where the campaign was left (`flows.advance.Outcome`).
    """
    try:
        return advance(campaign, by_worker=True).value
    except Exception as error:
        _try_again_later(campaign, str(error) if isinstance(error, PetaliteError) else repr(error))
        raise


def _try_again_later(campaign: str, reason: str) -> None:
    with open_store(load_settings(os.environ).store_url) as store, store.writing():
        record = store.campaigns.get(campaign)
        if record.wake_at is not None:
            store.campaigns.take_wake(record.id, record.wake_at)
        store.campaigns.wake(record.id, store.now() + timedelta(seconds=RETRY_AFTER_S))
        message = f"{campaign} could not be advanced: {reason}"
        store.events.append(Event(EventKind.ADVANCE_FAILED, campaign, message))
