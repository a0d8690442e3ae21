"""GPAW: within the worker process, its setups in a package of their own."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from domain.errors import InvalidValueError, OracleUnavailableError, UnsupportedCrystalError
from domain.json_value import JsonObject, JsonValue
from oracles.dft.code import HUBBARD_ALONE, Calculation, Code, require_package
from oracles.dft.hubbard import HubbardTerms
from oracles.dft.retries import RetryStep
from oracles.dft.spec_words import texts_of
from oracles.versions import versions_of

if TYPE_CHECKING:
    from ase.calculators.calculator import BaseCalculator

_REMEDY: Final = (
    "Install libxc and OpenBLAS with their headers (Debian: apt-get install libxc-dev libopenblas-dev), then "
    "GPAW_CONFIG=tools/gpaw_siteconfig.py pip install 'petalite[dft]' for a serial build with g++."
)
_BANDS_CONVERGED_TO: Final = "CBM+0.5"
"""GPAW converges occupied bands alone unless told; the gap needs the lowest empty ones, eV above the band edge."""


class Gpaw(Code):
    """What is known of GPAW."""

    name: ClassVar[str] = "GPAW"
    takes_U: ClassVar[bool] = True
    retries: ClassVar[tuple[RetryStep, ...]] = (
        RetryStep(
            "smaller steps of the density mixing, long waves damped, more iterations",
            {"mixer": {"backend": "pulay", "beta": 0.02, "nmaxold": 5, "weight": 100}, "maxiter": 500},
        ),
        RetryStep(
            "another eigensolver, and the density mixed with only the one before",
            {
                "mixer": {"backend": "pulay", "beta": 0.05, "nmaxold": 1, "weight": 50},
                "eigensolver": {"name": "dav", "niter": 3},
                "maxiter": 800,
            },
        ),
    )
    has_folders: ClassVar[bool] = True
    operators_own: ClassVar[Mapping[str, str]] = {"restart|filename|hooks": "Every look begins afresh; leave it out."}
    steadying: ClassVar[frozenset[str]] = frozenset({"mixer", "maxiter", "eigensolver", "nbands"})

    def require_settings(self, parameters: JsonObject) -> None:
        """Refuses a U among the setups as well.

        Raises:
            InvalidValueError: If there is one, or what no spec may give.
        """
        super().require_settings(parameters)
        for kind in filter(lambda text: ":" in text, texts_of(parameters.get("setups"))):
            raise InvalidValueError(f"parameters.setups gives GPAW a Hubbard U ('{kind}').", remedy=HUBBARD_ALONE)

    def check(self, parameters: JsonObject) -> None:  # noqa: ARG002
        """Checks that GPAW and its setups are installed.

        Raises:
            OracleUnavailableError: If one is not.
        """
        require_package("gpaw", name="gpaw", remedy=_REMEDY)
        if not _setup_folders():
            raise OracleUnavailableError("GPAW has no atomic setups here.", remedy="pip install gpaw-data")

    def require_setups(self, parameters: JsonObject, symbols: Collection[str]) -> None:  # noqa: ARG002
        """Refuses elements that GPAW's setups leave out.

        Raises:
            UnsupportedCrystalError: If there are any.
        """
        folders = _setup_folders()
        if not folders:
            return
        missing = [symbol for symbol in symbols if not any(any(f.glob(f"{symbol}.*")) for f in folders)]
        if missing:
            raise UnsupportedCrystalError(
                f"GPAW has no setup of {', '.join(missing)}: no file {missing[0]}.* in {folders[0]}.",
                remedy=f"Leave {', '.join(missing)} out of the search space, or put setups into a folder that "
                "GPAW_SETUP_PATH names where the worker runs.",
            )

    def software(self, path: str, parameters: JsonObject) -> str:  # noqa: ARG002
        """GPAW and its setups."""
        return versions_of("gpaw", "gpaw-data")

    def arguments(self, parameters: JsonObject, calculation: Calculation) -> dict[str, JsonValue]:
        """GPAW's own words for grid, spin, U and bands."""
        arguments = super().arguments(parameters, calculation)
        arguments.setdefault("txt", None)
        if calculation.kpoints is not None:
            arguments["kpts"] = {"size": list(calculation.kpoints), "gamma": True}
        arguments["spinpol"] = calculation.is_spin_polarized or bool(parameters.get("spinpol", False))
        if calculation.hubbard:
            arguments["setups"] = _with_hubbard(parameters.get("setups", {}), calculation.hubbard)
        if calculation.needs_bands:
            arguments["convergence"] = {"bands": _BANDS_CONVERGED_TO, **_mapping(parameters.get("convergence", {}))}
        return arguments

    def failure(self, calculator: BaseCalculator, error: Exception) -> str | None:
        """GPAW's own error is no subclass of ASE's."""
        gpaw = sys.modules.get("gpaw")
        if gpaw is not None and isinstance(error, gpaw.ConvergenceError):
            return str(error) or "its iterations were used up"
        return super().failure(calculator, error)


def _setup_folders() -> list[Path]:
    """Where GPAW looks for setups, as far as that can be known without importing it."""
    folders = [Path(part).expanduser() for part in os.environ.get("GPAW_SETUP_PATH", "").split(os.pathsep) if part]
    spec = importlib.util.find_spec("gpaw_data")
    folders += [Path(location) / "setups" for location in (spec.submodule_search_locations or ())] if spec else []
    return [folder for folder in folders if folder.is_dir()]


def _with_hubbard(setups: JsonValue, terms: HubbardTerms) -> dict[str, JsonValue]:
    """Adds U to the setups that the spec names, such as `paw:d,4.0`."""
    chosen: dict[str, JsonValue] = {"default": setups} if isinstance(setups, str) else dict(_mapping(setups))
    wanted: dict[str, list[str]] = {}
    for term in terms.on_site:
        wanted.setdefault(term.element, []).append(f"{term.orbital[-1]},{term.U_eV}")
    for symbol, corrections in wanted.items():
        kind = str(chosen.get(symbol, chosen.get("default", "")))
        chosen[symbol] = f"{kind}:{';'.join(corrections)}"
    return chosen


def _mapping(value: JsonValue) -> JsonObject:
    return value if isinstance(value, Mapping) else {}
