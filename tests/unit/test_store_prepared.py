"""Prepared statements: many rows are one statement where the driver would lose the interpreter for each."""

from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, create_engine, event, insert, select

from services.store.prepared import Prepared

_METADATA = MetaData()
_ROWS = Table(
    "rows", _METADATA, Column("id", Integer, primary_key=True), Column("name", String), Column("kind", String)
)


def test_many_rows_are_inserted_in_their_order_by_few_statements(tmp_path: Path) -> None:
    prepared = Prepared(insert(_ROWS).values(name=bindparam("name"), kind="fixed"))
    engine = create_engine(f"sqlite:///{tmp_path / 'rows.sqlite3'}")
    _METADATA.create_all(engine)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    names = [f"row {number}" for number in range(300)]
    with engine.begin() as connection:
        prepared.execute_many(connection, [])
        prepared.execute_many(connection, [{"name": name} for name in names])
        n_statements = len(statements)
        found = connection.execute(select(_ROWS.c.name, _ROWS.c.kind).order_by(_ROWS.c.id)).all()
    engine.dispose()
    assert found == [(name, "fixed") for name in names]
    assert n_statements == 3
