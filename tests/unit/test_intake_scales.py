"""What an answer costs does not grow with what else is asked."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from domain.states import QueryState
from services.intake.door import record_measurement
from services.intake.testing import example_measurement
from services.intake.together import MachineAnswer, record_together
from services.store import Store
from services.store.examples import bench, example_pick, open_example
from services.store.tables import queries

N_ANSWERS = 30


def steps_of_answers(folder: Path, *, n_claimed: int, together: bool) -> int:
    """How many instructions SQLite executes to record answers while others are claimed."""
    with bench(f"sqlite:///{folder / f'{n_claimed}.sqlite3'}") as made:
        store: Store = made.store
        _, _, asked = open_example(store, [example_pick(number) for number in range(n_claimed)])
        with store.writing() as connection:
            connection.execute(update(queries).values(state=QueryState.CLAIMED.value, fence=1, worker="node"))
        with store.writing() as connection:
            steps = _Steps(connection)
            if together:
                answers = [MachineAnswer(query.id, 1, example_measurement()) for query in asked[:N_ANSWERS]]
                assert None not in record_together(store, answers)
            else:
                record_measurement(store, asked[0].id, fence=1, measurement=example_measurement())
            return steps.end()


class _Steps:
    def __init__(self, connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        self._connection = driver
        self._n = 0
        self._connection.set_progress_handler(self._count, 1)

    def _count(self) -> int:
        self._n += 1
        return 0

    def end(self) -> int:
        self._connection.set_progress_handler(None, 0)
        return self._n


@pytest.mark.parametrize("together", [False, True])
def test_an_answer_costs_the_same_however_many_queries_are_claimed(tmp_path: Path, together: bool) -> None:
    few, many = (steps_of_answers(tmp_path, n_claimed=n, together=together) for n in (N_ANSWERS, 2 * N_ANSWERS))
    assert many == few
