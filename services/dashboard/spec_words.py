"""What is wrong with a spec that somebody is writing, in the words of people, each beside its field."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

from domain.campaign import require_campaign_name
from domain.elements import element
from domain.errors import InvalidValueError
from domain.parsing import LocatedError, Location, Problem
from domain.space_groups import SpaceGroup
from services.specs import SpecProblem, problems_of

Value = TypeVar("Value")

_MISSING: Final = "is missing"
_NEEDED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "name": "a name",
        "objective": "what is looked for",
        "objective.quantity": "the quantity that is looked for",
        "objective.goal": "whether the largest or the smallest value is looked for",
        "space": "elements and space groups",
        "space.elements": "elements",
        "space.space_groups": "space groups",
        "ladder": "a way of looking",
        "budget": "a budget",
        "budget.total": "the budget in all",
        "budget.per_round": "the budget of a round",
        "max_rounds": "the number of rounds",
        "initial_looks": "looks in the first round",
    }
)
NEEDED_AT_FIRST: Final = tuple(
    _NEEDED[part] for part in ("name", "objective", "space", "ladder", "budget", "max_rounds")
)
"""Of a spec of which nothing is written."""
_NEEDED_OF_RUNG: Final[Mapping[str, str]] = MappingProxyType(
    {"name": "a name", "oracle": "an oracle", "cost": "the cost of a look"}
)
_RUNG: Final = re.compile(r"ladder\[(\d+)\]\.(\w+)")
_RANGE: Final = re.compile(r"(\d{1,3})\s*[-–]\s*(\d{1,3})")
_PLAIN_WORDS: Final = (
    (re.compile(r"Input should be a valid integer.*"), "Write a whole number."),
    (re.compile(r"Input should be a valid number.*"), "Write a number."),
    (re.compile(r"Input should be a valid string.*"), "Write text."),
)


def still_needed(problems: Sequence[SpecProblem]) -> tuple[str, ...]:
    """What is not filled in yet, in the order of the form."""
    return tuple(words for problem in problems if (words := _needed(problem)) is not None)


def mistakes(
    problems: Sequence[SpecProblem], document: Mapping[str, object], content: bytes
) -> tuple[SpecProblem, ...]:
    """What is wrong, also with fields that nothing looks at before the rest is filled in.

    Args:
        problems: Why the spec was refused.
        document: The spec as far as it is written.
        content: The same as text.
    """
    alone = tuple(_wrong_alone(document))
    error = LocatedError("", remedy="", problems=alone)
    told = problems_of(error, content)
    others = (problem for problem in problems if _needed(problem) is None and not _is_told(problem, told))
    return (*told, *(SpecProblem(other.field, other.line, _in_plain_words(other.message)) for other in others))


def _needed(problem: SpecProblem) -> str | None:
    """None where something is there."""
    if problem.message != _MISSING:
        return None
    rung = _RUNG.fullmatch(problem.field)
    if rung is not None and rung[2] in _NEEDED_OF_RUNG:
        return f"{_NEEDED_OF_RUNG[rung[2]]} for way of looking {int(rung[1]) + 1}"
    return _NEEDED.get(problem.field, problem.field)


def _wrong_alone(document: Mapping[str, object]) -> Iterator[Problem]:
    """What can be told of the name, the elements and the space groups without the rest."""
    name = document.get("name")
    if isinstance(name, str):
        yield from _refused(("name",), require_campaign_name, name)
    space = document.get("space")
    if not isinstance(space, Mapping):
        return
    for field in ("elements", "required_elements"):
        for place, symbol in enumerate(_listed(space.get(field))):
            if isinstance(symbol, str):
                yield from _refused(("space", field, place), element, symbol)
    for place, group in enumerate(_listed(space.get("space_groups"))):
        where: Location = ("space", "space_groups", place)
        if isinstance(group, str):
            yield Problem(where, _no_group(group))
        elif type(group) is int:
            yield from _refused(where, SpaceGroup, group)


def _refused(where: Location, check: Callable[[Value], object], value: Value) -> Iterator[Problem]:
    try:
        check(value)
    except InvalidValueError as error:
        yield Problem(where, str(error))


def _no_group(text: str) -> str:
    ends = _RANGE.fullmatch(text)
    if ends is not None and int(ends[1]) > int(ends[2]):
        return f"'{text}' is no range of space groups: write {ends[2]}-{ends[1]}."
    return f"'{text[:30]}' is not the number of a space group. Give numbers from 1 to 230, or ranges such as 195-230."


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _is_told(problem: SpecProblem, told: Sequence[SpecProblem]) -> bool:
    """Whether the same was said already, at the very field."""
    plain = problem.message.rstrip(".")
    return any(problem.field == one.field or plain == one.message.rstrip(".") for one in told)


def _in_plain_words(message: str) -> str:
    for pattern, words in _PLAIN_WORDS:
        if pattern.fullmatch(message):
            return words
    return message
