"""The laboratory: people make and measure the crystal, and the query waits for them in the store."""

from dataclasses import dataclass
from typing import ClassVar

from domain import quantity as quantities
from domain.blueprint import Blueprint
from domain.fidelity import LABORATORY_ORACLE
from domain.json_value import JsonObject
from domain.parsing import parse
from domain.ports import Oracle, OracleMode
from domain.quantity import Quantity
from oracles.versions import versions_of


@dataclass(frozen=True, slots=True)
class LaboratorySettings:
    """Settings of the oracle `laboratory`."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    quantity: str
    """Name of the quantity that is measured."""
    instructions: str = ""
    """What the people who claim a query should do, in words."""

    def __post_init__(self) -> None:
        quantities.quantity(self.quantity)


@dataclass(frozen=True, slots=True)
class LaboratoryOracle:
    """A queue that people answer. It never looks itself."""

    settings: LaboratorySettings
    name: str = LABORATORY_ORACLE
    mode: OracleMode = OracleMode.LABORATORY

    @property
    def version(self) -> str:
        """Version of Petalite; what determines the number is written beside each measurement."""
        return versions_of("petalite")

    @property
    def quantity(self) -> Quantity:
        """What the laboratory measures."""
        return quantities.quantity(self.settings.quantity)

    @property
    def instructions(self) -> str:
        """What to do with a claimed query."""
        return self.settings.instructions

    def check(self) -> None:
        """Nothing is needed here."""

    def require_supported(self, blueprint: Blueprint) -> None:
        """People refuse for themselves, with a reason."""


def build(settings: JsonObject) -> Oracle:
    """Builds the oracle from its settings.

    Raises:
        SpecError: If a setting is unknown, missing or impossible.
    """
    return LaboratoryOracle(parse(LaboratorySettings, dict(settings), what="The settings of oracle 'laboratory'"))
