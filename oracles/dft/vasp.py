"""VASP, by ASE's `Vasp`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from domain.errors import OracleUnavailableError, UnsupportedCrystalError
from domain.json_value import JsonObject, JsonValue
from oracles.dft.ase_configuration import config_file, fingerprint, require_program, variable
from oracles.dft.code import HUBBARD_ALONE, Calculation, Code, read_output
from oracles.dft.retries import RetryStep

if TYPE_CHECKING:
    from ase.calculators.calculator import BaseCalculator

_COMMANDS: Final = ("ASE_VASP_COMMAND", "VASP_COMMAND")
_EXIT_CODE: Final = re.compile(r"returned an error: (-?\d+)")
_POTENTIALS: Final = "VASP_PP_PATH"
_OPERATORS: Final = "The machine's operator sets it in the section [environment] of ASE's configuration file."


class Vasp(Code):
    """What is known of VASP."""

    name: ClassVar[str] = "VASP"
    takes_U: ClassVar[bool] = True
    writes_files: ClassVar[bool] = True
    runs_a_program: ClassVar[bool] = True
    has_folders: ClassVar[bool] = True
    retries: ClassVar[tuple[RetryStep, ...]] = (
        RetryStep("another algorithm, more iterations", {"algo": "All", "nelm": 200}),
        RetryStep(
            "smaller steps of the density mixing, the safest algorithm",
            {"algo": "Normal", "amix": 0.05, "bmix": 0.0001, "nelm": 400},
        ),
    )
    steadying: ClassVar[frozenset[str]] = frozenset(
        {"algo", "ialgo", "nelm", "nelmin", "nelmdl", "amix", "bmix", "amix_mag", "bmix_mag", "nbands", "maxmix"}
    )
    operators_own: ClassVar[Mapping[str, str]] = {
        "pp_path": _OPERATORS,
        "restart": "Every look begins afresh.",
        "ldau.*": HUBBARD_ALONE,
    }

    def check(self, parameters: JsonObject) -> None:
        """Checks that VASP and its potentials are set up.

        Raises:
            OracleUnavailableError: If one is not.
        """
        command = variable(*_COMMANDS)
        if command is None:
            raise OracleUnavailableError(
                "VASP is not set up on this machine: nothing says which command runs it.",
                remedy=f"Write VASP_COMMAND = mpirun -n 4 vasp_std under [environment] in {config_file()}.",
            )
        require_program(command, self.name)
        folder = _potential_folder(parameters)
        if folder is None or not folder.is_dir():
            raise OracleUnavailableError(
                f"VASP's potentials are not on this machine: {folder or _POTENTIALS + ' is not set'}.",
                remedy=f"Write {_POTENTIALS} = FOLDER under [environment] in {config_file()}; it holds potpaw_PBE "
                "and potpaw_LDA (with pp_version: potpaw_PBE.54, for example).",
            )

    def require_setups(self, parameters: JsonObject, symbols: Collection[str]) -> None:
        """Refuses elements without a POTCAR.

        Raises:
            UnsupportedCrystalError: If there are any.
        """
        folder = _potential_folder(parameters)
        if folder is None or not folder.is_dir():
            return
        missing = {symbol: path for symbol, path in _potcars(folder, parameters, symbols).items() if path is None}
        for symbol in missing:
            named = f"{symbol}{_suffixes(parameters).get(symbol, '')}"
            raise UnsupportedCrystalError(
                f"VASP has no potential of {symbol} here: {folder / named / 'POTCAR'} is missing.",
                remedy=f"Put it there, or name another one in parameters.setups, such as {symbol}: _sv.",
            )

    def setups(self, parameters: JsonObject, symbols: Collection[str]) -> dict[str, str]:
        """The POTCARs by their content."""
        folder = _potential_folder(parameters)
        if folder is None:
            return {}
        found = _potcars(folder, parameters, symbols)
        return {s: f"{path.parent.name} {fingerprint(path)}" for s, path in found.items() if path is not None}

    def software(self, path: str, parameters: JsonObject) -> str:  # noqa: ARG002
        """The program by its content, and the folder of potentials by its name."""
        command = variable(*_COMMANDS)
        folder = _potential_folder(parameters)
        potentials = f"potentials {folder.name}" if folder else "potentials missing"
        try:
            program = "VASP missing" if command is None else fingerprint(require_program(command, self.name))
        except OracleUnavailableError:
            program = "VASP missing"
        return f"{program}, {potentials}"

    def arguments(self, parameters: JsonObject, calculation: Calculation) -> dict[str, JsonValue]:
        """VASP's own words for grid and U (Dudarev)."""
        arguments = super().arguments(parameters, calculation)
        if calculation.kpoints is not None:
            arguments["gamma"] = True
        terms = calculation.hubbard.on_site
        if terms:
            arguments |= {
                "ldau": True,
                "ldautype": 2,
                "ldau_luj": {t.element: {"L": t.angular_momentum, "U": t.U_eV, "J": 0.0} for t in terms},
                "lmaxmix": max(4, *(2 * term.angular_momentum for term in terms)),
            }
        return arguments

    def failure(self, calculator: BaseCalculator, error: Exception) -> str | None:
        """VASP's errors may go with another algorithm; a signal does not."""
        return None if self.was_killed(error) else super().failure(calculator, error)

    def exit_code(self, error: Exception) -> int | None:
        """ASE tells it among the words of its error."""
        found = _EXIT_CODE.search(str(error))
        return int(found[1]) if found else super().exit_code(error)

    def unconverged(self, calculator: BaseCalculator) -> str | None:
        """VASP goes on where its iterations are used up; ASE reads that and says nothing."""
        return None if getattr(calculator, "converged", True) else "its iterations were used up"

    def output(self, calculator: BaseCalculator) -> str | None:
        """What VASP printed."""
        return read_output(calculator, "vasp.out")


def _potential_folder(parameters: JsonObject) -> Path | None:
    """Folder of the functional's potentials, as ASE finds it."""
    root = variable(_POTENTIALS)
    if root is None:
        return None
    named = str(parameters.get("pp") or ("lda" if str(parameters.get("xc", "pbe")).lower() == "lda" else "pbe"))
    version = parameters.get("pp_version") or variable("VASP_PP_VERSION")
    usual = {"lda": ("potpaw", "potpaw_LDA"), "pbe": ("potpaw_PBE", "potpaw_PBE")}
    plain, versioned = usual.get(named.lower(), (named, named))
    is_usual = named.lower() in usual
    return Path(root).expanduser() / (f"{versioned}.{version}" if version and is_usual else plain)


def _suffixes(parameters: JsonObject) -> dict[str, str]:
    """What is appended to elements, such as `_sv`, by the spec or by the set of ASE that it names."""
    from ase.calculators.vasp.setups import get_default_setups

    setups = parameters.get("setups") or "minimal"
    given = setups if isinstance(setups, Mapping) else {"base": setups}
    base = get_default_setups().get(str(given.get("base", "")).lower(), {})
    return {**base, **{symbol: str(suffix) for symbol, suffix in given.items() if symbol != "base"}}


def _potcars(folder: Path, parameters: JsonObject, symbols: Collection[str]) -> dict[str, Path | None]:
    suffixes = _suffixes(parameters)
    found: dict[str, Path | None] = {}
    for symbol in symbols:
        places = [folder / f"{symbol}{suffixes.get(symbol, '')}" / name for name in ("POTCAR", "POTCAR.Z")]
        found[symbol] = next((place for place in places if place.is_file()), None)
    return found
