"""What the parts promise each other. Each port ships with the checks that an implementation must pass.

Legend: B blueprints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from domain.blueprint import Blueprint
from domain.look import LookProgress, LookRequest, LookResult, ReferenceEnergy
from domain.quantity import Quantity

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from domain.batch import BlueprintBatch

LogReward: TypeAlias = "Callable[[BlueprintBatch], Tensor]"
"""Log-reward of each blueprint: a batch of B to `[B]` float64, finite everywhere."""


class OracleMode(StrEnum):
    """Who answers."""

    COMPUTED = "computed"
    """A child process on some machine, within minutes or hours."""
    LABORATORY = "laboratory"
    """People, within weeks: the query waits in the store."""


class Oracle(Protocol):
    """A place where numbers come from. Cheap to construct: software is loaded by the first look."""

    @property
    def name(self) -> str:
        """The name under which it is registered."""
        ...

    @property
    def version(self) -> str:
        """Versions of all software and models that determine the number."""
        ...

    @property
    def quantity(self) -> Quantity:
        """What it measures."""
        ...

    @property
    def mode(self) -> OracleMode:
        """Whether a process or people answer."""
        ...

    def check(self) -> None:
        """Checks, without loading it, that the software is here.

        Raises:
            OracleUnavailableError: If it is not, with how to get it.
        """
        ...

    def require_supported(self, blueprint: Blueprint) -> None:
        """Refuses a crystal that it cannot look at, before anything is charged.

        Raises:
            UnsupportedCrystalError: If it cannot.
        """
        ...


@runtime_checkable
class ComputedOracle(Oracle, Protocol):
    """An oracle that computes in a child process."""

    def reference_elements(self, blueprint: Blueprint) -> tuple[str, ...]:
        """Symbols of the elements whose reference energies a look at this crystal needs."""
        ...

    def reference(self, symbol: str) -> ReferenceEnergy:
        """Computes the energy of an element's reference structure with the oracle's own settings.

        Raises:
            PermanentLookError: If the element has no reference structure here, or it cannot be computed.
        """
        ...

    def look(self, request: LookRequest) -> LookResult:
        """Looks at a crystal.

        Raises:
            TransientLookError: If it failed and may succeed when repeated.
            PermanentLookError: If it failed and would fail again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a look that takes long is given besides its request."""

    folder: Path
    """Keeps what is written there until the look is answered: whoever takes up a look that was killed finds it again.
    Nobody else writes there meanwhile."""
    report: Callable[[LookProgress], None]
    """To be called now and then; whoever waits sees it."""


@runtime_checkable
class ResumableOracle(ComputedOracle, Protocol):
    """A computed oracle whose looks take long, show how far they are, and lose little when they are killed."""

    def resume(self, request: LookRequest, workbench: Workbench) -> LookResult:
        """Looks at a crystal, going on where an earlier attempt at the same look was ended.

        The answer is the one that `look` gives.

        Raises:
            TransientLookError: If it failed and may succeed when repeated.
            PermanentLookError: If it failed and would fail again.
        """
        ...


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """Where a generator's training stands."""

    step: int
    n_steps: int
    loss: float
    log_z: float


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    """How a generator's training ended."""

    n_steps: int
    final_loss: float
    log_z: float
    n_trajectories: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Crystals that a generator drew."""

    batch: BlueprintBatch
    """B blueprints, duplicates possible."""
    log_probability: Tensor
    """`[B]` float64: exact log-probability of each draw (a density in the lattice coordinates)."""


class Generator(Protocol):
    """Imagines crystals of a search space in proportion to a reward."""

    @property
    def version(self) -> str:
        """Names the algorithm and its version."""
        ...

    def train(
        self, log_reward: LogReward, *, rng: torch.Generator, report: Callable[[TrainingStep], None]
    ) -> TrainingSummary:
        """Trains towards sampling in proportion to the reward; continues from what was learned before.

        Raises:
            GeneratorError: If a log-reward is not finite.
        """
        ...

    def sample(self, n_samples: int, *, rng: torch.Generator) -> Sample:
        """Draws crystals. Every one satisfies the search space."""
        ...

    def save(self, path: Path) -> None:
        """Writes what was learned (safetensors), atomically."""
        ...

    def load(self, path: Path) -> None:
        """Reads what `save` wrote.

        Raises:
            GeneratorError: If the file belongs to another search space or version, or is damaged.
        """
        ...
