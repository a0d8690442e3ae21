"""The exact density of a blueprint: no sites are needed, and nothing is estimated."""

from dataclasses import dataclass
from typing import ClassVar, Final

from domain.blueprint import Blueprint
from domain.json_value import JsonObject
from domain.look import LookRequest, LookResult
from domain.parsing import parse
from domain.ports import Oracle, OracleMode
from domain.quantity import Quantity, quantity
from oracles.versions import versions_of
from oracles.without_references import WithoutReferences

_DENSITY: Final[Quantity] = quantity("density")


@dataclass(frozen=True, slots=True)
class DensitySettings:
    """The oracle `density` has no settings."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class DensityOracle(WithoutReferences):
    """Mass of the cell over its volume, g/cm³."""

    _speaker: ClassVar = "The density oracle"
    _needless: ClassVar = "densities need"

    name: str = "density"
    quantity: Quantity = _DENSITY
    mode: OracleMode = OracleMode.COMPUTED

    @property
    def version(self) -> str:
        """Version of Petalite, which carries the atomic masses."""
        return versions_of("petalite")

    def check(self) -> None:
        """Nothing is needed."""

    def require_supported(self, blueprint: Blueprint) -> None:
        """Every blueprint has a density."""

    def look(self, request: LookRequest) -> LookResult:
        """Divides mass by volume; exact, so sigma is 0."""
        return LookResult(value=request.blueprint.density_g_cm3, sigma=0.0)


def build(settings: JsonObject) -> Oracle:
    """Builds the oracle from its settings.

    Raises:
        SpecError: If there is any setting.
    """
    parse(DensitySettings, dict(settings), what="The settings of oracle 'density'")
    return DensityOracle()
