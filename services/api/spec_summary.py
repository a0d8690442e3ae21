"""What a spec would ask and cost, told before anything is created."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.campaign import CampaignSpec
from domain.errors import SpecError
from domain.fidelity import AnsweredBy
from services.api.spec_checker import SpecChecker
from services.specs import explain, located, read_spec

LARGEST_SPEC: Final = 64 * 2**10
_NAME: Final = Path("spec")


@dataclass(frozen=True, slots=True)
class RungSummary:
    """One fidelity of the ladder."""

    name: str
    oracle: str
    cost: float
    """Declared price of one look, in the campaign's unit."""
    answered_by: str
    """`runner`, `machines` or `laboratory`."""
    initial_looks: int
    """Looks of the first round."""
    needs_approval: bool
    """Whether somebody must approve each look."""


@dataclass(frozen=True, slots=True)
class SpecSummary:
    """A spec that can be read, in short."""

    name: str
    quantity: str
    goal: str
    ladder: tuple[RungSummary, ...]
    """From the cheapest look to the one that counts."""
    unit: str
    """What costs are counted in."""
    budget: float
    """For the whole campaign."""
    budget_per_round: float
    max_rounds: int
    first_round_looks: int
    first_round_cost: float


def understand_spec(content: bytes, checker: SpecChecker) -> SpecSummary:
    """Reads a spec, YAML or JSON, and says what it would ask and cost.

    Raises:
        SpecError: If it does not describe a campaign that can be run; names every problem with its line and field.
    """
    if len(content) > LARGEST_SPEC:
        raise SpecError(f"The spec is larger than {LARGEST_SPEC // 2**10} KiB.", remedy="Leave out what is no spec.")
    try:
        spec = read_spec(content, _NAME)
    except SpecError as error:
        raise located(error, content, _NAME) from error
    try:
        checker.require_runnable(spec)
    except SpecError as error:
        raise explain(error, _NAME, content) from error
    return summarise(spec)


def summarise(spec: CampaignSpec) -> SpecSummary:
    """Says what a spec would ask and cost."""
    ladder = spec.fidelities
    return SpecSummary(
        name=spec.name,
        quantity=spec.objective.quantity,
        goal=spec.objective.goal.value,
        ladder=tuple(
            RungSummary(
                name=rung.name,
                oracle=rung.oracle,
                cost=rung.cost,
                answered_by="laboratory" if rung.is_laboratory else AnsweredBy(rung.answered_by).value,
                initial_looks=spec.initial_looks.get(rung.name, 0),
                needs_approval=spec.budget.needs_approval(rung.cost),
            )
            for rung in spec.ladder
        ),
        unit=spec.budget.unit,
        budget=spec.budget.total,
        budget_per_round=spec.budget.per_round,
        max_rounds=spec.max_rounds,
        first_round_looks=sum(spec.initial_looks.values()),
        first_round_cost=sum(ladder.fidelity(name).cost * n for name, n in spec.initial_looks.items()),
    )
