"""A run as a whole: what it writes, how replicas end, and what it does with damaged and with foreign files."""

import json
import re
import shutil
from dataclasses import dataclass, field

import numpy as np
import pytest
from support.dynamics import REPULSION, copper_plan, ignore, never, stop_early_when_hot

from domain.errors import ConflictError
from oracles.dynamics.forces import Evaluation
from oracles.dynamics.plan import Plan, Replica
from oracles.dynamics.running import run
from oracles.dynamics.state import ReplicaEnd
from oracles.dynamics.trajectory import Trajectory

PLAN = copper_plan(production_ps=0.06, equilibration_ps=0.02)


@dataclass
class Counting:
    """A force field that counts its calls, and the replicas in each."""

    forces: object = REPULSION
    n_replicas: list[int] = field(default_factory=list)
    name: str = REPULSION.name

    def evaluate(self, cells):
        self.n_replicas.append(cells.n_replicas)
        return self.forces.evaluate(cells)


def _run(folder, *, plan=PLAN, forces=REPULSION, **options):
    return run(plan, forces, folder, **{"report": ignore, "should_stop": never, **options})


def _frames(outcome):
    return [Trajectory(path).frames() for path in outcome.trajectories]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    _run(folder)
    return folder


@pytest.fixture
def half_way(tmp_path):
    """A run that was stopped at its fifth checkpoint and a step."""
    reached = []
    outcome = _run(tmp_path, report=reached.append, should_stop=lambda: len(reached) > 25)
    assert not outcome.is_finished
    assert outcome.time_ps == pytest.approx(0.052)
    return tmp_path


def _contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _positions(folder):
    return [Trajectory(folder / f"replica-00{i}.trajectory").frames().positions_A for i in range(2)]


def _is_undisturbed(folder, undisturbed):
    """Frames alone: a run that is asked to stop writes a block more."""
    pairs = zip(_positions(folder), _positions(undisturbed), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


def test_a_run_writes_every_frame_of_every_replica(tmp_path):
    progress = []
    outcome = _run(tmp_path, report=progress.append)
    assert outcome.is_finished
    assert [(end.replica, end.end, end.step) for end in outcome.endings] == [
        (0, ReplicaEnd.COMPLETED, 80),
        (1, ReplicaEnd.COMPLETED, 80),
    ]
    for frames, temperature in zip(_frames(outcome), (300.0, 900.0), strict=True):
        assert frames.steps.tolist() == list(range(0, 81, 2))
        assert frames.temperatures_K[0] == pytest.approx(temperature, rel=0.5)
    header = Trajectory(outcome.trajectories[1]).header
    assert (header.replica, header.temperature_K, header.frame_every_ps) == (1, 900.0, 0.002)
    assert header.first_production_step == 20
    assert [(p.time_ps, p.total_ps, p.n_running) for p in progress[:2]] == [(0.002, 0.08, 2), (0.004, 0.08, 2)]
    assert progress[-1].n_running == 0


def test_forces_are_asked_once_a_step_also_across_a_stop(tmp_path):
    forces, asked = Counting(), []
    _run(tmp_path, forces=forces, should_stop=lambda: asked.append(0) or len(asked) > 30)
    assert forces.n_replicas == [2] * 31
    _run(tmp_path, forces=forces)
    assert forces.n_replicas == [2] * 81


def test_a_run_that_was_asked_to_stop_goes_on_without_a_trace(half_way, undisturbed):
    _run(half_way)
    assert _is_undisturbed(half_way, undisturbed)


def test_a_finished_run_costs_nothing_more(tmp_path):
    first, before = _run(tmp_path), _contents(tmp_path)
    forces = Counting()
    assert _run(tmp_path, forces=forces) == first
    assert forces.n_replicas == []
    assert _contents(tmp_path) == before


@pytest.mark.parametrize("n_bytes", [0, 100, None])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(n_bytes, half_way, undisturbed):
    newest = max(half_way.glob("checkpoint-*"))
    content = bytearray(newest.read_bytes())
    content[-5] ^= 1
    newest.write_bytes(content[:n_bytes])
    forces = Counting()
    _run(half_way, forces=forces)
    assert len(forces.n_replicas) == 30
    assert _is_undisturbed(half_way, undisturbed)


def test_every_changed_byte_of_a_checkpoint_is_seen(half_way, undisturbed):
    newest, previous = sorted(half_way.glob("checkpoint-*"), reverse=True)
    previous.unlink()
    content = bytearray(newest.read_bytes())
    for position in (3, 40, 150, len(content) - 1):
        copy = half_way.with_name(f"copy-{position}")
        shutil.copytree(half_way, copy)
        content[position] ^= 2
        (copy / newest.name).write_bytes(content)
        content[position] ^= 2
        forces = Counting()
        _run(copy, forces=forces)
        assert len(forces.n_replicas) == 81, "it did not start anew"
        assert _contents(copy) == _contents(undisturbed)


def test_a_damaged_trajectory_is_made_anew(half_way, undisturbed):
    path = half_way / "replica-001.trajectory"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    _run(half_way)
    assert _is_undisturbed(half_way, undisturbed)


def test_a_missing_trajectory_is_made_anew(half_way, undisturbed):
    (half_way / "replica-000.trajectory").unlink()
    _run(half_way)
    assert _is_undisturbed(half_way, undisturbed)


def test_a_checkpoint_of_another_run_is_passed_over(half_way, undisturbed, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    _run(other, plan=copper_plan(production_ps=0.06, friction_per_ps=5.0))
    for path in other.glob("checkpoint-*"):
        shutil.copy(path, half_way)
    _run(half_way)
    assert _is_undisturbed(half_way, undisturbed)


def test_the_folder_of_another_run_is_refused_untouched(half_way):
    before = _contents(half_way)
    with pytest.raises(ConflictError, match="holds a run of another crystal, of other settings or with other forces"):
        _run(half_way, plan=copper_plan(production_ps=0.08))
    with pytest.raises(ConflictError, match="holds a run"):
        _run(half_way, forces=Counting(name="others"))
    assert _contents(half_way) == before
    assert json.loads(before["run.json"])["forces"] == REPULSION.name


def test_the_monitor_ends_a_replica_and_the_other_runs_on(tmp_path):
    forces = Counting()
    outcome = _run(tmp_path, plan=copper_plan(production_ps=0.2), forces=forces, monitor=stop_early_when_hot)
    first, second = outcome.endings
    assert (first.replica, first.end, first.step) == (1, ReplicaEnd.STOPPED_EARLY, 100)
    assert first.reason == "41 frames"
    assert (second.replica, second.end, second.step) == (0, ReplicaEnd.COMPLETED, 220)
    assert forces.n_replicas == [2] * 101 + [1] * 120
    assert [frames.steps[-1] for frames in _frames(outcome)] == [220, 100]


@dataclass
class Failing:
    """The repulsion, which from some call on goes wrong for the second replica."""

    how: str
    n_calls: int = 0
    name: str = "failing"

    def evaluate(self, cells):
        self.n_calls += 1
        right = REPULSION.evaluate(cells)
        if self.n_calls <= 30 or cells.n_replicas == 1:
            return right
        energies, forces = right.energies_eV.copy(), right.forces_eV_A.copy()
        second = cells.replicas == 1
        if self.how == "energy":
            energies[1] = np.nan
        elif self.how == "force":
            forces[np.flatnonzero(second)[7], 1] = np.inf
        elif self.how == "overflow":
            forces[second] = 1e200
        elif self.how == "heat":
            forces[second] *= 100
        elif self.how == "attraction":
            middle = cells.positions_A[second][0]
            forces[second] = 0.05 * (middle - cells.positions_A[second])
        return Evaluation(energies, forces)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("energy", "gave an energy or a force that is no number"),
        ("force", "gave an energy or a force that is no number"),
        ("overflow", "It has inf K instead of 900 K"),
        ("heat", r"It has \d+ K instead of 900 K"),
        ("attraction", r"Atoms lie inside each other: Cu-Cu at 1\.\d\d Å"),
    ],
)
def test_an_explosion_ends_the_replica_and_not_the_run(how, words, tmp_path):
    plan = copper_plan(production_ps=0.4 if how == "attraction" else 0.04)
    n_steps = plan.settings.n_steps
    outcome = _run(tmp_path, plan=plan, forces=Failing(how))
    assert outcome.is_finished
    exploded, completed = outcome.endings
    assert (exploded.replica, exploded.end) == (1, ReplicaEnd.EXPLODED)
    assert 30 <= exploded.step < n_steps
    assert re.search(words, exploded.reason)
    assert (completed.replica, completed.end, completed.step) == (0, ReplicaEnd.COMPLETED, n_steps)
    assert np.isfinite(_frames(outcome)[1].positions_A).all()


def test_a_structure_that_overlaps_explodes_before_the_first_step(tmp_path):
    structure = PLAN.structure
    positions = structure.positions_A.copy()
    positions[1] = positions[0] + 0.3
    plan = Plan(structure.moved(positions), (Replica(300.0, 1),), PLAN.settings)
    outcome = _run(tmp_path, plan=plan)
    assert [(end.end, end.step) for end in outcome.endings] == [(ReplicaEnd.EXPLODED, 0)]
    assert outcome.is_finished
    assert _run(tmp_path, plan=plan) == outcome


def test_many_frames_are_written_before_the_checkpoint(tmp_path):
    plan = copper_plan(production_ps=0.29, frame_every_ps=0.001, checkpoint_every_ps=0.29, monitor_every_ps=0.29)
    outcome = _run(tmp_path, plan=plan)
    assert [len(frames) for frames in Trajectory(outcome.trajectories[0]).blocks()] == [256, 35, 20]
