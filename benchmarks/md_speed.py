"""How fast molecular dynamics steps: ours against a plain loop of ASE, and student against teacher.

Li3OCl at 300 K by Langevin dynamics, one replica and eight. Ours moves all replicas with one call of the potential a
step where that takes batches (MACE); ASE moves one after the other, with the calculator that the potential's own
package brings. One process for each potential and number of threads times both engines in turns, so that a busy machine
slows both alike. `steps_per_s` is by the clock, `steps_per_cpu_s` by processor time; a step is one of the whole batch.

Both ratios are the smaller of those for 50 and 200 atoms, in processor time with one thread: ours over ASE for eight
replicas of the student; student over teacher for one replica in our engine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Final, TypeAlias

from support.md_engines import ASE, OURS, TIMESTEP_FS
from support.random_mace import write_random_mace
from support.timing import say

from domain.json_value import JsonValue

Row: TypeAlias = Mapping[str, float | int | str]

TEACHER: Final = "teacher"
STUDENT: Final = "student"
SIZES: Final = (50, 200)
BATCHES: Final = (1, 8)
_CHILD: Final = Path(__file__).parent / "support" / "md_engines.py"
_FS_PER_DAY_OVER_NS: Final = 86400 / 1e6


def measure(options: argparse.Namespace) -> dict[str, JsonValue]:
    """Times every combination, each potential and number of threads in a process of its own."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as models:
        student = options.student or write_random_mace(Path(models)).name
        potentials: dict[str, dict[str, JsonValue]] = {
            STUDENT: {"potential": "mace", "model": student, "dtype": "float32"},
            TEACHER: {"potential": "chgnet"},
        }
        for name, threads in product(potentials, options.threads):
            rows += timed_elsewhere({**potentials[name], "threads": threads}, name, options, models)
    return {
        "student": options.student or "32x0e, random weights",
        "teacher": "chgnet",
        "rows": [dict(row) for row in rows],
        "batched_over_ase": batched_over_ase(rows),
        "student_over_teacher": student_over_teacher(rows),
    }


def timed_elsewhere(
    potential: Mapping[str, JsonValue], name: str, options: argparse.Namespace, models: str
) -> list[Row]:
    """The rows of one process."""
    threads = str(potential["threads"])
    task = {
        "potential": potential,
        "atoms": options.atoms,
        "batches": BATCHES,
        "turns": options.turns,
        "cpu_s": options.cpu_seconds,
    }
    trusted = os.pathsep.join(filter(None, (models, os.environ.get("PETALITE_MODELS"))))
    environ = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "PETALITE_MODELS": trusted}
    command = [sys.executable, "-W", "ignore", str(_CHILD), json.dumps(task)]
    rows: list[Row] = []
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if not line.startswith("{"):
                continue  # potentials announce themselves
            row = json.loads(line)
            ns_per_day = row["steps_per_s"] * row["batch"] * TIMESTEP_FS * _FS_PER_DAY_OVER_NS
            rounded = {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}
            rows.append({"potential": name, "threads": int(threads), **rounded, "ns_per_day": round(ns_per_day, 4)})
            say(json.dumps(rows[-1]))
    if process.returncode != 0:
        raise SystemExit(f"The engines on {name} ended with status {process.returncode}; see above.")
    return rows


def batched_over_ase(rows: Sequence[Row]) -> float:
    """How many times faster ours steps eight replicas of the student than a loop of ASE does."""
    return _smallest_ratio(rows, {"engine": OURS}, {"engine": ASE}, {"potential": STUDENT, "batch": max(BATCHES)})


def student_over_teacher(rows: Sequence[Row]) -> float:
    """How many times faster a replica of the student steps in our engine than one of the teacher."""
    return _smallest_ratio(rows, {"potential": STUDENT}, {"potential": TEACHER}, {"engine": OURS, "batch": 1})


def _smallest_ratio(rows: Sequence[Row], over: Row, under: Row, both: Row) -> float:
    sizes = sorted({row["atoms"] for row in rows})
    shared = [{**both, "threads": 1, "atoms": size} for size in sizes]
    return round(min(_rate(rows, {**one, **over}) / _rate(rows, {**one, **under}) for one in shared), 2)


def _rate(rows: Sequence[Row], wanted: Row) -> float:
    (found,) = (row["steps_per_cpu_s"] for row in rows if wanted.items() <= row.items())
    return float(found)


def main() -> None:
    """Times, and prints each row as it comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--student", help="a MACE model as `potential: mace` names it; random weights without")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="1 must be among them")
    parser.add_argument("--atoms", type=int, nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--cpu-seconds", type=float, default=4.0, help="about how long one turn of one engine takes")
    measured = measure(options := parser.parse_args())
    print(json.dumps(measured) if options.json else "\n".join(f"{name}: {value}" for name, value in measured.items()))


if __name__ == "__main__":
    main()
