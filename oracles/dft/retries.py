"""What is tried where self-consistency is not reached: steps as data, and what came of each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from domain.errors import InvalidValueError
from domain.json_value import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class RetryStep:
    """One change of the calculation. It is made to the settings as they were given, not to the step before."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    words: str
    """What is changed, and why, as a result tells it."""
    parameters: dict[str, JsonValue] = field(default_factory=dict)
    """Laid over the calculator's parameters; mappings within mappings are merged."""
    kpoint_density_factor: float = 1.0
    """Multiplies the density of k-points."""

    def __post_init__(self) -> None:
        if not self.words.strip():
            raise InvalidValueError("A retry has no words.", remedy="Say what it changes, such as 'smaller mixing'.")
        if not (math.isfinite(self.kpoint_density_factor) and self.kpoint_density_factor > 0):
            raise InvalidValueError(
                f"A k-point density cannot be multiplied by {self.kpoint_density_factor}.", remedy="Give about 1.5."
            )
        if not self.parameters and self.kpoint_density_factor == 1:
            raise InvalidValueError(f"The retry '{self.words}' changes nothing.", remedy="Give it parameters.")

    def keeps_number(self, steadying: frozenset[str]) -> bool:
        """Whether a converged energy is the same with it, because it only changes how convergence is sought.

        Args:
            steadying: Names of parameters that only do that.
        """
        return self.kpoint_density_factor == 1 and set(_leaves(self.parameters)) <= steadying


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one way of calculating came to."""

    changed: str
    """Empty: nothing, the settings as they were given."""
    keeps_number: bool = True
    n_structures: int = 0
    """Structures that were computed with it."""
    n_electronic_steps: int | None = None
    """Of all of them; None where the calculator does not tell."""
    failure: str = ""
    """Why it was given up; empty where it was not."""

    def after(self, n_electronic_steps: int | None) -> Attempt:
        """The same with one more structure."""
        n_steps = self._with(n_electronic_steps)
        return replace(self, n_structures=self.n_structures + 1, n_electronic_steps=n_steps)

    def given_up(self, failure: str, n_electronic_steps: int | None) -> Attempt:
        """The same, given up."""
        return replace(self, failure=failure, n_electronic_steps=self._with(n_electronic_steps))

    def _with(self, n_electronic_steps: int | None) -> int | None:
        if n_electronic_steps is None:
            return self.n_electronic_steps
        return (self.n_electronic_steps or 0) + n_electronic_steps


def merged(parameters: JsonObject, changes: JsonObject) -> dict[str, JsonValue]:
    """Lays changes over parameters, mappings within mappings too; one with a `name` replaces what was there."""
    result = dict(parameters)
    for key, change in changes.items():
        present = result.get(key)
        both = isinstance(present, Mapping) and isinstance(change, Mapping) and "name" not in change
        result[key] = merged(present, change) if both else change  # type: ignore[arg-type]
    return result


def _leaves(parameters: JsonObject) -> Iterator[str]:
    """Names of what is changed: of mappings that group other parameters, those within."""
    for key, value in parameters.items():
        if isinstance(value, Mapping) and key in _GROUPS:
            yield from _leaves(value)
        else:
            yield key


_GROUPS = frozenset({"input_data", "electrons", "system", "control"})
"""Quantum ESPRESSO's: namelists, and the keyword that ASE hands them in."""
