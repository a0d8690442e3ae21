"""Statements that are compiled once for each kind of database and then handed to its driver as they are.

For the few that run for every result: SQLAlchemy's own way from a statement to the driver costs several times what the
database does for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import JSON, Connection, Insert, Update
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.type_api import TypeEngine

from domain.errors import StoreError

Translate: TypeAlias = Callable[[object], object]
Row: TypeAlias = Sequence[object]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement for one kind of database."""

    text: str
    order: Sequence[str] | None
    """Names of the parameters in the order of the text; None where the driver takes them by name."""
    fixed: Mapping[str, object]
    """Parameters that the statement brings itself."""
    given: Mapping[str, Translate | None]
    """The others by name, with what makes of each what the driver takes."""
    returned: Sequence[Translate | None]
    """What makes of each column what the store hands out."""

    def parameters(self, values: Mapping[str, object]) -> dict[str, object] | tuple[object, ...]:
        """What the driver takes, from values by name."""
        named = dict(self.fixed)
        for name, translate in self.given.items():
            named[name] = values[name] if translate is None else translate(values[name])
        return named if self.order is None else tuple(named[name] for name in self.order)


class Prepared:
    """A statement that writes, with named parameters. Threads may share it."""

    def __init__(self, statement: Insert | Update, *, returning: Sequence[TypeEngine[object]] = ()) -> None:
        """Prepares a statement.

        Args:
            statement: Its parameters are `bindparam`s that have no value of their own.
            returning: Types of the columns that it returns: numbers, text and JSON.
        """
        # An insert would otherwise return the number of its row unasked on some databases.
        self._statement = statement.inline() if isinstance(statement, Insert) and not returning else statement
        self._returning = returning
        self._compiled: dict[str, _Compiled] = {}

    def execute(self, connection: Connection, values: Mapping[str, object]) -> Row | None:
        """Executes the statement inside a transaction; the first row that it returns, None if there is none."""
        compiled = self._compiled_for(connection)
        result = connection.exec_driver_sql(compiled.text, compiled.parameters(values))
        row = result.fetchone() if result.returns_rows else None
        if row is None:
            return None
        return [
            value if translate is None else translate(value)
            for translate, value in zip(compiled.returned, row, strict=True)
        ]

    def _compiled_for(self, connection: Connection) -> _Compiled:
        compiled = self._compiled.get(connection.dialect.name)
        if compiled is None:
            compiled = _compile(self._statement, self._returning, connection.dialect)
            self._compiled[connection.dialect.name] = compiled
        return compiled


def _compile(statement: Insert | Update, returning: Sequence[TypeEngine[object]], dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect)
    if not isinstance(compiled, SQLCompiler):
        raise StoreError("A statement cannot be prepared.", remedy="Execute it instead.")
    translates = {
        name: parameter.type.dialect_impl(dialect).bind_processor(dialect) for name, parameter in compiled.binds.items()
    }
    own = {name: parameter for name, parameter in compiled.binds.items() if not parameter.required}
    return _Compiled(
        text=str(compiled),
        order=compiled.positiontup,
        fixed={name: _translated(translates[name], parameter.value) for name, parameter in own.items()},
        given={name: translate for name, translate in translates.items() if name not in own},
        # Drivers hand out the rest as it is meant.
        returned=[
            kind.dialect_impl(dialect).result_processor(dialect, None) if isinstance(kind, JSON) else None
            for kind in returning
        ],
    )


def _translated(translate: Translate | None, value: object) -> object:
    return value if translate is None else translate(value)
