"""Molecular dynamics of a plan, from its start or from where a kill ended it, to its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from oracles.dynamics.explosions import explosions
from oracles.dynamics.forces import Forces
from oracles.dynamics.langevin import Langevin, first_state
from oracles.dynamics.plan import Plan
from oracles.dynamics.recorder import Recorder
from oracles.dynamics.state import Ending, ReplicaEnd, State
from oracles.dynamics.trajectory import Trajectory

Monitor: TypeAlias = Callable[[Trajectory], str | None]
"""Says why a replica has run for long enough, given its trajectory so far; None: it shall run on. Its answer follows
from the frames alone: it is asked again, about the same frames, after a kill."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    time_ps: float
    """Simulated so far, equilibration included, ps."""
    total_ps: float
    """Planned, ps."""
    n_running: int
    """Replicas that have not ended."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind."""

    time_ps: float
    """Simulated so far by the replicas that ran longest, equilibration included, ps."""
    is_finished: bool
    """Whether every replica has ended; if not, the run was asked to stop and goes on when it is called again."""
    endings: tuple[Ending, ...]
    """One for each replica that has ended, in the order in which they did."""
    trajectories: tuple[Path, ...]
    """A file for each replica of the plan; see `oracles.dynamics.trajectory.Trajectory`."""


def run_on(_: Trajectory) -> str | None:
    """The monitor that never has enough."""
    return None


def run(
    plan: Plan,
    forces: Forces,
    folder: Path,
    *,
    report: Callable[[Progress], None],
    should_stop: Callable[[], bool],
    monitor: Monitor = run_on,
) -> Outcome:
    """Runs a plan to its end, going on from the newest sound checkpoint of its folder.

    A run that was killed at any instant and is called again gives, on the same machine, bit for bit the trajectory of
    an undisturbed one, if the forces keep their promise to give the same bits for the same cells.

    Args:
        plan: What to simulate.
        forces: Called once a step for all replicas together, and once before the first step.
        folder: For this run alone, and for one process at a time. `Plan.digest` names a run, and so a folder.
        report: Told at every frame how far the run is.
        should_stop: Asked before every step; if so, a checkpoint is written and the run returns unfinished.
        monitor: Asked about each replica every `monitor_every_ps` since the start, once production has begun.

    Raises:
        ConflictError: If the folder holds another run.
    """
    recorder = Recorder(folder, plan, forces.name)
    state = recorder.resume() or recorder.begin(_surviving(first_state(plan, forces), plan))
    langevin = Langevin.of(plan, state)
    while len(state.running) and not should_stop():
        state = _surviving(langevin.step(state, forces), plan)
        if state.step % plan.settings.steps_per_frame == 0:
            recorder.record(state)
            state = _ended(state, plan, recorder, monitor)
            report(_progress(state, plan))
        if state.step % plan.settings.steps_per_checkpoint == 0:
            recorder.save(state)
        if len(state.running) != len(langevin.replicas):
            langevin = Langevin.of(plan, state)
    recorder.save(state)
    paths = tuple(recorder.path(replica) for replica in range(len(plan.replicas)))
    return Outcome(plan.settings.time_ps(state.step), not len(state.running), state.endings, paths)


def _surviving(state: State, plan: Plan) -> State:
    return state.end(explosions(state, plan), ReplicaEnd.EXPLODED)


def _ended(state: State, plan: Plan, recorder: Recorder, monitor: Monitor) -> State:
    """Ends all replicas at the planned step, and before that those that the monitor has seen enough of."""
    settings = plan.settings
    if state.step == settings.n_steps:
        reason = f"It ran for {settings.time_ps(settings.n_steps):g} ps."
        return state.end({int(replica): reason for replica in state.running}, ReplicaEnd.COMPLETED)
    if state.step <= settings.n_equilibration_steps or state.step % settings.steps_per_monitor:
        return state
    answers = {int(replica): monitor(recorder.trajectory(int(replica))) for replica in state.running}
    enough = {replica: reason for replica, reason in answers.items() if reason is not None}
    return state.end(enough, ReplicaEnd.STOPPED_EARLY)


def _progress(state: State, plan: Plan) -> Progress:
    settings = plan.settings
    return Progress(settings.time_ps(state.step), settings.time_ps(settings.n_steps), len(state.running))
