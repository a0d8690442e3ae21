"""The oracle `molecular-dynamics`: how well ions conduct when a potential moves them at several temperatures."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import numpy as np

from domain.blueprint import Blueprint
from domain.digest import derive_seed
from domain.elements import element
from domain.errors import InvalidValueError, UnsupportedCrystalError
from domain.json_value import JsonObject
from domain.look import LookProgress, LookRequest, LookResult
from domain.parsing import parse
from domain.ports import Oracle, OracleMode, Workbench
from domain.quantity import Quantity, quantity
from oracles.conductivity_files import Seen, Watched, write_files
from oracles.conductivity_runs import answer_of, ion_trajectory, run_of, series_of
from oracles.dynamics.forces import Cells
from oracles.dynamics.plan import DynamicsSettings, Plan, Replica
from oracles.dynamics.running import Monitor, Progress, run
from oracles.dynamics.supercell import MIN_HEIGHT_A, supercell
from oracles.dynamics.trajectory import Trajectory
from oracles.formation import require_size
from oracles.potential import PotentialSettings
from oracles.potentials import Potential
from oracles.settled_sites import SettledSites, settle_once
from oracles.structures import primitive_cell
from oracles.transport.arrhenius import EXTRAPOLATION_K
from oracles.transport.displacement import paths_in_framework
from oracles.transport.monitor import StopRule, advise
from oracles.versions import versions_of
from oracles.without_references import WithoutReferences

if TYPE_CHECKING:
    from ase import Atoms

_CONDUCTIVITY: Final[Quantity] = quantity("ionic_conductivity")


@dataclass(frozen=True, slots=True)
class MolecularDynamicsSettings:
    """Settings of the oracle `molecular-dynamics`."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    potential: PotentialSettings = field(default_factory=lambda: PotentialSettings(relax="cell"))
    """What moves the atoms, and how sites are drawn, ranked and relaxed where none are known."""
    mobile: Literal["Li", "Na", "K"] = "Li"
    """What moves, with a charge of one."""
    temperatures_K: tuple[float, ...] = (600.0, 800.0, 1000.0, 1200.0)
    """Of the runs, K; they advance together."""
    value_at_K: float = EXTRAPOLATION_K
    """For which temperature the conductivity is told, K."""
    dynamics: DynamicsSettings = field(default_factory=DynamicsSettings)
    stop: StopRule = field(default_factory=StopRule)
    """When a run ends before its time."""
    haven_ratio: float = 1.0
    """Assumed, not measured; 1 says that ions move independently."""
    min_height_A: float = MIN_HEIGHT_A
    """Least distance between opposite faces of the supercell, Å."""
    max_atoms: int = 300
    """Largest supercell that is taken."""
    trajectory_MiB: float = 20.0
    """About how large the file of each run's trajectory may be: frames are left out until it fits. 0 keeps none."""

    def __post_init__(self) -> None:
        if not self.temperatures_K or len(set(self.temperatures_K)) < len(self.temperatures_K):
            raise InvalidValueError(
                f"The temperatures {list(self.temperatures_K)} are none, or one of them stands there twice.",
                remedy="Give some, such as [600, 800, 1000].",
            )
        if not (0 < self.value_at_K <= max(self.temperatures_K) and min(self.temperatures_K) > 0):
            raise InvalidValueError(
                f"Runs at {list(self.temperatures_K)} K say nothing of {self.value_at_K:g} K.",
                remedy="Run at that temperature or above it.",
            )
        if not self.haven_ratio > 0:
            raise InvalidValueError(f"A Haven ratio of {self.haven_ratio} is impossible.", remedy="Give one above 0.")
        if not 0 <= self.trajectory_MiB < math.inf:
            raise InvalidValueError(
                f"A file of {self.trajectory_MiB} MiB is impossible.", remedy="Give 0 or more for trajectory_MiB."
            )


@dataclass(slots=True)
class MolecularDynamicsOracle(WithoutReferences):
    """Ionic conductivities by molecular dynamics. Minutes to hours; a look that was killed goes on."""

    _speaker: ClassVar = "Molecular dynamics"
    _needless: ClassVar = "conductivities need"

    settings: MolecularDynamicsSettings
    name: str = "molecular-dynamics"
    quantity: Quantity = _CONDUCTIVITY
    mode: OracleMode = OracleMode.COMPUTED
    _potential: Potential | None = field(default=None, init=False, repr=False)

    @property
    def version(self) -> str:
        """Potential, model and everything between it and the number."""
        potential = self._potential or self.settings.potential
        return f"{potential.name}, {versions_of('petalite', 'ase', 'matscipy', 'numpy', 'pyxtal', 'scipy', 'spglib')}"

    def check(self) -> None:
        """Checks that the potential is installed.

        Raises:
            OracleUnavailableError: If it is not.
        """
        self.settings.potential.check()

    def require_supported(self, blueprint: Blueprint) -> None:
        """Refuses crystals in which nothing can move, and those too large.

        Raises:
            UnsupportedCrystalError: If it is one.
        """
        require_size(blueprint, max_atoms=self.settings.max_atoms)
        elements, mobile = blueprint.composition.elements, element(self.settings.mobile)
        if mobile not in elements or len(elements) < 2:
            raise UnsupportedCrystalError(
                f"{blueprint.composition.formula} has no {mobile.symbol} that moves through a framework.",
                remedy=f"Require {mobile.symbol} beside other elements, or say which one is mobile.",
            )

    def look(self, request: LookRequest) -> LookResult:
        """The same as `resume`, in one piece.

        Raises:
            PermanentLookError: If the crystal does not survive, or no run can be used.
            UnsupportedCrystalError: If it cannot be looked at.
        """
        with tempfile.TemporaryDirectory() as folder:
            result, _ = self._resumed(request, Workbench(Path(folder), lambda _: None))
            return result

    def resume(self, request: LookRequest, workbench: Workbench) -> LookResult:
        """Settles the sites, runs at all temperatures together, and reads the conductivity off the runs.

        Raises:
            PermanentLookError: If the crystal does not survive, or no run can be used.
            UnsupportedCrystalError: If it cannot be looked at.
        """
        result, (seen, watched) = self._resumed(request, workbench)
        files = write_files(seen, watched, workbench.folder, trajectory_MiB=self.settings.trajectory_MiB)
        return replace(result, files=files)

    def _resumed(
        self, request: LookRequest, workbench: Workbench
    ) -> tuple[LookResult, tuple[tuple[Seen, ...], Watched]]:
        """The answer, and what its files are written from."""
        potential = self._loaded()
        potential.require_elements(request.blueprint.composition.elements)
        sites = settle_once(request, self.settings.potential, self._loaded, folder=workbench.folder)
        watched = self._watched(sites)
        crystal = watched.atoms
        potential.admit(crystal, n_replicas=len(self.settings.temperatures_K))
        seen = self._runs(self._plan(crystal, request.seed), potential, workbench, seed=request.seed)
        runs = [one.run for one in seen]
        answer = answer_of(runs, at_K=self.settings.value_at_K)
        result = LookResult(
            value=answer.value_S_per_cm,
            sigma=answer.sigma_S_per_cm,
            censoring=answer.censoring,
            temperature_K=self.settings.value_at_K,
            realizations=sites.new,
            realization_digest=sites.chosen.digest,
            details={
                "supercell": {"n_atoms": len(crystal), "cell_A_degrees": [round(x, 4) for x in crystal.cell.cellpar()]},
                **sites.details,
                **answer.details,
                "potential": potential.details,
            },
            series=series_of(runs),
        )
        return result, (seen, watched)

    def _loaded(self) -> Potential:
        if self._potential is None:
            self._potential = self.settings.potential.load()
        return self._potential

    def _watched(self, sites: SettledSites) -> Watched:
        settings = self.settings
        primitive = primitive_cell(sites.placement.atoms)
        crystal = supercell(primitive, min_height_A=settings.min_height_A, max_atoms=settings.max_atoms)
        return Watched(crystal, primitive, settings.mobile)

    def _plan(self, crystal: Atoms, seed: int) -> Plan:
        temperatures = self.settings.temperatures_K
        replicas = tuple(Replica(kelvin, derive_seed(seed, "dynamics", f"{kelvin:g}")) for kelvin in temperatures)
        return Plan(Cells.of(crystal), replicas, self.settings.dynamics)

    def _runs(self, plan: Plan, potential: Potential, workbench: Workbench, *, seed: int) -> tuple[Seen, ...]:
        outcome = run(
            plan,
            potential.forces,
            # Of its own, so that a look goes on, from its start, when the potential was renewed meanwhile.
            workbench.folder / f"dynamics-{plan.digest(potential.forces.name)[:16]}",
            report=_reporting(workbench.report, len(plan.replicas)),
            should_stop=lambda: False,
            monitor=self._monitor(),
        )
        endings = {ending.replica: ending for ending in outcome.endings}
        rng = np.random.default_rng(derive_seed(seed, "analysis"))
        mobile, haven_ratio = self.settings.mobile, self.settings.haven_ratio
        trajectories = [Trajectory(path) for path in outcome.trajectories]
        return tuple(
            Seen(run_of(trajectory, endings[n], rng, mobile=mobile, haven_ratio=haven_ratio), trajectory)
            for n, trajectory in enumerate(trajectories)
        )

    def _monitor(self) -> Monitor:
        def seen_enough(trajectory: Trajectory) -> str | None:
            advice = advise(paths_in_framework(ion_trajectory(trajectory, self.settings.mobile)), self.settings.stop)
            return advice.sentence if advice.stop else None

        return seen_enough


def _reporting(report: Callable[[LookProgress], None], n_replicas: int) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        share = min(progress.time_ps / progress.total_ps, 1.0)
        running = "" if progress.n_running == n_replicas else f", {progress.n_running} of {n_replicas} runs go on"
        report(LookProgress(share, f"{progress.time_ps:.3g} of {progress.total_ps:g} ps{running}"))

    return tell


def build(settings: JsonObject) -> Oracle:
    """Builds the oracle from its settings.

    Raises:
        SpecError: If a setting is unknown or impossible.
    """
    what = "The settings of oracle 'molecular-dynamics'"
    return MolecularDynamicsOracle(parse(MolecularDynamicsSettings, _with_relaxation(settings), what=what))


def _with_relaxation(settings: JsonObject) -> dict[str, object]:
    """Sites are relaxed unless the settings say otherwise."""
    potential = settings.get("potential")
    if not isinstance(potential, Mapping):
        return dict(settings)
    return {**settings, "potential": {"relax": "cell", **potential}}
