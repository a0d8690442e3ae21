"""A plan refuses what cannot be simulated, and names what it is."""

from dataclasses import replace

import pytest
from ase.build import bulk
from support.dynamics import copper_plan

from domain.errors import InvalidValueError, SpecError
from domain.parsing import ParseError, parse
from oracles.dynamics.forces import Cells
from oracles.dynamics.plan import DynamicsSettings, Plan, Replica
from oracles.registry import build_oracle


def test_times_become_steps():
    settings = DynamicsSettings(timestep_fs=2.0, equilibration_ps=1.0, production_ps=3.0, frame_every_ps=0.05)
    assert settings.steps_per_frame == 25
    assert settings.steps_per_checkpoint == 1000
    assert settings.steps_per_monitor == 5000
    assert settings.n_equilibration_steps == 500
    assert settings.n_steps == 2000
    assert settings.time_ps(2000) == 4.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"timestep_fs": 0.0}, "timestep_fs is 0.0; a finite number above 0"),
        ({"timestep_fs": float("nan")}, "timestep_fs is nan"),
        ({"friction_per_ps": -1.0}, "friction_per_ps is -1.0; a finite number of at least 0"),
        ({"production_ps": float("inf")}, "production_ps is inf"),
        ({"timestep_fs": 3.0}, "frame_every_ps of 0.05 ps is no whole number of time steps of 0.003 ps. .* 0.051"),
        ({"timestep_fs": 200.0}, "frame_every_ps of 0.05 ps is no whole number of time steps"),
        ({"equilibration_ps": 0.07}, "equilibration_ps of 0.07 ps is no whole number of frames of 0.05 ps"),
        ({"production_ps": 1e308}, "production_ps of 1e.308 ps is more than 1e.09 frames of 0.05 ps. Give a shorter"),
        ({"timestep_fs": 1e-310}, "frame_every_ps of 0.05 ps is more than 1e.09 time steps"),
        ({"timestep_fs": 1e-322}, "frame_every_ps of 0.05 ps is more than 1e.09 time steps of 0 ps"),
        ({"production_ps": 1e7}, "production_ps of 1e.07 ps is more than 1e.09 time steps of 2 fs"),
        ({"checkpoint_every_ps": 1e7, "monitor_every_ps": 1e7}, "checkpoint_every_ps of 1e.07 ps is more than 1e.09"),
        ({"monitor_every_ps": 1e7}, "monitor_every_ps of 1e.07 ps is more than 1e.09 time steps of 2 fs"),
        ({"monitor_every_ps": 3.0}, "monitor_every_ps of 3 ps is no whole number of checkpoints of 2 ps"),
    ],
)
def test_impossible_times_are_refused(changes, words):
    with pytest.raises(InvalidValueError, match=words):
        DynamicsSettings(**changes)


def test_a_spec_with_an_endless_run_is_refused_as_a_spec():
    settings = {"temperatures_K": [600, 800], "mobile": "Li", "dynamics": {"production_ps": 1e308}}
    with pytest.raises(SpecError, match=r"production_ps of 1e\+308 ps is more than"):
        build_oracle("molecular-dynamics", settings)


def test_unknown_settings_are_refused():
    with pytest.raises(ParseError, match="timestep_ps"):
        parse(DynamicsSettings, {"timestep_ps": 1.0}, what="The settings")


@pytest.mark.parametrize("temperature_K", [0.0, -5.0, float("nan"), float("inf")])
def test_temperatures_are_above_zero(temperature_K):
    with pytest.raises(InvalidValueError, match="cannot be simulated"):
        Replica(temperature_K, 1)


def test_a_plan_has_one_structure_and_different_replicas():
    copper = bulk("Cu")
    with pytest.raises(InvalidValueError, match="2 structures for 1 replicas"):
        Plan(Cells.of(copper, copper), (Replica(300.0, 1),))
    with pytest.raises(InvalidValueError, match="1 structures for 0 replicas"):
        Plan(Cells.of(copper), ())
    with pytest.raises(InvalidValueError, match="would be the same run"):
        Plan(Cells.of(copper), (Replica(300.0, 1), Replica(300.0, 1)))


def test_the_digest_names_everything_that_a_run_follows_from():
    plan = copper_plan()
    moved = Cells.of(bulk("Cu", cubic=True, a=3.7) * 2)
    others = [
        copper_plan(friction_per_ps=2.0).digest("a"),
        replace(plan, replicas=(Replica(300.0, 1), Replica(900.0, 3))).digest("a"),
        replace(plan, structure=moved).digest("a"),
        plan.digest("b"),
    ]
    assert copper_plan().digest("a") == plan.digest("a")
    assert len({plan.digest("a"), *others}) == 5
