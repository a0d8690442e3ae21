"""Where the money went."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from services.reports.campaign_data import CampaignData
from services.store import Store
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


def best_against_spent(store: Store, campaign: str) -> dict[str, tuple[CurvePoint, ...]]:
    """The best value so far against money spent, for each fidelity, in the order in which looks were paid for.

    Looks that failed have cost money too: they move the curves to the right.
    """
    return best_curves(CampaignData(store, store.campaigns.get(campaign)))


def best_curves(data: CampaignData) -> dict[str, tuple[CurvePoint, ...]]:
    """The same of a campaign that was read already. Values that were corrected count as corrected."""
    spec = data.campaign.spec
    measured = {found.query_id: found for found in data.standing}
    curves: dict[str, list[CurvePoint]] = {fidelity.name: [] for fidelity in spec.ladder}
    spent = 0.0
    for row in data.payments:
        spent += row.amount
        if row.query_id in measured:
            outcome = measured[row.query_id]
            curve = curves[outcome.fidelity]
            best = curve[-1].best if curve else None
            if spec.objective.can_be_best(outcome.censoring):
                is_best = best is None or spec.objective.is_better(outcome.value, than=best)
                best = outcome.value if is_best else best
            if best is not None:
                curve.append(CurvePoint(spent=spent, best=best, at=row.at))
    return {fidelity: tuple(points) for fidelity, points in curves.items()}


def spent_by_round(data: CampaignData) -> dict[int, dict[str, float]]:
    """What was booked, by round and fidelity, in the campaign's unit."""
    spent: defaultdict[int, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in data.payments:
        spent[row.round_index][row.fidelity] += row.amount
    return {index: dict(by_fidelity) for index, by_fidelity in spent.items()}
