"""What is to be simulated: one crystal in several replicas, for how long, and how it is written down."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, field
from typing import ClassVar, Final

from domain.digest import content_digest
from domain.errors import InvalidValueError
from oracles.dynamics.forces import Cells

_WHOLE: Final = 1e-6
"""How far a ratio may lie from a whole number that is one."""
_MOST_STEPS: Final = 10**9
"""More than anybody waits for: a microsecond of 1 fs each."""


@dataclass(frozen=True, slots=True)
class DynamicsSettings:
    """Time and thermostat. Every time is a whole number of the shorter ones that it consists of."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    timestep_fs: float = 2.0
    """Time step, fs; 1 at most where there is hydrogen."""
    friction_per_ps: float = 1.0
    """Friction of the Langevin thermostat, 1/ps; 0: energy is conserved instead. Much larger values slow diffusion."""
    equilibration_ps: float = 5.0
    """Time after the start that is not used, ps."""
    production_ps: float = 50.0
    """Time that is used, ps."""
    frame_every_ps: float = 0.05
    """Between two frames of the trajectory, ps; atoms must move less than half a cell meanwhile."""
    checkpoint_every_ps: float = 2.0
    """Between two checkpoints, ps: what a kill costs at most."""
    monitor_every_ps: float = 10.0
    """Between two looks at whether a replica has run for long enough, ps."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            may_be_zero = name in {"friction_per_ps", "equilibration_ps"}
            if not (math.isfinite(value) and (value > 0 or (may_be_zero and value == 0))):
                raise InvalidValueError(
                    f"{name} is {value}; a finite number {'of at least' if may_be_zero else 'above'} 0 was expected.",
                    remedy="Correct it.",
                )
        for name, n_steps in {
            "checkpoint_every_ps": self.steps_per_checkpoint,
            "monitor_every_ps": self.steps_per_monitor,
            "production_ps": self.n_steps,
        }.items():
            if n_steps > _MOST_STEPS:
                raise _too_many(name, getattr(self, name), f"time steps of {self.timestep_fs:g} fs")

    @property
    def steps_per_frame(self) -> int:
        """Time steps between two frames."""
        return _whole("frame_every_ps", self.frame_every_ps, "time steps", self.timestep_fs / 1000)

    @property
    def steps_per_checkpoint(self) -> int:
        """Time steps between two checkpoints."""
        return self.steps_per_frame * self._frames("checkpoint_every_ps", self.checkpoint_every_ps)

    @property
    def steps_per_monitor(self) -> int:
        """Time steps between two looks of the monitor."""
        checkpoints = _whole("monitor_every_ps", self.monitor_every_ps, "checkpoints", self.checkpoint_every_ps)
        return self.steps_per_checkpoint * checkpoints

    @property
    def n_equilibration_steps(self) -> int:
        """Time steps before the first frame that is used."""
        return self.steps_per_frame * self._frames("equilibration_ps", self.equilibration_ps)

    @property
    def n_steps(self) -> int:
        """Time steps of the whole run."""
        return self.n_equilibration_steps + self.steps_per_frame * self._frames("production_ps", self.production_ps)

    def time_ps(self, n_steps: int) -> float:
        """How long some time steps are, ps."""
        return n_steps * self.timestep_fs / 1000

    def _frames(self, name: str, time_ps: float) -> int:
        return _whole(name, time_ps, "frames", self.frame_every_ps)


@dataclass(frozen=True, slots=True)
class Replica:
    """One of the crystals that are simulated together."""

    temperature_K: float
    """Of the thermostat and of the first velocities, K."""
    seed: int
    """Of the first velocities and of the thermostat's noise."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature_K) and self.temperature_K > 0):
            raise InvalidValueError(
                f"A temperature of {self.temperature_K} K cannot be simulated.", remedy="Give one above 0 K."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Replicas of one crystal that advance together."""

    structure: Cells
    """The crystal: a single replica, relaxed as far as it shall be, since the cell stays as it is (NVT)."""
    replicas: tuple[Replica, ...]
    settings: DynamicsSettings = field(default_factory=DynamicsSettings)

    def __post_init__(self) -> None:
        if self.structure.n_replicas != 1 or not self.replicas:
            raise InvalidValueError(
                f"{self.structure.n_replicas} structures for {len(self.replicas)} replicas cannot be simulated.",
                remedy="Give one structure, and a temperature and a seed for each replica.",
            )
        if len(set(self.replicas)) < len(self.replicas):
            raise InvalidValueError(
                "Two replicas have the same temperature and the same seed: they would be the same run.",
                remedy="Give each its own seed.",
            )

    def digest(self, forces_name: str) -> str:
        """Names the run: everything that its trajectory follows from."""
        structure = hashlib.sha256()
        for array in (self.structure.positions_A, self.structure.cells_A, self.structure.atomic_numbers):
            structure.update(array.tobytes())
        return content_digest(
            {
                "structure": structure.hexdigest(),
                "replicas": [asdict(replica) for replica in self.replicas],
                "settings": asdict(self.settings),
                "forces": forces_name,
            }
        )


def _whole(name: str, time_ps: float, unit: str, unit_ps: float) -> int:
    # Compared before it is divided, since the ratio of the largest and smallest numbers is none.
    if time_ps > _MOST_STEPS * unit_ps:
        raise _too_many(name, time_ps, f"{unit} of {unit_ps:g} ps")
    ratio = time_ps / unit_ps
    if abs(ratio - round(ratio)) > _WHOLE * max(ratio, 1) or (time_ps > 0 and round(ratio) < 1):
        raise InvalidValueError(
            f"{name} of {time_ps:g} ps is no whole number of {unit} of {unit_ps:g} ps.",
            remedy=f"Give a multiple, such as {max(1, round(ratio)) * unit_ps:g}.",
        )
    return round(ratio)


def _too_many(name: str, time_ps: float, units: str) -> InvalidValueError:
    return InvalidValueError(
        f"{name} of {time_ps:g} ps is more than {_MOST_STEPS:g} {units}.", remedy="Give a shorter time."
    )
