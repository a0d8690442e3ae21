"""A campaign as its scientist writes it down."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from domain.blueprint import Blueprint
from domain.digest import derive_seed, require_finite
from domain.errors import BudgetTooSmallError, InvalidValueError, SpecError
from domain.fidelity import Fidelity, Ladder
from domain.json_value import JsonValue
from domain.quantity import Objective
from domain.search_space import SearchSpace

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_RESERVED = frozenset({"new"})
"""Names that addresses of the service have another meaning for."""
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Budget:
    """What a campaign may spend, in its own unit."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    total: float
    """For the whole campaign."""
    per_round: float
    """For the queries of one round."""
    unit: str = "core-seconds"
    """What the declared costs are counted in."""
    target_share: float = 0.3
    """Least share of each later round's budget for looks at the target fidelity, so that winners are verified."""
    approval_above: float | None = None
    """Declared cost of a look above which somebody must approve it before it is asked; None where nobody must."""

    def __post_init__(self) -> None:
        if not (0 < self.per_round <= self.total < math.inf):
            raise InvalidValueError(
                f"A total of {self.total} and {self.per_round} a round is no budget.",
                remedy="Give 0 < per_round <= total.",
            )
        if not 0 <= self.target_share <= 1:
            raise InvalidValueError(
                f"target_share {self.target_share} is no share.", remedy="Give a number from 0 to 1."
            )
        if self.approval_above is not None and not 0 <= self.approval_above < math.inf:
            raise InvalidValueError(
                f"approval_above {self.approval_above} is no price.",
                remedy="Give a finite number of at least 0, or leave it out.",
            )

    def needs_approval(self, cost: float) -> bool:
        """Whether a look of that declared cost must be approved before it is asked."""
        return self.approval_above is not None and cost > self.approval_above


@dataclass(frozen=True, slots=True)
class Component:
    """A generator or a surrogate by name, with its settings."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: str
    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    """Validated by the component itself."""

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidValueError("A component has no name.", remedy="Name it, for example 'crystal-gfn'.")
        require_finite(self.settings)


@dataclass(frozen=True, slots=True)
class CampaignSpec:
    """Everything that determines a campaign. The same spec and the same answers give the same campaign."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: str
    """Unique in the store: lower-case letters, digits, dots, underscores and hyphens."""
    objective: Objective
    space: SearchSpace
    ladder: tuple[Fidelity, ...]
    """Ascending in rank; the last one is the target."""
    budget: Budget
    max_rounds: int
    """Rounds after which the campaign is complete even with money left."""
    initial_looks: Mapping[str, int]
    """Looks of the first round by fidelity, before anything is known."""
    generator: Component = field(default_factory=lambda: Component("crystal-gfn"))
    surrogate: Component = field(default_factory=lambda: Component("multi-fidelity-gp"))
    pool_size: int = 2048
    """Crystals that the generator draws each round, to choose from."""
    description: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        require_campaign_name(self.name)
        if self.max_rounds < 1:
            raise InvalidValueError(f"max_rounds is {self.max_rounds}.", remedy="Allow at least 1 round.")
        if self.pool_size < 1:
            raise InvalidValueError(f"pool_size is {self.pool_size}.", remedy="Draw at least 1 crystal a round.")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise InvalidValueError(f"seed {self.seed} is out of range.", remedy="Give a number from 0 to 2^63 - 1.")
        self._require_affordable()
        self._require_initial_looks()

    @property
    def fidelities(self) -> Ladder:
        """The ladder as a validated value."""
        return Ladder(self.ladder)

    def look_seed(self, blueprint: Blueprint) -> int:
        """Seed of every look at a crystal: the same at every fidelity, so that all of them look at the same draws."""
        return derive_seed(self.seed, "look", blueprint.digest)

    def _require_affordable(self) -> None:
        cheapest = min(self.fidelities.costs)
        if self.budget.per_round < cheapest:
            raise BudgetTooSmallError(
                f"budget.per_round {self.budget.per_round:g} {self.budget.unit} is smaller than the cheapest look "
                f"({cheapest:g} {self.budget.unit}).",
                remedy="Raise budget.per_round (and budget.total), or declare a cheaper fidelity.",
            )

    def _require_initial_looks(self) -> None:
        ladder = self.fidelities
        for name, n_looks in self.initial_looks.items():
            if name not in ladder.names:
                raise InvalidValueError(
                    f"initial_looks.{name}: the ladder has no such fidelity.",
                    remedy=f"Choose among {', '.join(ladder.names)}.",
                )
            if n_looks < 0:
                raise InvalidValueError(f"initial_looks.{name} is {n_looks}.", remedy="Give at least 0.")
        if sum(self.initial_looks.values()) < 1:
            raise InvalidValueError(
                "initial_looks asks for no look, so nothing would ever be learned.",
                remedy="Ask for a few looks at the cheapest fidelity.",
            )
        price = sum(ladder.fidelity(name).cost * n for name, n in self.initial_looks.items())
        if price > self.budget.total:
            raise SpecError(
                f"initial_looks costs {price:g} {self.budget.unit}, more than budget.total {self.budget.total:g}.",
                remedy="Ask for fewer initial looks or raise budget.total.",
            )


def require_campaign_name(name: str) -> None:
    """Refuses what cannot name a campaign.

    Raises:
        InvalidValueError: If it has other characters, is too long, or means something else in addresses.
    """
    if not _NAME.fullmatch(name):
        raise InvalidValueError(
            f"'{name}' cannot name a campaign.",
            remedy="Use at most 63 of a-z, 0-9, dots, underscores and hyphens; a letter or digit first.",
        )
    if name in _RESERVED:
        raise InvalidValueError(f"No campaign can be called '{name}'.", remedy="Choose another name.")
