"""The oracle `frozen-framework`: the barrier of one ion that a potential moves through a rigid framework."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from domain.blueprint import Blueprint
from domain.constants import ROOM_K
from domain.elements import element
from domain.errors import InvalidValueError, UnsupportedCrystalError
from domain.json_value import JsonObject
from domain.look import LookRequest, LookResult
from domain.parsing import parse
from domain.ports import Oracle, OracleMode
from domain.quantity import Quantity, quantity
from oracles.dynamics.supercell import supercell
from oracles.formation import require_size
from oracles.ion_grid import IonGrid
from oracles.ion_landscape import look_round
from oracles.migration import (
    BarrierMeaning,
    Told,
    by_directions,
    compact_cell,
    require_above_zero,
    require_possible_barrier,
)
from oracles.moved_ion import MovedIon
from oracles.potential import PotentialSettings
from oracles.potentials import Potential
from oracles.settled_sites import settle
from oracles.versions import versions_of
from oracles.without_references import WithoutReferences

if TYPE_CHECKING:
    from ase import Atoms

_POSITIVE: Final = ("highest_eV", "least_distance_ratio", "min_height_A", "temperature_K", "prefactor_S_K_per_cm")


@dataclass(frozen=True, slots=True)
class FrozenFrameworkSettings:
    """Settings of the oracle `frozen-framework`."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    potential: PotentialSettings = field(default_factory=PotentialSettings)
    """What the ion feels, and how sites are drawn, ranked and relaxed where none are known."""
    mobile: Literal["Li", "Na", "K"] = "Li"
    """What moves."""
    directions: Literal[1, 2, 3] = 3
    """Independent directions in which the network of paths must be endless; the pellet that is measured needs 3."""
    resolution_A: float = 0.25
    """Distance between the points of the grid where the way through is decided, Å; twice that elsewhere."""
    highest_eV: float = 5.0
    """Barriers above are only said to be above."""
    least_distance_ratio: float = 0.6
    """The ion is not put nearer to an atom than this share of the sum of their covalent radii."""
    quantity: Told = "migration_barrier"
    """`ionic_conductivity`: what the barrier would mean with a usual prefactor, to stand beside measured ones."""
    temperature_K: float = ROOM_K
    """Of that conductivity."""
    prefactor_S_K_per_cm: float = 1e5
    """A in σT = A exp(-E/kT); Nernst and Einstein give 10⁴ to 10⁶ for usual lattices and vibrations."""
    min_height_A: float = 8.0
    """Least distance between opposite faces of the supercell in which the ion is moved, Å."""
    max_atoms: int = 200
    """Largest supercell that is taken, and largest conventional cell."""

    def __post_init__(self) -> None:
        require_above_zero({name: getattr(self, name) for name in _POSITIVE})
        if not 0.1 <= self.resolution_A <= 0.4:
            raise InvalidValueError(
                f"A grid with resolution_A {self.resolution_A:g} takes too long, or is too coarse to find a path.",
                remedy="Give resolution_A between 0.1 and 0.4, such as 0.25.",
            )
        require_possible_barrier(self.highest_eV)

    @property
    def meaning(self) -> BarrierMeaning:
        """How a barrier is told."""
        return BarrierMeaning(self.quantity, self.highest_eV, self.temperature_K, self.prefactor_S_K_per_cm)


@dataclass(slots=True)
class FrozenFrameworkOracle(WithoutReferences):
    """Barriers of a lone ion in a rigid framework, by any potential. Seconds to minutes."""

    _speaker: ClassVar = "The frozen-framework oracle"
    _needless: ClassVar = "barriers need"

    settings: FrozenFrameworkSettings
    name: str = "frozen-framework"
    mode: OracleMode = OracleMode.COMPUTED
    _potential: Potential | None = field(default=None, init=False, repr=False)

    @property
    def quantity(self) -> Quantity:
        """The barrier, or the conductivity that it would mean."""
        return quantity(self.settings.quantity)

    @property
    def version(self) -> str:
        """Potential, model and everything between it and the number."""
        potential = self._potential or self.settings.potential
        return f"{potential.name}, {versions_of('petalite', 'ase', 'numpy', 'pyxtal', 'scipy', 'spglib')}"

    def check(self) -> None:
        """Checks that the potential is installed.

        Raises:
            OracleUnavailableError: If it is not.
        """
        self.settings.potential.check()

    def require_supported(self, blueprint: Blueprint) -> None:
        """Refuses crystals without the ion or without a framework around it, and those too large.

        Raises:
            UnsupportedCrystalError: If it is one.
        """
        require_size(blueprint, max_atoms=self.settings.max_atoms)
        elements, mobile = blueprint.composition.elements, element(self.settings.mobile)
        if mobile not in elements or len(elements) < 2:
            raise UnsupportedCrystalError(
                f"{blueprint.composition.formula} has no {mobile.symbol} that could move through a framework.",
                remedy=f"Require {mobile.symbol} beside other elements, or say which one is mobile.",
            )

    def look(self, request: LookRequest) -> LookResult:
        """Finds sites, takes all mobile ions but one away, and says from which energy on that one gets through.

        Raises:
            PermanentLookError: If no sites can be drawn, or the crystal does not survive its relaxation.
            UnsupportedCrystalError: If it cannot be looked at.
        """
        potential = self._loaded()
        potential.require_elements(request.blueprint.composition.elements)
        sites = settle(request, self.settings.potential, self._loaded)
        barriers, details = self.barriers_eV(sites.placement.atoms)
        answer = self.settings.meaning.of(barriers[self.settings.directions - 1])
        return LookResult(
            value=answer.value,
            censoring=answer.censoring,
            temperature_K=answer.temperature_K,
            realizations=sites.new,
            realization_digest=sites.chosen.digest,
            details={
                "barriers_eV": by_directions(barriers),
                **details,
                "is_relaxed": sites.chosen.is_relaxed,
                **sites.details,
                "potential": potential.details,
            },
        )

    def barriers_eV(self, atoms: Atoms) -> tuple[tuple[float | None, ...], JsonObject]:
        """Barriers for one, two and three directions in a crystal, and how they were found.

        Counted from the lowest place of all, into which the ion falls from the grid's lowest point.

        Raises:
            UnsupportedCrystalError: If the potential does not admit the supercell, or the ion has no room in it.
        """
        settings = self.settings
        mobile = element(settings.mobile).atomic_number
        framework = compact_cell(atoms[atoms.numbers != mobile])
        large = supercell(framework, min_height_A=settings.min_height_A, max_atoms=settings.max_atoms - 1)
        grid = IonGrid.of(framework, resolution_A=settings.resolution_A)
        ion = MovedIon(self._loaded(), large, mobile, settings.least_distance_ratio)
        ion.require_admitted(ion.first_with_room(grid.positions_A(grid.coarse)))
        landscape = look_round(grid, ion.energies_eV, highest_eV=settings.highest_eV)
        fall_eV = max(0.0, landscape.lowest_eV - ion.lowest_near_eV(landscape.lowest_place_A))
        found = landscape.barriers_eV(highest_eV=settings.highest_eV)
        counted = (None if way is None else way + fall_eV for way in found)
        barriers = tuple(None if way is None or way > settings.highest_eV else way for way in counted)
        return barriers, {
            "grid": list(grid.shape),
            "n_points_computed": landscape.n_seen,
            "n_symmetry_operations": grid.n_operations,
            "n_atoms": len(large) + 1,
        }

    def _loaded(self) -> Potential:
        if self._potential is None:
            self._potential = self.settings.potential.load()
        return self._potential


def build(settings: JsonObject) -> Oracle:
    """Builds the oracle from its settings.

    Raises:
        SpecError: If a setting is unknown or impossible.
    """
    what = "The settings of oracle 'frozen-framework'"
    return FrozenFrameworkOracle(parse(FrozenFrameworkSettings, dict(settings), what=what))
