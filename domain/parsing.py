"""The one door through which foreign data become domain values: unknown keys and wrong types are refused."""

from collections.abc import Mapping
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


class ParseError(SpecError):
    """A document that does not describe a domain value."""

    def __init__(self, what: str, problems: tuple[Problem, ...]) -> None:
        listed = "; ".join(f"{p.field or 'document'}: {p.message}" for p in problems)
        super().__init__(f"{what} is not valid: {listed}.", remedy="Correct the fields named.")
        self.problems = problems


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
        problems = tuple(
            Problem((*prefix, *detail["loc"]), _message(detail["type"], detail["msg"])) for detail in error.errors()
        )
        raise ParseError(what, problems) from error


def parse_json(cls: type[T], text: str | bytes) -> T:
    """Reads a domain value that `to_json` wrote.

    Raises:
        ParseError: If the text does not describe one.
    """
    try:
        return cast(T, _adapter(cls).validate_json(text))
    except ValidationError as error:
        problems = tuple(Problem(detail["loc"], detail["msg"]) for detail in error.errors())
        raise ParseError(f"This {cls.__name__}", problems) from error


def to_json_value(value: object) -> JsonValue:
    """Turns a domain value into plain JSON data."""
    return cast(JsonValue, _adapter(type(value)).dump_python(value, mode="json"))


def to_json_object(value: object) -> JsonObject:
    """Turns a domain value into a JSON object."""
    return cast(Mapping[str, JsonValue], to_json_value(value))


def to_json(value: object) -> str:
    """Writes a domain value as JSON text."""
    return _adapter(type(value)).dump_json(value).decode()


_ADAPTERS: Final[dict[type, TypeAdapter[object]]] = {}


def _adapter(cls: type) -> TypeAdapter[object]:
    """Building an adapter costs milliseconds and its result never changes, so each is built once."""
    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]


def _message(kind: str, message: str) -> str:
    if kind == "unexpected_keyword_argument":
        return "unknown key"
    return message.removeprefix("Value error, ").rstrip(".")
