"""Whatever the service refuses is said on a page where people look, in their own words."""

import json
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.json_value import JsonObject
from services.api.problems import MEDIA_TYPE
from services.dashboard.problem_words import for_people
from services.dashboard.rendering import Templates
from services.dashboard.view import HEADERS, View

SIGN_IN: Final = "/login"
_FOR_MACHINES: Final = ("/api/", "/optimade/")
_UNKNOWN_HERE: Final = 401


class ProblemPages:
    """Stands outside everything else and turns problems into pages wherever the address is a page's."""

    def __init__(self, app: ASGIApp, *, templates: Templates) -> None:
        self._app = app
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection."""
        if scope["type"] != "http" or scope["path"].startswith(_FOR_MACHINES):
            await self._app(scope, receive, send)
            return
        held = _Held(send)
        await self._app(scope, receive, held)
        if held.start is None:
            return
        response = self._page(Request(scope), held.start["status"], json.loads(held.body))
        kept = Headers(raw=held.start["headers"])
        headers = MutableHeaders(raw=list(response.raw_headers))
        for name, value in kept.items():
            headers.setdefault(name, value)
        response.raw_headers = headers.raw
        await response(scope, receive, send)

    def _page(self, request: Request, status: int, problem: JsonObject) -> Response:
        view = View(request, self._templates)
        if status == _UNKNOWN_HERE and request.url.path != SIGN_IN:
            return _sign_in_first(view)
        template = "parts/problem.html" if view.is_partial else "pages/problem.html"
        return view.page(template, status=status, problem=for_people(problem))


class _Held:
    """Lets answers pass, but keeps a problem back."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = Headers(raw=message.get("headers", [])).get("content-type", "")
            if kind.startswith(MEDIA_TYPE):
                self.start = message
                return
        if self.start is None:
            await self._send(message)
        else:
            self.body += message.get("body", b"")


def _sign_in_first(view: View) -> Response:
    """To the page to sign in at, and back here afterwards."""
    request = view.request
    here = quote(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
    if view.is_partial:
        open_page = urlsplit(request.headers.get("hx-current-url", "/")).path
        return Response(status_code=401, headers={**HEADERS, "HX-Redirect": _sign_in(open_page)})
    return RedirectResponse(_sign_in(here if request.method == "GET" else "/"), status_code=303, headers=HEADERS)


def _sign_in(next_path: str) -> str:
    return f"{SIGN_IN}?next={quote(next_path, safe='')}"
