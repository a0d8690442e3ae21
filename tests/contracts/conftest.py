"""Where the contract suites run: on SQLite, and on PostgreSQL where there is a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.store.examples import Bench, bench


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "sqlite":
        with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
            yield opened
        return
    with request.getfixturevalue("on_postgres")() as url, bench(url) as opened:
        yield opened
