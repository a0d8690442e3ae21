"""Where the money went."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.reports.campaign_data import CampaignData
from services.reports.figure import thinned
from services.store import Store
from services.store.curves import Improvements
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

    A point for each look that made the best value better, as far as `MOST_POINTS` allow, and one for the last look that
    has a value. Looks that failed have cost money too: they move the curves to the right.
    """
    return best_curves(CampaignData(store, store.campaigns.get(campaign)))


def best_curves(data: CampaignData) -> dict[str, tuple[CurvePoint, ...]]:
    """The same of a campaign that was read already. Values that were corrected count as corrected."""
    return _priced(data, data.improvements)


def best_curve(data: CampaignData, fidelity: str) -> tuple[CurvePoint, ...]:
    """The same of one fidelity, without reading the others."""
    return _priced(data, {fidelity: data.improvements_at(fidelity)})[fidelity]


def _priced(data: CampaignData, found: Mapping[str, Improvements]) -> dict[str, tuple[CurvePoint, ...]]:
    kept = {fidelity: thinned(_points(each)) for fidelity, each in found.items()}
    paid = data.paid({payment for points in kept.values() for payment, _ in points})
    return {
        fidelity: tuple(CurvePoint(paid[payment].spent, best, paid[payment].at) for payment, best in points)
        for fidelity, points in kept.items()
    }


def _points(found: Improvements) -> list[tuple[int, float]]:
    """Payments with the best value until then."""
    points: list[tuple[int, float]] = list(found.steps)
    if found.last_payment is not None and found.last_payment != points[-1][0]:
        points.append((found.last_payment, points[-1][1]))
    return points


def spent_by_round(data: CampaignData) -> dict[int, dict[str, float]]:
    """What was booked, by round and fidelity, in the campaign's unit."""
    spent: defaultdict[int, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for found in data.spent:
        spent[found.round_index][found.fidelity] += found.amount
    return {index: dict(by_fidelity) for index, by_fidelity in spent.items()}
