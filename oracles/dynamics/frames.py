"""Frames of a trajectory, and how they are packed into bytes.

First come step, energy and temperature of each, then positions with the bytes of equal rank side by side, which zlib
likes; all little-endian.

Legend: T frames, N atoms.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from oracles.dynamics.forces import FloatArray, IntArray

_LEVEL: Final = 1
"""Thermal noise hardly compresses: more effort gains nothing."""
_BYTES_PER_NUMBER: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Some frames of a replica."""

    steps: IntArray
    """`[T]`."""
    energies_eV: FloatArray
    """`[T]`, potential energies."""
    temperatures_K: FloatArray
    """`[T]`, of the kinetic energy."""
    positions_A: NDArray[np.float32]
    """`[T, N, 3]`, unwrapped. Single precision: off by 4e-6 Å at most within 128 Å of the origin."""

    def __len__(self) -> int:
        return len(self.steps)

    @classmethod
    def joined(cls, parts: list[Frames], n_atoms: int) -> Self:
        """Puts frames behind each other; none where there are no parts."""
        return cls(
            np.concatenate([np.zeros(0, np.int64), *(part.steps for part in parts)]),
            np.concatenate([np.zeros(0), *(part.energies_eV for part in parts)]),
            np.concatenate([np.zeros(0), *(part.temperatures_K for part in parts)]),
            np.concatenate([np.zeros((0, n_atoms, 3), np.float32), *(part.positions_A for part in parts)]),
        )

    def since(self, step: int) -> Frames:
        """The frames from a step on."""
        late = self.steps >= step
        return Frames(self.steps[late], self.energies_eV[late], self.temperatures_K[late], self.positions_A[late])


def packed(frames: Frames) -> bytes:
    """Frames as compressed bytes."""
    scalars = (frames.steps.astype("<i8"), frames.energies_eV.astype("<f8"), frames.temperatures_K.astype("<f8"))
    # Each coordinate's whole course side by side, first the leading bytes of all of them, which hardly change.
    courses = np.ascontiguousarray(frames.positions_A.astype("<f4").transpose(1, 2, 0))
    ranks = courses.view(np.uint8).reshape(-1, 4).T
    return zlib.compress(b"".join(array.tobytes() for array in (*scalars, ranks)), _LEVEL)


def unpacked(content: bytes, n_frames: int, n_atoms: int) -> Frames:
    """Frames from their compressed bytes.

    Raises:
        ValueError: If the bytes hold something else.
    """
    size = n_frames * (3 * _BYTES_PER_NUMBER + n_atoms * 3 * 4)
    try:
        raw = zlib.decompressobj().decompress(content, size + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(raw) != size:
        raise ValueError(f"{len(raw)} bytes instead of {size}")
    columns = [raw[i * _BYTES_PER_NUMBER * n_frames : (i + 1) * _BYTES_PER_NUMBER * n_frames] for i in range(3)]
    ranks = np.frombuffer(raw, np.uint8, offset=3 * _BYTES_PER_NUMBER * n_frames).reshape(4, -1)
    courses = np.ascontiguousarray(ranks.T).view("<f4").reshape(n_atoms, 3, n_frames)
    return Frames(
        np.frombuffer(columns[0], "<i8"),
        np.frombuffer(columns[1], "<f8"),
        np.frombuffer(columns[2], "<f8"),
        np.ascontiguousarray(courses.transpose(2, 0, 1)),
    )
