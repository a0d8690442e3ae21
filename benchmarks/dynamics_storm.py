"""A look by molecular dynamics is killed at many seeded random instants; its end must be that of an undisturbed one.

A machine answers one look over REST. Once in two times the whole machine is killed, else the process that computes for
it, while it starts, relaxes, moves atoms, or writes; then it goes on. Afterwards trajectories, answer and charges are
compared with those of a look that nobody disturbed.
"""

import argparse
import json
import random
import tempfile
from pathlib import Path
from typing import Final

from support.storm_books import Books
from support.storm_dynamics import Day, instants, live_through
from support.timing import say

from domain.json_value import JsonObject, JsonValue
from services.store.records import LedgerKind

_LENNARD_JONES: Final[JsonObject] = {
    "potential": "ase.calculators.lj.LennardJones",
    "parameters": {"sigma": 2.3, "epsilon": 0.05, "rc": 5.0, "smooth": True},
}
_MOST_CHECKPOINTS_WAITED: Final = 2.0
"""Between checkpoints of the undisturbed look: the longest delay of a kill, so that it falls anywhere within them."""


def measure(options: argparse.Namespace) -> dict[str, JsonValue]:
    """Lets one look live in peace and one in the storm, and compares them."""
    settings = oracle_settings(options)
    with tempfile.TemporaryDirectory() as name:
        calm_folder, stormy_folder = Path(name) / "calm", Path(name) / "stormy"
        for folder in (calm_folder, stormy_folder):
            folder.mkdir()
        calm = live_through(calm_folder, settings)
        say(f"undisturbed: {calm.n_bytes} bytes of trajectories, grown in {calm.dynamics_s:.1f} s")
        n_checkpoints = options.production_ps / options.checkpoint_every_ps
        longest_delay_s = _MOST_CHECKPOINTS_WAITED * calm.dynamics_s / n_checkpoints
        kills = instants(options.kills, random.Random(options.seed), longest_delay_s=longest_delay_s)
        stormy = live_through(stormy_folder, settings, kills, n_bytes=calm.n_bytes)
        say(f"killed {sum(stormy.n_kills.values())} times")
        return {
            "potential": options.potential,
            "kills": sum(stormy.n_kills.values()),
            "killed": dict(stormy.n_kills),
            "undisturbed_ps": list(calm.lengths_ps(calm_folder)),
            "ps": list(stormy.lengths_ps(stormy_folder)),
            **differences(calm, stormy),
        }


def differences(calm: Day, stormy: Day) -> dict[str, JsonValue]:
    """How two days differ; all zero is what is promised."""
    return {
        "trajectories_differ": sum(
            calm.trajectories.get(name) != stormy.trajectories.get(name)
            for name in calm.trajectories.keys() | stormy.trajectories.keys()
        ),
        "answers_differ": int(calm.answers != stormy.answers),
        "charges_differ": int(calm.books.charges != stormy.books.charges),
        "undisturbed_charge": booked(calm.books),
        "charge": booked(stormy.books),
    }


def booked(books: Books) -> float:
    """Money that was spent."""
    return sum(amount for _, _, kind, amount in books.charges.elements() if kind == LedgerKind.BOOK.value)


def oracle_settings(options: argparse.Namespace) -> JsonObject:
    """A short run of rock salt at two temperatures."""
    potential: JsonObject = _LENNARD_JONES
    if options.potential != "lj":
        model: JsonObject = {"model": options.model} if options.model else {}
        potential = {"potential": options.potential, "dtype": "float32", **model}
    times: JsonObject = {
        "timestep_fs": 2.0,
        "equilibration_ps": 0.02,
        "production_ps": options.production_ps,
        "frame_every_ps": 0.01,
        "checkpoint_every_ps": options.checkpoint_every_ps,
        "monitor_every_ps": options.production_ps,
    }
    return {
        "potential": {**potential, "draws": 1, "max_steps": 30},
        "temperatures_K": [300.0, 600.0],
        "min_height_A": options.min_height_A,
        "dynamics": times,
    }


def main() -> None:
    """Storms over a look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--potential", choices=["lj", "chgnet", "mace"], default="lj")
    parser.add_argument("--model", help="of that potential")
    parser.add_argument("--production-ps", type=float, default=2.0)
    parser.add_argument("--checkpoint-every-ps", type=float, default=0.02)
    parser.add_argument("--min-height-A", type=float, default=5.0)
    measured = measure(options := parser.parse_args())
    print(json.dumps(measured) if options.json else "\n".join(f"{name}: {value}" for name, value in measured.items()))
    if any(measured[name] for name in ("trajectories_differ", "answers_differ", "charges_differ")):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
