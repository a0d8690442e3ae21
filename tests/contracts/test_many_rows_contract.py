"""Inserts of many rows: in their order, exactly as they were given, by few statements, on each database."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import JSON, Column, Connection, Double, Integer, MetaData, String, Table, event, select

from domain.errors import InvalidValueError
from services.store.column_types import UtcDateTime
from services.store.examples import Bench
from services.store.many_rows import ManyRows

_ROWS = Table(
    "petalite_rows",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(40), nullable=False),
    Column("value_K", Double),
    Column("note", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
_AT = datetime(2026, 5, 1, 12, 30, 0, 123456, tzinfo=UTC)
_NAMES = ("plain", "quote \" ' %s %(given)s", "Łódź ≥ 🙂", "\\u0041", "[]")
_VALUES = (0.1, 5e-324, 1.7976931348623157e308, -1e-9, 2**53 + 1.0, 1e22, None)


@pytest.fixture
def connection(store_bench: Bench) -> Iterator[Connection]:
    with store_bench.store.writing() as opened:
        _ROWS.create(opened)
        yield opened


def _row(number: int) -> dict[str, object]:
    return {
        "name": _NAMES[number % len(_NAMES)],
        "value_K": _VALUES[number % len(_VALUES)],
        "note": {"number": number, "text": _NAMES[number % len(_NAMES)], "nothing": None},
        "at": _AT + timedelta(seconds=number),
    }


def test_rows_come_out_as_they_were_given_and_in_their_order(connection: Connection) -> None:
    given = [_row(number) for number in range(300)]
    statements: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *told: statements.append(told[2]))
    returned = ManyRows(_ROWS, returning=("id", "name")).insert(connection, given)
    n_statements = len(statements)
    found = connection.execute(select(_ROWS).order_by(_ROWS.c.id)).mappings().all()
    assert [{name: row[name] for name in given[0]} for row in found] == given
    assert sorted(tuple(row) for row in returned) == [(row["id"], row["name"]) for row in found]
    assert n_statements <= 3


def test_no_rows_are_no_statement(connection: Connection) -> None:
    statements: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *told: statements.append(told[2]))
    assert not ManyRows(_ROWS, returning=("id",)).insert(connection, [])
    assert not statements


def test_a_time_in_another_zone_is_the_same_instant(connection: Connection) -> None:
    given = {**_row(0), "at": _AT.astimezone(timezone(timedelta(hours=5, minutes=30)))}
    ManyRows(_ROWS).insert(connection, [given])
    assert connection.execute(select(_ROWS.c.at)).scalar_one() == _AT


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"note": {"value": math.nan}}, "not finite"),
        ({"at": datetime(2026, 5, 1)}, "has no time zone"),  # noqa: DTZ001 - that is what is refused
    ],
)
def test_what_cannot_be_stored_is_refused(connection: Connection, given: dict[str, object], refused: str) -> None:
    with pytest.raises(InvalidValueError, match=refused):
        ManyRows(_ROWS).insert(connection, [{**_row(0), **given}])
