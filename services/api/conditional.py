"""Answers that a caller has already, and changes that rest on what a caller saw (RFC 9110, §13)."""

from typing import Annotated

from fastapi import Header
from starlette.responses import Response

from domain.digest import content_digest
from domain.json_value import JsonValue
from domain.parsing import to_json, to_json_value
from services.api.errors import PreconditionFailedError

IfNoneMatch = Annotated[
    str | None, Header(max_length=1000, description="ETag of what the caller has: unchanged, the answer is 304.")
]
IfMatch = Annotated[
    str | None,
    Header(
        max_length=1000,
        description="ETag of what the caller saw: if what can be edited has changed meanwhile, the answer is 412.",
    ),
]


def answer_unless_known(shown: object, known: str | None, *, edited: JsonValue) -> Response:
    """Shows something with its entity tag; 304 to whoever has it already.

    Args:
        shown: What is shown.
        known: Tags of what the caller has.
        edited: The part of it that callers can change: the tag's first half names it, the second names all of it.
    """
    tag = f'"{_named(edited)}-{_named(to_json_value(shown))}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if is_known(tag, known):
        return Response(status_code=304, headers=headers)
    return Response(to_json(shown), media_type="application/json", headers=headers)


def is_known(tag: str, known: str | None) -> bool:
    """Whether a caller who has answers of some tags (`If-None-Match`) has the one of this tag."""
    return known is not None and bool({tag, "*"} & _tags(known))


def require_unchanged(edited: JsonValue, seen: str | None) -> None:
    """Refuses a change that rests on something else than what is there now. Progress made meanwhile is in nobody's way.

    Args:
        edited: The part that callers can change, as it is now.
        seen: Tags of what the caller saw; None rests on nothing.

    Raises:
        PreconditionFailedError: If it has changed since the caller saw it.
    """
    if seen is None:
        return
    named = _named(edited)
    if not any(tag == "*" or tag.startswith(f'"{named}-') for tag in _tags(seen)):
        raise PreconditionFailedError(
            "It has changed since you read it.", remedy="Read it again, and repeat the change if it still makes sense."
        )


def _named(content: JsonValue) -> str:
    return content_digest(content)[:16]


def _tags(given: str) -> set[str]:
    return {part.strip().removeprefix("W/") for part in given.split(",")}
