"""Checkpoints: everything that a run needs to go on, in one file that is whole or not there."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.parsing import ParseError, parse_json, to_json
from oracles.dynamics.forces import IntArray
from oracles.dynamics.plan import Plan
from oracles.dynamics.state import Ending, State, cells_of

KEPT: Final = 2
"""Checkpoints that are kept: one more than is needed, for the case that the newest is damaged."""
_NAME: Final = re.compile(r"checkpoint-(\d{12})\.safetensors")
_DOCUMENT: Final = "sha256:document"
"""The one entry beside the arrays: safetensors writes several in any order."""
_Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class _Document:
    """What a checkpoint holds besides arrays."""

    digest: str
    """Of the run."""
    step: int
    endings: tuple[Ending, ...]
    schema: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A state, and how long the trajectories were when it was written."""

    state: State
    trajectory_lengths: IntArray
    """Bytes of each replica's trajectory."""


def write_checkpoint(folder: Path, checkpoint: Checkpoint, *, digest: str) -> None:
    """Writes a checkpoint that has reached the disk as a whole when this returns, and removes old ones."""
    from safetensors.numpy import save

    state = checkpoint.state
    arrays = {
        "running": state.running,
        "positions_A": state.cells.positions_A,
        "velocities_A_fs": state.velocities_A_fs,
        "energies_eV": state.energies_eV,
        "forces_eV_A": state.forces_eV_A,
        "trajectory_lengths": checkpoint.trajectory_lengths,
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    document = to_json(_Document(digest, state.step, state.endings))
    content = save(arrays, {_DOCUMENT: f"{_check_sum(document, arrays)}:{document}"})
    write_atomically(folder / f"checkpoint-{state.step:012d}.safetensors", content)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink()


def sound_checkpoints(folder: Path, plan: Plan, *, digest: str) -> Iterator[Checkpoint]:
    """Checkpoints of this very run that are not damaged, the newest first; others are passed over."""
    for path in _newest_first(folder):
        checkpoint = _read(path, plan, digest)
        if checkpoint is not None:
            yield checkpoint


def discard_checkpoints(folder: Path, *, after_step: int) -> None:
    """Removes checkpoints that a run cannot use because it goes on from an earlier one."""
    for path in _newest_first(folder):
        if _step_of(path) > after_step:
            path.unlink()


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file so that the path holds, whatever happens, either what it held or the whole new content."""
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Waits until the names of a folder's files are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _step_of(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else -1


def _newest_first(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if _step_of(path) >= 0), reverse=True)


def _read(path: Path, plan: Plan, digest: str) -> Checkpoint | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            metadata: dict[str, str] = file.metadata() or {}
            arrays: dict[str, NDArray[np.generic]] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError):
        return None
    check_sum, _, text = metadata.get(_DOCUMENT, "").partition(":")
    if check_sum != _check_sum(text, arrays):
        return None
    try:
        document = parse_json(_Document, text)
    except ParseError:
        return None
    if document.digest != digest:
        return None
    running = arrays["running"].astype(np.int64)
    state = State(
        document.step,
        running,
        cells_of(plan, running).moved(arrays["positions_A"].astype(np.float64)),
        arrays["velocities_A_fs"].astype(np.float64),
        arrays["energies_eV"].astype(np.float64),
        arrays["forces_eV_A"].astype(np.float64),
        document.endings,
    )
    return Checkpoint(state, arrays["trajectory_lengths"].astype(np.int64))


def _check_sum(document: str, arrays: _Arrays) -> str:
    total = hashlib.sha256(document.encode())
    for name, array in sorted(arrays.items()):
        total.update(f"{name} {array.dtype} {array.shape}".encode())
        total.update(array.tobytes())
    return total.hexdigest()
