"""ASE calculators by name: short names for common ones, dotted paths for every other."""

from __future__ import annotations

import importlib
import math
import re
import shutil
import tempfile
import weakref
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from domain.errors import InvalidValueError, OracleUnavailableError, PermanentLookError
from domain.json_value import JsonObject
from oracles.allowed_calculators import require_allowed, require_harmless
from oracles.dft.code import Calculation, Code, Kpoints, require_package
from oracles.dft.codes import code_of
from oracles.dft.retries import RetryStep, merged
from oracles.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator

SHORT_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gpaw": "gpaw.GPAW",
        "espresso": "ase.calculators.espresso.Espresso",
        "vasp": "ase.calculators.vasp.Vasp",
        "abinit": "ase.calculators.abinit.Abinit",
        "cp2k": "ase.calculators.cp2k.CP2K",
        "emt": "ase.calculators.emt.EMT",
        "lj": "ase.calculators.lj.LennardJones",
        "morse": "ase.calculators.morse.MorsePotential",
    }
)
_MADE_BY_A_FUNCTION: Final = "gpaw.GPAW"
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


@dataclass(frozen=True, slots=True)
class CalculatorChoice:
    """A calculator class with its parameters."""

    name: str
    """Short name or dotted path."""
    parameters: JsonObject
    """Keyword arguments of the class."""

    def __post_init__(self) -> None:
        if not _DOTTED.fullmatch(self.path):
            raise InvalidValueError(
                f"'{self.name}' names no calculator.",
                remedy=f"Give one of {', '.join(SHORT_NAMES)}, or a dotted path such as package.module.Class.",
            )
        require_harmless(self.path, self.parameters)
        self.code.require_settings(self.parameters)

    @property
    def path(self) -> str:
        """Dotted path of the class."""
        return SHORT_NAMES.get(self.name, self.name)

    @property
    def code(self) -> Code:
        """What is known of the code behind it."""
        return code_of(self.path)

    @property
    def software(self) -> str:
        """Names and versions of what determines the number, as far as the path and this machine tell."""
        return ", ".join(filter(None, (self.code.software(self.path, self.parameters), versions_of("ase"))))

    def changed(self, step: RetryStep) -> CalculatorChoice:
        """The same with a step's parameters, which are refused like its own.

        Raises:
            InvalidValueError: If a spec may not give one of them.
        """
        return replace(self, parameters=merged(self.parameters, step.parameters))

    def check(self) -> None:
        """Checks, without importing it, that the calculator may run on this machine and that what it needs is here.

        Raises:
            OracleUnavailableError: If not, with the remedy.
        """
        require_allowed(self.path, self.parameters)
        self.code.check(self.parameters)
        package = self.path.split(".", 1)[0]
        require_package(package, name=self.name, remedy=f"Install '{package}' into Petalite's environment.")

    def build(self, calculation: Calculation | None = None, step: RetryStep | None = None) -> BaseCalculator:
        """Builds a calculator. Where its code writes files, they lie in a folder that goes when the calculator does.

        Args:
            calculation: What is calculated; None where nothing but the parameters is known.
            step: What is changed because self-consistency was not reached before.

        Raises:
            OracleUnavailableError: If the class is not allowed here or cannot be imported.
            PermanentLookError: If the path is no ASE calculator.
            InvalidValueError: If the class runs or loads whatever a spec says, also by the step, or has no such Hubbard
                term.
        """
        from ase import Atoms as AseAtoms

        if step is not None:
            return self.changed(step).build(calculation)
        self.check()
        arguments = self.code.arguments(self.parameters, calculation or Calculation(AseAtoms()))
        make = self._imported()
        if not self.code.writes_files:
            return make(**arguments)
        folder = tempfile.mkdtemp(prefix="calculation-")
        calculator = make(directory=folder, **arguments)
        weakref.finalize(calculator, shutil.rmtree, folder, ignore_errors=True)
        return calculator

    def _imported(self) -> type[BaseCalculator]:
        from ase.calculators.calculator import BaseCalculator

        module_path, class_name = self.path.rsplit(".", 1)
        try:
            found = getattr(importlib.import_module(module_path), class_name)
        except (ImportError, AttributeError) as error:
            raise OracleUnavailableError(
                f"The calculator '{self.path}' cannot be imported: {error}.", remedy="Correct the path."
            ) from error
        # A spec may come from a stranger: calculators alone are called, without commands.
        is_calculator = isinstance(found, type) and issubclass(found, BaseCalculator)
        if self.path != _MADE_BY_A_FUNCTION and not is_calculator:
            raise PermanentLookError(
                f"'{self.path}' is no ASE calculator.", remedy="Name a subclass of BaseCalculator."
            )
        # A module may hand out what it imported from another one.
        require_harmless(f"{found.__module__}.{class_name}", self.parameters)
        calculator: type[BaseCalculator] = found
        return calculator


def kpoint_grid(atoms: Atoms, density_A: float) -> Kpoints:
    """Monkhorst-Pack grid with at least `density_A` points per Å⁻¹ of each reciprocal vector (2 pi included)."""
    lengths = (2 * math.pi * float(sum(x * x for x in vector)) ** 0.5 for vector in atoms.cell.reciprocal()[:])
    first, second, third = (max(1, math.ceil(length * density_A - 1e-9)) for length in lengths)
    return first, second, third
