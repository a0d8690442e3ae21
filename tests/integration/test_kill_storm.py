"""Whatever is killed wherever: what was acknowledged is there, once, and charged once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

STORM = Path(__file__).parents[2] / "benchmarks" / "kill_storm.py"
N_POINTS = 24


def storm(*options: str) -> dict[str, int]:
    finished = subprocess.run(
        [sys.executable, str(STORM), "--json", "--points", str(N_POINTS), "--seed", "1", *options],
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


def require_calm(verdict: dict[str, int]) -> None:
    assert verdict["points"] == N_POINTS
    assert {name: verdict[name] for name in ("lost", "duplicated", "charges_wrong", "answers_missing")} == {
        "lost": 0,
        "duplicated": 0,
        "charges_wrong": 0,
        "answers_missing": 0,
    }
    assert sum(verdict["killed"].values()) > N_POINTS / 2


@pytest.mark.endurance
@pytest.mark.timeout(1600)
def test_storms_over_sqlite_leave_the_books_in_order() -> None:
    require_calm(storm())


@pytest.mark.endurance
@pytest.mark.postgres
@pytest.mark.timeout(1600)
def test_storms_over_postgresql_leave_the_books_in_order() -> None:
    require_calm(storm("--postgres", os.environ["PETALITE_TEST_POSTGRES_URL"]))
