"""The exact density of a blueprint: no sites are needed, and nothing is estimated."""

from dataclasses import dataclass
from typing import ClassVar, Final

from domain.blueprint import Blueprint
from domain.errors import PermanentLookError
from domain.json_value import JsonObject
from domain.look import LookRequest, LookResult, ReferenceEnergy
from domain.parsing import parse
from domain.ports import Oracle, OracleMode
from domain.quantity import Quantity, quantity
from oracles.versions import versions_of

_DENSITY: Final[Quantity] = quantity("density")


@dataclass(frozen=True, slots=True)
class DensitySettings:
    """The oracle `density` has no settings."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class DensityOracle:
    """Mass of the cell over its volume, g/cm³."""

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

    def reference_elements(self, blueprint: Blueprint) -> tuple[str, ...]:  # noqa: ARG002
        """None are needed."""
        return ()

    def reference(self, symbol: str) -> ReferenceEnergy:
        """Densities are counted from nothing.

        Raises:
            PermanentLookError: Always.
        """
        raise PermanentLookError(
            f"The density oracle has no reference energy of {symbol}.", remedy="Do not ask: densities need none."
        )

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
