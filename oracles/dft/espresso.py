"""Quantum ESPRESSO's pw.x, by ASE's `Espresso`."""

from __future__ import annotations

import math
import re
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from domain.errors import OracleUnavailableError, PermanentLookError, UnsupportedCrystalError
from domain.json_value import JsonObject, JsonValue
from oracles.dft.ase_configuration import config_file, fingerprint, require_program, section
from oracles.dft.code import HUBBARD_ALONE, Bands, Calculation, Code, read_output
from oracles.dft.hubbard import HubbardTerms, InterSite
from oracles.dft.retries import RetryStep, merged

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator

_SECTION: Final = "espresso"
_OUTPUT: Final = "espresso.pwo"
_NOT_CONVERGED: Final = "convergence NOT achieved"
_OPERATORS: Final = "The operator sets it in the section [espresso] of ASE's configuration file; leave it out."
_SCRATCH: Final = "Files go to the look's scratch folder; leave it out."
_VERSION: Final = re.compile(r"Program PWSCF v\.(\d+)\.(\d+)")
_TAKES_THE_CARD: Final = (7, 1)
_IGNORED_CARD: Final = re.compile(r"card\s+HUBBARD\b.*\bignored", re.IGNORECASE)
_NO_CARD: Final = "Install 7.1 or later, or leave 'hubbard' out."
_LONGEST_GREETING_S: Final = 60.0
_SAME_DISTANCE_A: Final = 0.01
"""Neighbours within this of the nearest one are as near."""


class Espresso(Code):
    """What is known of pw.x. Its HUBBARD card needs version 7.1."""

    name: ClassVar[str] = "Quantum ESPRESSO"
    takes_U: ClassVar[bool] = True
    takes_V: ClassVar[bool] = True
    writes_files: ClassVar[bool] = True
    runs_a_program: ClassVar[bool] = True
    has_folders: ClassVar[bool] = True
    retries: ClassVar[tuple[RetryStep, ...]] = (
        RetryStep(
            "smaller steps of the density mixing, more iterations",
            {"input_data": {"electrons": {"mixing_beta": 0.2, "electron_maxstep": 300}}},
        ),
        RetryStep(
            "mixing that screens the metal's long waves, another diagonalization",
            {
                "input_data": {
                    "electrons": {
                        "mixing_mode": "local-TF",
                        "mixing_beta": 0.1,
                        "electron_maxstep": 500,
                        "diagonalization": "cg",
                    }
                }
            },
        ),
    )
    steadying: ClassVar[frozenset[str]] = frozenset(
        {"mixing_beta", "mixing_mode", "mixing_ndim", "electron_maxstep", "diagonalization", "nbnd", "startingwfc"}
    )
    operators_own: ClassVar[Mapping[str, str]] = {
        "pseudo_dir": _OPERATORS,
        "outdir": _SCRATCH,
        "wfcdir": _SCRATCH,
        "prefix": _SCRATCH,
        "input_xml_schema_file|vdw_table_name": "Nothing is read but the input and the pseudopotentials; leave it out.",
        "hubbard.*|lda_plus_u.*|u_projection_type": HUBBARD_ALONE,
    }

    def check(self, parameters: JsonObject) -> None:
        """Checks that pw.x and the pseudopotentials that the spec names are here.

        Raises:
            OracleUnavailableError: If something is not.
        """
        profile = section(_SECTION)
        if not {"command", "pseudo_dir"} <= set(profile):
            raise OracleUnavailableError(
                f"Quantum ESPRESSO is not set up on this machine: {config_file()} has no section [espresso] with "
                "'command' and 'pseudo_dir'.",
                remedy="Write one, such as: [espresso], command = mpirun -n 4 pw.x, pseudo_dir = /opt/pseudo.",
            )
        require_program(profile["command"], self.name)
        for symbol, name in sorted(_pseudopotentials(parameters).items()):
            path = Path(profile["pseudo_dir"]).expanduser() / name
            if not path.is_file():
                raise OracleUnavailableError(
                    f"The pseudopotential of {symbol}, {name}, is not in {profile['pseudo_dir']}.",
                    remedy="Put it there, or correct its name in parameters.pseudopotentials.",
                )

    def check_hubbard(self) -> None:
        """Checks that pw.x has the HUBBARD card: earlier ones pass over it with a warning.

        Raises:
            OracleUnavailableError: If it does not.
        """
        program = require_program(section(_SECTION).get("command", ""), self.name)
        version = _version(program, program.stat().st_mtime_ns)
        if version is not None and version < _TAKES_THE_CARD:
            raise OracleUnavailableError(
                f"{program} is {self.name} {'.'.join(map(str, version))}, which passes over Hubbard terms.",
                remedy=_NO_CARD,
            )

    def require_heard(self, calculator: BaseCalculator) -> None:
        """pw.x before 7.1 warns of the card and goes on without it.

        Raises:
            PermanentLookError: If it did.
        """
        if _IGNORED_CARD.search(self.output(calculator) or ""):
            raise PermanentLookError("This pw.x has no HUBBARD card, and computed without it.", remedy=_NO_CARD)

    def require_setups(self, parameters: JsonObject, symbols: Collection[str]) -> None:
        """Refuses elements for which the spec names no pseudopotential.

        Raises:
            UnsupportedCrystalError: If there are any.
        """
        missing = [symbol for symbol in symbols if symbol not in _pseudopotentials(parameters)]
        if missing:
            raise UnsupportedCrystalError(
                f"parameters.pseudopotentials names no file for {', '.join(missing)}.",
                remedy=f"Add a line such as {missing[0]}: {missing[0]}.upf, or leave the element out of the space.",
            )

    def software(self, path: str, parameters: JsonObject) -> str:  # noqa: ARG002
        """The program and the pseudopotentials, by their content."""
        profile = section(_SECTION)
        if "command" not in profile:
            return "pw.x missing"
        folder = Path(profile.get("pseudo_dir", ".")).expanduser()
        files = [fingerprint(folder / name) for name in sorted(set(_pseudopotentials(parameters).values()))]
        try:
            return ", ".join([fingerprint(require_program(profile["command"], self.name)), *files])
        except OracleUnavailableError:
            return ", ".join(["pw.x missing", *files])

    def arguments(self, parameters: JsonObject, calculation: Calculation) -> dict[str, JsonValue]:
        """ASE's words for pw.x. Forces and stresses come with every energy: asked for later, they cost it again."""
        asked: JsonObject = {"input_data": {"control": {"tprnfor": True, "tstress": True, "verbosity": "high"}}}
        arguments = merged(asked, super().arguments(parameters, calculation))
        if calculation.hubbard:
            cards = parameters.get("additional_cards", [])
            given = [cards] if isinstance(cards, str) else list(cards) if isinstance(cards, list | tuple) else []
            arguments["additional_cards"] = [*given, *_hubbard_card(calculation.atoms, calculation.hubbard)]
        return arguments

    def failure(self, calculator: BaseCalculator, error: Exception) -> str | None:
        """pw.x ends with an exit code, and says in its output why."""
        return self.unconverged(calculator) or super().failure(calculator, error)

    def unconverged(self, calculator: BaseCalculator) -> str | None:
        """What pw.x says where its iterations were used up."""
        return _NOT_CONVERGED if _NOT_CONVERGED in (self.output(calculator) or "") else None

    def n_electronic_steps(self, calculator: BaseCalculator) -> int | None:
        """Counted in the output."""
        printed = self.output(calculator)
        return None if printed is None else sum("iteration #" in line for line in printed.splitlines())

    def output(self, calculator: BaseCalculator) -> str | None:
        """The file that pw.x writes."""
        return read_output(calculator, _OUTPUT)

    def bands(self, calculator: BaseCalculator) -> Bands:
        """ASE's `Espresso` leaves eigenvalues out of its results, its reader of the same output does not."""
        from ase.io import read

        atoms = read(Path(str(calculator.directory)) / _OUTPUT, format="espresso-out")
        return super().bands(atoms.calc)


@lru_cache(maxsize=8)
def _version(program: Path, modified_ns: int) -> tuple[int, int] | None:  # noqa: ARG001 - another time is another program
    """What pw.x says of itself before it misses its input; None where it says nothing."""
    with tempfile.TemporaryDirectory(prefix="greeting-") as folder:
        try:
            greeting = subprocess.run(  # noqa: S603 - the operator's own program
                [str(program)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                cwd=folder,
                timeout=_LONGEST_GREETING_S,
            ).stdout
        except (OSError, subprocess.TimeoutExpired):
            return None
    found = _VERSION.search(greeting.decode(errors="replace"))
    return (int(found[1]), int(found[2])) if found else None


def _pseudopotentials(parameters: JsonObject) -> dict[str, str]:
    given = parameters.get("pseudopotentials", {})
    return {symbol: str(name) for symbol, name in given.items()} if isinstance(given, Mapping) else {}


def _hubbard_card(atoms: Atoms, terms: HubbardTerms) -> list[str]:
    """The HUBBARD card of pw.x 7.1 and later, with orthogonalised atomic orbitals."""
    lines = ["HUBBARD (ortho-atomic)"]
    lines += [f"U {term.element}-{term.orbital} {term.U_eV}" for term in terms.on_site]
    for term in terms.inter_site:
        labels = f"{term.element}-{term.orbital} {term.neighbour}-{term.neighbour_orbital}"
        lines += [f"V {labels} {atom} {neighbour} {term.V_eV}" for atom, neighbour in nearest_pairs(atoms, term)]
    return lines


def nearest_pairs(atoms: Atoms, term: InterSite) -> Iterator[tuple[int, int]]:
    """Pairs of nearest neighbours, numbered as pw.x does: from 1, images of the cell after the cell itself.

    Images follow in the order of their shifts by -1, 0 and 1 along the three vectors, the last one changing fastest.
    """
    shifts = [(0, 0, 0), *(shift for shift in product((-1, 0, 1), repeat=3) if any(shift))]
    for atom, symbol in enumerate(atoms.symbols):
        if symbol != term.element:
            continue
        distances_A = {
            image * len(atoms) + neighbour + 1: float(
                math.dist(atoms.positions[atom], atoms.positions[neighbour] + shift @ atoms.cell[:])
            )
            for image, shift in enumerate(shifts)
            for neighbour, other in enumerate(atoms.symbols)
            if other == term.neighbour and (any(shift) or neighbour != atom)
        }
        nearest_A = min(distances_A.values(), default=math.inf)
        yield from ((atom + 1, index) for index, d in distances_A.items() if d < nearest_A + _SAME_DISTANCE_A)
