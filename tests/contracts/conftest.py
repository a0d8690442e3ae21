"""Where the contract suites run: on SQLite, and on PostgreSQL where there is a server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.store.examples import Bench, bench, fresh_postgres


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "sqlite":
        with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
            yield opened
        return
    server = os.environ.get("PETALITE_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("PETALITE_TEST_POSTGRES_URL is not set")
    with fresh_postgres(server) as url, bench(url) as opened:
        yield opened
