"""What happens in a campaign: page by page, or as it happens."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from domain.parsing import to_json
from services.api.dependencies import Name, Reader, TheService, TheStore, visible_campaign
from services.api.paging import After, Limit, Page, keyset, same
from services.api.service import Service
from services.store.records import CampaignRecord, EventRecord

router = APIRouter(tags=["events"])

POLL_S: Final = 0.5
KEEP_ALIVE_S: Final = 15.0
"""Quiet time after which a comment shows that the connection lives."""
LONGEST_STREAM_S: Final = 900.0
"""Then the caller connects again, which browsers do by themselves: whoever lost the right to listen is out by then."""
_AT_ONCE: Final = 200


@router.get("/campaigns/{name}/events", summary="List a campaign's events")
def list_events(
    name: Name, store: TheStore, principal: Reader, after: After = 0, limit: Limit = 100
) -> Page[EventRecord]:
    """What happened, in order."""
    campaign = visible_campaign(store, principal, name)
    return keyset(lambda n: store.events.list(campaign.id, after_id=after, limit=n), same, limit=limit)


@router.get(
    "/campaigns/{name}/events/stream",
    summary="Follow a campaign's events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `id` is the event's number, `event` its kind, `data` its JSON.",
            "content": {"text/event-stream": {}},
        }
    },
)
async def stream_events(
    name: Name,
    request: Request,
    service: TheService,
    store: TheStore,
    principal: Reader,
    after: After = 0,
    last_event_id: Annotated[
        str | None,
        Header(pattern="^[0-9]{1,9}$", description="Number of the last event that was received; comes before `after`."),
    ] = None,
) -> StreamingResponse:
    """Events from a number on, and then each one as it happens.

    A connection ends after a quarter of an hour, or when the service stops; connect again with `Last-Event-ID`.
    """
    campaign = await run_in_threadpool(visible_campaign, store, principal, name)
    after_id = after if last_event_id is None else int(last_event_id)
    frames = _frames(request, service, campaign, after_id)
    return StreamingResponse(frames, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _frames(request: Request, service: Service, campaign: CampaignRecord, after_id: int) -> AsyncIterator[str]:
    began = spoke = time.monotonic()
    yield ": listening\n\n"
    while True:
        # Looked at before the events, so that what happened until the stop is still told.
        is_over = service.stopping.is_set() or time.monotonic() - began > LONGEST_STREAM_S
        records = await run_in_threadpool(service.open_store.events.list, campaign.id, after_id, _AT_ONCE)
        for record in records:
            yield _frame(record)
            after_id, spoke = record.id, time.monotonic()
        if len(records) == _AT_ONCE:
            continue
        if is_over or await request.is_disconnected():
            return
        if time.monotonic() - spoke > KEEP_ALIVE_S:
            yield ": still listening\n\n"
            spoke = time.monotonic()
        await asyncio.sleep(POLL_S)


def _frame(record: EventRecord) -> str:
    return f"id: {record.id}\nevent: {record.event.kind.value}\ndata: {to_json(record.event)}\n\n"
