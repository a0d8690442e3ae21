"""Every error that Petalite raises on purpose.

    PetaliteError
    ├── InvalidValueError          a domain value that cannot exist (also a ValueError)
    │   ├── UnconfirmedValueError  a value that looks like a mistake, and that nobody has confirmed
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
    │   ├── AskedBeforeError       a look is to be asked that was asked, or answered unasked, before
    │   ├── IdempotencyConflictError the same idempotency key came with another payload
    │   └── IllegalTransitionError a state machine was asked for a step that it does not have
    ├── OracleError
    │   ├── UnknownOracleError     no oracle is registered by that name
    │   ├── OracleUnavailableError the oracle's software is missing here
    │   ├── UnsupportedCrystalError the oracle refuses this crystal (nothing is charged)
    │   ├── TransientLookError     the look failed and may succeed when repeated
    │   │   └── LookUnderWayError  another process computes the same look already
    │   └── PermanentLookError     the look failed and would fail again
    ├── AccessError                the caller is not let in
    │   ├── NotAuthenticatedError  nobody knows who is asking
    │   ├── PermissionDeniedError  it is known who asks, and they may not
    │   ├── TooManyAttemptsError   too many wrong passwords lately
    │   └── IdentityProviderError  the identity provider cannot be asked who they are
    ├── ExportError                files cannot be written
    ├── ProviderError              a provider of known materials cannot be read
    ├── UnreadableFileError        a file that was handed in cannot be read
    ├── ServiceError               the service cannot be used from here
    │   └── ServiceAwayError       it does not answer now
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


class UnconfirmedValueError(InvalidValueError):
    """A value that looks like a mistake, and that nobody has confirmed."""


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


class AskedBeforeError(ConflictError):
    """A look is to be asked that was asked, or answered unasked, before."""


class IdempotencyConflictError(ConflictError):
    """The same idempotency key came with another payload."""


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


class LookUnderWayError(TransientLookError):
    """Another process computes the same look already."""


class PermanentLookError(OracleError):
    """The look failed and would fail again."""


class AccessError(PetaliteError):
    """The caller is not let in."""


class NotAuthenticatedError(AccessError):
    """Nobody knows who is asking."""


class PermissionDeniedError(AccessError):
    """It is known who asks, and they may not."""


class TooManyAttemptsError(AccessError):
    """Too many wrong passwords lately.

    Args:
        problem: As for every error.
        remedy: As for every error.
        retry_after_s: Seconds after which the next attempt is looked at.
    """

    def __init__(self, problem: str, *, remedy: str, retry_after_s: float = 60.0) -> None:
        super().__init__(problem, remedy=remedy)
        self.retry_after_s = retry_after_s


class IdentityProviderError(AccessError):
    """The identity provider cannot be reached, or answers what nobody can read."""


class ExportError(PetaliteError):
    """Files cannot be written."""


class UnreadableFileError(PetaliteError):
    """A file that was handed in cannot be read."""


class ProviderError(PetaliteError):
    """A provider of known materials cannot be reached, or answers what nobody can read."""


class ServiceError(PetaliteError):
    """The service cannot be used from here."""


class ServiceAwayError(ServiceError):
    """The service does not answer now."""


class GeneratorError(PetaliteError):
    """The generator cannot imagine crystals."""


class SurrogateError(PetaliteError):
    """The surrogate cannot be fitted."""
