"""The oracle `bond-valence`: the barrier that a mobile ion meets on its way through a frozen framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Final, Literal

from domain.blueprint import Blueprint
from domain.constants import ROOM_K
from domain.errors import InvalidValueError, UnsupportedCrystalError
from domain.json_value import JsonObject
from domain.look import LookRequest, LookResult
from domain.parsing import parse
from domain.ports import Oracle, OracleMode
from domain.quantity import Quantity, quantity
from oracles.formation import require_size
from oracles.migration import (
    BarrierMeaning,
    Told,
    by_directions,
    compact_cell,
    require_above_zero,
    require_possible_barrier,
)
from oracles.percolation import percolation_energies_eV
from oracles.potential import PotentialSettings
from oracles.potentials import Potential
from oracles.settled_sites import SettledSites, settle, settle_drawn
from oracles.sites import disorder_of, lowest_relaxed, unrelaxed_placements
from oracles.valence_landscape import Ions, grid_memory_GiB, require_bvlain, site_energies_eV
from oracles.versions import versions_of
from oracles.without_references import WithoutReferences

_POSITIVE: Final = (
    "resolution_A", "cutoff_A", "highest_eV", "max_memory_GiB", "temperature_K", "prefactor_S_K_per_cm",
)  # fmt: skip
_LATTICE_POINTS: Final = MappingProxyType({"P": 1, "A": 2, "C": 2, "I": 2, "R": 3, "F": 4})
"""Primitive cells in the conventional one, by the first letter of the group's symbol."""


@dataclass(frozen=True, slots=True)
class BondValenceSettings:
    """Settings of the oracle `bond-valence`."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    mobile: Literal["Li", "Na", "K"] = "Li"
    """What moves."""
    directions: Literal[1, 2, 3] = 3
    """Independent directions in which the network of paths must be endless; the pellet that is measured needs 3."""
    resolution_A: float = 0.2
    """Distance between the points of the grid, Å."""
    cutoff_A: float = 10.0
    """Framework ions beyond it are not felt, Å."""
    highest_eV: float = 10.0
    """Barriers above are only said to be above."""
    oxidation_states: Mapping[str, int] = field(default_factory=dict)
    """Of elements whose common ones do not fit, by symbol."""
    quantity: Told = "migration_barrier"
    """`ionic_conductivity`: what the barrier would mean with a usual prefactor, to stand beside measured ones."""
    temperature_K: float = ROOM_K
    """Of that conductivity."""
    prefactor_S_K_per_cm: float = 1e5
    """A in σT = A exp(-E/kT); Nernst and Einstein give 10⁴ to 10⁶ for usual lattices and vibrations."""
    sites: PotentialSettings = field(default_factory=PotentialSettings)
    """How sites are drawn, ranked and relaxed where none are known."""
    max_atoms: int = 200
    """Largest conventional cell that is taken."""
    max_memory_GiB: float = 2.0
    """Cells whose grid needs more are refused."""

    def __post_init__(self) -> None:
        require_above_zero({name: getattr(self, name) for name in _POSITIVE})
        if not 0.05 <= self.resolution_A <= 0.5:
            raise InvalidValueError(
                f"A grid of {self.resolution_A:g} Å is too fine to fit in memory, or too coarse to find a path.",
                remedy="Give resolution_A between 0.05 and 0.5, such as 0.2.",
            )
        require_possible_barrier(self.highest_eV)

    @property
    def meaning(self) -> BarrierMeaning:
        """How a barrier is told."""
        return BarrierMeaning(self.quantity, self.highest_eV, self.temperature_K, self.prefactor_S_K_per_cm)


@dataclass(slots=True)
class BondValenceOracle(WithoutReferences):
    """Barriers by bond-valence site energies. Seconds; for an order among crystals rather than for the number."""

    _speaker: ClassVar = "The bond-valence oracle"
    _needless: ClassVar = "barriers need"

    settings: BondValenceSettings
    name: str = "bond-valence"
    mode: OracleMode = OracleMode.COMPUTED
    _potential: Potential | None = field(default=None, init=False, repr=False)

    @property
    def quantity(self) -> Quantity:
        """The barrier, or the conductivity that it would mean."""
        return quantity(self.settings.quantity)

    @property
    def version(self) -> str:
        """Parameters, and everything between them and the number."""
        potential = self._potential or self.settings.sites
        software = versions_of("bvlain", "petalite", "ase", "pymatgen", "pyxtal", "scipy", "spglib")
        return f"{software}, sites by {potential.name} where none were known"

    def check(self) -> None:
        """Checks that bvlain and the potential that ranks sites are installed.

        Raises:
            OracleUnavailableError: If one is not.
        """
        require_bvlain()
        self.settings.sites.check()

    def require_supported(self, blueprint: Blueprint) -> None:
        """Refuses crystals without the mobile ion, without oxidation states or parameters, and those too large.

        Raises:
            UnsupportedCrystalError: If it is one.
        """
        require_size(blueprint, max_atoms=self.settings.max_atoms)
        self._ions(blueprint)
        self._require_memory(blueprint.lattice.volume_A3 / _LATTICE_POINTS[blueprint.space_group.symbol[0]])

    def look(self, request: LookRequest) -> LookResult:
        """Finds sites, fills the mobile ion's landscape in them, and says from which energy on it runs through.

        Raises:
            PermanentLookError: If no sites can be drawn, or the crystal does not survive its relaxation.
            UnsupportedCrystalError: If it cannot be looked at.
        """
        ions = self._ions(request.blueprint)
        sites = self._sites(request)
        atoms = compact_cell(sites.placement.atoms)
        self._require_memory(atoms.get_volume())
        settings = self.settings
        landscape = site_energies_eV(atoms, ions, resolution_A=settings.resolution_A, cutoff_A=settings.cutoff_A)
        barriers = percolation_energies_eV(landscape, highest_eV=settings.highest_eV)
        answer = settings.meaning.of(barriers[settings.directions - 1])
        return LookResult(
            value=answer.value,
            censoring=answer.censoring,
            temperature_K=answer.temperature_K,
            realizations=sites.new,
            realization_digest=sites.chosen.digest,
            details={
                "barriers_eV": by_directions(barriers),
                "oxidation_states": dict(ions.states),
                "grid": list(landscape.shape),
                "is_relaxed": sites.chosen.is_relaxed,
                **sites.details,
            },
        )

    def _ions(self, blueprint: Blueprint) -> Ions:
        return Ions.of(blueprint.composition, self.settings.mobile, self.settings.oxidation_states)

    def _require_memory(self, volume_A3: float) -> None:
        needed = grid_memory_GiB(volume_A3, self.settings.resolution_A)
        if needed > self.settings.max_memory_GiB:
            raise UnsupportedCrystalError(
                f"A grid of {self.settings.resolution_A:g} Å in a primitive cell of {volume_A3:.0f} Å³ takes about "
                f"{needed:.1f} GiB; at most {self.settings.max_memory_GiB:g} GiB may be taken.",
                remedy="Give a coarser 'resolution_A', or raise 'max_memory_GiB' and the fidelity's memory limit.",
            )

    def _sites(self, request: LookRequest) -> SettledSites:
        # Loading a potential costs more than the whole look: not where there is nothing to choose, or others chose.
        if self.settings.sites.relax == "none" and lowest_relaxed(request) is None:
            found = unrelaxed_placements(request, self.settings.sites.drawing)
            is_ranked = any(known.energy_eV_per_atom is not None for known in request.realizations)
            if is_ranked or len(found.every) == 1:
                chosen = found.lowest.realization
                return SettledSites(chosen, found.new_realizations, {**found.details, **disorder_of(chosen)})
            return settle_drawn(found, self.settings.sites, self._loaded())
        return settle(request, self.settings.sites, self._loaded)

    def _loaded(self) -> Potential:
        if self._potential is None:
            self._potential = self.settings.sites.load()
        return self._potential


def build(settings: JsonObject) -> Oracle:
    """Builds the oracle from its settings.

    Raises:
        SpecError: If a setting is unknown or impossible.
    """
    return BondValenceOracle(parse(BondValenceSettings, dict(settings), what="The settings of oracle 'bond-valence'"))
