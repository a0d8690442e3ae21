"""Inserts of many rows by one statement, whose text a server does not read anew for each number of rows.

Handed apart, each row would cost a server a statement of its own; and SQLite's driver lets go of the interpreter for
each, and in a process that serves others gets it back only after a while.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, TypeAlias

from sqlalchemy import Connection, Table
from sqlalchemy.engine import Dialect

from domain.errors import InvalidValueError
from domain.measurement import require_utc

Row: TypeAlias = Mapping[str, object]
Returned: TypeAlias = Sequence[Sequence[object]]
Insert: TypeAlias = Callable[[Connection, Sequence[Row]], Returned]

_MOST_ROWS: Final = 128
"""Rows of one statement on SQLite, each value of which is a parameter."""


class ManyRows:
    """Inserts rows of a table, in their order, each with all columns but the number. Threads may share it."""

    def __init__(self, table: Table, *, returning: Sequence[str] = ()) -> None:
        """Prepares the insert.

        Args:
            table: Its number is its column `id`.
            returning: Columns of numbers or text that are handed out of what was inserted.
        """
        self._table = table
        self._returning = f" RETURNING {', '.join(returning)}" if returning else ""
        self._insert: dict[str, Insert] = {}

    def insert(self, connection: Connection, rows: Sequence[Row]) -> Returned:
        """Inserts rows inside a transaction.

        Returns:
            The columns that were asked for, of each row, in any order.

        Raises:
            InvalidValueError: If a number is not finite, or a time has no zone.
        """
        return self._insert_for(connection.dialect)(connection, rows) if rows else ()

    def _insert_for(self, dialect: Dialect) -> Insert:
        insert = self._insert.get(dialect.name)
        if insert is None:
            written = _written_as_values if dialect.name == "sqlite" else _written_as_document
            insert = self._insert[dialect.name] = written(self._table, self._returning, dialect)
        return insert


def _written_as_values(table: Table, returning: str, dialect: Dialect) -> Insert:
    """Each row as a list of parameters."""
    names, quoted = _columns(table, dialect)
    head = f"INSERT INTO {table.name} ({', '.join(quoted)}) VALUES "  # noqa: S608 - of our own names alone
    one = f"({', '.join('?' * len(names))})"
    translates = [(name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names]

    def insert(connection: Connection, rows: Sequence[Row]) -> Returned:
        returned: list[Sequence[object]] = []
        for start in range(0, len(rows), _MOST_ROWS):
            part = rows[start : start + _MOST_ROWS]
            values = chain.from_iterable(
                (row[name] if translate is None else translate(row[name]) for name, translate in translates)
                for row in part
            )
            text = head + ", ".join([one] * len(part)) + returning
            returned += _executed(connection, text, tuple(values))
        return returned

    return insert


def _written_as_document(table: Table, returning: str, dialect: Dialect) -> Insert:
    """All rows as one JSON text: one parameter, and one text of the statement for any number of rows."""
    names, quoted = _columns(table, dialect)
    kinds = [dialect.type_compiler_instance.process(table.c[name].type) for name in names]
    listed = ", ".join(quoted)
    described = ", ".join(f"{name} {kind}" for name, kind in zip(quoted, kinds, strict=True))
    text = (
        f"INSERT INTO {table.name} ({listed}) SELECT {listed} "  # noqa: S608 - of our own names alone
        f"FROM ROWS FROM (json_to_recordset(CAST(%(given)s AS json)) AS ({described})) WITH ORDINALITY "
        f"AS given({listed}, position_in_list) ORDER BY position_in_list{returning}"
    )

    def insert(connection: Connection, rows: Sequence[Row]) -> Returned:
        return _executed(connection, text, {"given": _document(rows)})

    return insert


def _executed(connection: Connection, text: str, parameters: tuple[object, ...] | dict[str, object]) -> Returned:
    result = connection.exec_driver_sql(text, parameters)
    return result.all() if result.returns_rows else ()


def _columns(table: Table, dialect: Dialect) -> tuple[list[str], list[str]]:
    """Names of all columns but the number, plain and quoted."""
    names = [column.name for column in table.c if column.name != "id"]
    return names, [dialect.identifier_preparer.quote(name) for name in names]


def _instant(value: object) -> str:
    if not isinstance(value, datetime):
        raise InvalidValueError(f"A {type(value).__name__} cannot be stored.", remedy="Give text, numbers or times.")
    require_utc(value)
    return value.isoformat()


_DOCUMENT: Final = json.JSONEncoder(allow_nan=False, default=_instant)


def _document(rows: Sequence[Row]) -> str:
    try:
        return _DOCUMENT.encode(rows)
    except ValueError as error:
        if isinstance(error, InvalidValueError):
            raise
        raise InvalidValueError(
            "A number that is not finite cannot be stored.", remedy="Give finite numbers."
        ) from error
