"""How many results a second the service acknowledges to 64 clients over sockets, and how fast it lists queries.

Every acknowledged result is looked for in the store afterwards. The clients run on the same machine and take their
share of it.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
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


def measure(store_url: str, *, n_results: int, n_listed: int, folder: Path) -> dict[str, float | int | str]:
    """Fills a store, serves it, and drives clients against it."""
    with open_store(store_url) as store:
        token, group_id = machine_token(store, WORKER)
        say(f"filling {n_results} queries to answer and {n_listed} to list")
        answered = fill(store, "answered", n_results, worker=f"{WORKER}/{WORKER}", group_id=group_id)
        listed = fill(store, "listed", n_listed, worker=f"{WORKER}/{WORKER}", group_id=group_id)
    with served(folder, store_url, log=folder / "serve.log") as port:
        target = Target(HOST, port, token)
        submitting = drive(target, lambda number: _results(answered, number), n_clients=N_CLIENTS, expected=201)
        say(f"{len(submitting.latencies_s)} results in {submitting.wall_s:.1f} s")
        listing = drive(target, lambda number: _pages(listed, number), n_clients=N_LISTERS, expected=200)
    for error in (*submitting.errors, *listing.errors)[:10]:
        say(error)
    with open_store(store_url) as store:
        missing = n_results - len(submitting.errors) - _recorded(store, answered)
    return {
        "store": store_url.partition(":")[0],
        "acknowledged_per_s": round((len(submitting.latencies_s) - len(submitting.errors)) / submitting.wall_s, 1),
        "p50_ms": round(submitting.percentile_ms(0.50), 1),
        "p95_ms": round(submitting.percentile_ms(0.95), 1),
        "list_p95_ms": round(listing.percentile_ms(0.95), 1),
        "listed": n_listed,
        "acknowledged_but_missing": missing,
        "errors": len(submitting.errors) + len(listing.errors),
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
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = {"n_results": options.results, "n_listed": options.listed, "folder": folder}
        if options.postgres:
            with fresh_postgres(options.postgres) as url:
                measured = measure(url, **sizes)
        else:
            measured = measure(f"sqlite:///{folder / 'petalite.sqlite3'}", **sizes)
    print(json.dumps(measured) if options.json else "\n".join(f"{name}: {value}" for name, value in measured.items()))


if __name__ == "__main__":
    main()
