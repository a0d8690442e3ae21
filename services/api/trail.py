"""The outermost layer: a number for each request, a line in the log, safe headers, and an answer to everything."""

import re
import secrets
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import PetaliteError
from services.access.principal import Principal
from services.api.meters import Meters
from services.api.problems import problem_response, unexpected_response
from services.api.service import PRINCIPAL_KEY

REQUEST_ID: Final = "X-Request-ID"
_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SAFE_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
)
"""Sent where a route does not say otherwise."""
_STRICT_TRANSPORT: Final = "max-age=31536000"


class Trail:
    """Follows each request from its arrival to its answer."""

    def __init__(self, app: ASGIApp, *, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(scope)

        async def send_on(message: Message) -> None:
            request.note(message)
            await send(message)

        began = time.perf_counter()
        try:
            await self._app(scope, receive, send_on)
        except PetaliteError as error:
            await request.answer(problem_response(error), receive, send_on)
        except Exception:  # noqa: BLE001 - the boundary: a caller hears nothing of what we did not foresee, the log all
            structlog.get_logger("petalite.api").exception("request.failed", request_id=request.id)
            await request.answer(unexpected_response(request.id), receive, send_on)
        finally:
            took_s = time.perf_counter() - began
            request.log(took_s)
            self._meters.count(scope, request.status or 0, took_s)


class _Request:
    """What is known of a request so far."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        given = Headers(scope=scope).get(REQUEST_ID, "")
        self.id = given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
        self.status: int | None = None

    def note(self, message: Message) -> None:
        if message["type"] != "http.response.start":
            return
        self.status = message["status"]
        headers = MutableHeaders(scope=message)
        headers[REQUEST_ID] = self.id
        for name, value in _SAFE_HEADERS.items():
            headers.setdefault(name, value)
        if self._scope.get("scheme") == "https":
            headers.setdefault("Strict-Transport-Security", _STRICT_TRANSPORT)

    async def answer(self, response: ASGIApp, receive: Receive, send: Send) -> None:
        # Once the answer has begun, all that is left is to break off, which the server does by itself.
        if self.status is None:
            await response(self._scope, receive, send)

    def log(self, took_s: float) -> None:
        # The path alone: queries may hold what is nobody's business.
        principal = self._scope.get(PRINCIPAL_KEY)
        structlog.get_logger("petalite.api").info(
            "request",
            request_id=self.id,
            method=self._scope["method"],
            path=self._scope["path"],
            status=self.status,
            took_ms=round(took_s * 1000, 1),
            actor=principal.name if isinstance(principal, Principal) else None,
        )
