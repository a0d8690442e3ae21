"""Intake keeps its contract on both databases."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.intake.testing import INTAKE_CHECKS
from services.store.examples import Bench, bench, fresh_postgres
from services.store.testing import StoreCheck


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


@pytest.mark.parametrize("check", INTAKE_CHECKS, ids=lambda check: check.__name__)
def test_intake_contract(check: StoreCheck, store_bench: Bench) -> None:
    check(store_bench)
