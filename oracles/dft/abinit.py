"""ABINIT, by ASE's `Abinit`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from domain.elements import Element, element
from domain.errors import InvalidValueError, OracleUnavailableError, PermanentLookError, UnsupportedCrystalError
from domain.json_value import JsonObject, JsonValue
from oracles.dft.ase_configuration import config_file, fingerprint, require_program, section
from oracles.dft.code import HUBBARD_ALONE, Bands, Calculation, Code, read_output
from oracles.dft.hubbard import HubbardTerms
from oracles.dft.retries import RetryStep

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator

_SECTION: Final = "abinit"
_OUTPUT: Final = "abinit.log"
_NOT_CONVERGED: Final = "ScfConvergenceWarning"
_PAW: Final = ("paw", "pawxml")
_HARTREE_EV: Final = 27.211386


class Abinit(Code):
    """What is known of ABINIT."""

    name: ClassVar[str] = "ABINIT"
    takes_U: ClassVar[bool] = True
    writes_files: ClassVar[bool] = True
    runs_a_program: ClassVar[bool] = True
    has_folders: ClassVar[bool] = True
    retries: ClassVar[tuple[RetryStep, ...]] = (
        RetryStep("smaller steps of the mixing, more iterations", {"diemix": 0.2, "nstep": 200}),
        RetryStep("simple mixing of the density in small steps", {"iscf": 12, "diemix": 0.05, "nstep": 500}),
    )
    steadying: ClassVar[frozenset[str]] = frozenset({"diemix", "diemac", "nstep", "iscf", "npulayit", "nband", "nline"})
    operators_own: ClassVar[Mapping[str, str]] = {
        r"pp_paths|pseudos|.*_dirpath\d*": "The machine's operator sets it in the section [abinit] of ASE's "
        "configuration file; leave it out.",
        r".*_(prefix|filepath)\d*|output_file|include|structure|xyzfile": "Files go to the look's scratch folder, and "
        "nothing is read from another calculation; leave it out.",
        r"(usepawu|lpawu|upawu|jpawu)\d*": HUBBARD_ALONE,
    }

    def check(self, parameters: JsonObject) -> None:  # noqa: ARG002
        """Checks that ABINIT and its folders of pseudopotentials are set up.

        Raises:
            OracleUnavailableError: If one is not.
        """
        profile = section(_SECTION)
        if "command" not in profile:
            raise OracleUnavailableError(
                f"ABINIT is not set up on this machine: {config_file()} has no section [abinit] with 'command'.",
                remedy="Write one, such as: [abinit], command = mpirun -n 4 abinit, pp_paths = /opt/pseudo.",
            )
        require_program(profile["command"], self.name)
        if not _folders():
            raise OracleUnavailableError(
                f"ABINIT has no pseudopotentials here: none of its pp_paths ({profile.get('pp_paths', 'not set')}) "
                "is a folder.",
                remedy=f"Write the folders, one a line, as pp_paths under [abinit] in {config_file()}.",
            )

    def require_setups(self, parameters: JsonObject, symbols: Collection[str]) -> None:
        """Refuses elements without a pseudopotential of the kind that the spec names.

        Raises:
            UnsupportedCrystalError: If there are any.
        """
        if not _folders():
            return
        missing = [symbol for symbol, path in _pseudopotentials(parameters, symbols).items() if path is None]
        if missing:
            raise UnsupportedCrystalError(
                f"ABINIT has no pseudopotential of {', '.join(missing)} of the kind '{_kind(parameters)}' in "
                f"{', '.join(map(str, _folders()))}.",
                remedy="Put the files there, named as ASE looks for them (Li.psp8, Li.GGA_PBE-JTH.xml), or change "
                "parameters.pps.",
            )

    def setups(self, parameters: JsonObject, symbols: Collection[str]) -> dict[str, str]:
        """The pseudopotentials by their content."""
        found = _pseudopotentials(parameters, symbols)
        return {symbol: fingerprint(path) for symbol, path in found.items() if path is not None}

    def software(self, path: str, parameters: JsonObject) -> str:  # noqa: ARG002
        """The program by its content."""
        try:
            return fingerprint(require_program(section(_SECTION).get("command", ""), self.name))
        except OracleUnavailableError:
            return "abinit missing"

    def arguments(self, parameters: JsonObject, calculation: Calculation) -> dict[str, JsonValue]:
        """ABINIT's own words for U, in the order of the elements that ASE writes."""
        arguments = super().arguments(parameters, calculation)
        if calculation.hubbard:
            arguments |= _hubbard(calculation.atoms, calculation.hubbard)
        return arguments

    def require_hubbard(self, parameters: JsonObject, terms: HubbardTerms) -> None:
        """Refuses U without PAW.

        Raises:
            InvalidValueError: If there is one.
        """
        super().require_hubbard(parameters, terms)
        if terms and _kind(parameters) not in _PAW:
            raise InvalidValueError(
                f"ABINIT has a Hubbard U with PAW only, and parameters.pps is '{_kind(parameters)}'.",
                remedy="Set pps: pawxml, with PAW datasets in the operator's pp_paths.",
            )

    def failure(self, calculator: BaseCalculator, error: Exception) -> str | None:
        """ABINIT goes on where its iterations are used up, or ends for what comes of it."""
        return self.unconverged(calculator) or super().failure(calculator, error)

    def unconverged(self, calculator: BaseCalculator) -> str | None:
        """What ABINIT says where its iterations were used up."""
        return "its iterations were used up" if _NOT_CONVERGED in (self.output(calculator) or "") else None

    def n_electronic_steps(self, calculator: BaseCalculator) -> int | None:
        """Counted in the output."""
        printed = self.output(calculator)
        return None if printed is None else sum(line.startswith(" ETOT ") for line in printed.splitlines())

    def bands(self, calculator: BaseCalculator) -> Bands:
        """ASE keeps ABINIT's Fermi level under a name of its own."""
        results = calculator.results
        if "eigenvalues" not in results or "fermilevel" not in results:
            raise PermanentLookError(
                "ABINIT told no eigenvalues or no Fermi level.", remedy="Leave prteig and iomode as ABINIT has them."
            )
        return Bands(results["eigenvalues"], float(results["fermilevel"]))

    def output(self, calculator: BaseCalculator) -> str | None:
        """ABINIT's log."""
        return read_output(calculator, _OUTPUT)


def _folders() -> list[Path]:
    lines = section(_SECTION).get("pp_paths", "").splitlines()
    return [folder for folder in (Path(line.strip()).expanduser() for line in lines if line.strip()) if folder.is_dir()]


def _kind(parameters: JsonObject) -> str:
    return str(parameters.get("pps", "fhi"))


def _pseudopotentials(parameters: JsonObject, symbols: Collection[str]) -> dict[str, Path | None]:
    from ase.io.abinit import get_ppp_list

    found: dict[str, Path | None] = {}
    for symbol in symbols:
        (name,) = get_ppp_list(
            None,
            [element(symbol).atomic_number],
            raise_exception=False,
            xc=parameters.get("xc", "LDA"),
            pps=_kind(parameters),
            search_paths=[str(folder) for folder in _folders()],
        )
        path = Path(name)
        found[symbol] = path if path.is_file() else None
    return found


def _hubbard(atoms: Atoms, terms: HubbardTerms) -> dict[str, JsonValue]:
    on_site = {term.element: term for term in terms.on_site}
    # ASE writes its elements by atomic number.
    kinds = [on_site.get(Element(number).symbol) for number in sorted({int(number) for number in atoms.numbers})]
    return {
        "usepawu": 1,
        "lpawu": [-1 if term is None else term.angular_momentum for term in kinds],
        "upawu": [0.0 if term is None else term.U_eV / _HARTREE_EV for term in kinds],
        "jpawu": [0.0 for _ in kinds],
    }
