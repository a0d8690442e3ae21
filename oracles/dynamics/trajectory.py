"""Files of trajectories: compressed blocks of frames, each with a check sum, appended and never changed.

A file is a magic word, then blocks. The first block holds the header as JSON, every other one frames.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TextIO

import numpy as np

from domain.errors import UnreadableFileError
from domain.parsing import ParseError, parse_json, to_json
from oracles.dynamics.frames import Frames, packed, unpacked

_MAGIC: Final = b"PETALTR1"
_BLOCK: Final = struct.Struct("<IQI")
"""Frames, bytes of the content, CRC-32 of both numbers and the content."""
_WRITTEN_DECIMALS: Final = 4
_LARGEST_BLOCK: Final = 2**31
"""A block that claims more than this is damaged, whatever its check sum."""


@dataclass(frozen=True, slots=True)
class TrajectoryHeader:
    """Whose trajectory it is."""

    digest: str
    """Of the run."""
    replica: int
    """Index in the plan."""
    temperature_K: float
    frame_every_ps: float
    """Between two frames, ps."""
    first_production_step: int
    """Frames before this step are equilibration."""
    atomic_numbers: tuple[int, ...]
    cell_A: tuple[tuple[float, float, float], ...]
    """Rows are the lattice vectors, Å."""


def start_trajectory(path: Path, header: TrajectoryHeader) -> int:
    """Writes a file without frames in place of any other; returns its length in bytes."""
    with path.open("wb") as file:
        file.write(_MAGIC + _block(0, to_json(header).encode()))
        return _settled(file)


def append_frames(path: Path, frames: Frames) -> int:
    """Adds one block and waits until it is on the disk; returns the length of the file in bytes."""
    with path.open("ab") as file:
        if len(frames):
            file.write(_block(len(frames), packed(frames)))
        return _settled(file)


def cut_trajectory(path: Path, length: int) -> None:
    """Removes what was written after a checkpoint."""
    with path.open("r+b") as file:
        file.truncate(length)
        _settled(file)


class Trajectory:
    """A trajectory for reading, also while it is being written: a last block that is not whole is not there yet.

    Raises:
        UnreadableFileError: If the file is missing, no trajectory, or damaged at the start.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as file:
            magic, block = file.read(len(_MAGIC)), _next_block(file, path)
        if magic != _MAGIC or block is None or block[0] != 0:
            raise UnreadableFileError(f"{path} is no trajectory.", remedy="Give a file that Petalite's dynamics wrote.")
        try:
            self.header = parse_json(TrajectoryHeader, block[1])
        except ParseError as error:
            raise _damaged(path) from error

    @property
    def n_atoms(self) -> int:
        """Atoms of a frame."""
        return len(self.header.atomic_numbers)

    def blocks(self) -> Iterator[Frames]:
        """Block by block, so that one of them at a time is in memory.

        Raises:
            UnreadableFileError: If a block is damaged.
        """
        with self._opened() as file:
            file.seek(len(_MAGIC))
            _next_block(file, self.path)
            while (block := _next_block(file, self.path)) is not None:
                yield self._frames_of(*block)

    def frames(self, *, since_step: int = 0) -> Frames:
        """All frames from a step on, at once; 12 bytes for each atom and frame.

        Raises:
            UnreadableFileError: If a block is damaged.
        """
        parts = (frames.since(since_step) for frames in self.blocks())
        return Frames.joined([part for part in parts if len(part)], self.n_atoms)

    def production(self) -> Frames:
        """The frames after equilibration."""
        return self.frames(since_step=self.header.first_production_step)

    def is_sound_until(self, length: int) -> bool:
        """Whether a block ends at that length, and every one until there is sound."""
        with self._opened() as file:
            file.seek(len(_MAGIC))
            while file.tell() < length:
                try:
                    if _next_block(file, self.path) is None:
                        return False
                except UnreadableFileError:
                    return False
            return file.tell() == length

    @property
    def n_frames(self) -> int:
        """Frames so far."""
        return sum(len(frames) for frames in self.blocks())

    def write_extxyz(self, stream: TextIO, *, every: int = 1) -> None:
        """Writes frames as extended XYZ, for people and their viewers, from the first one on.

        Positions are unwrapped, and rounded to 0.0001 Å, which thermal motion exceeds a hundred times.

        Args:
            stream: Where to.
            every: From how many frames one is written.
        """
        from ase import Atoms
        from ase.io.extxyz import write_extxyz

        atoms = Atoms(numbers=self.header.atomic_numbers, cell=self.header.cell_A, pbc=True)
        number = 0
        for frames in self.blocks():
            columns = (frames.steps, frames.energies_eV, frames.temperatures_K, frames.positions_A)
            for step, energy_eV, temperature_K, positions_A in zip(*columns, strict=True):
                if number % every == 0:
                    atoms.positions = positions_A.astype(np.float64).round(_WRITTEN_DECIMALS)
                    atoms.info = {
                        "step": int(step),
                        "time_ps": round(number * self.header.frame_every_ps, 6),
                        "energy_eV": float(energy_eV),
                        "temperature_K": float(temperature_K),
                    }
                    write_extxyz(stream, [atoms], columns=["symbols", "positions"])
                number += 1

    def _frames_of(self, n_frames: int, content: bytes) -> Frames:
        try:
            return unpacked(content, n_frames, self.n_atoms)
        except ValueError as error:
            raise _damaged(self.path) from error

    def _opened(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise UnreadableFileError(
                f"The trajectory {self.path} cannot be read: {error.strerror}.", remedy="Correct the path."
            ) from error


def _settled(file: BinaryIO) -> int:
    file.flush()
    os.fsync(file.fileno())
    return file.seek(0, os.SEEK_END)


def _block(n_frames: int, content: bytes) -> bytes:
    return _BLOCK.pack(n_frames, len(content), _check_sum(n_frames, content)) + content


def _check_sum(n_frames: int, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(struct.pack("<IQ", n_frames, len(content))))


def _next_block(file: BinaryIO, path: Path) -> tuple[int, bytes] | None:
    """Frames and content of the block that the file stands before; None where no whole block follows."""
    head = file.read(_BLOCK.size)
    if len(head) < _BLOCK.size:
        return None
    n_frames, length, check_sum = _BLOCK.unpack(head)
    if length > _LARGEST_BLOCK:
        raise _damaged(path)
    content = file.read(length)
    if len(content) < length:
        return None
    if _check_sum(n_frames, content) != check_sum:
        raise _damaged(path)
    return n_frames, content


def _damaged(path: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"The trajectory {path} is damaged: a check sum does not fit.", remedy="Run the dynamics again in a new folder."
    )
