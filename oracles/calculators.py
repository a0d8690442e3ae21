"""ASE calculators by name: short names for common ones, dotted paths for every other."""

from __future__ import annotations

import importlib
import importlib.util
import math
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from domain.errors import InvalidValueError, OracleUnavailableError, PermanentLookError
from domain.json_value import JsonObject, JsonValue
from oracles.allowed_calculators import require_allowed, require_harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator

SHORT_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gpaw": "gpaw.GPAW",
        "emt": "ase.calculators.emt.EMT",
        "lj": "ase.calculators.lj.LennardJones",
        "morse": "ase.calculators.morse.MorsePotential",
    }
)
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_DISTRIBUTIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"gpaw": ("gpaw", "gpaw-data")})
_GPAW_REMEDY: Final = (
    "Install libxc and OpenBLAS with their headers (Debian: apt-get install libxc-dev libopenblas-dev), then "
    "GPAW_CONFIG=tools/gpaw_siteconfig.py pip install 'petalite[dft]' for a serial build with g++."
)
_STEADY_MIXER: Final[JsonObject] = MappingProxyType({"backend": "pulay", "beta": 0.02, "nmaxold": 5, "weight": 100})
"""GPAW's density mixing for the one retry: small steps, long waves damped."""


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

    @property
    def path(self) -> str:
        """Dotted path of the class."""
        return SHORT_NAMES.get(self.name, self.name)

    @property
    def is_gpaw(self) -> bool:
        """Whether it is GPAW, whose habits are known here."""
        return self.path == SHORT_NAMES["gpaw"]

    @property
    def distributions(self) -> tuple[str, ...]:
        """Distributions whose versions determine the number, as far as the path tells."""
        package = self.path.split(".", 1)[0]
        return _DISTRIBUTIONS.get(package, () if package == "ase" else (package,))

    def check(self) -> None:
        """Checks, without importing it, that the calculator may run on this machine and that its package is here.

        Raises:
            OracleUnavailableError: If not, with the remedy.
        """
        require_allowed(self.path, self.parameters)
        package = self.path.split(".", 1)[0]
        if importlib.util.find_spec(package) is None:
            raise OracleUnavailableError(
                f"The calculator '{self.name}' needs the package '{package}', which is not installed.",
                remedy=_GPAW_REMEDY if self.is_gpaw else f"Install '{package}' into Petalite's environment.",
            )
        if self.is_gpaw and importlib.util.find_spec("gpaw_data") is None:
            raise OracleUnavailableError("GPAW has no atomic setups here.", remedy="pip install gpaw-data")

    def build(self, kpoints: tuple[int, int, int] | None, *, is_spin_polarized: bool, is_retry: bool) -> BaseCalculator:
        """Builds a calculator for one structure.

        Args:
            kpoints: Monkhorst-Pack grid; None where the calculator takes none or its parameters say so.
            is_spin_polarized: Whether the structure has initial magnetic moments.
            is_retry: Whether the first attempt did not converge.

        Raises:
            OracleUnavailableError: If the class is not allowed here or cannot be imported.
            PermanentLookError: If the path is no ASE calculator.
            InvalidValueError: If the class runs or loads whatever a spec says.
        """
        self.check()
        parameters: dict[str, JsonValue] = dict(self.parameters)
        if kpoints is not None:
            grid: JsonValue = list(kpoints)
            parameters["kpts"] = {"size": grid, "gamma": True} if self.is_gpaw else grid
        if self.is_gpaw:
            parameters.setdefault("txt", None)
            parameters["spinpol"] = is_spin_polarized or bool(parameters.get("spinpol", False))
            if is_retry:
                parameters |= {"mixer": dict(_STEADY_MIXER), "maxiter": 500}
        calculator: BaseCalculator = self._imported()(**parameters)
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
        # A spec may come from a stranger: calculators alone are called, without commands. GPAW's is made by a function.
        if not self.is_gpaw and not (isinstance(found, type) and issubclass(found, BaseCalculator)):
            raise PermanentLookError(
                f"'{self.path}' is no ASE calculator.", remedy="Name a subclass of BaseCalculator."
            )
        # A module may hand out what it imported from another one.
        require_harmless(f"{found.__module__}.{class_name}", self.parameters)
        calculator: type[BaseCalculator] = found
        return calculator


def kpoint_grid(atoms: Atoms, density_A: float) -> tuple[int, int, int]:
    """Monkhorst-Pack grid with at least `density_A` points per Å⁻¹ of each reciprocal vector (2 pi included)."""
    lengths = (2 * math.pi * float(sum(x * x for x in vector)) ** 0.5 for vector in atoms.cell.reciprocal()[:])
    first, second, third = (max(1, math.ceil(length * density_A - 1e-9)) for length in lengths)
    return first, second, third
