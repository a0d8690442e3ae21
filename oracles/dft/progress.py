"""How far a look is, told to whoever waits, and where its relaxation stands, for whoever takes it up again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.look import LookProgress
from domain.ports import Workbench
from oracles.dft.geometry import Geometry, read_geometry
from oracles.dft.settings import AseSettings
from oracles.sites import Placement

if TYPE_CHECKING:
    from ase import Atoms

_GEOMETRY: Final = "geometry.json"


@dataclass(slots=True)
class Progress:
    """Tells how far a look is, and keeps where its relaxation stands."""

    settings: AseSettings
    workbench: Workbench | None
    purpose: str
    n_before: int = 0
    """Structures that an earlier attempt at the same look computed."""
    _n_structures: int = 0

    @property
    def _path(self) -> Path | None:
        keeps = self.workbench is not None and self.settings.restart == "geometry" and self.settings.relax != "none"
        return self.workbench.folder / _GEOMETRY if keeps and self.workbench else None

    def going_on(self, start: Placement) -> Placement:
        """The start, or where an earlier attempt was ended."""
        kept = None if self._path is None else read_geometry(self._path, purpose=self.purpose)
        if kept is None:
            return start
        self.n_before = self._n_structures = kept.n_structures
        return Placement(start.realization, kept.atoms, start.is_new)

    def tell(self, atoms: Atoms) -> None:
        """Hears of every structure that was computed."""
        self._n_structures += 1
        if self._path is not None:
            Geometry.of(atoms, purpose=self.purpose, n_structures=self._n_structures).write(self._path)
        if self.workbench is not None:
            n_most = 1 if self.settings.relax == "none" else self.settings.max_steps
            told = f"{self._n_structures} structure{'' if self._n_structures == 1 else 's'} computed"
            self.workbench.report(LookProgress(min(self._n_structures / n_most, 1.0), told))
