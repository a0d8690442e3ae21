"""The folder of a run: its trajectories and checkpoints, which a kill at any instant leaves in order.

Trajectories are written first and then a checkpoint that knows their lengths. What a kill leaves behind the last
checkpoint is cut off when the run goes on.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np

from domain.errors import ConflictError, UnreadableFileError
from oracles.dynamics.checkpoint import (
    Checkpoint,
    discard_checkpoints,
    sound_checkpoints,
    sync_folder,
    write_atomically,
    write_checkpoint,
)
from oracles.dynamics.frames import Frames
from oracles.dynamics.plan import Plan
from oracles.dynamics.state import State, temperatures_K
from oracles.dynamics.trajectory import (
    Trajectory,
    TrajectoryHeader,
    append_frames,
    cut_trajectory,
    start_trajectory,
)

_MOST_FRAMES: Final = 256
"""Frames of a replica that are held in memory before they are written, checkpoint or not."""


class Recorder:
    """Writes down a run, and finds where an earlier process left it.

    Args:
        folder: For this run alone; made where it is missing. One process at a time may use it.
        plan: What is simulated.
        forces_name: With which forces.

    Raises:
        ConflictError: If the folder holds another run.
    """

    def __init__(self, folder: Path, plan: Plan, forces_name: str) -> None:
        self._folder = folder
        self._plan = plan
        self._digest = plan.digest(forces_name)
        self._frames: list[list[Frames]] = [[] for _ in plan.replicas]
        self._lengths = np.zeros(len(plan.replicas), np.int64)
        self._saved: State | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._claim_folder(forces_name)

    def path(self, replica: int) -> Path:
        """The trajectory of a replica."""
        return self._folder / f"replica-{replica:03d}.trajectory"

    def begin(self, state: State) -> State:
        """Starts empty trajectories with the first frame."""
        discard_checkpoints(self._folder, after_step=-1)
        for replica in range(len(self._plan.replicas)):
            self._lengths[replica] = start_trajectory(self.path(replica), self._header(replica))
        sync_folder(self._folder)
        self.record(state)
        return state

    def resume(self) -> State | None:
        """The newest sound checkpoint whose trajectories are sound too; None where there is none."""
        for checkpoint in sound_checkpoints(self._folder, self._plan, digest=self._digest):
            if self._has_trajectories(checkpoint):
                for replica, length in enumerate(checkpoint.trajectory_lengths):
                    cut_trajectory(self.path(replica), int(length))
                discard_checkpoints(self._folder, after_step=checkpoint.state.step)
                self._lengths[:] = checkpoint.trajectory_lengths
                self._saved = checkpoint.state
                return checkpoint.state
        return None

    def record(self, state: State) -> None:
        """Takes a frame of each running replica."""
        temperatures = temperatures_K(state, self._plan)
        for position, replica in enumerate(state.running):
            atoms = state.cells.replicas == position
            frame = Frames(
                np.array([state.step]),
                state.energies_eV[[position]],
                temperatures[[position]],
                state.cells.positions_A[atoms].astype(np.float32)[None],
            )
            self._frames[replica].append(frame)
            if len(self._frames[replica]) >= _MOST_FRAMES:
                self._flush(int(replica))

    def trajectory(self, replica: int) -> Trajectory:
        """All frames of a replica so far."""
        self._flush(replica)
        return Trajectory(self.path(replica))

    def save(self, state: State) -> None:
        """Writes frames and a checkpoint; when this returns, they outlast a kill and a power cut."""
        if state is self._saved:
            return
        for replica in range(len(self._plan.replicas)):
            self._flush(replica)
        write_checkpoint(self._folder, Checkpoint(state, self._lengths.copy()), digest=self._digest)
        self._saved = state

    def _flush(self, replica: int) -> None:
        if self._frames[replica]:
            frames = Frames.joined(self._frames[replica], self._plan.structure.n_atoms)
            self._lengths[replica] = append_frames(self.path(replica), frames)
            self._frames[replica].clear()

    def _has_trajectories(self, checkpoint: Checkpoint) -> bool:
        try:
            return all(
                Trajectory(self.path(replica)).is_sound_until(int(length))
                for replica, length in enumerate(checkpoint.trajectory_lengths)
            )
        except UnreadableFileError:
            return False

    def _header(self, replica: int) -> TrajectoryHeader:
        settings, structure = self._plan.settings, self._plan.structure
        first, second, third = ((float(x), float(y), float(z)) for x, y, z in structure.cells_A[0])
        return TrajectoryHeader(
            digest=self._digest,
            replica=replica,
            temperature_K=self._plan.replicas[replica].temperature_K,
            frame_every_ps=settings.time_ps(settings.steps_per_frame),
            first_production_step=settings.n_equilibration_steps,
            atomic_numbers=tuple(int(number) for number in structure.atomic_numbers),
            cell_A=(first, second, third),
        )

    def _claim_folder(self, forces_name: str) -> None:
        """Leaves a note of what the folder is for, and refuses one with another note."""
        replicas = [asdict(replica) for replica in self._plan.replicas]
        note = {"digest": self._digest, "forces": forces_name, "replicas": replicas, **asdict(self._plan.settings)}
        content = json.dumps(note, indent=2).encode()
        path = self._folder / "run.json"
        if not path.exists():
            write_atomically(path, content)
        elif path.read_bytes() != content:
            raise ConflictError(
                f"{self._folder} holds a run of another crystal, of other settings or with other forces.",
                remedy="Give each run a folder of its own.",
            )
