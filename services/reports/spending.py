"""Where the money went."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, count, dropwhile, pairwise
from typing import NamedTuple

from domain.measurement import Censoring
from services.reports.campaign_data import CampaignData
from services.reports.figure import MOST_POINTS, thinned
from services.store import Store
from services.store.outcomes import Values
from services.store.records import Balance

BAR_WIDTH = 20


def burn_down(balance: Balance) -> str:
    """The budget in one line: a bar of what is booked and reserved, and the amounts."""
    booked = round(BAR_WIDTH * balance.booked / balance.total)
    reserved = min(BAR_WIDTH - booked, round(BAR_WIDTH * balance.reserved / balance.total))
    bar = "█" * booked + "▒" * reserved + "░" * (BAR_WIDTH - booked - reserved)
    return f"{bar} {balance.booked:g} spent, {balance.reserved:g} reserved, {balance.left:g} left"


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The best value at a fidelity once so much was spent."""

    spent: float
    """Booked so far, in the campaign's unit."""
    best: float
    """Best value measured at the fidelity so far, in the quantity's unit."""
    at: datetime
    """When the look that made it was paid for."""


class Step(NamedTuple):
    """The same before it is known when."""

    payment: int
    """Number of the ledger's row."""
    spent: float
    best: float


def best_against_spent(store: Store, campaign: str) -> dict[str, tuple[CurvePoint, ...]]:
    """The best value so far against money spent, for each fidelity, in the order in which looks were paid for.

    Looks that failed have cost money too: they move the curves to the right. Of a long curve every point is there at
    which the best value changes, as far as `MOST_POINTS` allow, and some of those between.
    """
    return best_curves(CampaignData(store, store.campaigns.get(campaign)))


def best_curves(data: CampaignData) -> dict[str, tuple[CurvePoint, ...]]:
    """The same of a campaign that was read already. Values that were corrected count as corrected."""
    kept = {fidelity: thinned_steps(steps) for fidelity, steps in _steps(data).items()}
    at = data.paid_at({step.payment for steps in kept.values() for step in steps})
    return {
        fidelity: tuple(CurvePoint(step.spent, step.best, at[step.payment]) for step in steps)
        for fidelity, steps in kept.items()
    }


def thinned_steps(steps: list[Step], most: int = MOST_POINTS) -> list[Step]:
    """At most so many steps of a curve, those at which it changes before others; both ends are among them."""
    if len(steps) <= most:
        return steps
    best = [step.best for step in steps]
    changes = [place for place, (before, now) in enumerate(pairwise(best), start=1) if now != before]
    ends = {0, len(steps) - 1}
    chosen = ends | set(thinned(changes, most - len(ends)))
    if room := most - len(chosen):
        chosen |= set(thinned(range(len(steps)), room))
    return [steps[place] for place in sorted(chosen)]


def _steps(data: CampaignData) -> dict[str, list[Step]]:
    """Every look that was paid for and measured, with the best so far. By columns: there are hundreds of thousands."""
    payments = data.payments
    places = dict(zip(payments.query_ids, count(), strict=False))
    spent = list(accumulate(payments.amounts))
    return {
        fidelity: [
            Step(payments.numbers[place], spent[place], best) for place, best in _best_so_far(data, found, places)
        ]
        for fidelity, found in data.values.items()
    }


def _best_so_far(data: CampaignData, found: Values, places: Mapping[int, int]) -> Iterator[tuple[int, float]]:
    """Places of a fidelity's payments in their order, with the best value until then; from the first that can be it."""
    objective = data.campaign.spec.objective
    choose, worst = (max, -math.inf) if objective.sign > 0 else (min, math.inf)
    counting = {censoring.value for censoring in Censoring if objective.can_be_best(censoring)}
    looks = zip(found.query_ids, found.values, found.bounds, strict=True)
    seen = sorted(
        (places[query], value if bound in counting else worst) for query, value, bound in looks if query in places
    )
    best = accumulate((value for _, value in seen), choose)
    return dropwhile(lambda step: step[1] == worst, zip((place for place, _ in seen), best, strict=True))


def spent_by_round(data: CampaignData) -> dict[int, dict[str, float]]:
    """What was booked, by round and fidelity, in the campaign's unit."""
    spent: defaultdict[int, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for found in data.spent:
        spent[found.round_index][found.fidelity] += found.amount
    return {index: dict(by_fidelity) for index, by_fidelity in spent.items()}
