"""Bodies are bounded, and JSON holds nothing that only some of its readers can read."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.json_value import JsonValue
from services.api.errors import MalformedRequestError, RequestTooLargeError

MIB: Final = 2**20
LARGEST_BODY: Final = MIB
LARGEST_UPLOAD: Final = 64 * MIB + MIB
"""64 MiB of content, and the form around it."""
_UPLOADS: Final = re.compile(
    r"/api/v1/(?:campaigns/[^/]+/)?(?:uploads|artifacts|materials)(?:/.*)?"
    r"|/api/v1/queries/[0-9]+/files|/campaigns/[^/]+/uploads|/laboratory/queries/[0-9]+/result"
)
"""Routes that take files, those of pages among them."""
_DEEPEST_NESTING: Final = 60
_LARGEST_INTEGER: Final = 2**63 - 1
_SUSPICIOUS: Final = re.compile(rb"NaN|Infinity|\\u0000|\\u[dD][89a-fA-F]|[eE]\+?[0-9]{3}|[0-9]{19}")
"""What JSON with something unreadable must contain. Few others do, so that most bodies are parsed just once."""


class Bodies:
    """Stands before the routes and refuses bodies that are too large or that are not what they claim to be."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection.

        Raises:
            RequestTooLargeError: If the body is larger than its route takes.
            MalformedRequestError: If a body that claims to be JSON is none that every reader can read.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _require_plain_address(scope)
        headers = Headers(scope=scope)
        is_json = "json" in headers.get("content-type", "").lower()
        limit = LARGEST_UPLOAD if _UPLOADS.fullmatch(scope["path"]) and not is_json else LARGEST_BODY
        if _declared_length(headers) > limit:
            raise _too_large(limit)
        bounded = _bounded(receive, limit)
        await self._app(scope, await _checked(bounded) if is_json else bounded, send)


def require_readable(body: bytes) -> None:
    """Refuses JSON that not every reader can read: NaN, infinities, NUL, half characters, bottomless nesting.

    Raises:
        MalformedRequestError: If it is such JSON. What is no JSON at all is left to whoever parses it.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise MalformedRequestError("The body is not UTF-8.", remedy="Send JSON as UTF-8.") from error
    is_shallow = body.count(b"[") + body.count(b"{") <= _DEEPEST_NESTING
    if is_shallow and not _SUSPICIOUS.search(body):
        return
    try:
        value = json.loads(body)
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise MalformedRequestError(
            "The body is not JSON, or holds a number beyond all bounds.", remedy="Send the body as JSON."
        ) from error
    _require_plain(value, 1)


async def _checked(receive: Receive) -> Receive:
    """Reads the body, checks it, and hands it on in one piece."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    body = b"".join(parts)
    require_readable(body)
    is_read = False

    async def receive_checked() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_checked


def _bounded(receive: Receive, limit: int) -> Receive:
    size = 0

    async def receive_bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise _too_large(limit)
        return message

    return receive_bounded


def _declared_length(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdecimal() and len(length) < 19 else 0


def _require_plain_address(scope: Scope) -> None:
    if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
        raise MalformedRequestError("The address holds a NUL character.", remedy="Leave it out.")


def _require_plain(value: JsonValue, depth: int) -> None:
    if depth > _DEEPEST_NESTING and isinstance(value, Mapping | list):
        raise _too_deep()
    match value:
        case str():
            _require_text(value)
        case int():
            _require_bounded(is_bounded=abs(value) <= _LARGEST_INTEGER)
        case float():
            _require_bounded(is_bounded=math.isfinite(value))
        case Mapping():
            for key, item in value.items():
                _require_text(key)
                _require_plain(item, depth + 1)
        case Sequence():
            for item in value:
                _require_plain(item, depth + 1)


def _require_text(text: str) -> None:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise MalformedRequestError(
            "A text holds NUL or half a character, which cannot be stored.", remedy="Leave such characters out."
        )


def _require_bounded(*, is_bounded: bool) -> None:
    if not is_bounded:
        raise MalformedRequestError(
            "A number is not finite or beyond 64 bits.", remedy="Give finite numbers, and whole ones below 2^63."
        )


def _too_deep() -> MalformedRequestError:
    return MalformedRequestError(
        f"The body is nested more than {_DEEPEST_NESTING} levels deep.", remedy="Send flatter data."
    )


def _too_large(limit: int) -> RequestTooLargeError:
    return RequestTooLargeError(f"The body is larger than {limit // MIB} MiB.", remedy="Send less at once.")
