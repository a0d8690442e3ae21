"""Crystals, bent: what a potential must know of the neighbourhood of a crystal to carry molecular dynamics."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from domain.digest import derive_seed
from oracles.potentials.distillation.recipe import DistortionRecipe

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms

_KINDS: Final = ("rattled", "strained", "rattled", "close")
"""In turn, after the crystal at rest."""
_DIGITS: Final = 5


def distorted(crystal: Atoms, recipe: DistortionRecipe, *, seed: int, name: str) -> list[tuple[str, Atoms]]:
    """Configurations of one crystal with their kinds, as many as its size allows; the first is the crystal itself."""
    import numpy as np

    rng = np.random.default_rng(derive_seed(seed, "distorted", name))
    wanted = min(max(round(recipe.atoms_per_crystal / len(crystal)), recipe.fewest), recipe.most)
    made = [("rest", crystal.copy())]
    # A crystal that may have one or two bent configurations has not always the same ones.
    offset = int(rng.integers(len(_KINDS)))
    for index in range(wanted - 1):
        kind = _KINDS[(offset + index) % len(_KINDS)]
        made.append((kind, _bent(crystal, kind, recipe, rng)))
    return made


def _bent(crystal: Atoms, kind: str, recipe: DistortionRecipe, rng: np.random.Generator) -> Atoms:
    if kind == "close":
        return _with_close_pair(_rattled(crystal, 0.05, rng), recipe, rng)
    if kind == "rattled":
        return _strained(_rattled(crystal, float(rng.uniform(*recipe.rattles_A)), rng), recipe.strain / 2, 1.0, rng)
    relative_volume = float(rng.uniform(*recipe.volumes))
    return _strained(_rattled(crystal, recipe.rattles_A[0], rng), recipe.strain, relative_volume, rng)


def _rattled(crystal: Atoms, deviation_A: float, rng: np.random.Generator) -> Atoms:
    moved = crystal.copy()
    moved.positions += rng.normal(0.0, deviation_A, moved.positions.shape)
    return moved


def _strained(crystal: Atoms, deviation: float, relative_volume: float, rng: np.random.Generator) -> Atoms:
    import numpy as np

    strain = rng.normal(0.0, deviation, (3, 3))
    bent = crystal.copy()
    cell = crystal.cell[:] @ (np.eye(3) + (strain + strain.T) / 2)
    cell *= (relative_volume * crystal.cell.volume / abs(np.linalg.det(cell))) ** (1 / 3)
    bent.set_cell(cell, scale_atoms=True)
    return bent


def _with_close_pair(crystal: Atoms, recipe: DistortionRecipe, rng: np.random.Generator) -> Atoms:
    """Moves one atom towards its nearest neighbour, which is what a hot crystal does in the tail of its speeds."""
    import numpy as np
    from ase.data import covalent_radii

    pushed = crystal.copy()
    first = int(rng.integers(len(pushed)))
    others = np.array([index for index in range(len(pushed)) if index != first])
    vectors = pushed.get_distances(first, others, mic=True, vector=True)
    lengths = np.linalg.norm(vectors, axis=1)
    nearest = int(lengths.argmin())
    radii_A = covalent_radii[pushed.numbers[[first, int(others[nearest])]]].sum()
    target_A = float(rng.uniform(*recipe.close_ratio)) * radii_A
    if lengths[nearest] > target_A:
        pushed.positions[first] += vectors[nearest] * (1 - target_A / lengths[nearest])
    return pushed


def key_of(atoms: Atoms) -> str:
    """Names a configuration by its content."""
    import numpy as np

    content = hashlib.sha256(atoms.numbers.astype(np.int64).tobytes())
    for array in (atoms.cell[:], atoms.positions):
        # Plus zero, so that there is one zero only.
        content.update((np.round(array, _DIGITS) + 0.0).tobytes())
    return content.hexdigest()[:16]
