"""Progress of a running campaign, told from the store's events as they are written."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from domain.events import Event, EventKind
from services.reports.spending import burn_down
from services.store import Store, open_store

POLL_S = 0.5
_STYLES = {
    EventKind.ROUND_OPENED: "bold",
    EventKind.ROUND_CLOSED: "bold",
    EventKind.CAMPAIGN_HALTED: "bold red",
    EventKind.QUERY_FAILED: "red",
    EventKind.QUERY_REQUEUED: "yellow",
    EventKind.ORACLE_UNAVAILABLE: "yellow",
    EventKind.TRAINING: "dim",
    EventKind.QUERY_CLAIMED: "dim",
}


@contextmanager
def shown_progress(store_url: str, campaign: str, console: Console) -> Iterator[None]:
    """Prints every event of a campaign from now on, one line each, until the context ends.

    The events come from the store, so that a second terminal can watch the same campaign.
    """
    over = threading.Event()
    with open_store(store_url) as store:
        campaign_id = store.campaigns.get(campaign).id
        after_id = store.events.last_id(campaign_id)
        thread = threading.Thread(
            target=_tail, args=(store, campaign_id, after_id, over, console), name="progress", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _tail(store: Store, campaign_id: int, after_id: int, over: threading.Event, console: Console) -> None:
    is_last_look = False
    while not is_last_look:
        is_last_look = over.wait(POLL_S)
        for record in store.events.list(campaign_id, after_id=after_id):
            after_id = record.id
            console.print(_line(record.event, store, campaign_id), soft_wrap=True)


def _line(event: Event, store: Store, campaign_id: int) -> Text:
    line = Text(f"{event.at.astimezone():%H:%M:%S}  ")
    line.append(event.message, style=_STYLES.get(event.kind, ""))
    if event.kind in {EventKind.ROUND_OPENED, EventKind.ROUND_CLOSED}:
        line.append(f"  {burn_down(store.ledger.balance(campaign_id))}")
    return line
