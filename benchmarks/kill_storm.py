"""Processes are killed at many seeded random points, and afterwards the books must be those of a calm day.

A point is one SIGKILL before one SQL statement or commit, somewhere in the life of a process that records answers: the
writer behind the group commit, the API's server, the flow that runs a campaign, the acceptance of an upload; or before
one request or one step on disk of a machine that answers over REST. Then the process is started again and finishes its
work.
"""

import argparse
import json
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from support.storm import Life
from support.storm_api import ApiStage
from support.storm_books import Books, Verdict, judge, read_books
from support.storm_flow import FlowStage, flow_ground
from support.storm_machine import MachineStage
from support.storm_uploads import UploadStage
from support.storm_work import CAMPAIGN
from support.storm_writer import WriterStage
from support.timing import say

from services.store.examples import postgres_stores


class Stage(Protocol):
    """A kind of process that is killed."""

    name: str

    def prepare(self) -> None:
        """Fills an empty store with the day's questions."""

    def live(self, kill_at: int | None) -> Life:
        """One life of the process."""

    def known(self) -> frozenset[str]:
        """What the store holds of what may have been acknowledged."""


STAGES: dict[str, tuple[Callable[[str], Stage], float]] = {
    "writer": (WriterStage, 0.4),
    "api": (ApiStage, 0.3),
    "machine": (MachineStage, 0.1),
    "uploads": (UploadStage, 0.1),
    "flow": (FlowStage, 0.1),
}
"""How a stage is set up on a store's address, and its share of the points."""


def storm(n_points: int, seed: int, fresh: Callable[[], AbstractContextManager[str]]) -> tuple[Verdict, Counter[str]]:
    """Kills processes at random points, each on a store of its own.

    Args:
        n_points: How many.
        seed: Of the points.
        fresh: Makes a store and gives its address; removes it afterwards.
    """
    rng = random.Random(seed)
    names = list(STAGES)
    drawn = rng.choices(names, [STAGES[name][1] for name in names], k=n_points)
    verdict, killed = Verdict(), Counter[str]()
    calm: dict[str, tuple[Books, int]] = {}
    for number, name in enumerate(drawn, start=1):
        if name not in calm:
            with fresh() as url:
                calm[name] = calm_day(STAGES[name][0](url), url)
        books, n_points_of_day = calm[name]
        with fresh() as url:
            one, was_killed = stormy_day(STAGES[name][0](url), url, books, kill_at=rng.randint(1, n_points_of_day))
        verdict, killed = verdict + one, killed + Counter({name: was_killed})
        say(f"{number}/{n_points} {name}{'' if was_killed else ' (ended first)'}: {one}")
    return verdict, killed


def calm_day(stage: Stage, url: str) -> tuple[Books, int]:
    """The books of a day that nobody disturbed, and at how many points it could have been."""
    stage.prepare()
    life = stage.live(None)
    return read_books(url, CAMPAIGN), life.n_points


def stormy_day(stage: Stage, url: str, calm: Books, *, kill_at: int) -> tuple[Verdict, bool]:
    """Kills the process once, lets its next life finish, and compares."""
    stage.prepare()
    first = stage.live(kill_at)
    second = stage.live(None) if first.was_killed else Life((), 0, was_killed=False)
    acknowledged = (*first.acknowledged, *second.acknowledged)
    return judge(calm, read_books(url, CAMPAIGN), acknowledged, stage.known()), first.was_killed


@contextmanager
def fresh_sqlite() -> Iterator[str]:
    """An empty SQLite store."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'petalite.sqlite3'}"


def main() -> None:
    """Storms over SQLite, or over a PostgreSQL server where its address is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--postgres", help="address of a PostgreSQL server, on which databases of their own are made")
    options = parser.parse_args()
    stores = postgres_stores(options.postgres) if options.postgres else nullcontext(fresh_sqlite)
    with flow_ground(), stores as fresh:
        verdict, killed = storm(options.points, options.seed, fresh)
    measured = {
        "store": "postgresql" if options.postgres else "sqlite",
        "points": options.points,
        "killed": dict(killed),
        "lost": verdict.lost,
        "duplicated": verdict.duplicated,
        "charges_wrong": verdict.charges_wrong,
        "answers_missing": verdict.answers_missing,
    }
    print(json.dumps(measured) if options.json else "\n".join(f"{name}: {value}" for name, value in measured.items()))
    if verdict != Verdict():
        raise SystemExit(1)


if __name__ == "__main__":
    main()
