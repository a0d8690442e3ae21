"""A look by molecular dynamics whose machine is killed again and again ends as an undisturbed one, and is paid once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

STORM = Path(__file__).parents[2] / "benchmarks" / "dynamics_storm.py"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("n_kills", [6, pytest.param(20, marks=pytest.mark.endurance)])
def test_a_killed_look_has_the_length_and_the_charge_of_an_undisturbed_one(n_kills: int) -> None:
    finished = subprocess.run(
        [sys.executable, str(STORM), "--json", "--kills", str(n_kills), "--seed", "3"],
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    verdict = json.loads(finished.stdout.splitlines()[-1])
    assert verdict["kills"] == sum(verdict["killed"].values()) == n_kills
    assert verdict["ps"] == verdict["undisturbed_ps"]
    assert verdict["charge"] == verdict["undisturbed_charge"] == 3.0
    differing = {name: verdict[f"{name}_differ"] for name in ("trajectories", "answers", "charges")}
    assert differing == {"trajectories": 0, "answers": 0, "charges": 0}
