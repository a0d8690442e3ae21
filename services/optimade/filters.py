"""Filters of the OPTIMADE grammar as conditions of the database.

The grammar is the specification's own, read by the `optimade` package; what becomes of it is written here. A comparison
with something unknown is neither true nor false, and so is its negation: only `IS UNKNOWN` finds what is not known.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from sqlalchemy import Boolean, ColumnElement, and_, case, cast, func, literal, not_, null, or_, true

from domain.errors import InvalidValueError
from services.optimade.measured import PREFIX
from services.optimade.properties import Kind, Searched, SearchProperty

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

    Node: TypeAlias = Tree[Token] | Token

Condition: TypeAlias = ColumnElement[bool]
Constant: TypeAlias = str | int | float | bool

LONGEST_FILTER: Final = 2_000
"""Characters: a longer filter takes seconds to read."""
DEEPEST_NESTING: Final = 30
_MOST_WORDS: Final = 120
_LARGEST_INTEGER: Final = 2**53
_MIRRORED: Final = MappingProxyType({"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="})
_OTHERS: Final = re.compile(r"_[a-z][a-z0-9]*_.*")
"""Properties of another provider, which are unknown here rather than wrong."""


def condition_of(text: str, properties: Mapping[str, SearchProperty]) -> Condition:
    """Turns a filter into a condition on the index of structures.

    Args:
        text: In the OPTIMADE grammar; empty for everything.
        properties: What it may name.

    Raises:
        InvalidValueError: If it cannot be read, names what does not exist or compares what cannot be compared.
    """
    if not text.strip():
        return true()
    _require_modest(text)
    expressions = _children(_parsed(text))
    if len(expressions) != 1:
        raise _unreadable("it holds several expressions without AND or OR between them")
    return _Reading(properties).condition(expressions[0])


class _Reading:
    """One filter being turned into a condition."""

    def __init__(self, properties: Mapping[str, SearchProperty]) -> None:
        self._properties = properties

    def condition(self, node: "Node") -> Condition:
        children = _children(node)
        match _name(node):
            case "expression":
                return or_(*(self.condition(child) for child in children))
            case "expression_clause":
                return and_(*(self.condition(child) for child in children))
            case "expression_phrase":
                inner = self.condition(children[-1])
                return not_(inner) if len(children) == 2 else inner
            case "comparison":
                return self.condition(children[0])
            case "constant_first_comparison":
                return self._constant_first(children)
            case "property_first_comparison":
                return self._property_first(children)
        raise _unreadable(f"{_name(node)} is not supported")

    def _constant_first(self, children: "Sequence[Node]") -> Condition:
        left, sign, right = children
        inner = _children(right)[0]
        if _name(inner) != "property":
            raise _unreadable("a comparison of two constants says nothing")
        found = self._find(inner)
        return _unknown() if found is None else _compared(found, _MIRRORED[str(sign)], _constant(_children(left)[0]))

    def _property_first(self, children: "Sequence[Node]") -> Condition:
        found = self._find(children[0])
        operands = _children(children[1])
        match _name(children[1]):
            case "known_op_rhs":
                is_known = str(operands[1]) == "KNOWN"
                if found is None:
                    return literal(value=not is_known)
                return found.column.is_not(None) if is_known else found.column.is_(None)
            case "value_op_rhs":
                return self._value(found, str(operands[0]), _children(operands[1])[0])
            case "fuzzy_string_op_rhs":
                return _unknown() if found is None else _fuzzy(found, str(operands[0]), _text(operands[-1]))
            case "set_op_rhs":
                return _unknown() if found is None else _listed(found, operands)
            case "length_op_rhs":
                sign = str(operands[1]) if len(operands) == 3 else "="
                return _unknown() if found is None else _long(found, sign, _constant(operands[-1]))
        raise _unreadable("comparing several lists with each other is not supported")

    def _value(self, found: SearchProperty | None, sign: str, operand: "Node") -> Condition:
        if _name(operand) != "property":
            return _unknown() if found is None else _compared(found, sign, _constant(operand))
        other = self._find(operand)
        if found is None or other is None:
            return _unknown()
        kinds = {found.kind, other.kind}
        if not (kinds <= {Kind.INTEGER, Kind.FLOAT} or kinds == {Kind.TEXT}):
            raise _unreadable("it compares properties of different kinds")
        return _compare(found.column, sign, other.column)

    def _find(self, node: "Node") -> SearchProperty | None:
        """The property that is named; None where it is another provider's and so not known here."""
        names = [str(child) for child in _children(node)]
        if len(names) > 1:
            raise _unreadable(f"{'.'.join(names)} cannot be searched")
        found = self._properties.get(names[0])
        if found is None and (names[0].startswith(PREFIX) or not _OTHERS.fullmatch(names[0])):
            raise _unreadable(f"'{names[0]}' is no property that can be searched")
        return found


def _compare(column: Searched, sign: str, value: Constant | datetime | Searched) -> Condition:
    return column.bool_op(sign)(value)


def _compared(found: SearchProperty, sign: str, constant: Constant) -> Condition:
    match found.kind:
        case Kind.TEXT if isinstance(constant, str):
            return _compare(found.column, sign, constant)
        case Kind.INTEGER | Kind.FLOAT if isinstance(constant, int | float) and not isinstance(constant, bool):
            return _compare(found.column, sign, constant)
        case Kind.TIME if isinstance(constant, str):
            return _compare(found.column, sign, _instant(constant))
    raise _unreadable(f"a {found.kind.value} cannot be compared with {constant!r}")


def _fuzzy(found: SearchProperty, how: str, text: str) -> Condition:
    if found.kind is not Kind.TEXT:
        raise _unreadable(f"a {found.kind.value} has no beginning or end to compare")
    column = found.column
    # LIKE takes no notice of case on some databases; these do on all.
    match how:
        case "CONTAINS":
            return func.replace(column, text, "") != column if text else column.is_not(None)
        case "STARTS":
            return func.substr(column, 1, len(text)) == text
        case _:
            start = func.length(column) - len(text) + 1
            return and_(start >= 1, func.substr(column, start) == text)


def _listed(found: SearchProperty, operands: "Sequence[Node]") -> Condition:
    if found.kind is not Kind.WORDS or found.length is None:
        raise _unreadable(f"HAS is not supported for this {found.kind.value}")
    quantifier = str(operands[0]) if len(operands) == 1 else str(operands[1])
    values = operands[-1]
    if _name(values) == "value_list":
        if any(_name(child) != "value" for child in _children(values)):
            raise _unreadable("operators inside lists are not supported")
        words = [_text(child) for child in _children(values)]
    elif len(operands) > 2:
        raise _unreadable("operators after HAS are not supported")
    else:
        words, quantifier = [_text(values)], "ALL"
    if len(words) > _MOST_WORDS:
        raise _unreadable(f"a list has more than {_MOST_WORDS} values")
    has = [_has(found, word) for word in dict.fromkeys(words)]
    match quantifier:
        case "ALL":
            return and_(*has)
        case "ANY":
            return or_(*has)
        case _:
            # Only these: as many of them are in the list as the list is long.
            return sum((case((one, 1), else_=0) for one in has), start=literal(0)) == found.length


def _has(found: SearchProperty, word: str) -> Condition:
    if not word or " " in word:
        return literal(value=False)
    return func.replace(found.column, f" {word} ", "") != found.column


def _long(found: SearchProperty, sign: str, constant: Constant) -> Condition:
    if found.length is None or isinstance(constant, str):
        raise _unreadable(f"a {found.kind.value} has no length")
    return _compare(found.length, sign, constant)


def _constant(node: "Node") -> Constant:
    token = _children(node)[0]
    match _name(node):
        case "string":
            text = re.sub(r"\\(.)", r"\1", str(token)[1:-1])
            if "\0" in text:
                raise _unreadable("a text holds NUL")
            return text
        case "bool":
            return str(token) == "TRUE"
        case _:
            return _number(str(token))


def _number(text: str) -> int | float:
    number = float(text)
    if not math.isfinite(number):
        raise _unreadable(f"{text[:20]} is beyond all numbers")
    is_whole = re.fullmatch(r"[-+]?\d+", text) is not None
    return int(text) if is_whole and abs(number) <= _LARGEST_INTEGER else number


def _text(node: "Node") -> str:
    constant = _constant(_children(node)[0]) if _name(node) == "value" else _constant(node)
    if not isinstance(constant, str):
        raise _unreadable("a text was expected")
    return constant


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise _unreadable(f"'{text[:40]}' is no time such as 2026-01-31T12:00:00Z") from error
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant


def _unknown() -> Condition:
    return cast(null(), Boolean)


def _require_modest(text: str) -> None:
    if len(text) > LONGEST_FILTER:
        raise _unreadable(f"it has {len(text)} characters; at most {LONGEST_FILTER} are read")
    if text.count("(") > DEEPEST_NESTING:
        raise _unreadable(f"it has more than {DEEPEST_NESTING} brackets")


@lru_cache(maxsize=64)
def _parsed(text: str) -> "Tree[Token]":
    """Kept, because every page of a list repeats its filter."""
    from lark.exceptions import LarkError

    try:
        return _grammar().parse(text)
    except LarkError as error:
        raise _unreadable("it does not follow the grammar") from error


@cache
def _grammar() -> "Lark":
    """Built once: it takes as long as reading a hundred filters."""
    from optimade.filterparser import LarkParser  # type: ignore[import-untyped]

    grammar: Lark = LarkParser(version=(1, 2, 0)).lark
    return grammar


def _children(node: "Node") -> "Sequence[Node]":
    return () if isinstance(node, str) else node.children


def _name(node: "Node") -> str:
    return node.type if isinstance(node, str) else str(node.data)


def _unreadable(reason: str) -> InvalidValueError:
    return InvalidValueError(
        f"The filter cannot be used: {reason}.",
        remedy='Write it as OPTIMADE 1.2 wants it, such as elements HAS ALL "Li","O" AND nelements<4.',
    )
