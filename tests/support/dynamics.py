"""Small runs of molecular dynamics, and a child process that makes one until it is killed."""

import itertools
from pathlib import Path

import numpy as np
from ase.build import bulk

from oracles.dynamics.forces import Cells
from oracles.dynamics.plan import DynamicsSettings, Plan, Replica
from oracles.dynamics.running import run
from oracles.dynamics.testing import PairwiseRepulsion

REPULSION = PairwiseRepulsion(reach_A=3.3)


def copper_plan(*, production_ps=0.2, **settings):
    """Two replicas of 32 atoms; a frame every second step and a checkpoint every tenth."""
    times = {"timestep_fs": 1.0, "equilibration_ps": 0.02, "frame_every_ps": 0.002, "checkpoint_every_ps": 0.01}
    chosen = DynamicsSettings(**{**times, "production_ps": production_ps, "monitor_every_ps": 0.05, **settings})
    copper = Cells.of(bulk("Cu", cubic=True) * 2)
    return Plan(copper, (Replica(300.0, 1), Replica(900.0, 2)), chosen)


def springs_plan(n_atoms, *, temperatures=(300.0,), **settings):
    """Lithium atoms in a large cell, 3 Å apart, for force fields that ignore neighbours."""
    side = int(np.ceil(n_atoms ** (1 / 3)))
    places = 3.0 * np.array(list(itertools.islice(itertools.product(range(side), repeat=3), n_atoms)), dtype=float)
    cells = Cells(places, np.zeros(n_atoms, np.int64), 3.0 * side * np.eye(3)[None], np.full(n_atoms, 3))
    replicas = tuple(Replica(temperature, seed) for seed, temperature in enumerate(temperatures))
    return Plan(cells, replicas, DynamicsSettings(**settings))


def never():
    return False


def ignore(_):
    return None


def stop_early_when_hot(trajectory):
    """A monitor: the hotter replica has enough after about 0.1 ps."""
    frames = trajectory.production()
    is_enough = trajectory.header.temperature_K > 500 and len(frames) > 30
    return f"{len(frames)} frames" if is_enough else None


def run_in_child(folder, reports):
    """Makes the run of `copper_plan` and sends a word at every frame."""
    run(
        copper_plan(),
        REPULSION,
        Path(folder),
        report=lambda progress: reports.send(progress.time_ps),
        should_stop=never,
        monitor=stop_early_when_hot,
    )
