"""A short way for the one request that comes thousands of times: a machine's measurement.

The framework takes longer to find out what such a request says than the store takes to record it. What is in order and
ordinary is read at once and recorded together with what arrives at the same time. Everything else goes the long way, to
the route in `routers.machines`, which does the same and alone finds the words for what is wrong.
"""

import re
from typing import Final

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import PetaliteError
from domain.parsing import to_json
from services.access.roles import Permission
from services.api.arrivals import Arrivals
from services.api.dependencies import LARGEST_NUMBER
from services.api.hand_in import HandedIn
from services.api.routers.machines import hand_in_measurement
from services.api.service import Service, principal_of
from services.messages.claims import MeasurementRequest
from services.store.records import MeasurementRecord

_PATH: Final = re.compile(r"/api/v1/queries/([1-9][0-9]{0,9})/measurement")
_CREATED: Final = 201


class Express:
    """Stands behind the guard and takes what it can out of the framework's hands."""

    def __init__(self, app: ASGIApp, *, service: Service) -> None:
        self._app = app
        self._service = service
        self._requests = TypeAdapter(MeasurementRequest)
        self._arrivals: Arrivals[MeasurementRecord] = Arrivals()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection.

        Raises:
            PetaliteError: If the measurement is refused.
        """
        query_id = _query_of(scope)
        desk = self._service.desk
        if query_id is None or desk is None or Permission.QUERY_CLAIM not in principal_of(scope).permissions:
            await self._app(scope, receive, send)
            return
        message = await receive()
        seen = self._read(message)
        if seen is None:
            await self._app(scope, _first(message, receive), send)
            return
        # Under this name the answer is counted.
        scope["endpoint"] = hand_in_measurement
        record = await self._arrivals.wait(desk.submit(HandedIn(principal_of(scope), query_id, seen)))
        await Response(to_json(record), status_code=_CREATED, media_type="application/json")(scope, receive, send)

    def _read(self, message: Message) -> MeasurementRequest | None:
        """What the body says; None where that takes a closer look."""
        if message["type"] != "http.request" or message.get("more_body", False):
            return None
        try:
            return self._requests.validate_json(message.get("body", b""))
        except (ValidationError, PetaliteError):
            return None


def _query_of(scope: Scope) -> int | None:
    """Number of the query that is answered in the plainest way; None for any other request."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    asked = _PATH.fullmatch(scope["path"])
    if asked is None:
        return None
    headers = Headers(scope=scope)
    is_plain = headers.get("content-type") == "application/json" and "idempotency-key" not in headers
    number = int(asked[1])
    return number if is_plain and number <= LARGEST_NUMBER else None


def _first(message: Message, receive: Receive) -> Receive:
    """Hands a message that was read on to whoever reads next."""
    messages = [message]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again
