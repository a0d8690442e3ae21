"""Every error that Petalite raises on purpose.

    PetaliteError
    ├── InvalidValueError          a domain value that cannot exist (also a ValueError)
    │   └── ImpossibleCellError    lattice parameters that span no volume
    ├── SpecError                  a campaign spec that cannot be run
    │   ├── EmptySpaceError        no crystal satisfies the search space
    │   └── BudgetTooSmallError    the budget does not pay for the cheapest look
    ├── StoreError                 the store cannot be used
    │   ├── StoreCorruptError      its file is damaged or is no Petalite store
    │   ├── StoreVersionError      it was written by a newer Petalite
    │   └── StoreBusyError         another process holds it for too long
    ├── NotFoundError              nothing has that name or number
    ├── ConflictError              the same key was used for something else
    │   └── IllegalTransitionError a state machine was asked for a step that it does not have
    ├── OracleError
    │   ├── UnknownOracleError     no oracle is registered by that name
    │   ├── OracleUnavailableError the oracle's software is missing here
    │   ├── UnsupportedCrystalError the oracle refuses this crystal (nothing is charged)
    │   ├── TransientLookError     the look failed and may succeed when repeated
    │   └── PermanentLookError     the look failed and would fail again
    ├── ExportError                files cannot be written
    ├── GeneratorError             the generator cannot imagine crystals
    └── SurrogateError             the surrogate cannot be fitted

Each error says what is wrong with which value, what was expected, and what to do about it.
"""

from collections.abc import Callable
from typing import Self


class PetaliteError(Exception):
    """An error in the user's words.

    Args:
        problem: What is wrong, naming the value and what was expected. One sentence.
        remedy: What the user can do about it. One sentence.
    """

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"

    def __reduce__(self) -> tuple[Callable[..., Self], tuple[object, ...], dict[str, object]]:
        # Exceptions are copied as cls(*args), which a keyword-only remedy refuses; schedulers do copy them.
        return type(self).__new__, (type(self), *self.args), self.__dict__


class InvalidValueError(PetaliteError, ValueError):
    """A domain value that cannot exist."""


class ImpossibleCellError(InvalidValueError):
    """Lattice parameters that span no volume, or that do not obey their lattice system."""


class SpecError(PetaliteError):
    """A campaign spec that cannot be run."""


class EmptySpaceError(SpecError):
    """No crystal satisfies every constraint of the search space."""


class BudgetTooSmallError(SpecError):
    """The budget does not pay for the cheapest look."""


class StoreError(PetaliteError):
    """The store cannot be used."""


class StoreCorruptError(StoreError):
    """The store's file is damaged, or is no Petalite store."""


class StoreVersionError(StoreError):
    """The store was written by a newer Petalite."""


class StoreBusyError(StoreError):
    """Another process holds the store for too long."""


class NotFoundError(PetaliteError):
    """Nothing has that name or number."""


class ConflictError(PetaliteError):
    """The same key was used for something else."""


class IllegalTransitionError(ConflictError):
    """A state machine was asked for a step that it does not have."""


class OracleError(PetaliteError):
    """An oracle cannot answer."""


class UnknownOracleError(OracleError):
    """No oracle is registered by that name."""


class OracleUnavailableError(OracleError):
    """The oracle's software is missing on this machine."""


class UnsupportedCrystalError(OracleError):
    """The oracle refuses this crystal; nothing is charged."""


class TransientLookError(OracleError):
    """The look failed and may succeed when it is repeated."""


class PermanentLookError(OracleError):
    """The look failed and would fail again."""


class ExportError(PetaliteError):
    """Files cannot be written."""


class GeneratorError(PetaliteError):
    """The generator cannot imagine crystals."""


class SurrogateError(PetaliteError):
    """The surrogate cannot be fitted."""
