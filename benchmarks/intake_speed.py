"""What recording one result costs, each in a transaction of its own and many through the store's one writer.

Results enter as everybody's do, through `services.intake`; the store is an SQLite file with synchronous=FULL in a
temporary folder. CPU is that of this process, the writer's thread included; wall time is the disk's too.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from support.filled_store import Filled, fill
from support.timing import cpu_seconds, run, say

from domain.errors import StoreBusyError
from domain.measurement import Measurement
from services.intake import record_measurement
from services.intake.testing import example_measurement
from services.store import Store, open_store
from services.store.records import MeasurementRecord

N_RESULTS = 1000
"""Recorded in each turn, each way."""
N_TURNS = 5
WORKER = "host/1"


def measure() -> dict[str, float]:
    """Records results both ways in turns, so that a busy machine slows both alike."""
    seconds: dict[str, list[tuple[float, float]]] = {"singly": [], "together": []}
    with TemporaryDirectory() as folder, open_store(f"sqlite:///{Path(folder) / 'store.sqlite3'}") as store:
        for turn in range(N_TURNS):
            for way, record in (("singly", record_singly), ("together", record_together)):
                filled = fill(store, f"{way}-{turn}", N_RESULTS, worker=WORKER, group_id=None)
                seconds[way].append(timed(partial(record, store, filled)))
            say(f"{turn + 1}/{N_TURNS}: {seconds['singly'][-1]} and {seconds['together'][-1]} s (CPU, wall)")
    cpu = {way: median(taken for taken, _ in turns) for way, turns in seconds.items()}
    wall = {way: median(taken for _, taken in turns) for way, turns in seconds.items()}
    return {
        "results": N_RESULTS * N_TURNS,
        "cpu_ms_singly": round(1000 * cpu["singly"] / N_RESULTS, 3),
        "cpu_ms_together": round(1000 * cpu["together"] / N_RESULTS, 3),
        "recorded_per_cpu_s": round(N_RESULTS / cpu["together"]),
        "recorded_per_s": round(N_RESULTS / wall["together"]),
        "ratio_cpu": round(cpu["singly"] / cpu["together"], 2),
        "ratio_wall": round(wall["singly"] / wall["together"], 2),
    }


def record_singly(store: Store, filled: Filled) -> None:
    """One transaction for each result."""
    for number in range(filled.n_queries):
        record_measurement(store, filled.first_query + number, fence=1, measurement=answer(store, number))


def record_together(store: Store, filled: Filled) -> None:
    """All through the store's writer, by a caller that never waits for one before it hands in the next."""
    promises = []
    for number in range(filled.n_queries):
        measurement = answer(store, number)
        work = partial(record_measurement, store, filled.first_query + number, fence=1, measurement=measurement)
        promises.append(submit(store, work))
    for promise in promises:
        promise.result()


def submit(store: Store, work: Callable[[], MeasurementRecord]) -> Future[MeasurementRecord]:
    """Hands work in; waits where the writer's queue is full."""
    while True:
        try:
            return store.submit(work)
        except StoreBusyError:
            time.sleep(0.001)


def answer(store: Store, number: int) -> Measurement:
    """A measurement that is like no other."""
    return replace(example_measurement(-1.0 - 1e-6 * number), measured_at=store.now())


def timed(act: Callable[[], None]) -> tuple[float, float]:
    """CPU and wall seconds of one call."""
    began = time.perf_counter()
    cpu = cpu_seconds(act)
    return round(cpu, 3), round(time.perf_counter() - began, 3)


if __name__ == "__main__":
    run(measure, __doc__.split("\n")[0])
