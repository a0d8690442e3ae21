"""The door before ASE calculators: which classes a spec may name here, and what it may hand them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from domain.errors import InvalidValueError, OracleUnavailableError
from domain.json_value import JsonObject
from domain.trust import CALCULATORS
from oracles.dft.spec_words import texts_of
from oracles.trusted_files import trust_here, trusted_file

_RUNS_OR_WRITES: Final = re.compile(
    r"profile|directory|label|txt|.*(command|cmd).*|(.*_)?(exe|executable|external|mpi|shell)(_.*)?", re.IGNORECASE
)
"""Parameters by which calculators run a shell command, or write to any place."""
_LOADS_ANY_FILE: Final = ("mace",)
"""Packages whose calculators unpickle any file that they are given, and that have a potential of their own here."""
_RUNS_ANY_TEXT: Final = (
    "ase.calculators.lammpslib",
    "ase.calculators.lammpsrun",
    "ase.calculators.socketio",
    "ase.calculators.subprocesscalculator",
)
"""Modules whose calculators take commands by many names (LAMMPS has one for the shell), or start what they are told."""
_LOADS_NO_WEIGHTS: Final = ("ase.", "gpaw.")
"""Packages that unpickle no file that a parameter names; their own data files may lie anywhere."""
_VARIABLES: Final = frozenset(
    {
        "OMP_NUM_THREADS",
        "OMP_PLACES",
        "OMP_PROC_BIND",
        "OMP_STACKSIZE",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
    }
)
"""Variables that a spec may set for a code: none of them names a file, a program or a secret."""
_VARIABLE_VALUE: Final = re.compile(r"[A-Za-z0-9_,:{}-]{1,64}")


def require_environment(variables: Mapping[str, str]) -> None:
    """Refuses variables that a spec may not set.

    Raises:
        InvalidValueError: If there are any.
    """
    for name, value in sorted(variables.items()):
        if name not in _VARIABLES or not _VARIABLE_VALUE.fullmatch(value):
            raise InvalidValueError(
                f"A spec may not set the variable {name} to '{value[:64]}'.",
                remedy=f"Leave it to the machine's operator; a spec may set {', '.join(sorted(_VARIABLES))}.",
            )


def require_harmless(path: str, parameters: JsonObject) -> None:
    """Refuses what no operator can allow: classes and parameters that run or load whatever a spec says.

    Args:
        path: Dotted path of the class.
        parameters: Keyword arguments of the class.

    Raises:
        InvalidValueError: If it is one of these.
    """
    if _is_within(path, _LOADS_ANY_FILE):
        raise InvalidValueError(
            f"The calculator '{path}' would load any file that a spec names, and a checkpoint is a program.",
            remedy="Set 'potential: mace' and name the checkpoint as 'model'.",
        )
    if _is_within(path, _RUNS_ANY_TEXT):
        raise InvalidValueError(
            f"The calculator '{path}' would let a spec run commands on this machine.",
            remedy="Choose another calculator, or register an oracle of your own that builds this one.",
        )
    for key in sorted(filter(_RUNS_OR_WRITES.fullmatch, parameters)):
        raise InvalidValueError(
            f"parameters.{key} would let a spec run commands or write files anywhere on this machine.",
            remedy="Leave it out; commands are set in ASE's configuration file on the machine (~/.config/ase).",
        )


def require_allowed(path: str, parameters: JsonObject) -> None:
    """Refuses what the operator of this machine has not allowed.

    Args:
        path: Dotted path of the class.
        parameters: Keyword arguments of the class. Outside ASE and GPAW, text with a slash is taken for a file that
            may be unpickled, so it must be trusted.

    Raises:
        OracleUnavailableError: If the class, or a file that a parameter names, is not allowed.
    """
    trust = trust_here()
    if not trust.allows(path):
        raise OracleUnavailableError(
            f"The calculator '{path}' is not among those that may run on this machine "
            f"({', '.join(trust.calculators) or 'none'}).",
            remedy=f"Choose one of them, or add its package to {CALCULATORS} where the worker runs.",
        )
    if path.startswith(_LOADS_NO_WEIGHTS):
        return
    for text in texts_of(parameters):
        if "/" not in text and not text.startswith("~"):
            continue
        if not Path(text).is_absolute():
            raise OracleUnavailableError(
                f"The parameter {text!r} of '{path}' may name a file, and a file with weights is a program.",
                remedy="Give the whole path of a file in a folder that is trusted on this machine.",
            )
        trusted_file(text, trust)


def _is_within(path: str, packages: tuple[str, ...]) -> bool:
    return any(path == package or path.startswith(f"{package}.") for package in packages)
