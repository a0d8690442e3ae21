"""How long the service takes for every page and figure of a campaign that has run for a long time.

The service answers in this process, one request at a time, to a scientist: what is measured is its own work, without a
network and without waiting for others. Each page is told in milliseconds of processor time (which a busy machine does
not change much) and of wall time. Figures are asked for as by somebody who has never seen them; `again` is the largest
time that the service takes for a figure that the caller has already.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from support.filled_campaign import Scale, fill_long_campaign
from support.timing import say

from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Role
from services.access.tokens import create_token
from services.api.rate import Rate, Rates
from services.api.service import Service
from services.api.testing import running
from services.dashboard.app import create_service
from services.dashboard.testing import GROUP, make_people
from services.reports.figures import Plot
from services.settings import load_settings
from services.store import Store
from services.store.crystals import CrystalOrder
from services.store.examples import fresh_postgres

NAME: Final = "long"
_UNLIMITED: Final = Rate(per_s=1e9, burst=1e9)


@dataclass(slots=True)
class Taken:
    """What a page took, in milliseconds, each time that it was asked for."""

    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)

    def summed_up(self) -> Mapping[str, float]:
        """Median and 95th percentile."""
        found = {}
        for name, values in (("cpu", self.cpu_ms), ("wall", self.wall_ms)):
            ranked = sorted(values)
            found[f"{name}_median_ms"] = round(ranked[len(ranked) // 2], 1)
            found[f"{name}_p95_ms"] = round(ranked[min(len(ranked) - 1, int(0.95 * len(ranked)))], 1)
        return found


def measure(folder: Path, store_url: str, scale: Scale, *, n_turns: int) -> Mapping[str, object]:
    """Fills a store, serves it, and asks for everything in turns."""
    settings = load_settings({"PETALITE_HOME": str(folder), "PETALITE_STORE_URL": store_url})
    app = create_service(settings, rates=Rates(_UNLIMITED, _UNLIMITED))
    with running(app) as client:
        service: Service = app.state.service
        store = service.open_store
        make_people(store)
        say(f"filling {scale.n_queries} looks in {scale.n_rounds} rounds")
        campaign = fill_long_campaign(store, NAME, scale, group=GROUP)
        token = create_token(
            store, "scientist", label="benchmark", scopes=PERMISSIONS_OF_ROLE[Role.SCIENTIST], by=local_operator()
        )
        client.headers["Authorization"] = f"Bearer {token.secret}"
        taken, again = ask(client, _pages(store, campaign.id, scale), _figures(), n_turns=n_turns)
    pages = {name: one.summed_up() for name, one in taken.items()}
    slowest = max(pages, key=lambda name: pages[name]["cpu_median_ms"])
    return {
        "store": store_url.partition(":")[0],
        "queries": scale.n_queries,
        "rounds": scale.n_rounds,
        "slowest": slowest,
        "slowest_cpu_ms": pages[slowest]["cpu_median_ms"],
        "slowest_wall_ms": max(one["wall_median_ms"] for one in pages.values()),
        "again_cpu_ms": again,
        "pages": pages,
    }


def ask(
    client: httpx.Client, pages: Mapping[str, str], figures: Mapping[str, str], *, n_turns: int
) -> tuple[Mapping[str, Taken], float]:
    """Asks for everything in turns, and once more for the figures with what was told of them.

    Returns:
        What each took, and the largest processor time, in milliseconds, of a figure that was known already.
    """
    taken = {name: Taken() for name in (*pages, *figures)}
    for turn in range(n_turns):
        for name, path in {**pages, **figures}.items():
            began, cpu_began = time.perf_counter(), time.process_time()
            answer = client.get(path)
            taken[name].cpu_ms.append(1000 * (time.process_time() - cpu_began))
            taken[name].wall_ms.append(1000 * (time.perf_counter() - began))
            if answer.status_code != httpx.codes.OK:
                raise SystemExit(f"{path} answered {answer.status_code}: {answer.text[:300]}")
        say(f"turn {turn + 1} of {n_turns}")
    return taken, max((_again(client, path) for path in figures.values()), default=0.0)


def _again(client: httpx.Client, path: str) -> float:
    tag = client.get(path).headers.get("ETag", "")
    began = time.process_time()
    client.get(path, headers={"If-None-Match": tag})
    return round(1000 * (time.process_time() - began), 1)


def _pages(store: Store, campaign_id: int, scale: Scale) -> Mapping[str, str]:
    here = f"/campaigns/{NAME}"
    (look, *_) = store.queries.list_page(campaign_id, fidelity="lab", limit=1)
    middle = scale.n_rounds // 2
    crystals = f"{here}/crystals"
    sorts = {f"crystals by {by.value}": f"{crystals}?sort={by.value}" for by in CrystalOrder}
    sorts |= {
        f"crystals by {by.value}, descending": f"{crystals}?sort={by.value}&order=descending" for by in CrystalOrder
    }
    filters = {
        "formula": "formula=LiCl",
        "elements": "elements=Li+Cl",
        "space group": "space_group=225",
        "state": "state=failed",
        "rare state": "state=awaiting_approval",
        "reached": "reached=lab",
        "all of them": "elements=Li+Cl&space_group=225&reached=dft&state=done&sort=paid",
        "nothing": "elements=Li+Na+K+Mg+Ca&state=cancelled",
    }
    narrowed = {f"crystals, only {name}": f"{crystals}?{asked}" for name, asked in filters.items()}
    return {
        "campaigns": "/campaigns",
        "overview": here,
        "scorecard": f"{here}/scorecard",
        "crystals": crystals,
        **sorts,
        **narrowed,
        "rounds": f"{here}/rounds",
        "round": f"{here}/rounds/{middle}",
        "looks": f"{here}/looks",
        "looks that failed": f"{here}/looks?state=failed",
        "looks at a fidelity": f"{here}/looks?fidelity=lab",
        "looks of a round at a fidelity": f"{here}/looks?fidelity=lab&round_index={middle}&state=failed",
        "looks that there are not": f"{here}/looks?state=cancelled&fidelity=lab",
        "events": f"{here}/events",
        "rare events": f"{here}/events?kind=campaign.created",
        "crystal": f"/crystals/{look.candidate_id}",
        "sample": f"/laboratory/queries/{look.id}",
        "laboratory": "/laboratory",
        "own work": "/laboratory/mine",
        "laboratory's history": "/laboratory/history",
        "uploads": f"{here}/uploads",
        "machines": "/machines",
        "oracle": "/machines/oracles/potential",
        "approvals": "/approvals",
        "judged": "/approvals/judged",
        "materials": "/materials",
        "schedules": f"{here}/schedules",
        "spec": f"{here}/spec",
    }


def _figures() -> Mapping[str, str]:
    api = "/api/v1"
    found = {f"figure {plot.value}": f"{api}/campaigns/{NAME}/plots/{plot.value}" for plot in Plot}
    found |= {f"figure of an oracle, {name}": f"{api}/oracles/potential/plots/{name}" for name in ("costs", "answers")}
    return found


def main() -> None:
    """Measures on SQLite, or on a PostgreSQL server where its address is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--postgres", help="address of a PostgreSQL server, on which a database of its own is made")
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        url = f"sqlite:///{folder / 'petalite.sqlite3'}"
        if options.postgres:
            url = stack.enter_context(fresh_postgres(options.postgres))
        measured = measure(folder, url, Scale(options.queries, options.rounds), n_turns=options.turns)
    if options.json:
        print(json.dumps(measured))
        return
    pages = measured["pages"]
    rest = {name: value for name, value in measured.items() if name != "pages"}
    print("\n".join(f"{name}: {value}" for name, value in rest.items()))
    if isinstance(pages, Mapping):
        print(_table(pages))


def _table(pages: Mapping[str, Mapping[str, float]]) -> str:
    ranked: Sequence[tuple[str, Mapping[str, float]]] = sorted(pages.items(), key=lambda one: -one[1]["cpu_median_ms"])
    return "\n".join(f"{one['cpu_median_ms']:9.1f} {one['wall_median_ms']:9.1f}  {name}" for name, one in ranked)


if __name__ == "__main__":
    main()
