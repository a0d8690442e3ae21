"""How relaxing a crystal's sites went, well or badly: what a look tells of every attempt."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

RELAXATIONS: Final = "relaxations"
"""Under this name a result's details list the relaxations of a look."""


class RelaxationOutcome(StrEnum):
    """How a relaxation ended. Where several words fit, the first one of these is taken."""

    EXPLODED = "exploded"
    """An atom lost its neighbours, or energy or forces were no numbers any more."""
    COLLAPSED = "collapsed"
    """Atoms came to lie inside each other."""
    NOT_CONVERGED = "not converged"
    """Forces were still too large when the steps were used up: the energy is an upper bound."""
    CHANGED_GROUP = "changed group"
    """Converged in another space group than it began in."""
    CONVERGED = "converged"

    @property
    def is_broken(self) -> bool:
        """Whether no crystal was left that has an energy."""
        return self in {RelaxationOutcome.EXPLODED, RelaxationOutcome.COLLAPSED}


@dataclass(frozen=True, slots=True)
class Relaxation:
    """One relaxation of one set of sites."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    start: str
    """Digest of the realization that it began from."""
    sites: str | None
    """Digest of the realization that it led to; None where the crystal broke."""
    outcome: RelaxationOutcome
    n_steps: int
    space_group_before: int
    space_group_after: int
    """Of a broken crystal: as it was last seen whole."""
    volume_before_A3_per_atom: float
    volume_after_A3_per_atom: float
    energy_eV_per_atom: float | None = None
    """None where the crystal broke."""
    largest_force_eV_A: float | None = None
    """On an atom at the end; None where the crystal broke."""
    energy_under_symmetry_eV_per_atom: float | None = None
    """Before the symmetry was given up; None where it never was."""
    problem: str = ""
    """What broke the crystal, or would have once its symmetry was given up, in one sentence; empty where it held."""

    @property
    def words(self) -> str:
        """What people read of it."""
        told = f"{self.outcome.value}, {self.n_steps} step{'' if self.n_steps == 1 else 's'}"
        if not self.outcome.is_broken and self.space_group_after != self.space_group_before:
            told += f", space group {self.space_group_before} to {self.space_group_after}"
        return told
