"""How far a look is, told to whoever waits, and where its relaxation stands, for whoever takes it up again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.look import LookProgress
from domain.ports import Workbench
from oracles.dft.geometry import Geometry, Held, Structure, read_geometry
from oracles.dft.settings import AseSettings
from oracles.relaxation import Standing

if TYPE_CHECKING:
    from ase import Atoms

_GEOMETRY: Final = "geometry.json"


@dataclass(slots=True)
class Progress:
    """Tells how far a look is, and keeps where its relaxation stands: a relaxation's journal."""

    settings: AseSettings
    workbench: Workbench | None
    purpose: str
    n_before: int = field(default=0, init=False)
    """Structures that an earlier attempt at the same look computed."""
    _kept: Geometry | None = field(default=None, init=False)
    _n_structures: int = field(default=0, init=False)
    _standing: Standing | None = field(default=None, init=False)
    """Of the stage as it was entered; None where nothing is relaxed."""
    _n_at_entry: int = field(default=0, init=False)
    """Structures that were computed when it was."""

    def __post_init__(self) -> None:
        self._kept = None if self._path is None else read_geometry(self._path, purpose=self.purpose)
        if self._kept is not None:
            self.n_before = self._n_structures = self._kept.n_structures

    @property
    def _path(self) -> Path | None:
        keeps = self.workbench is not None and self.settings.restart == "geometry" and self.settings.relax != "none"
        return self.workbench.folder / _GEOMETRY if keeps and self.workbench else None

    @property
    def begun(self) -> tuple[Atoms, Standing] | None:
        """Where an earlier attempt was ended."""
        return None if self._kept is None else (self._kept.structure.atoms, self._kept.standing)

    def enter(self, standing: Standing) -> None:
        """Hears that a stage of the relaxation begins or goes on."""
        self._standing, self._n_at_entry = standing, self._n_structures

    def leave(self) -> None:
        """Hears that the relaxation is over: what is computed now is not on its way."""
        self._standing = None

    def tell(self, atoms: Atoms) -> None:
        """Hears of every structure that was computed."""
        self._n_structures += 1
        self._keep(atoms)
        if self.workbench is not None:
            told = f"{self._n_structures} structure{'' if self._n_structures == 1 else 's'} computed"
            self.workbench.report(LookProgress(min(self._n_structures / self._n_most, 1.0), told))

    @property
    def _n_most(self) -> int:
        n_stages = {"none": 0, "cell": 1, "free": 2}[self.settings.relax]
        return max(n_stages * self.settings.max_steps, 1)

    def _keep(self, atoms: Atoms) -> None:
        if self._path is None or self._standing is None:
            return
        held = self._standing.held
        # The first structure of a stage, or of its going on, is where a step begins and not one step further.
        n_new_steps = self._n_structures - self._n_at_entry - 1
        Geometry(
            self.purpose,
            self._n_structures,
            Structure.of(atoms),
            self._standing.before,
            self._standing.n_steps + n_new_steps,
            None if held is None else Held.of(held),
        ).write(self._path)
