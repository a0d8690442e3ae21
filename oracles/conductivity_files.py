"""What a look by molecular dynamics leaves for people: each run's trajectory, and where the ions were."""

from __future__ import annotations

import gzip
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from domain.elements import Element, element
from domain.json_value import JsonObject, JsonValue
from domain.look import FileNote, LookFile
from domain.parsing import to_json
from oracles.conductivity_runs import ConductivityRun, ion_trajectory
from oracles.dynamics.trajectory import Trajectory
from oracles.structures import conventional_cell
from oracles.transport.density import FoldedCell, ion_density, settled_ions_A
from oracles.transport.trajectory import Floats

if TYPE_CHECKING:
    from ase import Atoms

FOLDER: Final = "files"
"""Of the workbench, in which they are written."""
DENSITY_TYPE: Final = "application/vnd.petalite.ion-density+json"
_BYTES_PER_ATOM: Final = 13
"""Of one atom in one frame, compressed: 12 where it moves like a liquid."""
_MIB: Final = 2**20
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """A run and its frames."""

    run: ConductivityRun
    trajectory: Trajectory


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """The crystal that was run."""

    atoms: Atoms
    """The supercell at rest."""
    primitive: Atoms
    mobile: str

    @property
    def folded(self) -> FoldedCell:
        """The conventional cell in the axes of the run; the primitive one where its axes are others."""
        primitive_A = self.primitive.cell[:]
        conventional_A = conventional_cell(self.primitive).cell[:]
        vectors = conventional_A @ np.linalg.inv(primitive_A)
        is_same_lattice = np.allclose(vectors, vectors.round(), atol=1e-3)
        return FoldedCell(conventional_A if is_same_lattice else primitive_A, primitive_A)


def write_files(
    seen: Sequence[Seen], watched: Watched, workbench: Path, *, trajectory_MiB: float
) -> tuple[LookFile, ...]:
    """Writes the files of a look; the same runs give the same bytes.

    Args:
        seen: The runs.
        watched: What was run.
        workbench: Its folder.
        trajectory_MiB: About how large the file of a trajectory may be; frames are left out until it fits. 0 writes
            none.
    """
    (workbench / FOLDER).mkdir(exist_ok=True)
    trajectories = [_trajectory(one, workbench, trajectory_MiB) for one in seen] if trajectory_MiB > 0 else []
    dense = [one for one in seen if one.run.analysis is not None]
    return (*trajectories, *(_densities(dense, watched, workbench) if dense else ()))


def _trajectory(seen: Seen, workbench: Path, largest_MiB: float) -> LookFile:
    trajectory, header = seen.trajectory, seen.trajectory.header
    size = trajectory.n_frames * trajectory.n_atoms * _BYTES_PER_ATOM
    every = max(1, math.ceil(size / (largest_MiB * _MIB)))
    name = f"trajectory-{header.temperature_K:g}K.extxyz.gz"

    def write(path: Path) -> None:
        # Without name and time, so that the same frames are the same bytes.
        with (
            path.open("wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="ascii") as stream,
        ):
            trajectory.write_extxyz(stream, every=every)

    said = f"a frame every {every * header.frame_every_ps:g} ps" + (f" (one of {every})" if every > 1 else "")
    return _written(
        workbench,
        FileNote(
            name,
            "application/gzip",
            f"Trajectory at {header.temperature_K:g} K as extended XYZ, {said}, positions unwrapped; the first "
            f"{_equilibration_ps(trajectory):g} ps are equilibration.",
        ),
        write,
    )


def _equilibration_ps(trajectory: Trajectory) -> float:
    n_frames = sum(int((block.steps < trajectory.header.first_production_step).sum()) for block in trajectory.blocks())
    return n_frames * trajectory.header.frame_every_ps


def _densities(seen: Sequence[Seen], watched: Watched, workbench: Path) -> tuple[LookFile, ...]:
    from safetensors.numpy import save

    folded = watched.folded
    n_primitive = len(watched.atoms) // len(watched.primitive)
    grids = {one.run.temperature_K: _density(one, watched, folded, n_primitive) for one in seen}
    temperatures = ", ".join(f"{kelvin:g}" for kelvin in grids)
    arrays = {f"density_{kelvin:g}K": grid.astype(np.float32) for kelvin, grid in grids.items()}
    about = to_json({"unit": "1/angstrom^3", "mobile": watched.mobile, "voxels": "centred on multiples of the vectors"})
    content = save({**arrays, "cell_A": np.ascontiguousarray(folded.cell_A)}, {"about": about})
    drawn = to_json(_pictures(seen, watched, folded, grids)).encode()
    return (
        _written(
            workbench,
            FileNote(
                "ion-density.json",
                DENSITY_TYPE,
                f"Probability density of {watched.mobile} at {temperatures} K, averaged along each of the cell's "
                "vectors, with the sites of the framework.",
            ),
            lambda path: path.write_bytes(drawn),
        ),
        _written(
            workbench,
            FileNote(
                "ion-density.safetensors",
                "application/octet-stream",
                f"Probability density of {watched.mobile} at {temperatures} K on a grid over the cell, in 1/Å³.",
            ),
            lambda path: path.write_bytes(content),
        ),
    )


def _density(seen: Seen, watched: Watched, folded: FoldedCell, n_primitive: int) -> Floats:
    ions_A = settled_ions_A(ion_trajectory(seen.trajectory, watched.mobile), watched.atoms.positions)
    return ion_density(ions_A, folded, n_primitive=n_primitive)


def _pictures(seen: Sequence[Seen], watched: Watched, folded: FoldedCell, grids: dict[float, Floats]) -> JsonObject:
    is_framework = watched.atoms.numbers != element(watched.mobile).atomic_number
    numbers = watched.atoms.numbers[is_framework]
    sites: list[JsonValue] = [
        {"symbol": Element(int(numbers[place])).symbol, "at": [_short(x) for x in site]}
        for place, site in folded.sites(watched.atoms.positions[is_framework])
    ]
    return {
        "mobile": watched.mobile,
        "cell_A": [[_short(x) for x in vector] for vector in folded.cell_A],
        "sites": sites,
        "runs": [
            {
                "temperature_K": one.run.temperature_K,
                "is_used": one.run.is_of_the_crystal,
                "along": {axis: _rows(grids[one.run.temperature_K].mean(axis=n)) for n, axis in enumerate("abc")},
            }
            for one in seen
        ],
    }


def _rows(averaged: Floats) -> JsonValue:
    """As maps are drawn: a row for each voxel along the second of the two vectors that are left."""
    return [[_short(value) for value in row] for row in averaged.T]


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _written(workbench: Path, note: FileNote, write: Callable[[Path], object]) -> LookFile:
    """Writes a file so that it is there as a whole or not at all, should the look be killed."""
    path = f"{FOLDER}/{note.name}"
    draft = workbench / f"{path}.part"
    write(draft)
    draft.replace(workbench / path)
    return LookFile(note, path)
