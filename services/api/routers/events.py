"""What happens in a campaign: page by page, or as it happens."""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from domain.errors import PetaliteError, StoreError
from domain.parsing import to_json
from services.access.authenticate import authenticate
from services.access.roles import Permission
from services.api.dependencies import LARGEST_NUMBER, Name, Reader, TheService, TheStore, visible_campaign
from services.api.guard import session_of
from services.api.paging import After, Limit, Page, keyset, same
from services.api.service import Service
from services.api.streams import Stream
from services.store.records import EventRecord

router = APIRouter(tags=["events"])

KEEP_ALIVE_S: Final = 15.0
"""Quiet time after which a comment shows that the connection lives."""
RECOGNISE_S: Final = 5.0
"""How often it is looked whether the caller may still listen: a token may be revoked, a group left."""
LONGEST_STREAM_S: Final = 900.0
"""Then the caller connects again, which browsers do by themselves."""
RETRY_MS: Final = 3000
"""How long browsers wait before they connect again."""
_AT_ONCE: Final = 200


@router.get("/campaigns/{name}/events", summary="List a campaign's events")
def list_events(
    name: Name, store: TheStore, principal: Reader, after: After = 0, limit: Limit = 100
) -> Page[EventRecord]:
    """What happened, in order."""
    campaign = visible_campaign(store, principal, name)
    return keyset(lambda n: store.events.list(campaign.id, after_id=after, limit=n), same, limit=limit)


class _EventStream(StreamingResponse):
    """Server-sent events of a stream that is closed when the answer ends, however it ends."""

    def __init__(self, content: AsyncIterator[str], *, close: Callable[[], None]) -> None:
        super().__init__(content, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._close()


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
    principal: Reader,
    after: After = 0,
    last_event_id: Annotated[
        str | None,
        Header(
            pattern="^[0-9]{1,10}$", description="Number of the last event that was received; comes before `after`."
        ),
    ] = None,
) -> StreamingResponse:
    """Events from a number on, and then each one as it happens.

    A connection ends after a quarter of an hour, when the service stops, or as soon as the caller may no longer
    listen; connect again with `Last-Event-ID`. One user may hold a dozen streams open.
    """
    campaign = await run_in_threadpool(visible_campaign, service.open_store, principal, name)
    after_id = after if last_event_id is None else min(int(last_event_id), LARGEST_NUMBER)
    stream = service.streams.enter(principal.user_id, campaign.id, after_id=after_id)
    listener = _Listener(service, request, stream, campaign.name)
    return _EventStream(listener.frames(), close=lambda: service.streams.leave(stream))


@dataclass(frozen=True, slots=True)
class _Listener:
    """Whoever follows a campaign."""

    service: Service
    request: Request
    stream: Stream
    campaign: str

    async def frames(self) -> AsyncIterator[str]:
        """What is sent: everything so far, then each event as it happens."""
        began = recognised = time.monotonic()
        yield f"retry: {RETRY_MS}\n: listening\n\n"
        spoke = began
        while True:
            # Looked at before the events, so that what happened until the stop is still told.
            is_over = self.service.stopping.is_set() or time.monotonic() - began > LONGEST_STREAM_S
            if time.monotonic() - recognised > RECOGNISE_S:
                if not await run_in_threadpool(self._may_listen):
                    return
                recognised = time.monotonic()
            records = await run_in_threadpool(self._read)
            for record in records:
                yield _frame(record)
                self.stream.after_id, spoke = record.id, time.monotonic()
            if len(records) == _AT_ONCE:
                continue
            if is_over or await self.request.is_disconnected():
                return
            if time.monotonic() - spoke > KEEP_ALIVE_S:
                yield ": still listening\n\n"
                spoke = time.monotonic()
            await self.service.streams.wait(self.stream, longest_s=RECOGNISE_S)

    def _read(self) -> tuple[EventRecord, ...]:
        try:
            return self.service.open_store.events.list(self.stream.campaign_id, self.stream.after_id, _AT_ONCE)
        except StoreError:
            return ()  # the store is away: the stream goes on where it was as soon as it is back

    def _may_listen(self) -> bool:
        try:
            store = self.service.open_store
            _, _, token = self.request.headers.get("authorization", "").partition(" ")
            principal = authenticate(store, token.strip() or session_of(self.request) or "")
            principal.require(Permission.READ)
            visible_campaign(store, principal, self.campaign)
        except StoreError:
            return True
        except PetaliteError:
            return False
        return True


def _frame(record: EventRecord) -> str:
    return f"id: {record.id}\nevent: {record.event.kind.value}\ndata: {to_json(record.event)}\n\n"
