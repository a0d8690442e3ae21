"""Two engines of molecular dynamics on one potential, timed in turns: a program of its own for each potential.

`python md_engines.py JSON` prints one line of JSON for each engine, size and batch.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np

from domain.json_value import JsonValue
from domain.parsing import parse
from oracles.dynamics.forces import Cells
from oracles.dynamics.plan import DynamicsSettings, Plan, Replica
from oracles.dynamics.running import run
from oracles.potentials import Potential, PotentialChoice

if TYPE_CHECKING:
    from ase import Atoms

OURS: Final = "petalite"
ASE: Final = "ase"
TIMESTEP_FS: Final = 2.0
_TEMPERATURE_K: Final = 300.0
_FRICTION_PER_PS: Final = 1.0
_RATTLE_A: Final = 0.05
_FEWEST_STEPS: Final = 3
"""Replicas of ours begin at the same places, where a calculator that remembers answers for all of them at once."""
_MOST_STEPS: Final = 500
_FIRST_CALLS: Final = 4
_START: Final = 1
"""Both engines ask for the forces once before the first step, which costs as much as one."""
_COPIES: Final = {50: (2, 1, 5), 200: (2, 4, 5)}
"""Copies of the five atoms of antiperovskite Li3OCl along each axis, by the number of atoms."""
_LATTICE_A: Final = 3.91


@dataclass(frozen=True, slots=True)
class Task:
    """What one process times."""

    potential: Mapping[str, JsonValue]
    """Settings that choose it."""
    atoms: tuple[int, ...]
    batches: tuple[int, ...]
    turns: int
    cpu_s: float
    """About how long one turn of one engine may take."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of an engine."""

    cpu_s: float
    wall_s: float


def rows(task: Task) -> Iterator[dict[str, float | int | str]]:
    """Times both engines for every size and batch."""
    potential = parse(PotentialChoice, dict(task.potential), what="The potential").load()
    for n_atoms in task.atoms:
        crystal = antiperovskite(n_atoms)
        call_s = _cpu_s_of_a_call(potential, crystal)
        for batch in task.batches:
            n_steps = min(max(round(task.cpu_s / (call_s * batch)), _FEWEST_STEPS), _MOST_STEPS)
            turns = in_turns(potential, crystal, batch, n_steps, n_turns=task.turns)
            for name, taken in turns.items():
                yield {
                    "atoms": n_atoms,
                    "batch": batch,
                    "engine": name,
                    "steps": n_steps,
                    "steps_per_s": (n_steps + _START) / median(turn.wall_s for turn in taken),
                    "steps_per_cpu_s": (n_steps + _START) / median(turn.cpu_s for turn in taken),
                }


def in_turns(
    potential: Potential, crystal: "Atoms", batch: int, n_steps: int, *, n_turns: int
) -> Mapping[str, list[Turn]]:
    """Times both engines, one after the other."""
    plan = our_plan(crystal, batch, n_steps)
    engines: dict[str, Callable[[], None]] = {
        OURS: lambda: run_ours(plan, potential),
        ASE: lambda: run_ase(crystal, potential, n_replicas=batch, n_steps=n_steps),
    }
    taken: dict[str, list[Turn]] = {name: [] for name in engines}
    for _ in range(n_turns):
        for name, engine in engines.items():
            taken[name].append(timed(engine))
    return taken


def timed(act: Callable[[], object]) -> Turn:
    """Processor and wall time of one turn."""
    cpu, wall = time.process_time(), time.perf_counter()
    act()
    return Turn(time.process_time() - cpu, time.perf_counter() - wall)


def antiperovskite(n_atoms: int) -> "Atoms":
    """Li3OCl, its atoms a little off their places."""
    from ase import Atoms

    cell = Atoms(
        "Li3OCl",
        scaled_positions=[(0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5), (0, 0, 0), (0.5, 0.5, 0.5)],
        cell=[_LATTICE_A] * 3,
        pbc=True,
    )
    crystal = cell.repeat(_COPIES[n_atoms])
    crystal.positions += np.random.default_rng(n_atoms).normal(0, _RATTLE_A, crystal.positions.shape)
    return crystal


def our_plan(crystal: "Atoms", batch: int, n_steps: int) -> Plan:
    """One frame and one checkpoint at the end of the run."""
    whole_ps = n_steps * TIMESTEP_FS / 1000
    settings = DynamicsSettings(
        timestep_fs=TIMESTEP_FS,
        friction_per_ps=_FRICTION_PER_PS,
        equilibration_ps=0.0,
        production_ps=whole_ps,
        frame_every_ps=whole_ps,
        checkpoint_every_ps=whole_ps,
        monitor_every_ps=whole_ps,
    )
    return Plan(Cells.of(crystal), tuple(Replica(_TEMPERATURE_K, seed) for seed in range(batch)), settings)


def run_ours(plan: Plan, potential: Potential) -> None:
    """All replicas together."""
    with tempfile.TemporaryDirectory() as folder:
        run(plan, potential.forces, Path(folder), report=lambda _: None, should_stop=lambda: False)


def run_ase(crystal: "Atoms", potential: Potential, *, n_replicas: int, n_steps: int) -> None:
    """One replica after the other."""
    from ase import units
    from ase.md.langevin import Langevin
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

    for seed in range(n_replicas):
        atoms, rng = crystal.copy(), np.random.default_rng(seed)
        atoms.calc = potential.calculator
        MaxwellBoltzmannDistribution(atoms, temperature_K=_TEMPERATURE_K, rng=rng)
        Langevin(
            atoms,
            TIMESTEP_FS * units.fs,
            temperature_K=_TEMPERATURE_K,
            friction=_FRICTION_PER_PS / (1000 * units.fs),
            rng=rng,
        ).run(n_steps)


def _cpu_s_of_a_call(potential: Potential, crystal: "Atoms") -> float:
    """Of the last of a few, each for other positions: calculators remember answers, and networks are slow at first."""
    taken = 0.0
    for seed in range(_FIRST_CALLS):
        moved = crystal.copy()
        moved.rattle(_RATTLE_A, seed=seed)
        cells = Cells.of(moved)
        taken = timed(lambda cells=cells: potential.forces.evaluate(cells)).cpu_s
    return taken


if __name__ == "__main__":
    for row in rows(parse(Task, json.loads(sys.argv[1]), what="The task")):
        print(json.dumps(row), flush=True)
