"""CP2K, by ASE's `CP2K`, which keeps a shell of it running."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from domain.errors import OracleUnavailableError, UnsupportedCrystalError
from domain.json_value import JsonObject, JsonValue
from oracles.dft.ase_configuration import config_file, fingerprint, require_program, section, variable
from oracles.dft.code import HUBBARD_ALONE, Calculation, Code, Kpoints, read_output
from oracles.dft.retries import RetryStep

if TYPE_CHECKING:
    from ase.calculators.calculator import BaseCalculator

_OUTPUT: Final = "cp2k.out"
_NOT_CONVERGED: Final = "SCF run NOT converged"
_CONVERGED: Final = re.compile(r"SCF run converged in\s+(\d+) (?:steps|iterations)")
_DEFAULT_COMMAND: Final = "cp2k.psmp -s"
_DATA: Final = "CP2K_DATA_DIR"


class Cp2k(Code):
    """What is known of CP2K. ASE reads no eigenvalues of it, and how to give it a U is not known here."""

    name: ClassVar[str] = "CP2K"
    has_bands: ClassVar[bool] = False
    retries: ClassVar[tuple[RetryStep, ...]] = (RetryStep("more iterations", {"max_scf": 300}),)
    steadying: ClassVar[frozenset[str]] = frozenset({"max_scf"})
    runs_a_program: ClassVar[bool] = True
    has_folders: ClassVar[bool] = True
    operators_own: ClassVar[Mapping[str, str]] = {
        "[^@$]*[@$].*": "Write the template out, without what CP2K's preprocessor puts in.",
        "&?filename|project(_name)?": "Files go to the look's scratch folder; leave it out.",
        "&?dft_plus_u|plus_u_method": HUBBARD_ALONE,
    }

    def check(self, parameters: JsonObject) -> None:  # noqa: ARG002
        """Checks that CP2K is set up.

        Raises:
            OracleUnavailableError: If it is not.
        """
        try:
            require_program(_command(), self.name)
        except OracleUnavailableError as error:
            raise OracleUnavailableError(
                error.problem,
                remedy=f"Install CP2K, or write its command in {config_file()}: [cp2k], cp2k_shell = cp2k.psmp -s.",
            ) from error

    def require_setups(self, parameters: JsonObject, symbols: Collection[str]) -> None:
        """Refuses elements that the files of basis sets and potentials leave out, if CP2K_DATA_DIR names their folder.

        Raises:
            UnsupportedCrystalError: If there are any.
        """
        for what, file, name in _data_files(parameters):
            missing = [symbol for symbol in symbols if not _holds(file, symbol, name)]
            if missing:
                raise UnsupportedCrystalError(
                    f"CP2K has no {what} {name} of {', '.join(missing)} in {file}.",
                    remedy=f"Leave {', '.join(missing)} out of the search space, or name another {what}.",
                )

    def setups(self, parameters: JsonObject, symbols: Collection[str]) -> dict[str, str]:  # noqa: ARG002
        """The files of basis sets and potentials, by their content."""
        return {what: fingerprint(file) for what, file, _ in _data_files(parameters)}

    def software(self, path: str, parameters: JsonObject) -> str:  # noqa: ARG002
        """The program by its content."""
        try:
            return fingerprint(require_program(_command(), self.name))
        except OracleUnavailableError:
            return "cp2k missing"

    def arguments(self, parameters: JsonObject, calculation: Calculation) -> dict[str, JsonValue]:
        """CP2K's k-points stand in its input template, spins in a keyword."""
        arguments = super().arguments(parameters, calculation)
        if calculation.kpoints is not None:
            del arguments["kpts"]
            arguments["inp"] = with_kpoints(str(parameters.get("inp", "")), calculation.kpoints)
        if calculation.is_spin_polarized:
            arguments["uks"] = True
        return arguments

    def failure(self, calculator: BaseCalculator, error: Exception) -> str | None:
        """CP2K ends where it does not converge; ASE then finds its shell closed."""
        return self.unconverged(calculator) or super().failure(calculator, error)

    def unconverged(self, calculator: BaseCalculator) -> str | None:
        """What CP2K says where its iterations were used up; the last calculation of a shell counts."""
        last = (self.output(calculator) or "").rpartition("SCF WAVEFUNCTION OPTIMIZATION")[2]
        return "its iterations were used up" if _NOT_CONVERGED in last else None

    def n_electronic_steps(self, calculator: BaseCalculator) -> int | None:
        """What CP2K says of the last calculation."""
        told = _CONVERGED.findall(self.output(calculator) or "")
        return int(told[-1]) if told else None

    def output(self, calculator: BaseCalculator) -> str | None:
        """What CP2K printed."""
        return read_output(calculator, _OUTPUT)


def with_kpoints(template: str, kpoints: Kpoints) -> str:
    """Adds a grid of k-points to an input template, within the sections that stand there already."""
    lines = template.splitlines()
    if any(re.match(r"\s*&KPOINTS\b", line, re.IGNORECASE) for line in lines):
        return template
    grid = ["&KPOINTS", f"SCHEME MONKHORST-PACK {' '.join(map(str, kpoints))}", "&END KPOINTS"]
    for opening, added in (("DFT", grid), ("FORCE_EVAL", ["&DFT", *grid, "&END DFT"])):
        for number, line in enumerate(lines):
            if re.fullmatch(rf"\s*&{opening}\s*", line, re.IGNORECASE):
                return "\n".join([*lines[: number + 1], *added, *lines[number + 1 :]])
    return "\n".join([*lines, "&FORCE_EVAL", "&DFT", *grid, "&END DFT", "&END FORCE_EVAL"])


def _command() -> str:
    return section("cp2k").get("cp2k_shell") or variable("ASE_CP2K_COMMAND") or _DEFAULT_COMMAND


def _data_files(parameters: JsonObject) -> Iterator[tuple[str, Path, str]]:
    """What each file is, the file, and which entry of it is used."""
    folder = variable(_DATA)
    if folder is None:
        return
    functional = str(parameters.get("xc", "LDA")).upper().replace("LDA", "PADE")
    potential = str(parameters.get("pseudo_potential", "auto"))
    usual = f"GTH-{functional}" if functional in {"PADE", "BP", "BLYP", "PBE"} else "GTH-PBE"
    for what, key, default, name in (
        ("basis set", "basis_set_file", "BASIS_MOLOPT", str(parameters.get("basis_set", "DZVP-MOLOPT-SR-GTH"))),
        ("pseudopotential", "potential_file", "POTENTIAL", usual if potential == "auto" else potential),
    ):
        file = Path(folder).expanduser() / str(parameters.get(key, default))
        if file.is_file():
            yield what, file, name


def _holds(file: Path, symbol: str, name: str) -> bool:
    """Whether an entry's heading names an element and what is wanted of it, by any of its names."""
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == symbol and any(_is_named(word, name) for word in words[1:]):
            return True
    return False


def _is_named(word: str, name: str) -> bool:
    return word == name or re.fullmatch(rf"{re.escape(name)}-q\d+", word) is not None
