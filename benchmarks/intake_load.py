"""How many results a second the service acknowledges to 64 clients over sockets, and how fast it lists queries.

First every client hands its next result in as soon as the last is acknowledged: how much the service takes, with as
many waiting as there are clients. Then all come at a steady rate: how long a result takes that need not queue. Every
acknowledged result is looked for in the store afterwards. The clients run on the same machine and take their share of
it; the processor time of the service alone is told beside.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from support.clients import Target, drive
from support.filled_people import machine_token
from support.filled_store import FIDELITY, Filled, fill
from support.served import HOST, served
from support.timing import say

from domain.cost import Cost
from domain.measurement import Measurement, Provenance
from domain.parsing import to_json
from services.store import Store, open_store
from services.store.examples import example_spec, fresh_postgres

WORKER = "bench"
N_CLIENTS = 64
N_LISTERS = 4
PACED_S = 20.0
"""How long clients come at a steady rate."""


def measure(
    store_url: str, *, n_results: int, n_listed: int, n_processes: int, rate_per_s: float, folder: Path
) -> dict[str, float | int | str]:
    """Fills a store, serves it, and drives clients against it."""
    n_paced = round(rate_per_s * PACED_S)
    with open_store(store_url) as store:
        token, group_id = machine_token(store, WORKER)
        say(f"filling {n_results} queries to answer and {n_listed} to list")
        answered, paced, listed = (
            fill(store, name, n_queries, worker=f"{WORKER}/{WORKER}", group_id=group_id)
            for name, n_queries in (("answered", n_results), ("paced", n_paced), ("listed", n_listed))
        )
    with ExitStack() as stack:
        processes = [
            stack.enter_context(served(folder, store_url, log=folder / f"serve{number}.log"))
            for number in range(n_processes)
        ]
        targets = [Target(HOST, process.port, token) for process in processes]
        cpu_s = -sum(process.cpu_s for process in processes)
        submitting = drive(targets, partial(_results, answered), n_clients=N_CLIENTS, expected=201)
        cpu_s += sum(process.cpu_s for process in processes)
        say(f"{len(submitting.latencies_s)} results in {submitting.wall_s:.1f} s")
        steady = drive(targets, partial(_results, paced), n_clients=N_CLIENTS, expected=201, rate_per_s=rate_per_s)
        listing = drive(targets, partial(_pages, listed), n_clients=N_LISTERS, expected=200)
    tallies = (submitting, steady, listing)
    for error in [error for tally in tallies for error in tally.errors][:10]:
        say(error)
    n_acknowledged = sum(len(tally.latencies_s) - len(tally.errors) for tally in (submitting, steady))
    with open_store(store_url) as store:
        missing = n_acknowledged - _recorded(store, answered) - _recorded(store, paced)
    return {
        "store": store_url.partition(":")[0],
        "processes": n_processes,
        "acknowledged_per_s": round((len(submitting.latencies_s) - len(submitting.errors)) / submitting.wall_s, 1),
        "p50_ms": round(submitting.percentile_ms(0.50), 1),
        "p95_ms": round(submitting.percentile_ms(0.95), 1),
        "server_cpu_ms": round(1000 * cpu_s / n_results, 3),
        "steady_per_s": rate_per_s,
        "steady_p50_ms": round(steady.percentile_ms(0.50), 1),
        "steady_p95_ms": round(steady.percentile_ms(0.95), 1),
        "list_p95_ms": round(listing.percentile_ms(0.95), 1),
        "listed": n_listed,
        "acknowledged_but_missing": missing,
        "errors": sum(len(tally.errors) for tally in tallies),
    }


def _results(filled: Filled, number: int) -> Iterator[tuple[str, str, bytes]]:
    fidelity = example_spec().fidelities.fidelity(FIDELITY)
    provenance = Provenance(fidelity.oracle, "bench 1", fidelity.settings_digest, WORKER, seed=1)
    for query in range(filled.first_query + number, filled.first_query + filled.n_queries, N_CLIENTS):
        measured = Measurement(
            -1.0 - query * 1e-9, "eV/atom", 0.05, provenance, Cost(fidelity.cost, core_seconds=0.5), datetime.now(UTC)
        )
        body = f'{{"fence": 1, "measurement": {to_json(measured)}, "realizations": []}}'
        yield "POST", f"/api/v1/queries/{query}/measurement", body.encode()


def _pages(filled: Filled, number: int) -> Iterator[tuple[str, str, bytes]]:
    rng = random.Random(number)
    for _ in range(100):
        after = filled.first_query + rng.randrange(filled.n_queries)
        yield "GET", f"/api/v1/campaigns/{filled.campaign}/queries?limit=50&after={after}", b""


def _recorded(store: Store, filled: Filled) -> int:
    return len(store.measurements.list(filled.campaign_id))


def main() -> None:
    """Measures on SQLite, or on a PostgreSQL server where its address is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--postgres", help="address of a PostgreSQL server, on which a database of its own is made")
    parser.add_argument("--results", type=int, default=20_000)
    parser.add_argument("--listed", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=1, help="processes of the service on the one store")
    parser.add_argument("--rate", type=float, default=250.0, help="results a second of the part at a steady rate")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ExitStack() as stack:
            url = f"sqlite:///{folder / 'petalite.sqlite3'}"
            measured = measure(
                stack.enter_context(fresh_postgres(options.postgres)) if options.postgres else url,
                n_results=options.results,
                n_listed=options.listed,
                n_processes=options.processes,
                rate_per_s=options.rate,
                folder=folder,
            )
    print(json.dumps(measured) if options.json else "\n".join(f"{name}: {value}" for name, value in measured.items()))


if __name__ == "__main__":
    main()
