"""The outermost layer: a number for each request, a line in the log, safe headers, and an answer to everything."""

import asyncio
import itertools
import re
import secrets
import time
from typing import Final

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import PetaliteError
from services.access.principal import Principal
from services.api.meters import Meters
from services.api.problems import problem_response, unexpected_response
from services.api.service import PRINCIPAL_KEY
from services.logging import Fields, log_briefly

REQUEST_ID: Final = "X-Request-ID"
_REQUEST_ID_HEADER: Final = REQUEST_ID.lower().encode()
_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SAFE_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""Sent where a route does not say otherwise."""
_STRICT_TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000")


class Trail:
    """Follows each request from its arrival to its answer."""

    def __init__(self, app: ASGIApp, *, meters: Meters) -> None:
        self._app = app
        self._meters = meters
        self._log = _Log()
        self._process = secrets.token_hex(4)
        self._numbers = itertools.count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Randomness for each would have to be asked of the system, which takes longer than the rest.
        request = _Request(scope, f"{self._process}{next(self._numbers):08x}")

        async def send_on(message: Message) -> None:
            request.note(message)
            await send(message)

        began = time.perf_counter()
        try:
            await self._app(scope, receive, send_on)
        except PetaliteError as error:
            await request.answer(problem_response(error, path=scope["path"]), receive, send_on)
        except Exception:  # noqa: BLE001 - the boundary: a caller hears nothing of what we did not foresee, the log all
            structlog.get_logger("petalite.api").exception("request.failed", request_id=request.id)
            await request.answer(unexpected_response(request.id, path=scope["path"]), receive, send_on)
        finally:
            took_s = time.perf_counter() - began
            self._log.add(request.line(took_s))
            self._meters.count(scope, request.status or 0, took_s)


class _Request:
    """What is known of a request so far."""

    def __init__(self, scope: Scope, own_id: str) -> None:
        self._scope = scope
        given = Headers(scope=scope).get(REQUEST_ID, "")
        self.id = given if _GIVEN_ID.fullmatch(given) else own_id
        self.status: int | None = None

    def note(self, message: Message) -> None:
        if message["type"] != "http.response.start":
            return
        self.status = message["status"]
        given = list(message.get("headers", ()))
        names = {name.lower() for name, _ in given}
        wanted = (*_SAFE_HEADERS, _STRICT_TRANSPORT) if self._scope.get("scheme") == "https" else _SAFE_HEADERS
        given += [header for header in wanted if header[0] not in names]
        message["headers"] = [*given, (_REQUEST_ID_HEADER, self.id.encode())]

    async def answer(self, response: ASGIApp, receive: Receive, send: Send) -> None:
        # Once the answer has begun, all that is left is to break off, which the server does by itself.
        if self.status is None:
            await response(self._scope, receive, send)

    def line(self, took_s: float) -> Fields:
        # The path alone: queries may hold what is nobody's business.
        principal = self._scope.get(PRINCIPAL_KEY)
        return {
            "request_id": self.id,
            "method": self._scope["method"],
            "path": self._scope["path"],
            "status": self.status,
            "took_ms": round(took_s * 1000, 1),
            "actor": principal.name if isinstance(principal, Principal) else None,
        }


class _Log:
    """Writes the lines of all requests that are answered in one turn of the event loop together.

    Each writing lets another thread go first, for which a request that is under way would wait.
    """

    def __init__(self) -> None:
        self._lines: list[Fields] = []

    def add(self, line: Fields) -> None:
        self._lines.append(line)
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        log_briefly("petalite.api", "request", lines)
