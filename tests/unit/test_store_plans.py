"""What is asked after every failed look and at every start is found by an index, however long a campaign has run."""

from pathlib import Path

from sqlalchemy import event

from services.store import open_store
from services.store.examples import example_pick, open_example
from services.store.halting import _latest_outcomes
from services.store.query_steps import n_times_lost


def test_failures_in_a_row_and_lost_looks_are_read_from_their_own_indexes(tmp_path: Path) -> None:
    asked: list[tuple[str, tuple[object, ...]]] = []
    with open_store(f"sqlite:///{tmp_path / 'store.sqlite3'}") as store:
        campaign, _, (query,) = open_example(store, [example_pick(1)])
        with store.writing() as connection:
            event.listen(
                connection, "before_cursor_execute", lambda _c, _u, text, values, *_: asked.append((text, values))
            )
            n_times_lost(connection, campaign.id)
            _latest_outcomes(connection, query)
            plans = [
                " ".join(step[-1] for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values))
                for text, values in tuple(asked)
            ]
    of_events = [plan for (text, _), plan in zip(asked, plans, strict=False) if "FROM events" in text]
    of_queries = [plan for (text, _), plan in zip(asked, plans, strict=False) if "FROM queries" in text]
    assert ["ix_events_rare" in plan for plan in of_events] == [True, True]
    assert ["ix_queries_ended" in plan for plan in of_queries] == [True]
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]
