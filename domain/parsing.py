"""The one door through which foreign data become domain values: unknown keys and wrong types are refused."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from domain.errors import SpecError
from domain.json_value import JsonObject, JsonValue

T = TypeVar("T")

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a document."""

    location: Location
    """Keys and indices that lead to it."""
    message: str

    @property
    def field(self) -> str:
        """The location as people write it, such as `ladder[2].cost`."""
        text = ""
        for part in self.location:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        return text


class LocatedError(SpecError):
    """A document that is refused for problems of which each has its place."""

    def __init__(self, problem: str, *, remedy: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(problem, remedy=remedy)
        self.problems = problems


class ParseError(LocatedError):
    """A document that does not describe a domain value."""

    def __init__(self, what: str, problems: tuple[Problem, ...]) -> None:
        listed = "; ".join(f"{p.field or 'document'}: {p.message}" for p in problems)
        verb = "are" if what.startswith("The settings") else "is"  # nothing else that is read stands in the plural
        super().__init__(f"{what} {verb} not valid: {listed}.", remedy="Correct the fields named.", problems=problems)

    def within(self, what: str, *prefix: str | int) -> "ParseError":
        """The same problems as those of a larger document in which this one stands under `prefix`."""
        return ParseError(what, tuple(Problem((*prefix, *p.location), p.message) for p in self.problems))


def parse(cls: type[T], data: object, *, what: str, prefix: Location = ()) -> T:
    """Builds a frozen dataclass from plain data (lists, dictionaries, numbers, text).

    Args:
        cls: The dataclass; those that carry `extra: forbid` refuse unknown keys.
        data: What a YAML or JSON file holds.
        what: What the data are called in the error, such as `The campaign spec`.
        prefix: Where the data stand in a larger document.

    Raises:
        ParseError: With every problem and where it is.
    """
    try:
        return cast(T, _adapter(cls).validate_python(data))
    except ValidationError as error:
        raise ParseError(what, _problems(error, data, prefix)) from error


def parse_json(cls: type[T], text: str | bytes) -> T:
    """Reads a domain value that `to_json` wrote.

    Raises:
        ParseError: If the text does not describe one.
    """
    try:
        return cast(T, _adapter(cls).validate_json(text))
    except ValidationError as error:
        raise ParseError(f"This {cls.__name__}", _problems(error, _loaded(text), ())) from error


def _loaded(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def to_json_value(value: object) -> JsonValue:
    """Turns a domain value into plain JSON data."""
    return cast(JsonValue, _adapter(type(value)).dump_python(value, mode="json"))


def to_json_object(value: object) -> JsonObject:
    """Turns a domain value into a JSON object."""
    return cast(Mapping[str, JsonValue], to_json_value(value))


def to_json(value: object) -> str:
    """Writes a domain value as JSON text."""
    return _adapter(type(value)).dump_json(value).decode()


_PLAIN_MESSAGES: Final = {
    "unexpected_keyword_argument": "unknown key",
    "extra_forbidden": "unknown key",
    "dataclass_type": "Input should be an object of named values",
    "mapping_type": "Input should be an object of named values",
    "dict_type": "Input should be an object of named values",
    "list_type": "Input should be a list",
    "tuple_type": "Input should be a list",
    "set_type": "Input should be a list",
    "frozen_set_type": "Input should be a list",
}
_CONTAINER: Final = re.compile(r"^(?:Frozenset|Tuple|Set)(?= should have )")

_ADAPTERS: Final[dict[type, TypeAdapter[object]]] = {}


def _adapter(cls: type) -> TypeAdapter[object]:
    """Building an adapter costs milliseconds and its result never changes, so each is built once."""
    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]


def _problems(error: ValidationError, data: object, prefix: Location) -> tuple[Problem, ...]:
    """Lists what is wrong by the document's own keys, once for all branches of a union."""
    messages: dict[Location, list[str]] = {}
    branched: set[Location] = set()
    for detail in error.errors():
        location = _own_location(data, detail["loc"], is_missing=detail["type"] == "missing")
        if len(location) < len(detail["loc"]):
            branched.add(location)
        messages.setdefault(location, []).append(plain_message(detail["type"], detail["msg"], detail["loc"]))
    return tuple(
        Problem((*prefix, *location), _either(listed))
        for location, listed in messages.items()
        if not any(location == deeper[: len(location)] for deeper in branched - {location})
    )


def _either(messages: Sequence[str]) -> str:
    first, *others = dict.fromkeys(messages)
    return " or ".join([first, *(other.removeprefix("Input should be ") for other in others)])


def _own_location(data: object, location: Location, *, is_missing: bool) -> Location:
    """Keeps the parts that the document has; the rest are pydantic's names for branches of a union."""
    own: list[str | int] = []
    for depth, part in enumerate(location):
        if isinstance(data, Sequence) and not isinstance(data, str):
            data = dict(enumerate(data))
        if isinstance(data, Mapping) and part in data:
            data = data[part]
            own.append(part)
        elif is_missing and depth == len(location) - 1:
            own.append(part)
    return tuple(own)


def plain_message(kind: str, message: str, location: Location) -> str:
    """What pydantic says of a value, in the words of whoever wrote it, who knows lists but no tuples.

    Args:
        kind: Pydantic's name for the error.
        message: What it says.
        location: Keys and indices that lead to the value.
    """
    if location and location[-1] == "[key]":
        return "keys should be text"
    message = _PLAIN_MESSAGES.get(kind, message).removeprefix("Value error, ").rstrip(".")
    return _CONTAINER.sub("List", message)
