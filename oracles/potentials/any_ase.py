"""Any other ASE calculator as a potential, by its dotted path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.digest import content_digest
from domain.json_value import JsonObject
from oracles.calculators import CalculatorChoice
from oracles.potentials.potential import Potential

if TYPE_CHECKING:
    from ase.calculators.calculator import BaseCalculator


@dataclass(frozen=True, slots=True)
class AnyAse:
    """A calculator class with its parameters."""

    path: str
    """Short name or dotted path."""
    parameters: JsonObject

    def __post_init__(self) -> None:
        _ = self._choice

    @property
    def _choice(self) -> CalculatorChoice:
        return CalculatorChoice(self.path, self.parameters)

    @property
    def name(self) -> str:
        """Path, versions, and the parameters by their digest."""
        given = f" parameters {content_digest(dict(self.parameters))[:16]}" if self.parameters else ""
        return f"{self._choice.path}{given}, {self._choice.software}"

    def check(self) -> None:
        """Checks, without importing it, that the calculator may run on this machine and that its package is here.

        Raises:
            OracleUnavailableError: If not, with the remedy.
        """
        self._choice.check()

    def load(self) -> Potential:
        """Builds the calculator; to be called in a worker process only.

        Raises:
            OracleUnavailableError: If the class cannot be imported.
            PermanentLookError: If the path is no ASE calculator.
        """
        from oracles.dynamics.forces import AseForces

        calculator = self._build()
        forces = AseForces(
            self.name,
            self._build,
            # Some of ASE's own keep a neighbour list between calls, codes their wave functions, and with them rounding.
            is_renewed=self._choice.path.startswith(("ase.", "gpaw.")),
            has_stresses="stress" in calculator.implemented_properties,
        )
        return Potential(
            self.name,
            calculator,
            forces,
            details={"calculator": self._choice.path, "parameters": dict(self.parameters)},
        )

    def _build(self) -> BaseCalculator:
        return self._choice.build()
