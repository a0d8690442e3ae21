"""Whether hostile uploads hold up other clients: the latency of small requests, with and without them, in turns.

Calm and storm follow each other in one run, against one service over sockets, so that what else the machine does is
in both.
"""

import argparse
import json
import tempfile
from itertools import repeat
from pathlib import Path

from support.clients import Tally, Target, drive
from support.hostile import Blown, storm
from support.served import HOST, served
from support.timing import say

from services.access.people import add_group, add_user, give_campaign
from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Role
from services.access.tokens import create_token
from services.store import open_store
from services.uploads.testing import conductor_campaign

SMALL = ("GET", "/api/v1/campaigns/conductors/queries?limit=20", b"")
N_UPLOADERS = 8
RATE_PER_S = 10.0
"""Of the small requests: a dashboard or two."""


def measure(folder: Path, *, n_turns: int, n_requests: int) -> dict[str, float | int]:
    """Serves a store, and asks for something small again and again, in every second turn during a storm."""
    store_url = f"sqlite:///{folder / 'petalite.sqlite3'}"
    reading, uploading = _tokens(store_url)
    calm, stormy, blown = Tally(), Tally(), Blown()
    with served(folder, store_url, log=folder / "serve.log") as process:

        def ask(tally: Tally) -> None:
            target = Target(HOST, process.port, reading)
            found = drive(
                [target], lambda _: repeat(SMALL, n_requests), n_clients=1, expected=200, rate_per_s=RATE_PER_S
            )
            tally.latencies_s += found.latencies_s
            tally.errors += found.errors
            say(f"p95 {found.percentile_ms(0.95):.1f} ms")

        for _ in range(n_turns):
            ask(calm)
            with storm(Target(HOST, process.port, uploading), n_uploaders=N_UPLOADERS) as blowing:
                ask(stormy)
            blown.add(blowing)
            say(f"uploads: {dict(blown.statuses)}")
    return {
        "calm_p50_ms": round(calm.percentile_ms(0.5), 1),
        "calm_p95_ms": round(calm.percentile_ms(0.95), 1),
        "storm_p50_ms": round(stormy.percentile_ms(0.5), 1),
        "storm_p95_ms": round(stormy.percentile_ms(0.95), 1),
        "ratio_p95": round(stormy.percentile_ms(0.95) / calm.percentile_ms(0.95), 2),
        "uploads_reported": blown.statuses[201],
        "uploads_sent_away": blown.statuses[429],
        "slowest_upload_s": round(blown.slowest_s, 1),
        "errors": len(calm.errors) + len(stormy.errors) + blown.n_errors,
    }


def _tokens(store_url: str) -> tuple[str, str]:
    operator = local_operator()
    with open_store(store_url) as store:
        conductor_campaign(store)
        add_group(store, "bench", by=operator)
        give_campaign(store, "conductors", "bench", by=operator)
        secrets = []
        for role in (Role.VIEWER, Role.LABORATORY):
            add_user(store, role.value, role=role, by=operator, groups=("bench",))
            scopes = PERMISSIONS_OF_ROLE[role]
            secrets.append(create_token(store, role.value, label="benchmark", scopes=scopes, by=operator).secret)
    return secrets[0], secrets[1]


def main() -> None:
    """Measures on SQLite."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--turns", type=int, default=5, help="turns of calm, and as many of storm")
    parser.add_argument("--requests", type=int, default=150, help="small requests in each turn")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        measured = measure(Path(name), n_turns=options.turns, n_requests=options.requests)
    print(json.dumps(measured) if options.json else "\n".join(f"{name}: {value}" for name, value in measured.items()))


if __name__ == "__main__":
    main()
