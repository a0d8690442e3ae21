"""What oracles have in common whose numbers are counted from nothing."""

from typing import ClassVar

from domain.blueprint import Blueprint
from domain.errors import PermanentLookError
from domain.look import ReferenceEnergy


class WithoutReferences:
    """The half of `ComputedOracle` that concerns reference energies, for an oracle that needs none."""

    __slots__ = ()

    _speaker: ClassVar[str]
    """Who refuses, at the beginning of a sentence, such as `The density oracle`."""
    _needless: ClassVar[str]
    """What needs no reference, with its verb, such as `densities need`."""

    def reference_elements(self, blueprint: Blueprint) -> tuple[str, ...]:  # noqa: ARG002
        """None are needed."""
        return ()

    def reference(self, symbol: str) -> ReferenceEnergy:
        """There is none.

        Raises:
            PermanentLookError: Always.
        """
        raise PermanentLookError(
            f"{self._speaker} has no reference energy of {symbol}.", remedy=f"Do not ask: {self._needless} none."
        )
