"""Several reads in one transaction."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, make_url, text

from domain.errors import StoreError
from services.store.database import Database, utc_now


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(make_url(f"sqlite:///{tmp_path / 'store.sqlite3'}"), busy_timeout_s=1.0, clock=utc_now)
    with opened.write() as connection:
        connection.execute(text("CREATE TABLE rows (id INTEGER)"))
    yield opened
    opened.close()


def _n_rows(database: Database) -> int:
    with database.read() as connection:
        count: int = connection.execute(text("SELECT count(*) FROM rows")).scalar_one()
        return count


def test_reads_together_are_one_transaction(database: Database) -> None:
    begun: list[object] = []
    event.listen(database.engine, "begin", begun.append)
    with database.read_together():
        _n_rows(database)
        with database.read_together():
            _n_rows(database)
        _n_rows(database)
    assert len(begun) == 1
    _n_rows(database)
    assert len(begun) == 2


def test_nothing_is_written_between_reads_together(database: Database) -> None:
    with (
        database.read_together(),
        pytest.raises(StoreError, match="written in between"),
        database.write(),
    ):
        pass
    with database.write() as connection:
        connection.execute(text("INSERT INTO rows VALUES (1)"))
    assert _n_rows(database) == 1


def test_reads_together_inside_a_transaction_that_writes_see_what_it_wrote(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("INSERT INTO rows VALUES (1)"))
        with database.read_together():
            assert _n_rows(database) == 1
    assert _n_rows(database) == 1
