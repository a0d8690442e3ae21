"""Where the money went."""

from dataclasses import dataclass

from services.store import Store
from services.store.records import Balance, LedgerKind

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


def best_against_spent(store: Store, campaign: str) -> dict[str, tuple[CurvePoint, ...]]:
    """The best value so far against money spent, for each fidelity, in the order in which looks were paid for.

    Looks that failed have cost money too: they move the curves to the right.
    """
    record = store.campaigns.get(campaign)
    measured = {found.query_id: found for found in store.measurements.list(record.id) if not found.is_evidence}
    curves: dict[str, list[CurvePoint]] = {fidelity.name: [] for fidelity in record.spec.ladder}
    spent = 0.0
    for row in store.ledger.rows(record.id):
        if row.kind is not LedgerKind.BOOK:
            continue
        spent += row.amount
        if row.query_id in measured:
            curve = curves[measured[row.query_id].fidelity]
            value = measured[row.query_id].measurement.value
            is_best = not curve or record.spec.objective.is_better(value, than=curve[-1].best)
            curve.append(CurvePoint(spent=spent, best=value if is_best else curve[-1].best))
    return {fidelity: tuple(points) for fidelity, points in curves.items()}
