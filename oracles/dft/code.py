"""What every code behind an ASE calculator has in common; those known by name override what is special to them."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from domain.errors import InvalidValueError, OracleUnavailableError, PermanentLookError
from domain.json_value import JsonObject, JsonValue
from oracles.dft.hubbard import NO_TERMS, HubbardTerms
from oracles.dft.retries import RetryStep
from oracles.dft.spec_words import names_path, texts_of, words_of
from oracles.versions import versions_of

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator
    from numpy.typing import NDArray

Kpoints: TypeAlias = tuple[int, int, int]
HUBBARD_ALONE: Final = "Give it as 'hubbard', with its source, so that it stands in every result."
_TAIL_LINES: Final = 5
_FIRST_SIGNAL: Final = 128
"""Shells and mpirun add it to the number of the signal that ended a program."""


@dataclass(frozen=True, slots=True)
class Calculation:
    """What is calculated, beside what the spec's parameters say."""

    atoms: Atoms
    """With initial magnetic moments."""
    kpoints: Kpoints | None = None
    """Monkhorst-Pack grid with the zone's centre; None where the parameters say it."""
    hubbard: HubbardTerms = NO_TERMS
    needs_bands: bool = False
    """Whether the lowest empty bands are looked at."""

    @property
    def is_spin_polarized(self) -> bool:
        """Whether any atom has an initial magnetic moment."""
        return bool(self.atoms.get_initial_magnetic_moments().any())


@dataclass(frozen=True, slots=True)
class Bands:
    """Kohn-Sham eigenvalues of a converged calculation. Legend: S spins, K k-points, N bands."""

    eigenvalues_eV: NDArray[np.float64]
    """`[S, K, N]`."""
    fermi_level_eV: float


class Code:
    """A code of which nothing special is known. Stateless: every number comes from what is handed in."""

    name: ClassVar[str] = "the calculator"
    package: ClassVar[str] = ""
    """Python package that is needed; empty for the one that the calculator's path begins with."""
    takes_U: ClassVar[bool] = False
    takes_V: ClassVar[bool] = False
    has_bands: ClassVar[bool] = True
    """Whether ASE reads eigenvalues of it."""
    writes_files: ClassVar[bool] = False
    """Whether each calculation needs a directory of its own."""
    runs_a_program: ClassVar[bool] = False
    """Whether it runs as a program, which inherits variables that are set now; within this process it is too late."""
    has_folders: ClassVar[bool] = False
    """Whether the operator says where its files lie, so that a spec can name them without a path alone."""
    retries: ClassVar[tuple[RetryStep, ...]] = ()
    """What is tried unless the spec says otherwise. None of it changes a converged number."""
    steadying: ClassVar[frozenset[str]] = frozenset()
    """Parameters that say how convergence is sought, and nothing about where."""
    operators_own: ClassVar[Mapping[str, str]] = {}
    """Patterns of settings that a spec may not give, in small letters, with who gives them instead."""

    def require_settings(self, parameters: JsonObject) -> None:
        """Refuses parameters that this code cannot be given by a spec.

        Raises:
            InvalidValueError: If there are any.
        """
        words = sorted(set(words_of(parameters)))
        for pattern, remedy in self.operators_own.items():
            for word in filter(re.compile(pattern).fullmatch, words):
                raise InvalidValueError(f"parameters.{word} of {self.name} is not for specs to say.", remedy=remedy)
        for text in filter(names_path, texts_of(parameters) if self.has_folders else ()):
            raise InvalidValueError(
                f"The text {text[:80]!r} in the parameters of {self.name} names a path.",
                remedy="Name files without their folder; the machine's operator says where they lie.",
            )

    def check(self, parameters: JsonObject) -> None:
        """Checks that the code is set up on this machine.

        Raises:
            OracleUnavailableError: If it is not, with the remedy.
        """

    def require_setups(self, parameters: JsonObject, symbols: Collection[str]) -> None:
        """Refuses elements for which there is no pseudopotential or setup. Says nothing where that cannot be known.

        Raises:
            UnsupportedCrystalError: If there are any, with the file that is missing.
        """

    def setups(self, parameters: JsonObject, symbols: Collection[str]) -> dict[str, str]:  # noqa: ARG002
        """Files with the pseudopotentials of elements, by their content, where `software` does not name them."""
        return {}

    def software(self, path: str, parameters: JsonObject) -> str:  # noqa: ARG002
        """Names and versions of what determines the number, ASE apart.

        Args:
            path: Dotted path of the calculator's class.
            parameters: As the spec gives them.
        """
        package = path.split(".", 1)[0]
        return "" if package == "ase" else versions_of(package)

    def arguments(self, parameters: JsonObject, calculation: Calculation) -> dict[str, JsonValue]:
        """Keyword arguments of the calculator's class for one calculation.

        Raises:
            InvalidValueError: If the code cannot be told of a Hubbard term.
        """
        self.require_hubbard(parameters, calculation.hubbard)
        arguments = dict(parameters)
        if calculation.kpoints is not None:
            arguments["kpts"] = list(calculation.kpoints)
        return arguments

    def require_hubbard(self, parameters: JsonObject, terms: HubbardTerms) -> None:  # noqa: ARG002
        """Refuses Hubbard terms that the code, or what is known of it here, does not have with these parameters.

        Raises:
            InvalidValueError: If there are any.
        """
        for letter, has, given in (("U", self.takes_U, terms.on_site), ("V", self.takes_V, terms.inter_site)):
            if given and not has:
                raise InvalidValueError(
                    f"Petalite does not know how to give {self.name} a Hubbard {letter}.",
                    remedy=f"Leave the {letter} out, or choose a calculator that takes it: docs/dft.md lists them.",
                )

    def check_hubbard(self) -> None:
        """Checks that the code on this machine takes Hubbard terms.

        Raises:
            OracleUnavailableError: If it does not, with the remedy.
        """

    def require_heard(self, calculator: BaseCalculator) -> None:
        """Checks that a calculation with Hubbard terms was made with them.

        Raises:
            PermanentLookError: If the code went on without them.
        """

    def failure(self, calculator: BaseCalculator, error: Exception) -> str | None:  # noqa: ARG002
        """Why self-consistency was not reached, where an error says that; None where it says something else."""
        from ase.calculators.calculator import CalculationFailed, SCFError

        return _words(error) if isinstance(error, SCFError | CalculationFailed) else None

    def unconverged(self, calculator: BaseCalculator) -> str | None:  # noqa: ARG002
        """Why a calculation that gave a number did not converge; None where it did."""
        return None

    def n_electronic_steps(self, calculator: BaseCalculator) -> int | None:
        """Steps to self-consistency of the last calculation; None where the calculator does not tell."""
        count = getattr(calculator, "get_number_of_iterations", None)
        try:
            steps = None if count is None else count()
        except (AttributeError, KeyError, OSError, ValueError, NotImplementedError):
            return None
        return None if steps is None else int(steps)

    def bands(self, calculator: BaseCalculator) -> Bands:
        """Eigenvalues of the calculation that was just made.

        Raises:
            PermanentLookError: If the calculator does not tell them.
        """
        import numpy as np

        n_spins, n_kpoints = calculator.get_number_of_spins(), len(calculator.get_ibz_k_points())
        eigenvalues = [
            [calculator.get_eigenvalues(kpt=kpoint, spin=spin) for kpoint in range(n_kpoints)]
            for spin in range(n_spins)
        ]
        fermi_level_eV = calculator.get_fermi_level()
        if fermi_level_eV is None:
            raise PermanentLookError(
                f"{self.name} told no Fermi level.", remedy="Set a small smearing, so that it finds one."
            )
        return Bands(np.asarray(eigenvalues, dtype=np.float64), float(fermi_level_eV))

    def was_killed(self, error: Exception) -> bool:
        """Whether an error says that a program was ended by a signal, as it is where memory is used up."""
        code = self.exit_code(error)
        return code is not None and (code < 0 or code > _FIRST_SIGNAL)

    def exit_code(self, error: Exception) -> int | None:
        """What the program ended with, where an error tells it."""
        return error.returncode if isinstance(error, subprocess.CalledProcessError) else None

    def explained(self, calculator: BaseCalculator, error: Exception) -> PermanentLookError:
        """An error that is no missing convergence, in the user's words, with the end of what the code printed."""
        printed = self.output(calculator)
        ending = "" if printed is None else f" It ended with: {_tail(printed)}"
        return PermanentLookError(
            f"{self.name} failed: {_words(error)}.{ending}",
            remedy="See whether the parameters are right, and whether the code runs by itself on this machine.",
        )

    def output(self, calculator: BaseCalculator) -> str | None:  # noqa: ARG002
        """What the code printed; None where it prints nothing that can be found."""
        return None


def read_output(calculator: BaseCalculator, name: str) -> str | None:
    """Reads a file that a code wrote into the calculation's directory; None where there is none."""
    path = Path(str(getattr(calculator, "directory", "."))) / name
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def require_package(package: str, *, name: str, remedy: str) -> None:
    """Checks, without importing it, that a Python package is here.

    Raises:
        OracleUnavailableError: If it is not.
    """
    if importlib.util.find_spec(package) is None:
        raise OracleUnavailableError(
            f"The calculator '{name}' needs the package '{package}', which is not installed.", remedy=remedy
        )


def _words(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"its program ended with exit code {error.returncode}"
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__


def _tail(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return " / ".join(lines[-_TAIL_LINES:])[-400:] or "nothing"
