"""What the service refuses, in the words of pages: the API speaks of permissions, queries and fields, people do not."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.json_value import JsonObject, JsonValue
from domain.roles import Permission, Role

_CALLERS: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.ADMINISTRATOR: "Administrators",
        Role.SCIENTIST: "Scientists",
        Role.LABORATORY: "Members of a laboratory",
        Role.MACHINE: "Machines",
        Role.VIEWER: "Viewers",
    }
)
_DEEDS: Final[Mapping[Permission, str]] = MappingProxyType(
    {
        Permission.READ: "see campaigns",
        Permission.CAMPAIGN_WRITE: "create, change or schedule campaigns",
        Permission.CAMPAIGN_RUN: "start, pause or stop campaigns",
        Permission.QUERY_CLAIM: "answer for machines",
        Permission.QUERY_APPROVE: "approve or deny looks",
        Permission.LABORATORY: "work in the laboratory's queue",
        Permission.MATERIAL_WRITE: "change known materials",
        Permission.EXPORT: "take campaigns away",
        Permission.AUDIT_READ: "read the audit log",
        Permission.ADMINISTER: "administer this service",
        Permission.METRICS: "read how the service fares",
    }
)
_NOT_ALLOWED: Final = re.compile(r"\S.* is an? (\w+), whom '([\w:]+)' is not allowed\.")
_FOR_PROGRAMS: Final = "/openapi.json"
_IN_ADDRESS: Final = "path."
_PLACE: Final = re.compile(r"^(?:body|query)\.")
_WORDS: Final = (
    (re.compile(r"\bno candidate\b"), "no crystal"),
    (re.compile(r"\bno query\b"), "no look"),
    (re.compile(r"\bcandidates\b"), "crystals"),
    (re.compile(r"\bqueries\b"), "looks"),
    (re.compile(r" \(round_index \d+\)"), ""),
)
_NOTHING_HERE: Final = {
    "title": "Nothing here",
    "detail": "There is nothing at this address.",
    "remedy": "Check the address, or begin at the start.",
    "errors": [],
}


def for_people(problem: JsonObject) -> JsonObject:
    """A problem as a page tells it."""
    errors = problem.get("errors")
    listed = [error for error in errors if isinstance(error, Mapping)] if isinstance(errors, list) else []
    detail, remedy = _text(problem.get("detail")), _text(problem.get("remedy"))
    if any(_text(error.get("field")).startswith(_IN_ADDRESS) for error in listed):
        return {**problem, **_NOTHING_HERE}
    if _FOR_PROGRAMS in remedy and not listed:
        return {**problem, "remedy": _NOTHING_HERE["remedy"]}
    told: list[JsonValue] = [{**error, "field": _PLACE.sub("", _text(error.get("field")))} for error in listed]
    if _FOR_PROGRAMS in remedy:
        return {
            **problem,
            "detail": "What was sent cannot be understood.",
            "remedy": "Correct what is named.",
            "errors": told,
        }
    return {**problem, "detail": _in_words(detail), "remedy": _in_words(remedy), "errors": told}


def _in_words(text: str) -> str:
    refused = _NOT_ALLOWED.fullmatch(text)
    if refused is not None:
        return f"{_CALLERS[Role(refused[1])]} cannot {_DEEDS[Permission(refused[2])]}."
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text


def _text(value: JsonValue | None) -> str:
    return value if isinstance(value, str) else ""
